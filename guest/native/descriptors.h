/*
 * Descriptors by which the threads of a program wake each other: events, the sets they wait on, and pipes to itself. A fork gets its own
 * under the same numbers. With those of the zygote it could wake, or keep awake, every other fork.
 */
#pragma once

#include "steps.h"

/* Before the first fork. `passed`: descriptors that no fork keeps. Fails on others than those above, and /dev/null. */
void learn_descriptors(const int *passed, int count);

/* In a fork that has none of them. */
void make_descriptors(void);
