// A board's Verilator model at the end of its serial line: bytes in, bytes out. `board.py` calls this through ctypes.

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "device.h"

namespace {

constexpr unsigned BYTE_BITS = 10;  // on the line: a start bit, eight of data, a stop bit

// Times of the host are in parts of the device's clock, as its own clock is another.
constexpr unsigned PARTS_LOG2 = 16;
constexpr uint64_t CLOCK = 1 << PARTS_LOG2;

// Clocks without a byte after which the line is waited at and the clock stands still: a network that works on samples
// is done long before, and with few of these a host that asks again and again would not find it done.
constexpr uint64_t REST = 1 << 14;
constexpr int REST_MILLISECONDS = 5;

// Those of a board with an SDRAM (`sdram.py`) that has no other do: what the part first complained of and when, and the
// bits of a word that flip.
template <typename Model>
auto complaint(Model& model, int) -> decltype(model.part___05Ffirst, uint64_t{}) {
    return uint64_t{model.part___05Ffirst} << 32 | model.part___05Ffirst_clock;
}

template <typename Model>
uint64_t complaint(Model&, long) {
    return 0;
}

template <typename Model>
auto set_upset(Model& model, uint64_t address, uint64_t mask, int) -> decltype(model.part___05Fupset_mask, void()) {
    model.part___05Fupset_address = address;
    model.part___05Fupset_mask = mask;
}

template <typename Model>
void set_upset(Model&, uint64_t, uint64_t, long) {}

}  // namespace

struct Board : Device {
    uint64_t bit;          // a bit's time
    const uint64_t noise;  // a byte on the line is damaged if a random number of 32 bits is below
    std::atomic<bool> stopped{false};

    std::deque<uint8_t> waiting;  // bytes on their way to the device,
    unsigned bits = 0;            // and what is left of the one that is on the line, least significant bit first,
    unsigned bits_left = 0;
    uint64_t bit_time = 0;        // left of this bit

    std::deque<uint8_t> heard;    // bytes from the device
    unsigned coming = 0;          // bits of the byte that comes, that are not there yet, its stop bit included
    uint64_t look = 0;            // time until the next is looked at
    unsigned byte = 0;

    uint64_t upset_clock = UINT64_MAX;  // when bits of a byte of the design's state flip, as radiation flips them,
    uint8_t* upset_byte = nullptr;      // which,
    uint8_t upset_bits = 0;             // and these of its bits

    // With random contents of memories, as after power-up, there is no reset but the design's own.
    Board(unsigned divisor, uint64_t noise, uint64_t seed, uint64_t contents)
        : Device{seed, contents}, bit{divisor * CLOCK}, noise{noise} {
        model.rx = 1;
        set_upset(model, 0, 0, 0);
        if (contents) {
            start();
        } else {
            reset();
        }
    }

    uint64_t byte_clocks() const { return (BYTE_BITS * bit + CLOCK - 1) >> PARTS_LOG2; }

    bool damaged() { return noise && draw() < noise; }

    // Whether nothing is on either line, and the device does nothing that it would answer.
    bool quiet() const { return waiting.empty() && !bits_left && bit_time < CLOCK && !coming && !model.busy; }

    void step() {
        if (clocks == upset_clock) {
            *upset_byte ^= upset_bits;
            settle();
        }
        if (bit_time < CLOCK && !bits_left && !waiting.empty()) send();
        if (bit_time >= CLOCK) {
            bit_time -= CLOCK;
        } else if (bits_left) {
            model.rx = bits & 1;
            bits >>= 1;
            --bits_left;
            bit_time += bit - CLOCK;
        }
        clock();
        hear();
    }

    // Put the next byte on the line: any of its bits may flip, also those that frame it.
    void send() {
        bits = 1u << (BYTE_BITS - 1) | waiting.front() << 1;
        bits_left = BYTE_BITS;
        if (damaged()) {
            switch (draw() % 3) {
                case 0: bits ^= 1u << draw() % BYTE_BITS; break;
                case 1: bits_left = 0; break;
                default: waiting.push_front(waiting.front());
            }
        }
        waiting.pop_front();
    }

    void hear() {
        if (!coming) {
            if (model.tx) return;
            coming = BYTE_BITS - 1;
            look = bit + bit / 2;
        } else if ((look -= CLOCK) < CLOCK) {
            look += bit;
            if (--coming) {
                byte = byte >> 1 | (model.tx ? 0x80 : 0);
            } else if (model.tx) {
                take(static_cast<uint8_t>(byte));
            }
        }
    }

    void take(uint8_t got) {
        if (damaged()) {
            switch (draw() % 3) {
                case 0: got ^= 1u << draw() % 8; break;
                case 1: return;
                default: heard.push_back(got);
            }
        }
        heard.push_back(got);
    }
};

extern "C" {

Board* backspike_open(uint64_t divisor, uint64_t noise, uint64_t seed, uint64_t contents) {
    return new Board{static_cast<unsigned>(divisor), noise, seed, contents};
}

// From now on the host's bits take so long, and begin in this part of a cycle.
void backspike_set_line(Board* board, uint64_t bit, uint64_t phase) {
    board->bit = bit;
    board->bit_time = phase;
}

void backspike_close(Board* board) { delete board; }

uint64_t backspike_clocks(const Board* board) { return board->clocks; }

void backspike_stop(Board* board) { board->stopped = true; }

// Send bytes, one right after the other, and take what comes until all is quiet for two bytes' time; return how many
// bytes came, at most `room`, the rest at the next call, or -1 if the device did not become quiet in `patience` clocks.
int64_t backspike_exchange(Board* board, const uint8_t* sent, uint64_t count, uint8_t* received, uint64_t room,
                           uint64_t patience) {
    board->select();
    board->waiting.insert(board->waiting.end(), sent, sent + count);
    uint64_t quiet = 0;
    const uint64_t end = board->clocks + patience + count * board->byte_clocks();
    while (quiet < 2 * board->byte_clocks()) {
        if (board->clocks > end) return -1;
        board->step();
        quiet = board->quiet() ? quiet + 1 : 0;
    }
    const uint64_t came = std::min<uint64_t>(room, board->heard.size());
    const auto behind = std::copy_n(board->heard.begin(), came, received);
    board->heard.erase(board->heard.begin(), board->heard.begin() + static_cast<std::ptrdiff_t>(came));
    return behind - received;
}

// Put bytes on the line, and go on for so many clocks, whatever is on it.
void backspike_run(Board* board, const uint8_t* sent, uint64_t count, uint64_t clocks) {
    board->select();
    board->waiting.insert(board->waiting.end(), sent, sent + count);
    for (uint64_t clock = 0; clock < clocks; ++clock) board->step();
}

// Leave the line as a host does that goes away: idle, in the middle of a bit, and nobody hears what has come.
void backspike_vanish(Board* board) {
    board->waiting.clear();
    board->bits_left = 0;
    board->bit_time = 0;
    board->model.rx = 1;
    board->heard.clear();
}

// Hold the line at 0 for so many bits, then leave it idle for two bytes.
void backspike_break(Board* board, uint64_t bits) {
    board->select();
    board->model.rx = 0;
    const uint64_t byte_clocks = board->byte_clocks();
    for (uint64_t clock = 0; clock < bits * byte_clocks / BYTE_BITS; ++clock) board->step();
    board->model.rx = 1;
    for (uint64_t clock = 0; clock < 2 * byte_clocks; ++clock) board->step();
}

// Reset all of the design, as at power-up but for what its memories hold.
void backspike_reset(Board* board) {
    board->select();
    board->reset();
}

uint64_t backspike_complaint(Board* board) { return complaint(board->model, 0); }

// Have bits of a word of the SDRAM flip, in the time of a clock.
void backspike_flip(Board* board, uint64_t address, uint64_t mask) {
    board->select();
    set_upset(board->model, address, mask, 0);
    board->step();
    set_upset(board->model, 0, 0, 0);
    board->step();
}

#if VM_COVERAGE
void backspike_coverage(Board* board, const char* path) { board->write_coverage(path); }
#endif

void backspike_each(Board* board, void (*tell)(const char*, const char*, const uint64_t*)) { board->each(tell); }

// Have bits of a byte flip so many clocks from now: byte `byte` of what `Device::find` finds.
void backspike_upset(Board* board, const char* scope, const char* name, uint64_t byte, uint8_t bits, uint64_t clocks) {
    uint64_t shape[3];
    board->upset_byte = static_cast<uint8_t*>(board->find(scope, name, shape)) + byte;
    board->upset_bits = bits;
    board->upset_clock = board->clocks + clocks;
}

// Move bytes between a file (a pseudo-terminal's, not blocking) and the line, until `backspike_stop`.
void backspike_serve(Board* board, int file) {
    board->select();
    const uint64_t byte_clocks = board->byte_clocks();
    uint64_t rested = 0;
    uint8_t buffer[256];
    while (!board->stopped) {
        if (board->waiting.empty()) {
            const ssize_t count = read(file, buffer, sizeof buffer);
            if (count > 0) board->waiting.insert(board->waiting.end(), buffer, buffer + count);
        }
        if (rested > REST) {
            pollfd readable{file, POLLIN, 0};
            if (board->waiting.empty() && poll(&readable, 1, REST_MILLISECONDS) == 0) continue;
            rested = 0;
        }
        for (uint64_t clock = 0; clock < byte_clocks; ++clock) board->step();
        rested = board->quiet() ? rested + byte_clocks : 0;
        while (!board->heard.empty()) {
            buffer[0] = board->heard.front();
            board->heard.pop_front();
            // What nobody takes is lost, as it is on a line.
            if (write(file, buffer, 1) < 0) break;
        }
    }
    board->stopped = false;
}

}  // extern "C"
