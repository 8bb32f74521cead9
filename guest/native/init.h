/*
 * A parked fork of Python that takes over the memory of the sandbox's first process, which becomes a bare init.
 *
 * To copy the page tables of Python takes half a millisecond, and to free them as long again. A first process that does nothing but wait for
 * a program needs none of it: the fork is made with the same memory, and the first process begins anew as the program that is the bare
 * zygote too (bare.c). Nothing of a user runs before that is done, because a fork gets its orders from the new init alone.
 *
 * The C library's fork hooks are left out. They repair what other threads were at, and a zygote has one.
 */
#pragma once

#include "sandbox.h"

/* Before the first fork, by the thread that forks. `rseq`: the area that the C library shares with the kernel, or null. */
void learn_thread(void *rseq);

/* Whether this process can give its memory away: its thread is known. */
int can_give_away(void);

/* As park_fork(), by which the first process goes on elsewhere: returns in the fork alone. */
void park_giving_away(struct sandbox *sandbox);

/* In the program that the first process becomes: takes up its work and obeys. `state`: what it was told by its environment. */
_Noreturn void go_on(const char *state);
