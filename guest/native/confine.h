/* Turns a fresh clone into a sandbox: its own view of the system, then no way back. */
#pragma once

#include "steps.h"

struct sizes {
    int64_t workspace_bytes, workspace_files, tmp_bytes, shm_bytes, open_files;
};

/* Looks up what no sandbox can: before the first fork. `alone`: its kernel will be its own, and serves no other sandbox. */
void prepare_to_confine(int alone);

/* Moves this process, which has one thread, into a control group (version 1). By thread this takes the kernel no grace period. */
void enter_group(int directory, struct slice name);

/* Builds the sandbox's view. */
void enter(const struct sizes *sizes);

/* Gives up everything the sandbox could still do to its own walls. Nothing of the above can be repeated after it. */
void lock_down(int64_t open_files);

/* When off, other processes of this user cannot reach this process' memory and descriptors. A change of user turns it off. */
void set_dumpable(int on);

/* Of what one process of Python may take in a sandbox with a kernel of its own, beside what it has now; 0: no bound of ours. */
void bound_memory_to(int64_t bytes);
/* Bounds this process and those it starts. */
void bound_memory(void);

enum { PR_SET_DUMPABLE = 4, PR_SET_SECCOMP = 22, PR_CAPBSET_DROP = 24, PR_SET_SECUREBITS = 28, PR_SET_NO_NEW_PRIVS = 38,
       PR_GET_TID_ADDRESS = 40, PR_CAP_AMBIENT = 47 };

#define WORKSPACE "/mnt/data"

/* In a child that becomes a program: in gVisor a signal to the process group of the first process would end that one, too. */
void part_from_init(void);
