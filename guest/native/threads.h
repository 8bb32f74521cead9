/*
 * The threads of a program that is forked. A fork has one thread, the one that makes it; what runs JavaScript waits for its others.
 *
 * The zygote holds them for good, wherever they wait: it needs them no more. Each fork has their stacks in its memory, and makes threads
 * that go on there, as if nothing had been.
 */
#pragma once

#include "steps.h"

/* What the kernel forgets of a thread by a fork with the same memory: the area that the C library shares with it. */
enum { RSEQ_SIZE = 32 };
#if defined(__x86_64__)
enum { RSEQ_SIGNATURE = 0x53053053 };
#else
enum { RSEQ_SIGNATURE = (int)0xd428bc00 };
#endif

/* Where the C library has what it knows of the thread that calls. */
static inline char *own_address(void)
{
    char *address;
#if defined(__x86_64__)
    __asm__("mov %%fs:0, %0" : "=r"(address));
#else
    __asm__("mrs %0, tpidr_el0" : "=r"(address));
#endif
    return address;
}

/* Before the first fork, in the thread that forks: holds all others. `rseq`: from own_address() to the area of each; 0: none has one. */
void hold_threads(int64_t rseq);

/* In a fork that has the descriptors which they use: makes them anew. */
void continue_threads(void);
