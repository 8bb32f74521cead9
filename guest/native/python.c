/* What Python calls (guest/agent/native.py), by ctypes: the structures there have these fields. */
#include "zygote.h"

#include "init.h"
#include "workspace.h"

#define EXPORTED __attribute__((visibility("default")))

struct settings {
    struct entrances entrances;
    char *const *environment;
    forker fork;
    const int64_t *rseq; /* From the thread's own address to the area that its C library shares with the kernel; or null. */
};

static char *own_address(void)
{
    char *address;
#if defined(__x86_64__)
    __asm__("mov %%fs:0, %0" : "=r"(address));
#else
    __asm__("mrs %0, tpidr_el0" : "=r"(address));
#endif
    return address;
}

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

/* Writes a file for a supervisor. Returns 0, or the error as a negative number. */
EXPORTED long dragoman_write(int command, const char *path, int64_t size, int64_t mode, const int64_t *modified)
{
    static struct file file;
    file = (struct file){{0}, size, mode, modified != 0, modified ? *modified : 0};
    struct line line = {file.path, 0, PATH_ROOM - 1, 0};
    put(&line, path);
    return write_file(command, &file);
}
