#include "descriptors.h"

#include "numbers.h"

enum { EVENT, SET, PIPE_END, NOTHING };
enum { MOST_DESCRIPTORS = 64, MOST_WATCHES = 64, O_ACCMODE = 3, FIRST = 3, PASSED_LAST = 120, EPOLL_CTL_ADD = 1 };

struct descriptor {
    int fd, kind, flags;
    int other; /* The other end of a pipe; -1: it comes with that one. */
    int held; /* Bytes in a pipe, or the count of an event. */
    char name[64];
};

struct watch {
    int set, fd;
    int64_t events, data;
};

static struct descriptor descriptors[MOST_DESCRIPTORS];
static struct watch watches[MOST_WATCHES];
static int descriptor_count, watch_count;

static char *path_of(const char *folder, int fd)
{
    static char path[64];
    struct line line = {path, 0, sizeof path - 1, 0};
    put(&line, folder);
    put_number(&line, fd);
    path[line.length] = 0;
    return path;
}

/* The number behind a word, the next one from `*at` on: 0, or -1 where it is not there. */
static int number_behind(const char *word, int base, const char **at, int64_t *into)
{
    size_t length = length_of(word);
    for (const char *each = *at; *each; each++) {
        if (memcmp(each, word, length) != 0)
            continue;
        for (each += length; *each == ' ' || *each == '\t';)
            each++;
        for (*into = 0;; each++) {
            int digit = *each >= '0' && *each <= '9' ? *each - '0' : *each >= 'a' && *each <= 'f' ? *each - 'a' + 10 : base;
            if (digit >= base)
                break;
            *into = *into * base + digit;
        }
        *at = each;
        return 0;
    }
    return -1;
}

static const char *about(int fd)
{
    static char text[8192 + 16];
    long file = checked(CALL4(openat, AT_FDCWD, path_of("/proc/self/fdinfo/", fd), O_RDONLY | O_CLOEXEC, 0), "fdinfo");
    long size = 0, got;
    while ((got = checked(CALL3(read, file, text + size, 8192 - size), "fdinfo")) > 0)
        size += got;
    if (size == 8192)
        fail("a set of descriptors beyond all bounds", 0);
    CALL1(close, file);
    /* Longer than any word that is looked for, so that it may be compared at the end, too. */
    memset(text + size, 0, 16);
    return text;
}

static void learn_set(int fd)
{
    const char *at = about(fd);
    for (;;) {
        struct watch watch = {fd, 0, 0, 0};
        int64_t watched;
        if (number_behind("tfd:", 10, &at, &watched) < 0)
            return;
        if (number_behind("events:", 16, &at, &watch.events) < 0 || number_behind("data:", 16, &at, &watch.data) < 0
            || watch_count == MOST_WATCHES)
            fail("a set of descriptors", 0);
        watch.fd = (int)watched;
        watches[watch_count++] = watch;
    }
}

/* The other end of a pipe has the same name. */
static void learn_pipe(struct descriptor *descriptor)
{
    checked(CALL3(ioctl, descriptor->fd, FIONREAD, &descriptor->held), "FIONREAD");
    for (struct descriptor *each = descriptors; each < descriptor; each++)
        if (each->kind == PIPE_END && each->other < 0 && is_text((struct slice){each->name, length_of(each->name)}, descriptor->name)) {
            each->other = descriptor->fd;
            descriptor->other = each->fd;
            return;
        }
}

static void learn(int fd)
{
    struct descriptor *own = &descriptors[descriptor_count];
    *own = (struct descriptor){.fd = fd, .other = -1};
    long length = CALL4(readlinkat, AT_FDCWD, path_of("/proc/self/fd/", fd), own->name, sizeof own->name - 1);
    if (length == -ENOENT)
        return; /* The folder of them itself. */
    checked(length, "readlink");
    descriptor_count++;
    own->flags = (int)checked(CALL3(fcntl, fd, F_GETFL, 0), "fcntl");
    struct slice name = {own->name, length_of(own->name)};
    if (is_text(name, "anon_inode:[eventfd]")) {
        int64_t count = 0;
        const char *at = about(fd);
        own->kind = EVENT;
        if (number_behind("eventfd-count:", 16, &at, &count) < 0)
            fail("an event", 0);
        own->held = (int)count;
    } else if (is_text(name, "anon_inode:[eventpoll]")) {
        own->kind = SET;
        learn_set(fd);
    } else if (name.length > 5 && memcmp(name.at, "pipe:", 5) == 0) {
        own->kind = PIPE_END;
        learn_pipe(own);
    } else if (is_text(name, "/dev/null")) {
        own->kind = NOTHING;
    } else {
        fail(own->name, 0);
    }
}

void learn_descriptors(const int *passed, int count)
{
    int numbers[MOST_DESCRIPTORS], open = numbers_in("/proc/self/fd", numbers, MOST_DESCRIPTORS);
    for (int each = 0; each < open; each++) {
        int is_passed = numbers[each] < FIRST;
        for (int other = 0; other < count; other++)
            is_passed |= numbers[each] == passed[other];
        if (!is_passed)
            learn(numbers[each]);
    }
    for (int each = 0; each < descriptor_count; each++)
        if (descriptors[each].kind == PIPE_END && descriptors[each].other < 0)
            fail("a pipe to another process", 0);
}

/* Gives a new descriptor its number. */
static void number(long made, int fd)
{
    if (checked(made, "a descriptor") == fd)
        return;
    checked(CALL3(dup3, made, fd, O_CLOEXEC), "dup");
    CALL1(close, made);
}

static void make_pipe(const struct descriptor *one)
{
    int is_writer = (one->flags & O_ACCMODE) == O_WRONLY, ends[2];
    int reader = is_writer ? one->other : one->fd, writer = is_writer ? one->fd : one->other;
    checked(CALL2(pipe2, ends, O_CLOEXEC | (one->flags & O_NONBLOCK)), "pipe");
    /* The number of one may be that which the other has now. */
    long away = checked(CALL3(fcntl, ends[1], F_DUPFD_CLOEXEC, PASSED_LAST), "fcntl");
    CALL1(close, ends[1]);
    number(ends[0], reader);
    number(away, writer);
    for (int each = 0; each < one->held; each++)
        checked(CALL3(write, writer, "", 1), "a pipe");
}

void make_descriptors(void)
{
    for (const struct descriptor *each = descriptors; each < descriptors + descriptor_count; each++) {
        if (each->kind == EVENT)
            number(CALL2(eventfd2, each->held, O_CLOEXEC | (each->flags & O_NONBLOCK)), each->fd);
        else if (each->kind == SET)
            number(CALL1(epoll_create1, O_CLOEXEC), each->fd);
        else if (each->kind == NOTHING)
            number(CALL4(openat, AT_FDCWD, each->name, each->flags | O_CLOEXEC, 0), each->fd);
        else if (each->fd < each->other)
            make_pipe(each);
    }
    for (const struct watch *each = watches; each < watches + watch_count; each++) {
        struct __attribute__((packed)) {
            uint32_t events;
#if defined(__aarch64__)
            uint32_t gap;
#endif
            int64_t data;
        } event = {.events = (uint32_t)each->events, .data = each->data};
        checked(CALL4(epoll_ctl, each->set, EPOLL_CTL_ADD, each->fd, &event), "epoll_ctl");
    }
}
