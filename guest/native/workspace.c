#include "workspace.h"

#include "confine.h"

/* Not on the stack: each page of it that is touched is copied for every sandbox. */
static struct file ordered;

/* The path of an order: relative to the workspace, or absolute. One that is too long becomes empty. */
static void full_path(struct slice value, char *into)
{
    static const char workspace[] = WORKSPACE "/";
    size_t before = sizeof workspace - 1;
    long length = json_text(value, into + before, PATH_ROOM - before);
    if (length <= 0)
        into[0] = 0;
    else if (into[before] == '/')
        memmove(into, into + before, (size_t)length + 1);
    else
        memcpy(into, workspace, before);
}

/* Makes the folders that a path leads through. What is at their places stays. */
static void make_parents(char *path)
{
    for (char *at = path; *at; at++)
        if (*at == '/' && at > path) {
            *at = 0;
            CALL3(mkdirat, AT_FDCWD, path, 0777);
            *at = '/';
        }
}

/* One that a program has made read-only is replaced. */
static long open_file(const char *path)
{
    long flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    long fd = CALL4(openat, AT_FDCWD, path, flags, 0644);
    if (fd != -EACCES && fd != -EPERM)
        return fd;
    long removed = CALL3(unlinkat, AT_FDCWD, path, 0);
    return removed < 0 ? removed : CALL4(openat, AT_FDCWD, path, flags, 0644);
}

/* Where the kernel cannot do without a copy: the command pipe of a sandbox with a kernel of its own is the host's. */
static long copy_file(int command, long fd, int64_t *left)
{
    static char part[1 << 16];
    while (*left > 0) {
        size_t wanted = *left < (int64_t)sizeof part ? (size_t)*left : sizeof part;
        read_exactly(command, part, wanted);
        *left -= (int64_t)wanted;
        for (size_t at = 0; at < wanted;) {
            long done = CALL3(write, fd, part + at, wanted - at);
            if (done == -EINTR)
                continue;
            if (done < 0)
                return done;
            at += (size_t)done;
        }
    }
    return 0;
}

/* From the pipe into the file without a copy in between. Returns an error and says how much of it is still in the pipe. */
static long fill_file(int command, long fd, int64_t *left)
{
    while (*left > 0) {
        long part = CALL6(splice, command, 0, fd, 0, *left, 0);
        if (part == -EINTR)
            continue;
        if (part == -EINVAL)
            return copy_file(command, fd, left);
        if (part < 0)
            return part;
        if (part == 0)
            leave(0);
        *left -= part;
    }
    return 0;
}

static long open_target(struct file *file)
{
    if (!file->path[0])
        return -ENAMETOOLONG;
    long fd = open_file(file->path);
    if (fd != -ENOENT)
        return fd;
    make_parents(file->path);
    return open_file(file->path);
}

/* Closes a file that was filled, with what else is known of it. `result`: of filling it. */
static long finish(long fd, const struct file *file, long result)
{
    if (result >= 0)
        result = CALL2(fchmod, fd, file->mode);
    if (result >= 0 && file->has_time) {
        int64_t whole = file->modified / 1000, rest = file->modified % 1000;
        if (rest < 0) {
            whole--;
            rest += 1000;
        }
        int64_t times[4] = {whole, rest * 1000000, whole, rest * 1000000};
        result = CALL4(utimensat, fd, 0, times, 0);
    }
    CALL1(close, fd);
    return result < 0 ? result : 0;
}

static long write_to(int command, struct file *file, int64_t *left)
{
    long fd = open_target(file);
    return fd < 0 ? fd : finish(fd, file, fill_file(command, fd, left));
}

static void skip(int command, int64_t left)
{
    char nowhere[512];
    while (left > 0) {
        size_t part = left < (int64_t)sizeof nowhere ? (size_t)left : sizeof nowhere;
        read_exactly(command, nowhere, part);
        left -= (int64_t)part;
    }
}

long write_file(int command, struct file *file)
{
    int64_t left = file->size;
    long result = write_to(command, file, &left);
    skip(command, left);
    return result;
}

int kept_programs = -1;

/* Of the folder itself: a name that leads nowhere else. */
static int is_plain(const char *name)
{
    for (const char *at = name; *at; at++)
        if (!((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f') || *at == '-'))
            return 0;
    return *name != 0;
}

/* What is shorter than it was said to be is not whole. */
static long copy_from(long from, long to, int64_t left)
{
    while (left > 0) {
        long part = CALL4(sendfile, to, from, 0, left);
        if (part == -EINTR)
            continue;
        if (part <= 0)
            return part < 0 ? part : -EIO;
        left -= part;
    }
    return 0;
}

long place_file(struct slice value, struct file *file)
{
    char name[256];
    if (kept_programs < 0 || json_text(value, name, sizeof name) < 1 || !is_plain(name))
        fail("a program that is kept", 0);
    long from = CALL4(openat, kept_programs, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    if (from < 0)
        return from;
    long to = open_target(file);
    long result = to < 0 ? to : finish(to, file, copy_from(from, to, file->size));
    CALL1(close, from);
    return result;
}

struct file *file_of(const struct member *order, int count)
{
    struct file *file = &ordered;
    struct slice time = json_find(order, count, "modified");
    full_path(json_find(order, count, "path"), file->path);
    if (json_number(json_find(order, count, "size"), &file->size) < 0 || file->size < 0
        || json_number(json_find(order, count, "mode"), &file->mode) < 0)
        fail("an order to write a file", 0);
    file->has_time = time.at != 0;
    if (file->has_time && json_number(time, &file->modified) < 0)
        fail("an order to write a file", 0);
    return file;
}

void make_folder(struct slice value)
{
    full_path(value, ordered.path);
    make_parents(ordered.path);
    CALL3(mkdirat, AT_FDCWD, ordered.path, 0777);
}

void open_input(void)
{
    long fd = CALL4(openat, AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd == -EOPNOTSUPP) {
        /* gVisor has no files without a name. Nothing of a user runs yet. */
        fd = CALL4(openat, AT_FDCWD, "/tmp/.input", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
        CALL3(unlinkat, AT_FDCWD, "/tmp/.input", 0);
    }
    checked(fd, "open standard input");
    checked(CALL3(dup3, fd, 0, 0), "open standard input");
    CALL1(close, fd);
}

void fill_input(int command, int64_t size)
{
    char part[512];
    for (int64_t at = 0; at < size;) {
        size_t wanted = size - at < (int64_t)sizeof part ? (size_t)(size - at) : sizeof part;
        read_exactly(command, part, wanted);
        for (size_t done = 0; done < wanted;)
            done += (size_t)checked(CALL4(pwrite64, 0, part + done, wanted - done, at + (int64_t)done), "fill standard input");
        at += (int64_t)wanted;
    }
}
