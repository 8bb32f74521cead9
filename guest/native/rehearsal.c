#include "rehearsal.h"

#include "zygote.h"

enum { MADV_DOFORK = 11, MOST_AREAS = 512, MOST_USED = 4096 };

static uint64_t hexadecimal(const char **at)
{
    uint64_t number = 0;
    for (; (**at >= '0' && **at <= '9') || (**at >= 'a' && **at <= 'f'); ++*at)
        number = number << 4 | (uint64_t)(**at <= '9' ? **at - '0' : **at - 'a' + 10);
    ++*at;
    return number;
}

static struct area memory[MOST_AREAS];
static int memory_count;

int share_memory_with_forks(const struct area **areas)
{
    static char text[1 << 18];
    long file = checked(CALL4(openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0), "maps");
    long size = 0, got;
    while ((got = checked(CALL3(read, file, text + size, sizeof text - 1 - size), "maps")) > 0)
        size += got;
    if (size == sizeof text - 1)
        fail("more areas of memory than can be shared", 0);
    CALL1(close, file);
    for (const char *at = text; at < text + size; at++) {
        uint64_t start = hexadecimal(&at), end = hexadecimal(&at);
        int is_readable = at[0] == 'r', is_writable = at[1] == 'w', is_own = at[3] == 'p';
        while (*at != '\n')
            at++;
        /* Those of the kernel itself refuse, and are no part of a fork. */
        if (CALL3(madvise, start, end - start, MADV_DOFORK) < 0 || !is_readable || !is_own || memory_count == MOST_AREAS)
            continue;
        memory[memory_count++] = (struct area){start, end - start, is_writable ? POPULATE_WRITE : POPULATE_READ};
    }
    *areas = memory;
    return memory_count;
}

static int used_to = -1;

int rehearse(void)
{
    static struct area used[MOST_USED];
    size_t length = 0;
    int ends[2], status;
    checked(CALL2(pipe2, ends, O_CLOEXEC), "pipe");
    long pid = checked(fork_thread(SIGCHLD, 0), "fork");
    if (pid == 0) {
        long null = checked(CALL4(openat, AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC, 0), "/dev/null");
        for (int fd = 1; fd <= 2; fd++)
            checked(CALL3(dup3, null, fd, 0), "dup");
        keep_only(&ends[1], 1, 230);
        used_to = ends[1];
        return 1;
    }
    CALL1(close, ends[1]);
    for (long got; length < sizeof used; length += (size_t)got) {
        got = CALL3(read, ends[0], (char *)used + length, sizeof used - length);
        if (got == 0)
            break;
        got = got == -EINTR ? 0 : checked(got, "a rehearsal");
    }
    CALL1(close, ends[0]);
    /* There may be more to tell than there is room for, which nobody reads. */
    CALL2(kill, pid, SIGKILL);
    while (CALL4(wait4, pid, &status, 0, 0) == -EINTR)
        ;
    know_areas(used, (int)(length / sizeof *used));
    return 0;
}

_Noreturn void end_rehearsal(void)
{
    tell_used(memory, memory_count, used_to);
    leave(0);
}
