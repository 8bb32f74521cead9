/* A sandbox's first process: shuts itself in, parks, and does what the service asks on its command pipe. */
#pragma once

#include "confine.h"
#include "programs.h"

/* What Python is to do in this process. */
enum handover { BECOME = 1, WARM = 2, SERVE = 3 };

struct sandbox {
    int command, claims, signals;
    int is_faulty; /* A file did not fit. */
    int with_bulk; /* The supervisor that Python becomes has pipes for states. */
    struct parked parked;
    struct become become;
    char module[256]; /* That a fork becomes. */
    int saved, given; /* Pipes for states, where they were made before; else -1. */
};

/* How a fork is made that Python continues; null where there is no Python. */
typedef int (*forker)(void);

/* The pipes of a sandbox, as its first process has them. */
enum { COMMAND, CLAIMS, STDOUT, STDERR, PIPES };

/* Puts the descriptors in place, shuts this process in and says so. `signals`: of its blocked signals. */
void begin_sandbox(struct sandbox *sandbox, const int *pipes, int signals, const struct sizes *sizes);

/*
 * Becomes the first process of a sandbox that has a kernel of its own (alone.c). It begins where this waits, as the copy of a checkpoint.
 */
void begin_alone(struct sandbox *sandbox);

/* Uses the memory that orders use: no program waits for the page faults then. `with_program`: one of them names a program of the image. */
void rehearse_orders(int with_program);

/* Obeys until there is something for Python to do. */
enum handover obey(struct sandbox *sandbox, forker fork);
