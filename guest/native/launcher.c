/*
 * The launcher: starts programs of the host's that are a boundary themselves, as gVisor is, each as the first process of its own
 * namespaces, with a host user and a control group of its own. It speaks with the service as a zygote does; the order to fork has
 * {"folder","sizes","argv"}: an empty folder of the host, what the workspace may hold, and the program.
 *
 * The files of a sandbox lie in memory that is mounted on that folder for its namespaces alone: `data` is the workspace, `io` has named
 * pipes, `state` is the program's own. The kernel frees them, and ends every process, with the first one.
 */
#include "begin.h"

enum { PR_SET_PDEATHSIG = 1, PR_SET_SPECULATION_CTRL = 53, S_IFIFO = 0010000, MOST_WORDS = 64 };

void prepare_to_fork(void)
{
}

/* Folders of host paths are short: the launcher's own. */
static char *path_in(const char *folder, const char *name)
{
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    struct line line = {path, 0, sizeof paths[0] - 1, 0};
    put(&line, folder);
    put(&line, name);
    if (line.is_full)
        fail("the name of a folder", 0);
    path[line.length] = 0;
    return path;
}

static void make_files(const char *folder, int64_t bytes, int64_t files)
{
    mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
    mount_tmpfs(folder, 8 << 20, 200, "755");
    static const char *const folders[] = {"/data", "/io", "/state"};
    for (size_t each = 0; each < COUNT(folders); each++)
        checked(CALL3(mkdirat, AT_FDCWD, path_in(folder, folders[each]), 0755), folders[each]);
    mount_tmpfs(path_in(folder, "/data"), bytes, files, "755");
    static const char *const pipes[] = {"/io/claims", "/io/saved", "/io/given"};
    for (size_t each = 0; each < COUNT(pipes); each++) {
        checked(CALL4(mknodat, AT_FDCWD, path_in(folder, pipes[each]), S_IFIFO | 0600, 0), pipes[each]);
        /* The name that stays: the service removes the one that the guest sees. */
        const char *kept = path_in(folder, pipes[each] + sizeof "/io" - 1);
        checked(CALL5(linkat, AT_FDCWD, path_in(folder, pipes[each]), AT_FDCWD, kept, 0), kept);
    }
}

void begin_fork(struct sandbox *sandbox, const int *pipes, int gate, int signals, const struct order *order)
{
    (void)sandbox;
    (void)signals;
    static char folder[400], text[8192];
    static char *words[MOST_WORDS + 1];
    struct member sizes[8];
    struct slice argv[MOST_WORDS];
    int64_t bytes, files;
    int count = json_members(json_find(order->members, order->count, "sizes"), sizes, 8);
    int length = json_elements(json_find(order->members, order->count, "argv"), argv, MOST_WORDS);
    if (count < 0 || length < 1 || json_text(json_find(order->members, order->count, "folder"), folder, sizeof folder) < 1
        || json_number(json_find(sizes, count, "workspaceBytes"), &bytes) < 0
        || json_number(json_find(sizes, count, "workspaceFiles"), &files) < 0)
        fail("an order of the service", 0);
    size_t used = 0;
    for (int each = 0; each < length; each++) {
        words[each] = text + used;
        long size = json_text(argv[each], text + used, sizeof text - used);
        if (size < 0)
            fail("a word of a command", 0);
        used += (size_t)size + 1;
    }
    checked(CALL1(setsid, 0), "setsid");
    checked(CALL3(setresgid, FIRST_USER, FIRST_USER, FIRST_USER), "setresgid");
    checked(CALL3(setresuid, FIRST_USER, FIRST_USER, FIRST_USER), "setresuid");
    /* After the change of user, which clears it: the launcher takes its sandboxes along. */
    checked(CALL5(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)");
    /* Speculative stores are not bypassed in anything that a sandbox runs. Not every processor can. */
    CALL5(prctl, PR_SET_SPECULATION_CTRL, 0 /* store bypass */, 8 /* force disable */, 0, 0);
    CALL1(umask, 022);
    make_files(folder, bytes, files);
    checked(CALL1(chdir, "/"), "chdir");
    uint64_t core[2] = {1, 1};
    checked(CALL4(prlimit64, 0, 4 /* core */, core, 0), "prlimit");
    /* While this process lives the pipe of claims has a writer, so that its end is the sandbox's. */
    int claims = (int)checked(CALL4(openat, AT_FDCWD, path_in(folder, "/io/claims"), O_RDWR, 0), "claims");
    checked(CALL3(dup3, pipes[COMMAND], 0, 0), "dup");
    checked(CALL3(dup3, pipes[STDOUT], 1, 0), "dup");
    write_all(pipes[CLAIMS], (struct slice){"1", 1});
    char byte;
    while (CALL3(read, gate, &byte, 1) == -EINTR)
        ;
    int kept[] = {claims};
    keep_only(kept, 1, 200);
    checked(CALL3(fcntl, kept[0], F_SETFD, 0), "claims");
    uint64_t none = 0;
    checked(CALL4(rt_sigprocmask, SIG_SETMASK, &none, 0, 8), "signals");
    meet_signal(SIGPIPE, 0);
    static char *const environment[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", 0};
    fail(words[0], CALL3(execve, words[0], words, environment));
}

/* Its files are there once it says so; where it ends before, its end is told. */
void await_fork(const int *theirs)
{
    char byte;
    while (CALL3(read, theirs[CLAIMS], &byte, 1) == -EINTR)
        ;
}

/* Arguments: descriptors of the entrances. */
__attribute__((used)) static _Noreturn void run(long *stack)
{
    struct entrances entrances = entrances_of(stack, 1);
    struct sandbox sandbox;
    meet_signal(SIGPIPE, 1);
    serve(&entrances, &sandbox);
    leave(0);
}

BEGIN_WITH(run)
