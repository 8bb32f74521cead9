/*
 * A sandbox that has a kernel of its own, and is its first process. It is checkpointed while it waits for its first order, and each
 * sandbox begins as a copy of it: nothing before that order may be a secret or differ between sandboxes.
 *
 * The streams are those of the boundary's program. What else leads to the service are named pipes in IO; it removes their names
 * once they are open here.
 */
#include "sandbox.h"

#define IO "/opt/dragoman/io"

enum { CLONE_NEWUSER_ALONE = 0x10000000, NPROC = 6 };

static void map_ids(const char *path, const char *map, int must)
{
    long fd = CALL4(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0 && !must)
        return;
    checked(fd, path);
    checked(CALL3(write, fd, map, length_of(map)), path);
    CALL1(close, fd);
}

/* The user that programs see, as in every sandbox. Root's files belong to no user here. */
static void become_user(void)
{
    checked(CALL1(unshare, CLONE_NEWUSER_ALONE), "unshare");
    map_ids("/proc/self/setgroups", "deny", 0); /* Older versions of gVisor have none. */
    map_ids("/proc/self/uid_map", "1000 0 1\n", 1);
    map_ids("/proc/self/gid_map", "1000 0 1\n", 1);
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
    *sandbox = (struct sandbox){kept[0], kept[1], kept[2], 0, 0, {0, -1, -1, -1, {0}}, {-1, -1, -1, {0}, {0}}, {0}, kept[3], kept[4]};
    bound_memory_to(number_of(order, count, "memoryBytes"));
    limit(NPROC, number_of(order, count, "processes"));
    lock_down(number_of(order, count, "openFiles"));
    write_frame(sandbox->claims, (struct slice){"{\"claim\":\"ready\"}", 17});
}
