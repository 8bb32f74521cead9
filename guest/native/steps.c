#include "steps.h"

/* Arguments of 128 KiB have six times that length when all of it is escaped. */
static char frame[1 << 20];

void leave(int code)
{
    for (;;)
        CALL1(exit_group, code);
}

void tell(const char *step, long error)
{
    char buffer[200];
    struct line line = {buffer, 0, sizeof buffer, 0};
    put(&line, step);
    put(&line, ": ");
    put(&line, error ? error_text(error) : "unexpected");
    put(&line, " (");
    put_number(&line, error);
    put(&line, ")\n");
    CALL3(write, 2, line.at, line.length);
}

void fail(const char *step, long error)
{
    tell(step, error);
    leave(97);
}

long checked(long result, const char *step)
{
    if (result < 0)
        fail(step, result);
    return result;
}

void read_exactly(int fd, void *into, size_t size)
{
    for (size_t at = 0; at < size;) {
        long got = CALL3(read, fd, (char *)into + at, size - at);
        if (got == -EINTR)
            continue;
        if (checked(got, "read") == 0)
            leave(0);
        at += (size_t)got;
    }
}

void write_all(int fd, struct slice bytes)
{
    while (bytes.length > 0) {
        long done = CALL3(write, fd, bytes.at, bytes.length);
        if (done == -EINTR)
            continue;
        checked(done, "write");
        bytes.at += done;
        bytes.length -= (size_t)done;
    }
}

struct slice read_frame(int fd)
{
    uint8_t head[4];
    read_exactly(fd, head, sizeof head);
    size_t size = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (size > sizeof frame)
        fail("an order beyond all bounds", 0);
    read_exactly(fd, frame, size);
    return (struct slice){frame, size};
}

void use_frame(void)
{
    *(volatile char *)frame = 0;
}

void write_frame(int fd, struct slice body)
{
    char buffer[512];
    struct line line = {buffer, 0, sizeof buffer, 0};
    for (int shift = 24; shift >= 0; shift -= 8)
        buffer[line.length++] = (char)(body.length >> shift);
    put_slice(&line, body);
    if (line.is_full) {
        write_all(fd, (struct slice){buffer, 4});
        write_all(fd, body);
    } else {
        /* In one piece, which wakes the reader once. */
        write_all(fd, (struct slice){line.at, line.length});
    }
}

void keep_only(int *kept, int count, int lowest)
{
    for (int each = 0; each < count; each++)
        kept[each] = (int)checked(CALL3(fcntl, kept[each], F_DUPFD_CLOEXEC, lowest), "fcntl");
    /* No descriptor has a higher number. Older versions of gVisor know no number beyond. */
    uint32_t first = 3, last = INT32_MAX;
    for (;;) {
        uint32_t next = last;
        for (int each = 0; each < count; each++)
            if ((uint32_t)kept[each] >= first && (uint32_t)kept[each] < next)
                next = (uint32_t)kept[each];
        if (next > first)
            checked(CALL3(close_range, first, next == last ? last : next - 1, 0), "close_range");
        if (next == last)
            return;
        first = next + 1;
    }
}
