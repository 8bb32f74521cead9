/*
 * A sandbox that has a kernel of its own, and is its first process. It is checkpointed while it waits for its first order, and each
 * sandbox begins as a copy of it: nothing before that order may be a secret or differ between sandboxes.
 *
 * The streams are those of the boundary's program. What else leads to the service are named pipes in IO; it removes their names
 * once they are open here.
 */
#include "sandbox.h"

#define IO "/opt/dragoman/io"

enum { CLONE_NEWUSER_ALONE = 0x10000000, NPROC = 6, WALL = 0x40000000, ROOT = 1 };

static void write_map(const char *path, const char *map)
{
    long fd = checked(CALL4(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0), path);
    checked(CALL3(write, fd, map, length_of(map)), path);
    CALL1(close, fd);
}

/*
 * Devices that programs of namespaces do not have either, what gVisor tells of the machine, and in /proc this process: older versions show
 * every descriptor of every process there, and lead to it, and this process alone holds what leads to the service.
 */
static void hide_what_no_program_needs(void)
{
    static const char *const nodes[] = {"/dev/fuse", "/dev/net/tun"};
    for (size_t each = 0; each < COUNT(nodes); each++)
        CALL3(unlinkat, AT_FDCWD, nodes[each], 0);
    static const char *const folders[] = {"/proc/1", "/sys"};
    for (size_t each = 0; each < COUNT(folders); each++)
        mount("none", folders[each], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "size=4k,mode=555");
    mount("/dev/null", "/proc/cmdline", 0, MS_BIND, 0);
    /* Not read-only: gVisor would not let anything be written to the devices then. */
    static const char *const owned[] = {"/dev", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/net"};
    for (size_t each = 0; each < COUNT(owned); each++)
        CALL5(fchownat, AT_FDCWD, owned[each], ROOT, ROOT, 0);
}

/*
 * The user that programs see, as in every sandbox: its files are those of the one host user there is, so it is the root of gVisor under
 * another number. A root must be mapped as well: it owns what /proc has of an undumpable process, which would be our user's otherwise.
 * Two users are mapped from outside of the namespace, by a child that stays there.
 */
static void become_user(void)
{
    int begun[2];
    checked(CALL2(pipe2, begun, O_CLOEXEC), "pipe2");
    long child = checked(CALL5(clone, 0 /* no signal at its end */, 0, 0, 0, 0), "fork");
    char byte;
    if (child == 0) {
        checked(CALL3(read, begun[0], &byte, 1), "read");
        write_map("/proc/1/uid_map", "1000 0 1\n0 1 1\n");
        write_map("/proc/1/gid_map", "1000 0 1\n0 1 1\n");
        hide_what_no_program_needs();
        leave(0);
    }
    checked(CALL1(unshare, CLONE_NEWUSER_ALONE), "unshare");
    checked(CALL3(write, begun[1], "1", 1), "write");
    int status = -1;
    while (CALL4(wait4, child, &status, WALL, 0) == -EINTR)
        ;
    if (status != 0)
        fail("mapping of users", 0);
    CALL1(close, begun[0]);
    CALL1(close, begun[1]);
}

static int open_pipe(const char *path, long flags)
{
    return (int)checked(CALL4(openat, AT_FDCWD, path, flags | O_CLOEXEC, 0), path);
}

static int64_t number_of(const struct member *order, int count, const char *name)
{
    int64_t value;
    if (json_number(json_find(order, count, name), &value) < 0)
        fail(name, 0);
    return value;
}

void begin_alone(struct sandbox *sandbox)
{
    uint64_t heeded = SIGNAL(SIGCHLD) | SIGNAL(SIGUSR1);
    checked(mask_signals(SIG_BLOCK, heeded), "block signals");
    become_user();
    prepare_to_confine(1);
    int signals = (int)checked(CALL4(signalfd4, -1, &heeded, 8, O_CLOEXEC), "signalfd");
    /* The template may have made it. */
    CALL3(mkdirat, AT_FDCWD, "/tmp/.config", 0700);
    CALL1(umask, 022);
    write_frame(1, (struct slice){"{\"claim\":\"template\"}", 20});

    /* Here the checkpoint is taken, and here each sandbox begins. */
    struct member order[8];
    int count = json_members(read_frame(0), order, 8);
    if (count < 0 || !is_text(json_find(order, count, "op"), "\"enter\""))
        fail("an order before the first", 0);
    checked(CALL1(chdir, WORKSPACE), "chdir");
    int command = (int)checked(CALL3(fcntl, 0, F_DUPFD_CLOEXEC, 3), "dup");
    int null = open_pipe("/dev/null", O_RDONLY);
    checked(CALL3(dup3, null, 0, 0), "dup");
    int kept[] = {command, open_pipe(IO "/claims", O_WRONLY), signals, open_pipe(IO "/saved", O_WRONLY), open_pipe(IO "/given", O_RDONLY)};
    keep_only(kept, 5, 240);
    *sandbox = (struct sandbox){kept[0], kept[1], kept[2], 0, 0, {0, -1, -1, -1, {0}, 0}, {-1, -1, -1, {0}, {0}}, {0}, kept[3], kept[4]};
    bound_memory_to(number_of(order, count, "memoryBytes"));
    limit(NPROC, number_of(order, count, "processes"));
    lock_down(number_of(order, count, "openFiles"));
    write_frame(sandbox->claims, (struct slice){"{\"claim\":\"ready\"}", 17});
}
