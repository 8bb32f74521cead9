/* The zygote of everything that is not Python: a program without a library, whose forks have next to nothing to copy and to free. */
#include "zygote.h"

/* Our environment, for programs that begin in the workspace. bubblewrap always sets the variable. */
static char **in_workspace(char **environment)
{
    for (char **each = environment; *each; each++)
        if (memcmp(*each, "PWD=", 4) == 0)
            *each = (char *)"PWD=" WORKSPACE;
    return environment;
}

/* Arguments: descriptors of the entrances. */
__attribute__((used)) static _Noreturn void run(long *stack)
{
    long count = stack[0];
    char **words = (char **)(stack + 1);
    struct entrances entrances = {{0}, 0};
    struct sandbox sandbox;
    for (long each = 1; each < count; each++) {
        int64_t fd;
        if (entrances.count == 8 || json_number((struct slice){words[each], length_of(words[each])}, &fd) < 0)
            fail("the descriptors of entrances", 0);
        checked(CALL3(fcntl, fd, F_SETFD, FD_CLOEXEC), "the descriptors of entrances");
        entrances.fds[entrances.count++] = (int)fd;
    }
    use_environment(in_workspace(words + count + 1));
    meet_signal(SIGPIPE, 1);
    meet_signal(SIGXFSZ, 1);
    if (serve(&entrances, &sandbox))
        obey(&sandbox, 0);
    leave(0);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call run\n");
#else
__asm__(".globl _start\n_start:\n mov x29, xzr\n mov x30, xzr\n mov x0, sp\n bl run\n");
#endif
