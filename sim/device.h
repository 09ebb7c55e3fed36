// A design's Verilator model and its clock: what harnesses share. `library.py` builds them.

#pragma once

#include <cstdint>

#include "Vnetwork.h"
#include "verilated_sym_props.h"
#include "verilated_syms.h"
#if VM_COVERAGE
#include "verilated_cov.h"
#endif

// Parts of Verilator's evaluation, by the names that it gives them; where it has no such parts, the whole is used.
class Vnetwork___024root;
bool Vnetwork___024root___eval_phase__act(Vnetwork___024root* root) __attribute__((weak));
bool Vnetwork___024root___eval_phase__nba(Vnetwork___024root* root) __attribute__((weak));

struct Device {
    VerilatedContext context;
    Vnetwork model;
    uint64_t clocks = 0;
    uint64_t random;

    // What has no contents of its own is zero, or, with a seed, random: in a memory every word is the same then.
    explicit Device(uint64_t seed, uint64_t contents = 0) : model{filled(context, contents), "TOP"}, random{seed | 1} {}

    static VerilatedContext* filled(VerilatedContext& context, uint64_t contents) {
        constexpr int RANDOM = 2;
        if (contents) {
            context.randReset(RANDOM);
            context.randSeed(static_cast<int>(contents));
        }
        return &context;
    }

    ~Device() {
        select();
        model.final();
    }

    // Verilator's library remembers one simulation a thread; with several, it is to be this one.
    void select() { Verilated::threadContextp(&context); }

    // Either is to be called when all other inputs have been given a value.
    void start() {
        model.clk = 0;
        model.rst = 0;
        model.eval();
    }

    void reset() {
        start();
        model.rst = 1;
        clock();
        clock();
        model.rst = 0;
        clock();
        clock();
    }

    // The whole evaluation begins with all that follows from inputs, and from registers that can be written past the
    // model: a good half of the work, and for nothing, as inputs only go into registers and nothing is written.
    void evaluate() {
        const bool parts = Vnetwork___024root___eval_phase__act && Vnetwork___024root___eval_phase__nba;
        if (VM_COVERAGE || !parts) return model.eval();
        do {
            while (Vnetwork___024root___eval_phase__act(model.rootp)) {
            }
        } while (Vnetwork___024root___eval_phase__nba(model.rootp));
    }

    void clock() {
        model.clk = 1;
        evaluate();
        model.clk = 0;
        evaluate();
        ++clocks;
    }

#if VM_COVERAGE
    void write_coverage(const char* path) { context.coveragep()->write(path); }
#endif

    // Work out anew what follows from registers that were written past the model.
    void settle() {
        select();
        model.eval();
    }

    // Tell of each signal and memory that can be written past the model: where it is, as `find` takes it, and its shape.
    void each(void (*tell)(const char* scope, const char* name, const uint64_t* shape)) {
        for (const auto& scope : *context.scopeNameMap()) {
            const VerilatedVarNameMap* variables = scope.second->varsp();
            if (!variables) continue;
            for (const auto& variable : *variables) {
                uint64_t shape[3];
                find(scope.first, variable.first, shape);
                tell(scope.first, variable.first, shape);
            }
        }
    }

    // Find a signal or memory; give the number of its words, and the bits and the bytes that each takes.
    void* find(const char* scope, const char* name, uint64_t* shape) {
        const VerilatedScope* found = context.scopeFind(scope);
        const VerilatedVar* variable = found ? found->varFind(name) : nullptr;
        if (!variable) return nullptr;
        shape[0] = variable->totalSize() / variable->entSize();
        shape[1] = variable->entBits();
        shape[2] = variable->entSize();
        return variable->datap();
    }

    // xorshift64*, S. Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled" (2016).
    uint32_t draw() {
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        return static_cast<uint32_t>((random * 0x2545F4914F6CDD1DULL) >> 32);
    }
};
