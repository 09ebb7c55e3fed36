// Drives the unit of tests/sim/test_coverage.py with random inputs, and writes what that covers.

#include "device.h"

extern "C" void backspike_run(uint64_t clocks, uint32_t mask, const char* path) {
    Device device{7};
    device.model.events = device.model.reading = device.model.address = 0;
    device.reset();
    for (uint64_t clock = 0; clock < clocks; ++clock) {
        const uint32_t drawn = device.draw() & mask;
        device.model.events = drawn & 3;
        device.model.reading = device.model.idle && (drawn >> 2 & 1);
        device.model.address = drawn >> 3 & 3;
        device.clock();
    }
    device.write_coverage(path);
}
