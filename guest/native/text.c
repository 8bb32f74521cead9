#include "text.h"

#include "kernel.h"

size_t length_of(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

int is_text(struct slice slice, const char *text)
{
    return slice.at && slice.length == length_of(text) && memcmp(slice.at, text, slice.length) == 0;
}

void put_slice(struct line *line, struct slice slice)
{
    if (slice.length > line->room - line->length) {
        line->is_full = 1;
        return;
    }
    memcpy(line->at + line->length, slice.at, slice.length);
    line->length += slice.length;
}

void put(struct line *line, const char *text)
{
    put_slice(line, (struct slice){text, length_of(text)});
}

void put_number(struct line *line, int64_t number)
{
    char digits[20];
    int count = 0;
    uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do
        digits[sizeof digits - (size_t)++count] = (char)('0' + left % 10);
    while (left /= 10);
    if (number < 0)
        put(line, "-");
    put_slice(line, (struct slice){digits + sizeof digits - count, (size_t)count});
}

const char *error_text(long error)
{
    switch (error < 0 ? -error : error) {
    case EPERM: return "Operation not permitted";
    case ENOENT: return "No such file or directory";
    case ENXIO: return "No such device or address";
    case EAGAIN: return "Resource temporarily unavailable";
    case ENOMEM: return "Cannot allocate memory";
    case EACCES: return "Permission denied";
    case EEXIST: return "File exists";
    case ENOTDIR: return "Not a directory";
    case EISDIR: return "Is a directory";
    case EINVAL: return "Invalid argument";
    case ENFILE: return "Too many open files in system";
    case EMFILE: return "Too many open files";
    case EFBIG: return "File too large";
    case ENOSPC: return "No space left on device";
    case EROFS: return "Read-only file system";
    case ENAMETOOLONG: return "File name too long";
    case ELOOP: return "Too many levels of symbolic links";
    case EDQUOT: return "Disk quota exceeded";
    default: return "Input/output error";
    }
}
