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

/* A word that is a descriptor, which programs that we start do not get. */
static int descriptor_in(const char *word)
{
    int64_t fd;
    if (json_number((struct slice){word, length_of(word)}, &fd) < 0)
        fail("a descriptor", 0);
    checked(CALL3(fcntl, fd, F_SETFD, FD_CLOEXEC), "a descriptor");
    return (int)fd;
}

/* The words from this one on are descriptors of entrances. */
static struct entrances entrances_of(const long *stack, long first)
{
    struct entrances entrances = {{0}, 0};
    char *const *words = (char *const *)(stack + 1);
    for (long each = first; each < stack[0]; each++) {
        if (entrances.count == 8)
            fail("the descriptors of entrances", 0);
        entrances.fds[entrances.count++] = descriptor_in(words[each]);
    }
    return entrances;
}
