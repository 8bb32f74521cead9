/*
 * The zygote: forks a sandbox whenever the service asks for one.
 *
 * The service (Node) and this process share a socket on descriptor 3, JSON lines both ways:
 *
 *   service -> zygote   {"op":"spawn","id","user","group","sizes"}   {"op":"opened","id"}   {"op":"kill","id"}
 *   zygote  -> service  {"event":"zygote"}   {"event":"spawned","id","pidfd","fds":[command,claims,stdout,stderr]}
 *                       {"event":"exit","id","code","signal"}   {"event":"failed","id","message"}
 *                       {"event":"derived","pidfd"}, from Python: a zygote that is a fork of this one, with a socket of its own
 *
 * For each sandbox the zygote makes four pipes; the service opens its ends through /proc/<zygote>/fd, reads the process' pid from
 * /proc/<zygote>/fdinfo and says "opened", and only then are they closed here. No listening socket and no token exist, and the program's
 * stdout is a real pipe.
 *
 * Nothing that belongs to a user ever passes through this process, because every later sandbox inherits its memory: it sees opaque ids
 * and sizes. It is the only parent of the sandboxes, so the exit status it reads is the truth and a pid it kills cannot have been taken
 * by another process.
 */
#pragma once

#include "sandbox.h"

/* What the service wants of a fork: the members of its order. */
struct order {
    const struct member *members;
    int count;
};

/* What differs between programs that fork sandboxes. The user's number in the user namespace of a fork: */
#if defined(LAUNCHER)
enum { FIRST_USER = 0 };
#else
enum { FIRST_USER = 1000 };
#endif
/* Before the first fork. */
void prepare_to_fork(void);
/* In a fork, in its namespaces and control groups. `gate` ends once the service has its ends of the pipes. */
void begin_fork(struct sandbox *sandbox, const int *pipes, int gate, int signals, const struct order *order);
/* In the parent, before the service hears of the fork. */
void await_fork(const int *theirs);

/*
 * A fork of this thread, in the namespaces that `flags` say. Where there is a C library, its field for the thread's number is kept right, or
 * its functions would see the parent's.
 */
long fork_thread(long flags, int *pidfd);

/* Descriptors of the directories through which a sandbox enters its control group. */
struct entrances {
    int fds[8];
    int count;
};

/* Answers the service. Returns 0 when it goes away, and 1 in a fork, whose `sandbox` has its descriptors, is shut in and says so. */
int serve(const struct entrances *entrances, struct sandbox *sandbox);
