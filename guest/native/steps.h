/* How a sandbox fails, and what it says and hears. */
#pragma once

#include "json.h"
#include "kernel.h"

/* A line on stderr: what was done, and the error. */
void tell(const char *step, long error);

/* Ends this process with 97 and a line on stderr, the name of the step and the error: nothing of a sandbox may be missing. */
_Noreturn void fail(const char *step, long error);
_Noreturn void leave(int code);

/* The result of a call that must succeed. */
long checked(long result, const char *step);

/* Reads `size` bytes. Where the stream ends before, the service is gone, and this process ends. */
void read_exactly(int fd, void *into, size_t size);
void write_all(int fd, struct slice bytes);

/* A frame: four bytes of length, big-endian, then JSON. It is valid until the next one is read. */
struct slice read_frame(int fd);
void write_frame(int fd, struct slice body);
/* Writes to where frames are read to. */
void use_frame(void);

/*
 * Moves these descriptors out of the way of user code, to the first free numbers from `lowest` on, which are below the lowest limit on
 * open files, and closes all others but the streams.
 */
void keep_only(int *kept, int count, int lowest);
