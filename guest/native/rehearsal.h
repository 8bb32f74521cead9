/* Before the first sandbox: which memory forks of a program have, and which of it a small program uses. */
#pragma once

#include "pages.h"

/*
 * Forks have all memory of this process from now on. V8 has the kernel leave its own out, because a fork that becomes another program does not
 * need it. Returns how many areas there are, and where they are listed.
 */
int share_memory_with_forks(const struct area **areas);

/*
 * Runs a program in a fork that is no sandbox, to learn which of these areas one uses: forks have that ahead (pages.h). Returns 1 in that
 * fork. What it prints is lost.
 */
int rehearse(void);

/* At the end of the program, in that fork. */
_Noreturn void end_rehearsal(void);
