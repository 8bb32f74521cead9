/* Text without a library: pieces of text, and a line that is put together in a buffer of fixed size. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A piece of text that lies elsewhere. */
struct slice {
    const char *at;
    size_t length;
};

/* Text that grows in a buffer. What does not fit is left out, and `is_full` tells. */
struct line {
    char *at;
    size_t length, room;
    int is_full;
};

/* The compiler makes calls of these by itself. */
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int value, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *one, const void *other, size_t size);

size_t length_of(const char *text);
int is_text(struct slice slice, const char *text);
void put(struct line *line, const char *text);
void put_slice(struct line *line, struct slice slice);
void put_number(struct line *line, int64_t number);

/* What went wrong, in the words of the C library: "No space left on device". */
const char *error_text(long error);
