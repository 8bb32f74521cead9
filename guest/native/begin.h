/* The beginning of a program that has no library. */
#pragma once

#include "zygote.h"

/* The function gets the stack as the kernel makes it: the number of words, the words, a zero, the environment. */
#if defined(__x86_64__)
#define BEGIN_WITH(function) \
    __asm__(".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call " #function "\n");
#else
#define BEGIN_WITH(function) __asm__(".globl _start\n_start:\n mov x29, xzr\n mov x30, xzr\n mov x0, sp\n bl " #function "\n");
#endif

/* The words of the program are descriptors of entrances. */
static struct entrances entrances_of(const long *stack)
{
    struct entrances entrances = {{0}, 0};
    char *const *words = (char *const *)(stack + 1);
    for (long each = 1; each < stack[0]; each++) {
        int64_t fd;
        if (entrances.count == 8 || json_number((struct slice){words[each], length_of(words[each])}, &fd) < 0)
            fail("the descriptors of entrances", 0);
        checked(CALL3(fcntl, fd, F_SETFD, FD_CLOEXEC), "the descriptors of entrances");
        entrances.fds[entrances.count++] = (int)fd;
    }
    return entrances;
}
