/* Backpropagation on a microcontroller: one hidden layer, ReLU, softmax cross-entropy, a step for each sample.
 *
 * As a careful firmware engineer would write it: a sample is the list of its inputs that are not zero, and weights of an
 * input lie side by side, so that neither pass touches what a zero multiplies. FIXED has 16-bit weights and no division
 * or floating point but in the softmax, for cores without an FPU.
 */
#include <math.h>
#include <stdint.h>

#include "samples.h"

#ifdef FIXED
typedef int16_t weight_t;
typedef int32_t sum_t;
#define ONE 8192 /* A weight of 1: Q2.13. */
#else
typedef float weight_t;
typedef float sum_t;
#define ONE 1.0f
#endif

static weight_t first[INPUTS + 1][HIDDEN], second[HIDDEN + 1][CLASSES];
static sum_t hidden[HIDDEN], errors[HIDDEN];
static float shares[CLASSES];

static void say(const char *text) {
    register int operation __asm__("r0") = 4; /* SYS_WRITE0 */
    register const char *argument __asm__("r1") = text;
    __asm__ volatile("bkpt 0xAB" : "+r"(operation) : "r"(argument) : "memory");
}

static void say_number(uint32_t number) {
    char digits[12];
    int place = 11;
    digits[place] = 0;
    do {
        digits[--place] = '0' + number % 10;
        number /= 10;
    } while (number);
    say(digits + place);
    say(" ");
}

/* Timer 0 of the MPS2 counts down at 25 MHz of the emulator's time, in which an instruction takes a nanosecond. */
#define TIMER ((volatile uint32_t *)0x40000000)
#define INSTRUCTIONS 40

static uint32_t elapsed(uint32_t since) { return (since - TIMER[1]) * INSTRUCTIONS; }

static void begin(void) {
    uint32_t state = 1;
    for (int row = 0; row <= INPUTS; row++)
        for (int unit = 0; unit < HIDDEN; unit++) {
            state = state * 1664525u + 1013904223u;
            first[row][unit] = row < INPUTS ? ONE * ((int32_t)(state >> 8) - (1 << 23)) / (float)(1 << 23) * SPREAD : 0;
        }
    for (int row = 0; row <= HIDDEN; row++)
        for (int unit = 0; unit < CLASSES; unit++) {
            state = state * 1664525u + 1013904223u;
            second[row][unit] = row < HIDDEN ? ONE * ((int32_t)(state >> 8) - (1 << 23)) / (float)(1 << 23) * SPREAD : 0;
        }
}

/* Values of samples are 0 to 255, of which 256 would be 1. */
static int forward(const struct sample *sample) {
    for (int unit = 0; unit < HIDDEN; unit++)
#ifdef FIXED
        hidden[unit] = first[INPUTS][unit] * 256;
#else
        hidden[unit] = first[INPUTS][unit];
#endif
    for (int entry = 0; entry < sample->count; entry++) {
        const weight_t *row = first[sample->index[entry]];
#ifdef FIXED
        int32_t value = sample->value[entry];
#else
        float value = sample->value[entry] * (1.0f / 256);
#endif
        for (int unit = 0; unit < HIDDEN; unit++) hidden[unit] += row[unit] * value;
    }
    sum_t out[CLASSES];
    for (int unit = 0; unit < CLASSES; unit++)
#ifdef FIXED
        out[unit] = second[HIDDEN][unit] * 256;
#else
        out[unit] = second[HIDDEN][unit];
#endif
    for (int input = 0; input < HIDDEN; input++) {
        if (hidden[input] <= 0) {
            hidden[input] = 0;
            continue;
        }
#ifdef FIXED
        hidden[input] >>= 13; /* Of Q2.13 and eight bits of the value: 256 is 1 now. */
#endif
        for (int unit = 0; unit < CLASSES; unit++) out[unit] += second[input][unit] * hidden[input];
    }
    int best = 0;
    float sum = 0;
    for (int unit = 1; unit < CLASSES; unit++)
        if (out[unit] > out[best]) best = unit;
    for (int unit = 0; unit < CLASSES; unit++)
#ifdef FIXED
        sum += shares[unit] = expf((out[unit] - out[best]) * (1.0f / 256 / ONE));
#else
        sum += shares[unit] = expf(out[unit] - out[best]);
#endif
    for (int unit = 0; unit < CLASSES; unit++) shares[unit] /= sum;
    return best;
}

#ifdef FIXED
static int16_t saturated(int32_t weight) { return weight > 32767 ? 32767 : weight < -32768 ? -32768 : weight; }
#endif

static void learn(const struct sample *sample) {
    sum_t steps[CLASSES];
    for (int unit = 0; unit < CLASSES; unit++) {
        float error = (unit == sample->label) - shares[unit];
#ifdef FIXED
        steps[unit] = (int32_t)(error * RATE * 65536.0f); /* Q15.16 */
#else
        steps[unit] = error * RATE;
#endif
    }
    for (int input = 0; input < HIDDEN; input++) {
        errors[input] = 0;
        if (hidden[input] <= 0) continue;
        for (int unit = 0; unit < CLASSES; unit++) {
#ifdef FIXED
            errors[input] += (second[input][unit] * steps[unit]) >> 13;
            second[input][unit] = saturated(second[input][unit] + ((steps[unit] * hidden[input] + (1 << 10)) >> 11));
#else
            errors[input] += second[input][unit] * steps[unit];
            second[input][unit] += steps[unit] * hidden[input];
#endif
        }
    }
    for (int entry = 0; entry < sample->count; entry++) {
        weight_t *row = first[sample->index[entry]];
#ifdef FIXED
        int32_t value = sample->value[entry];
        for (int unit = 0; unit < HIDDEN; unit++) row[unit] = saturated(row[unit] + ((errors[unit] * value + (1 << 10)) >> 11));
#else
        float value = sample->value[entry] * (1.0f / 256);
        for (int unit = 0; unit < HIDDEN; unit++) row[unit] += errors[unit] * value;
#endif
    }
    for (int unit = 0; unit < HIDDEN; unit++)
#ifdef FIXED
        first[INPUTS][unit] = saturated(first[INPUTS][unit] + (errors[unit] >> 3));
    for (int unit = 0; unit < CLASSES; unit++) second[HIDDEN][unit] = saturated(second[HIDDEN][unit] + (steps[unit] >> 3));
#else
        first[INPUTS][unit] += errors[unit];
    for (int unit = 0; unit < CLASSES; unit++) second[HIDDEN][unit] += steps[unit];
#endif
}

/* Prints instructions of a sample that is learned, and how many of the last pass were right before they were learned. */
int main(void) {
    begin();
    TIMER[2] = 0xFFFFFFFF; /* Reload */
    TIMER[1] = 0xFFFFFFFF;
    TIMER[0] = 1;
    uint32_t right = 0, taken = 0;
    for (int pass = 0; pass < PASSES; pass++) {
        right = taken = 0;
        for (int number = 0; number < SAMPLES; number++) {
            uint32_t since = TIMER[1];
            right += forward(&samples[number]) == samples[number].label;
            learn(&samples[number]);
            taken += elapsed(since) / 16;
        }
    }
    say_number(taken / SAMPLES * 16);
    say_number(right);
    return 0;
}

extern uint32_t stack_end;

void reset(void) {
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88 |= 0xF << 20; /* CPACR: the FPU is on. */
    __asm__ volatile("dsb; isb");
#endif
    main();
    register int operation __asm__("r0") = 0x18; /* SYS_EXIT */
    register int argument __asm__("r1") = 0x20026;
    __asm__ volatile("bkpt 0xAB" : : "r"(operation), "r"(argument));
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {&stack_end, reset};
