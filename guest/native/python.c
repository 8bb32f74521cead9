/* What Python calls (guest/agent/native.py), by ctypes: the structures there have these fields. */
#include "zygote.h"

#include "command.h"
#include "init.h"
#include "pages.h"
#include "threads.h"
#include "workspace.h"

#define EXPORTED __attribute__((visibility("default")))

struct settings {
    struct entrances entrances;
    char *const *environment;
    forker fork;
    const int64_t *rseq; /* From the thread's own address to the area that its C library shares with the kernel; or null. */
    const struct area *areas;
    int area_count;
};

/* Obeys orders until there is something for Python to do; what, is the result. Python's own code does not expect blocked signals. */
EXPORTED int dragoman_obey(const struct settings *settings, struct sandbox *sandbox)
{
    checked(mask_signals(SIG_BLOCK, SIGNAL(SIGCHLD) | SIGNAL(SIGUSR1)), "block signals");
    enum handover handover = obey(sandbox, settings->fork);
    checked(mask_signals(SIG_UNBLOCK, SIGNAL(SIGCHLD) | SIGNAL(SIGUSR1)), "unblock signals");
    return handover;
}

/* Serves until the service goes, which is told by 0, or until there is something for Python to do in a fork. */
EXPORTED int dragoman_serve(const struct settings *settings, struct sandbox *sandbox)
{
    use_environment(settings->environment);
    know_areas(settings->areas, settings->area_count);
    learn_thread(settings->rseq ? own_address() + *settings->rseq : 0);
    return serve(&settings->entrances, sandbox) ? dragoman_obey(settings, sandbox) : 0;
}

/* Becomes a sandbox with a kernel of its own (alone.c), until there is something for Python to do; what, is the result. */
EXPORTED int dragoman_alone(const struct settings *settings, struct sandbox *sandbox)
{
    use_environment(settings->environment);
    begin_alone(sandbox);
    return dragoman_obey(settings, sandbox);
}

/* Call it in a fork that will run code of a user. */
EXPORTED void dragoman_bound_memory(void)
{
    bound_memory();
}

/*
 * A fork by the C library. Returns 0 in it, and 1 or -1 once it has ended, well or not. Nothing is written meanwhile, because what the fork
 * shares would become its own.
 */
EXPORTED int dragoman_fork_and_wait(forker fork)
{
    int status = -1;
    int pid = fork();
    if (pid == 0)
        return 0;
    while (pid > 0 && CALL4(wait4, pid, &status, 0, 0) == -EINTR)
        ;
    return status == 0 ? 1 : -1;
}

/* In a fork that ends with it: see pages.h. */
EXPORTED void dragoman_tell_used(const struct area *areas, int count, int out)
{
    tell_used(areas, count, out);
}

/* Writes a file for a supervisor. Returns 0, or the error as a negative number. */
EXPORTED long dragoman_write(int command, const char *path, int64_t size, int64_t mode, const int64_t *modified)
{
    static struct file file;
    file = (struct file){{0}, size, mode, modified != 0, modified ? *modified : 0};
    struct line line = {file.path, 0, PATH_ROOM - 1, 0};
    put(&line, path);
    return write_file(command, &file);
}
