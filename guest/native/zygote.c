#include "zygote.h"

enum {
    CLONE_PIDFD = 0x1000, CLONE_NEWNS = 0x20000, CLONE_CHILD_CLEARTID = 0x200000, CLONE_CHILD_SETTID = 0x1000000,
    CLONE_NEWCGROUP = 0x2000000, CLONE_NEWUTS = 0x4000000, CLONE_NEWIPC = 0x8000000, CLONE_NEWUSER = 0x10000000,
    CLONE_NEWPID = 0x20000000, CLONE_NEWNET = 0x40000000,
    NAMESPACES = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP,
};
enum { CONTROL = 3, MOST_CHILDREN = 8192, MOST_ORDER = 4096, SFD_CLOEXEC = O_CLOEXEC, COMMAND_ROOM = 256 * 1024 };

/* A sandbox, from its fork to its end. */
struct child {
    char id[64];
    int pid; /* 0: this place is free. */
    int pidfd;
    int theirs[PIPES]; /* The service's ends of its pipes, until it has opened them; the first is -1 then. */
    int gate; /* It may wait for the end of this pipe, which comes once the service has opened its ends. */
};

static struct child children[MOST_CHILDREN];
/* No child is at or behind this place. */
static int places;

static void say(struct line *line)
{
    put(line, "\n");
    if (line->is_full)
        fail("an event beyond all bounds", 0);
    write_all(CONTROL, (struct slice){line->at, line->length});
}

static struct child *child_of(const char *id)
{
    for (int each = 0; each < places; each++)
        if (children[each].pid != 0 && is_text((struct slice){id, length_of(id)}, children[each].id))
            return &children[each];
    return 0;
}

static struct child *free_place(void)
{
    for (int each = 0; each < places; each++)
        if (children[each].pid == 0)
            return &children[each];
    return places < MOST_CHILDREN ? &children[places++] : 0;
}

static void put_event(struct line *line, const char *event, const char *id)
{
    put(line, "{\"event\":\"");
    put(line, event);
    put(line, "\",\"id\":\"");
    put(line, id);
    put(line, "\"");
}

static void say_failed(const char *id, const char *step, long error)
{
    char buffer[512];
    struct line line = {buffer, 0, sizeof buffer, 0};
    put_event(&line, "failed", id);
    put(&line, ",\"message\":\"");
    put(&line, step);
    put(&line, ": ");
    put(&line, error_text(error));
    put(&line, "\"}");
    say(&line);
}

static void close_all(const int *fds, int count)
{
    for (int each = 0; each < count; each++)
        if (fds[each] >= 0)
            CALL1(close, fds[each]);
}

static void release(struct child *child)
{
    if (child->theirs[0] < 0)
        return;
    close_all(child->theirs, PIPES);
    CALL1(close, child->gate);
    CALL1(close, child->pidfd);
    child->theirs[0] = -1;
}

static long write_to_process(long pid, const char *file, const char *text)
{
    char path[64];
    struct line line = {path, 0, sizeof path - 1, 0};
    put(&line, "/proc/");
    put_number(&line, pid);
    put(&line, file);
    path[line.length] = 0;
    long fd = CALL4(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    long result = CALL3(write, fd, text, length_of(text));
    CALL1(close, fd);
    return result;
}

/* Lets a process that is fresh in a user namespace of its own be one user there and `user` of our namespace outside. */
static long map_user(long pid, int64_t user)
{
    char map[64];
    struct line line = {map, 0, sizeof map - 1, 0};
    put_number(&line, FIRST_USER);
    put(&line, " ");
    put_number(&line, user);
    put(&line, " 1");
    map[line.length] = 0;
    long result = write_to_process(pid, "/setgroups", "deny");
    if (result >= 0)
        result = write_to_process(pid, "/uid_map", map);
    if (result >= 0)
        result = write_to_process(pid, "/gid_map", map);
    return result;
}

long fork_thread(long flags, int *pidfd)
{
    char *tid = 0;
    if (CALL5(prctl, PR_GET_TID_ADDRESS, &tid, 0, 0, 0) < 0 || !tid)
        tid = 0;
    else
        flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
#if defined(__x86_64__)
    return CALL5(clone, flags, 0, pidfd, tid, 0);
#else
    return CALL5(clone, flags, 0, pidfd, 0, tid);
#endif
}

/* Makes the pipes of a sandbox; those that could not be made are -1. */
static long make_pipes(int *ours, int *theirs, int *mapped)
{
    long result = 0;
    for (int each = 0; each < PIPES; each++)
        ours[each] = theirs[each] = -1;
    mapped[0] = mapped[1] = -1;
    for (int each = 0; each < PIPES && result >= 0; each++) {
        int ends[2], is_read_inside = each == COMMAND;
        result = CALL2(pipe2, ends, O_CLOEXEC);
        if (result < 0)
            return result;
        ours[each] = ends[!is_read_inside];
        theirs[each] = ends[is_read_inside];
        /* A sandbox's own user is not ours, and opens them by name, too: `echo problem > /dev/stderr`. */
        if (!is_read_inside)
            result = CALL2(fchmod, ends[1], 0666);
#if defined(BARE)
        /* A compiled program comes this way, in fewer pieces. Where the user has too many pipes, it stays as it is. */
        else
            CALL3(fcntl, ends[0], F_SETPIPE_SZ, COMMAND_ROOM);
#endif
    }
    return result < 0 ? result : CALL2(pipe2, mapped, O_CLOEXEC);
}

/* The first steps of a fork, with the zygote's user. What goes wrong from here on is told to the service as the sandbox's own. */
static void begin(struct sandbox *sandbox, const int *pipes, int mapped, int signals, const struct entrances *entrances, struct slice group,
                  const struct order *order)
{
    checked(CALL3(dup3, pipes[STDERR], 2, 0), "dup");
    /* End of file: the zygote could not map a user, and a sandbox must not run without one. */
    char byte;
    read_exactly(mapped, &byte, 1);
    /* The groups are the zygote's user's; the descriptors of these directories are closed with all others. */
    for (int each = 0; each < entrances->count; each++)
        enter_group(entrances->fds[each], group);
    begin_fork(sandbox, pipes, mapped, signals, order);
}

/* Returns 1 in the fork. */
static int spawn(const char *id, const struct member *order, int count, int signals, const struct entrances *entrances,
                 struct sandbox *sandbox)
{
    struct order wanted_sandbox = {order, count};
    char group[100];
    int64_t user = CALL1(getuid, 0);
    struct slice wanted = json_find(order, count, "user");
    long length = json_text(json_find(order, count, "group"), group, sizeof group);
    if (length < 0 || (wanted.at && json_number(wanted, &user) < 0 && !is_text(wanted, "null")))
        fail("an order of the service", 0);
    struct child *child = free_place();
    if (!child) {
        say_failed(id, "too many sandboxes", -EAGAIN);
        return 0;
    }
    int ours[PIPES], theirs[PIPES], mapped[2], pidfd = -1;
    long error = make_pipes(ours, theirs, mapped);
    long pid = error < 0 ? error : fork_thread(NAMESPACES | CLONE_PIDFD | SIGCHLD, &pidfd);
    if (pid == 0) {
        CALL1(close, mapped[1]);
        begin(sandbox, ours, mapped[0], signals, entrances, (struct slice){group, (size_t)length}, &wanted_sandbox);
        return 1;
    }
    if (pid > 0) {
        error = map_user(pid, user);
        if (error >= 0)
            error = CALL3(write, mapped[1], "1", 1);
        if (error < 0) {
            tell("no user map", error);
            CALL2(kill, pid, SIGKILL); /* Its end is told as any other's. */
        }
    }
    close_all(ours, PIPES);
    close_all(mapped, 1);
    if (pid < 0) {
        close_all(theirs, PIPES);
        close_all(mapped + 1, 1);
        say_failed(id, "clone", pid);
        return 0;
    }
    await_fork(theirs);
    child->gate = mapped[1];
    child->pid = (int)pid;
    child->pidfd = pidfd;
    memcpy(child->id, id, length_of(id) + 1);
    memcpy(child->theirs, theirs, sizeof theirs);
    char buffer[512];
    struct line line = {buffer, 0, sizeof buffer, 0};
    put_event(&line, "spawned", id);
    put(&line, ",\"pidfd\":");
    put_number(&line, pidfd);
    put(&line, ",\"fds\":[");
    for (int each = 0; each < PIPES; each++) {
        if (each > 0)
            put(&line, ",");
        put_number(&line, theirs[each]);
    }
    put(&line, "]}");
    say(&line);
    return 0;
}

/* Returns 1 in a fork. */
static int obey_service(struct slice text, int signals, const struct entrances *entrances, struct sandbox *sandbox)
{
    struct member order[8];
    char id[64];
    int count = json_members(text, order, 8);
    if (count < 0 || json_text(json_find(order, count, "id"), id, sizeof id) < 0)
        fail("an order of the service", 0);
    struct slice op = json_find(order, count, "op");
    struct child *child = child_of(id);
    if (is_text(op, "\"spawn\""))
        return spawn(id, order, count, signals, entrances, sandbox);
    if (is_text(op, "\"opened\"")) {
        if (child)
            release(child);
    } else if (is_text(op, "\"kill\"")) {
        if (child)
            CALL2(kill, child->pid, SIGKILL);
    } else {
        fail("an order of the service", 0);
    }
    return 0;
}

static void reap_children(void)
{
    for (;;) {
        int status;
        long pid = CALL4(wait4, -1, &status, WNOHANG, 0);
        if (pid <= 0)
            return;
        for (int each = 0; each < places; each++) {
            struct child *child = &children[each];
            if (child->pid != pid)
                continue;
            release(child);
            child->pid = 0;
            char buffer[256];
            struct line line = {buffer, 0, sizeof buffer, 0};
            put_event(&line, "exit", child->id);
            put(&line, ",");
            put_ending(&line, (struct ending){status >> 8 & 0xff, status & 0x7f});
            put(&line, "}");
            say(&line);
        }
    }
}

/* Reads orders, a line each. Returns 1 in a fork, -1 when the service has gone, else 0. */
static int hear_service(int signals, const struct entrances *entrances, struct sandbox *sandbox)
{
    static char heard[16 * MOST_ORDER];
    static size_t length;
    long got = checked(CALL3(read, CONTROL, heard + length, sizeof heard - length), "read the service");
    if (got == 0)
        return -1;
    length += (size_t)got;
    size_t first = 0;
    for (size_t at = 0; at < length; at++) {
        if (heard[at] != '\n')
            continue;
        if (obey_service((struct slice){heard + first, at - first}, signals, entrances, sandbox))
            return 1;
        first = at + 1;
    }
    length -= first;
    memmove(heard, heard + first, length);
    if (length == sizeof heard)
        fail("an order beyond all bounds", 0);
    return 0;
}

int serve(const struct entrances *entrances, struct sandbox *sandbox)
{
    uint64_t heeded = SIGNAL(SIGCHLD) | SIGNAL(SIGUSR1);
    prepare_to_fork();
    checked(mask_signals(SIG_BLOCK, heeded), "block signals");
    int signals = (int)checked(CALL4(signalfd4, -1, &heeded, 8, SFD_CLOEXEC), "signalfd");
    write_all(CONTROL, (struct slice){"{\"event\":\"zygote\"}\n", 19});
    for (;;) {
        struct pollfd polled[2] = {{CONTROL, POLLIN, 0}, {signals, POLLIN, 0}};
        checked(wait_for(polled, 2), "poll");
        if (polled[1].revents) {
            is_told(signals);
            reap_children();
        }
        if (polled[0].revents) {
            int result = hear_service(signals, entrances, sandbox);
            if (result != 0)
                return result > 0;
        }
    }
}
