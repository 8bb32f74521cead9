/* The zygote of everything that is not Python: a program without a library, whose forks have next to nothing to copy and to free. */
#include "begin.h"
#include "command.h"
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

/* Arguments: `programs`, the descriptor of the folder of those that are kept, and descriptors of the entrances; `alone`; or
 * `init`, whose environment begins with its state. */
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
