#include "generator.h"

#include "programs.h"

/* Of V8's interface, whose names in C++ are these. */
extern const uint64_t *current_isolate(void) __asm__("_ZN2v87Isolate10GetCurrentEv");

/* v8::base::RandomNumberGenerator. */
struct generator {
    uint64_t seed, states[2];
};

/* Of what V8 knows of a thread of JavaScript, one word leads to the generator. */
enum { WORDS = 1 << 15, MOST_STEPS = 1 << 16 };

static struct generator *generator;

static uint64_t mixed(uint64_t value)
{
    value = (value ^ value >> 33) * UINT64_C(0xff51afd7ed558ccd);
    value = (value ^ value >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return value ^ value >> 33;
}

/* Whether it has come from its seed to where it is: 128 bits that nothing else has. */
static int is_generator(const struct generator *it)
{
    uint64_t first = mixed(it->seed), second = mixed(~first);
    if (it->states[0] <= UINT32_MAX || it->states[1] <= UINT32_MAX)
        return 0;
    for (int step = 0; step < MOST_STEPS; step++) {
        if (first == it->states[0] && second == it->states[1])
            return 1;
        uint64_t next = first ^ first << 23;
        first = second;
        second = next ^ next >> 17 ^ second ^ second >> 26;
    }
    return 0;
}

/* The end of the area that has these bytes, which can be written; or 0. */
static uint64_t end_of_area(const struct area *memory, int count, uint64_t at)
{
    for (int each = 0; each < count; each++)
        if (memory[each].advice == POPULATE_WRITE && at >= memory[each].at && at - memory[each].at < memory[each].size)
            return memory[each].at + memory[each].size;
    return 0;
}

void find_generator(const struct area *memory, int count)
{
    const uint64_t *isolate = current_isolate();
    const uint64_t *end = (const uint64_t *)end_of_area(memory, count, (uintptr_t)isolate);
    for (const uint64_t *word = isolate; word < end && word < isolate + WORDS; word++) {
        uint64_t behind = *word % sizeof *word == 0 ? end_of_area(memory, count, *word) : 0;
        if (behind == 0 || behind - *word < sizeof *generator || !is_generator((const struct generator *)*word))
            continue;
        generator = (struct generator *)*word;
        return;
    }
    fail("the generator of random numbers", 0);
}

void renew_generator(void)
{
    fill_randomly((uint8_t *)generator, sizeof *generator);
}
