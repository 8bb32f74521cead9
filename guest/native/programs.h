/*
 * Runs a program: this process stays as the init of its pid namespace and reaps until the program ends.
 *
 * The program is pid 2 or later, so signals that it sends itself work as anywhere. It holds no descriptor of the service's, and this
 * process is undumpable, so a program cannot forge how it was killed.
 *
 * A parked program is started ahead of need and waits for its orders. It is a program of the image, or a fork of this process that
 * becomes a module of Python. A fork says its exit code on a pipe and then waits for its destruction, because the end of a large process
 * takes milliseconds. A key stands before the code, so that a program that writes to every descriptor it finds still ends with its own
 * code. A program that finds the key forges its own end and no other.
 */
#pragma once

#include "steps.h"

/* `LOST`: how a first process ends whose parked process has ended. */
enum { KEY_SIZE = 16, LOST = 96 };

/* A process that waits for its orders. If it dies meanwhile, so does the sandbox, for which the service makes another. */
struct parked {
    int pid; /* 0: there is none. */
    int orders; /* Its orders are written here. */
    int codes; /* A fork says its code here; -1 for a program of the image. */
    int score;
    uint8_t key[KEY_SIZE];
    int is_ahead; /* It is the program itself, which was begun ahead of need. */
};

/* What Python needs of a fork that it is to continue. */
struct become {
    int orders, codes, score;
    uint8_t key[KEY_SIZE];
    uint8_t seed[32]; /* Random bytes. */
};

/* How a process ended: the code, or the number of a signal. */
struct ending {
    int code, signal;
};

/*
 * `signals`: a descriptor of this process' blocked signals, SIGCHLD and SIGUSR1. Where the order is for the very program that was begun
 * ahead, that one goes on; where it is for another, that one ends.
 */
struct ending run_program(struct parked *parked, const struct member *order, int count, int signals);
/*
 * Has the process made that will be the program, ahead of the order to run it: `obey` is called in it, and what is left then is its exec.
 * It shares our memory and descriptors until then, and this process waits, as for every program that it starts.
 */
struct ending run_ahead(void (*obey)(void *), void *argument, int signals);
_Noreturn void become_ordered(const struct member *order, int count);
struct ending run_parked(struct parked *parked, const struct member *order, int count, int signals);

/* With `ahead` in the order it is a program that needs no orders of its own: it begins, and goes on once its descriptor 3 ends. */
void park_program(struct parked *parked, const struct member *order, int count);

/*
 * Forks by the C library (`fork`), in which Python's libraries have their hooks. Returns 1 in the fork, which has no descriptor but the
 * streams and those of `become`.
 */
int park_fork(struct parked *parked, struct become *become, int (*fork)(void));

/* Has the parked process ended? It cannot be asked after its program has begun. */
int is_lost(const struct parked *parked);

/* This process' place in the order in which the kernel kills. To be opened while it is dumpable: the files of an undumpable process are
 * not its own. */
int open_score(void);
void set_score(int fd, const char *score);
/* When memory runs out, the kernel kills programs first, then the inits of programs: see guest/agent/protection.py. */
#define SCORE_OF_WAITING "500"
#define SCORE_OF_INITS "900"
#define SCORE_OF_PROGRAMS "1000"
void fill_randomly(uint8_t *into, size_t size);

/* Reads the signals that wait; says whether one of them is SIGUSR1. */
int is_told(int signals);

void put_ending(struct line *line, struct ending ending);
