/*
 * The kernel's calls, without a C library: what runs between a fork and the first line of a program must not allocate, lock or buffer,
 * and the same code has to work inside Python, which brings a library, and in a program that has none.
 *
 * A call returns what the kernel returns: a negative number is an error, as in -ENOENT.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
enum {
    SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_madvise = 28, SYS_rt_sigaction = 13, SYS_rt_sigprocmask = 14, SYS_ioctl = 16, SYS_pread64 = 17, SYS_pwrite64 = 18, SYS_sendfile = 40,
    SYS_socket = 41, SYS_clone = 56, SYS_execve = 59, SYS_wait4 = 61, SYS_kill = 62, SYS_fcntl = 72, SYS_chdir = 80, SYS_fchmod = 91,
    SYS_umask = 95, SYS_getuid = 102, SYS_setpgid = 109, SYS_setsid = 112, SYS_setresuid = 117, SYS_setresgid = 119, SYS_capset = 126, SYS_prctl = 157,
    SYS_mount = 165, SYS_sethostname = 170, SYS_exit_group = 231, SYS_openat = 257, SYS_mkdirat = 258, SYS_mknodat = 259, SYS_fchownat = 260, SYS_unlinkat = 263, SYS_linkat = 265,
    SYS_faccessat = 269, SYS_ppoll = 271, SYS_unshare = 272, SYS_splice = 275, SYS_utimensat = 280, SYS_signalfd4 = 289, SYS_dup3 = 292, SYS_pipe2 = 293,
    SYS_set_tid_address = 218, SYS_set_robust_list = 273, SYS_get_robust_list = 274, SYS_prlimit64 = 302, SYS_getrandom = 318, SYS_execveat = 322,
    SYS_rseq = 334, SYS_close_range = 436, SYS_getpid = 39, SYS_sigaltstack = 131, SYS_gettid = 186, SYS_getdents64 = 217, SYS_epoll_ctl = 233,
    SYS_tgkill = 234, SYS_readlinkat = 267, SYS_eventfd2 = 290, SYS_epoll_create1 = 291, SYS_seccomp = 317,
};
#elif defined(__aarch64__)
enum {
    SYS_fcntl = 25, SYS_dup3 = 24, SYS_ioctl = 29, SYS_mknodat = 33, SYS_mkdirat = 34, SYS_unlinkat = 35, SYS_linkat = 37, SYS_mount = 40, SYS_faccessat = 48,
    SYS_chdir = 49, SYS_fchmod = 52, SYS_fchownat = 54, SYS_openat = 56, SYS_close = 57, SYS_pipe2 = 59, SYS_read = 63, SYS_write = 64, SYS_pread64 = 67, SYS_pwrite64 = 68, SYS_sendfile = 71,
    SYS_ppoll = 73, SYS_signalfd4 = 74, SYS_splice = 76, SYS_utimensat = 88, SYS_capset = 91, SYS_exit_group = 94, SYS_unshare = 97, SYS_kill = 129,
    SYS_rt_sigaction = 134, SYS_rt_sigprocmask = 135, SYS_setresuid = 147, SYS_setresgid = 149, SYS_setpgid = 154, SYS_setsid = 157,
    SYS_madvise = 233, SYS_sethostname = 161, SYS_umask = 166, SYS_prctl = 167, SYS_getuid = 174, SYS_socket = 198, SYS_clone = 220, SYS_execve = 221,
    SYS_set_tid_address = 96, SYS_set_robust_list = 99, SYS_get_robust_list = 100, SYS_wait4 = 260, SYS_prlimit64 = 261, SYS_getrandom = 278,
    SYS_execveat = 281, SYS_rseq = 293, SYS_close_range = 436, SYS_eventfd2 = 19, SYS_epoll_create1 = 20, SYS_epoll_ctl = 21, SYS_getdents64 = 61,
    SYS_readlinkat = 78, SYS_tgkill = 131, SYS_sigaltstack = 132, SYS_getpid = 172, SYS_gettid = 178, SYS_seccomp = 277,
};
#else
#error "no system call numbers for this processor"
#endif

/* Six arguments always: the kernel ignores those that a call lacks. */
static inline long kernel(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#endif
}

#define CALL1(name, a) kernel(SYS_##name, (long)(a), 0, 0, 0, 0, 0)
#define CALL2(name, a, b) kernel(SYS_##name, (long)(a), (long)(b), 0, 0, 0, 0)
#define CALL3(name, a, b, c) kernel(SYS_##name, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define CALL4(name, a, b, c, d) kernel(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define CALL5(name, a, b, c, d, e) kernel(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define CALL6(name, a, b, c, d, e, f) kernel(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

enum {
    EPERM = 1, ENOENT = 2, EINTR = 4, EIO = 5, ENXIO = 6, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EEXIST = 17, ENOTDIR = 20, EISDIR = 21,
    EINVAL = 22, ENFILE = 23, EMFILE = 24, EFBIG = 27, ENOSPC = 28, EROFS = 30, ENAMETOOLONG = 36, ELOOP = 40, EOPNOTSUPP = 95, EDQUOT = 122,
};

enum { AT_FDCWD = -100, AT_REMOVEDIR = 0x200, AT_EMPTY_PATH = 0x1000 };
enum { O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_TRUNC = 01000, O_NONBLOCK = 04000, O_CLOEXEC = 02000000 };
#if defined(__x86_64__)
enum { O_DIRECTORY = 0200000, O_NOFOLLOW = 0400000 };
#else
enum { O_DIRECTORY = 040000, O_NOFOLLOW = 0100000 };
#endif
enum { O_TMPFILE = 020000000 | O_DIRECTORY };
enum { F_DUPFD_CLOEXEC = 1030, F_SETPIPE_SZ = 1031, F_SETFD = 2, F_GETFL = 3, FD_CLOEXEC = 1, FIONREAD = 0x541b };
enum { SIGINT = 2, SIGKILL = 9, SIGUSR1 = 10, SIGPIPE = 13, SIGCHLD = 17, SIGXFSZ = 25 };
enum { SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2, WNOHANG = 1, POLLIN = 1 };

struct pollfd {
    int fd;
    short events, revents;
};

/* A set of signals, as the kernel has it. */
#define SIGNAL(number) (UINT64_C(1) << ((number) - 1))

/* What is done on a signal, as the kernel has it. */
struct action {
    uint64_t parts[4];
};

/* Changes it; either may be null. */
static inline long exchange_action(int number, const struct action *now, struct action *before)
{
    return CALL4(rt_sigaction, number, now, before, 8);
}

/* The way in which a signal is met: 0 as usual, 1 not at all. */
static inline long meet_signal(int number, long how)
{
    struct action action = {{(uint64_t)how, 0, 0, 0}};
    return exchange_action(number, &action, 0);
}

static inline long mask_signals(int how, uint64_t set)
{
    return CALL4(rt_sigprocmask, how, &set, 0, 8);
}

/* As poll() without an end; -EINTR never comes back. */
static inline long wait_for(struct pollfd *polled, int count)
{
    long ready;
    do
        ready = CALL5(ppoll, polled, count, 0, 0, 8);
    while (ready == -EINTR);
    return ready;
}
