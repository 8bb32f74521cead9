/* The zygote of everything that is not Python: a program without a library, whose forks have next to nothing to copy and to free. */
#include "begin.h"
#include "command.h"
#include "confine.h"
#include "init.h"
#include "workspace.h"

/* Our environment, for programs that begin in the workspace. bubblewrap always sets the variable. */
static char **in_workspace(char **environment)
{
    for (char **each = environment; *each; each++)
        if (memcmp(*each, "PWD=", 4) == 0)
            *each = (char *)"PWD=" WORKSPACE;
    return environment;
}

enum { LOAD_NUMBER = 0x20, IS_EQUAL = 0x15, RETURN = 0x06, REFUSED = 0x50000 | 38 /* ENOSYS */, ALLOWED = 0x7fff0000, IO_URING_SETUP = 425, CONTROL_SOCKET = 3,
       CLOSE_RANGE_CLOEXEC = 4 };

/*
 * Becomes a program of the image that forks sandboxes itself: `words` are descriptors of the entrances, `--` and the program. Its loops must not wait on rings of the kernel's, which no fork can make
 * anew, and which no sandbox may make.
 */
static _Noreturn void become_forked(char **words, char **environment)
{
    static const struct {
        uint16_t code;
        uint8_t if_true, if_false;
        uint32_t value;
    } instructions[] = {{LOAD_NUMBER, 0, 0, 0}, {IS_EQUAL, 0, 1, IO_URING_SETUP}, {RETURN, 0, 0, REFUSED}, {RETURN, 0, 0, ALLOWED}};
    struct {
        uint16_t count;
        const void *instructions;
    } filter = {COUNT(instructions), instructions};
    checked(CALL5(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)");
    checked(CALL5(prctl, PR_SET_SECCOMP, 2 /* filter */, &filter, 0, 0), "prctl(PR_SET_SECCOMP)");
    checked(CALL3(close_range, CONTROL_SOCKET, INT32_MAX, CLOSE_RANGE_CLOEXEC), "close_range");
    checked(CALL3(fcntl, CONTROL_SOCKET, F_SETFD, 0), "fcntl");
    for (; *words && !is_text((struct slice){*words, length_of(*words)}, "--"); words++)
        checked(CALL3(fcntl, descriptor_in(*words), F_SETFD, 0), "fcntl");
    if (!*words++ || !*words)
        fail("a program to fork", 0);
    char *program = words[0], *name = program;
    for (size_t length = length_of(program), at = 0; at < length; at++)
        if (program[at] == '/')
            name = program + at + 1;
    /* As it is called elsewhere, where its path is looked up. */
    words[0] = name;
    fail(program, CALL3(execve, program, words, environment));
}

/* Arguments: `programs`, the descriptor of the folder of those that are kept, and descriptors of the entrances; `alone`; `forked`
 * and what becomes one; or `init`, whose environment begins with its state. */
__attribute__((used)) static _Noreturn void run(long *stack)
{
    struct sandbox sandbox;
    char **words = (char **)(stack + 1), **environment = words + stack[0] + 1;
    meet_signal(SIGPIPE, 1);
    meet_signal(SIGXFSZ, 1);
    if (stack[0] == 2 && is_text((struct slice){words[1], length_of(words[1])}, "init") && environment[0]) {
        use_environment(environment + 1);
        go_on(environment[0]);
    }
    if (stack[0] > 2 && is_text((struct slice){words[1], length_of(words[1])}, "forked"))
        become_forked(words + 2, in_workspace(environment));
    use_environment(in_workspace(environment));
    if (stack[0] == 2 && is_text((struct slice){words[1], length_of(words[1])}, "alone")) {
        begin_alone(&sandbox);
        obey(&sandbox, 0);
        leave(0);
    }
    int with_programs = stack[0] > 2 && is_text((struct slice){words[1], length_of(words[1])}, "programs");
    if (with_programs)
        kept_programs = descriptor_in(words[2]);
    struct entrances entrances = entrances_of(stack, with_programs ? 3 : 1);
    if (serve(&entrances, &sandbox))
        obey(&sandbox, 0);
    leave(0);
}

BEGIN_WITH(run)
