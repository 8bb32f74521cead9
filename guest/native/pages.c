#include "pages.h"

enum { PAGE_SIZE = 4096, AT_A_TIME = 256 };
/* What the kernel maps of a file around a page that is asked for. */
enum { AROUND = 64 << 10 };

/* In /proc/self/pagemap: this process alone has it; it is of a file; it is there. */
#define IS_OWN (UINT64_C(1) << 56)
#define IS_OF_FILE (UINT64_C(1) << 61)
#define IS_THERE (UINT64_C(1) << 63)

static const struct area *known;
static int known_count;

void know_areas(const struct area *areas, int count)
{
    known = areas;
    known_count = count;
}

void have_areas(void)
{
    for (int each = 0; each < known_count; each++)
        CALL3(madvise, known[each].at, known[each].size, known[each].advice);
}

/* The area that is being found. */
static struct area found;

static void tell_found(int out)
{
    if (found.size > 0)
        write_all(out, (struct slice){(const char *)&found, sizeof found});
    found.size = 0;
}

/* Of what a fork writes to, every page; of files, one for each stretch, because that brings the others. */
static void meet(uint64_t at, uint64_t entry, uint64_t advice, int out)
{
    int is_used = advice == POPULATE_WRITE ? (entry & (IS_OWN | IS_OF_FILE)) == IS_OWN : (entry & IS_THERE) != 0;
    if (advice == POPULATE_WRITE) {
        if (is_used && found.size > 0 && found.at + found.size == at) {
            found.size += PAGE_SIZE;
            return;
        }
    } else if (is_used && found.size > 0 && found.at / AROUND == at / AROUND) {
        return;
    }
    if (!is_used)
        return;
    tell_found(out);
    found = (struct area){at, PAGE_SIZE, advice};
}

void tell_used(const struct area *areas, int count, int out)
{
    static uint64_t entries[AT_A_TIME];
    long map = checked(CALL4(openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0), "pagemap");
    for (int each = 0; each < count; each++) {
        uint64_t end = areas[each].at + areas[each].size;
        for (uint64_t at = areas[each].at; at < end;) {
            uint64_t pages = (end - at) / PAGE_SIZE;
            size_t wanted = (pages < AT_A_TIME ? pages : AT_A_TIME) * sizeof *entries;
            long got = checked(CALL4(pread64, map, entries, wanted, at / PAGE_SIZE * sizeof *entries), "pagemap");
            if (got < (long)sizeof *entries)
                fail("pagemap", 0);
            for (size_t index = 0; index < (size_t)got / sizeof *entries; index++, at += PAGE_SIZE)
                meet(at, entries[index], areas[each].advice, out);
        }
        tell_found(out);
    }
    CALL1(close, map);
}
