// A network's Verilator model, clocked here so that no Python runs per cycle. `native.py` calls this through ctypes.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "device.h"

// Verilator's spelling of a stream's port: <stream>__<part>.
#define PORT(stream, part) stream##___05F##part
#define STREAM(stream) model.PORT(stream, valid), model.PORT(stream, ready), model.PORT(stream, payload)

namespace {

// Payloads are arrays of 32-bit words outside, and whatever type Verilator gives a port of their width inside.
template <typename Port>
void put(Port& port, const uint32_t* words) {
    uint64_t value = words[0];
    if (sizeof(Port) > 4) value |= uint64_t{words[1]} << 32;
    port = static_cast<Port>(value);
}

template <std::size_t count>
void put(VlWide<count>& port, const uint32_t* words) {
    for (std::size_t index = 0; index < count; ++index) port[index] = words[index];
}

template <typename Port>
void get(const Port& port, uint32_t* words) {
    words[0] = static_cast<uint32_t>(port);
    if (sizeof(Port) > 4) words[1] = static_cast<uint32_t>(static_cast<uint64_t>(port) >> 32);
}

template <std::size_t count>
void get(const VlWide<count>& port, uint32_t* words) {
    for (std::size_t index = 0; index < count; ++index) words[index] = port[index];
}

template <typename Port>
constexpr std::size_t words_of() {
    return (sizeof(Port) + 3) / 4;
}

}  // namespace

struct Network : Device {
    uint64_t stalls;  // a stream stalls in a cycle if a random number of 32 bits is below

    Network(uint64_t stalls, uint64_t seed) : Device{seed}, stalls{stalls} {
        model.PORT(samples, valid) = model.PORT(requests, valid) = 0;
        model.PORT(results, ready) = model.PORT(responses, ready) = 0;
        reset();
    }

    bool stalled() { return stalls && draw() < stalls; }

    // Send all words of one stream and take as many of another as are expected; return how many came before `patience`
    // clocks went by without a transfer, or -1 if the output changed its mind about a payload that was not taken.
    //
    // What is put on inputs here is in their registers after the next cycle: `offered` and `taking` are what the
    // registers hold now.
    template <typename In, typename Out>
    int64_t exchange(CData& in_valid, const CData& in_ready, In& in_payload, const uint32_t* sent, uint64_t to_send,
                     const CData& out_valid, CData& out_ready, const Out& out_payload, uint32_t* received,
                     uint64_t expected, uint64_t patience) {
        select();
        constexpr std::size_t in_words = words_of<In>(), out_words = words_of<Out>();
        uint64_t count = 0, waited = 0;
        bool offered = false, taking = false, held = false;
        uint32_t payload[out_words], before[out_words];
        while (true) {
            // The transfers of the cycle that comes.
            if (offered && in_ready) {
                sent += in_words;
                --to_send;
                offered = false;
                waited = 0;
            }
            if (out_valid || held) {
                get(out_payload, payload);
                if (held && !(out_valid && std::equal(payload, payload + out_words, before))) return -1;
                held = out_valid && !taking;
                std::copy(payload, payload + out_words, before);
                if (out_valid && taking) {
                    received = std::copy(payload, payload + out_words, received);
                    ++count;
                    waited = 0;
                }
            }
            const bool over = (!to_send && count == expected) || waited++ == patience;
            // And what is on the line after it.
            if (!offered) {
                offered = to_send && !over && !stalled();
                // A design must not look at a payload that is not valid, so it gets a later one.
                if (to_send) put(in_payload, offered ? sent : sent + draw() % to_send * in_words);
                in_valid = offered;
            }
            taking = count < expected && !over && !stalled();
            out_ready = taking;
            clock();
            if (over) return static_cast<int64_t>(count);
        }
    }
};

extern "C" {

Network* backspike_open(uint64_t stalls, uint64_t seed) { return new Network{stalls, seed}; }

void backspike_close(Network* device) { delete device; }

uint64_t backspike_clocks(const Network* device) { return device->clocks; }

void backspike_settle(Network* device) { device->settle(); }

int64_t backspike_show(Network* device, const uint32_t* entries, uint64_t count, uint32_t* results, uint64_t expected,
                       uint64_t patience) {
    Vnetwork& model = device->model;
    return device->exchange(STREAM(samples), entries, count, STREAM(results), results, expected, patience);
}

int64_t backspike_access(Network* device, const uint32_t* requests, uint32_t* responses, uint64_t count,
                         uint64_t patience) {
    Vnetwork& model = device->model;
    return device->exchange(STREAM(requests), requests, count, STREAM(responses), responses, count, patience);
}

void* backspike_find(Network* device, const char* scope, const char* name, uint64_t* shape) {
    return device->find(scope, name, shape);
}

}  // extern "C"
