/*
 * The generator of V8 from which each new context (node:vm) of its thread gets the seed of its Math.random. It is made with V8, so that
 * forks of one zygote would all have its numbers.
 */
#pragma once

#include "pages.h"

/*
 * Before the first fork: finds the generator by what it must look like. `memory`: the areas of this process. Fails where there is none, or a
 * V8 whose generators are others.
 */
void find_generator(const struct area *memory, int count);

/* In a fork. */
void renew_generator(void);
