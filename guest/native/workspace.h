/* The user's folder, and the files that the service puts there. */
#pragma once

#include "steps.h"

enum { PATH_ROOM = 4096 };

/* A file to be written. */
struct file {
    char path[PATH_ROOM]; /* Absolute; empty where it is too long to be one. */
    int64_t size, mode;
    int has_time;
    int64_t modified; /* Milliseconds since the epoch. */
};

/*
 * Writes a file whose bytes are read from `command`, with the folders that it is in. Returns 0 or an error; the bytes are read then, too.
 *
 * The service has checked the path. The workspace may belong to a running program, so whatever it has put there, a pipe for example,
 * must not block this process.
 */
long write_file(int command, struct file *file);

/*
 * The folder of programs that the service keeps, or -1: its files are the service's, and only a sandbox's first process has it, until a
 * program runs.
 */
extern int kept_programs;

/* Writes a file that is a copy of the kept program of this name, by the kernel alone. Returns 0 or an error. */
long place_file(struct slice name, struct file *file);

/* The file of a `write` or `place` order, until the next one. */
struct file *file_of(const struct member *order, int count);

/* Makes a folder of the workspace, with those it is in. What is at its place stays, and then the folder is missing. */
void make_folder(struct slice path);

/* Makes standard input an empty file. */
void open_input(void);

/* Fills standard input, from its start, with `size` bytes from `command`. A program that waits shares the file's position. */
void fill_input(int command, int64_t size);
