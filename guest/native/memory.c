#include "text.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    for (size_t at = 0; at < size; at++)
        ((char *)to)[at] = ((const char *)from)[at];
    return to;
}

void *memset(void *to, int value, size_t size)
{
    for (size_t at = 0; at < size; at++)
        ((char *)to)[at] = (char)value;
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    if ((uintptr_t)to <= (uintptr_t)from)
        return memcpy(to, from, size);
    while (size--)
        ((char *)to)[size] = ((const char *)from)[size];
    return to;
}

int memcmp(const void *one, const void *other, size_t size)
{
    const unsigned char *a = one, *b = other;
    for (; size; size--, a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}
