#include "confine.h"

enum { MS_RDONLY = 1, MS_NOSUID = 2, MS_NODEV = 4, MS_NOEXEC = 8, MS_REMOUNT = 32, MS_BIND = 4096, MS_REC = 16384, MS_PRIVATE = 1 << 18 };

/*
 * The host's own nodes, bound by bubblewrap. On a read-only mount they still work as devices, but their times, which every sandbox and
 * the host would see, cannot be set. bubblewrap cannot do this itself: its read-only mounts have no devices.
 */
static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};

/*
 * Files of /proc that tell of the host and that no program needs. Each costs every sandbox a mount, so files that the kernel keeps from
 * an ordinary user anyway (kcore, kmsg, vmallocinfo) are not listed.
 */
static const char *const host_files[] = {
    "/proc/cmdline", "/proc/config.gz", "/proc/diskstats", "/proc/kallsyms", "/proc/keys", "/proc/locks", "/proc/modules",
    "/proc/partitions",
};

/* One of folders is covered as a whole, by a folder of the image in which nothing is. A process may also ask to be woken by files of this one. */
#define HOST_FOLDER "/proc/pressure"
#define EMPTY_FOLDER "/sys"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int is_there[COUNT(host_files)], is_folder_there;
static int last_capability;
static int is_alone;

/* A compiled filter: BPF has at most 4096 instructions of 8 bytes. One that fills the buffer has been cut off. */
static char filter[4097 * 8];
static size_t filter_size;

static size_t read_file(const char *path, char *into, size_t room)
{
    int fd = (int)checked(CALL4(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), path);
    size_t size = 0;
    long got;
    while ((got = checked(CALL3(read, fd, into + size, room - size), path)) > 0)
        size += (size_t)got;
    CALL1(close, fd);
    return size;
}

void prepare_to_confine(int alone)
{
    is_alone = alone;
    for (size_t each = 0; each < COUNT(host_files); each++)
        is_there[each] = CALL3(faccessat, AT_FDCWD, host_files[each], 0) == 0;
    is_folder_there = CALL3(faccessat, AT_FDCWD, HOST_FOLDER, 0) == 0;
    char number[16];
    size_t length = read_file("/proc/sys/kernel/cap_last_cap", number, sizeof number);
    for (size_t at = 0; at < length && number[at] >= '0' && number[at] <= '9'; at++)
        last_capability = last_capability * 10 + number[at] - '0';
    if (last_capability == 0)
        fail("cap_last_cap", 0);
    filter_size = read_file("/opt/dragoman/seccomp.bpf", filter, sizeof filter);
    if (filter_size == 0 || filter_size == sizeof filter || filter_size % 8)
        fail("a seccomp program is an array of instructions", 0);
}

void enter_group(int directory, struct slice name)
{
    char path[128];
    struct line line = {path, 0, sizeof path, 0};
    put_slice(&line, name);
    put_slice(&line, (struct slice){"/tasks", sizeof "/tasks"});
    if (line.is_full)
        fail("the name of a control group", 0);
    int fd = (int)checked(CALL4(openat, directory, path, O_WRONLY | O_CLOEXEC, 0), path);
    checked(CALL3(write, fd, "0", 1), path);
    CALL1(close, fd);
}

void set_dumpable(int on)
{
    checked(CALL5(prctl, PR_SET_DUMPABLE, on, 0, 0, 0), "prctl(PR_SET_DUMPABLE)");
}

void part_from_init(void)
{
    if (is_alone)
        checked(CALL2(setpgid, 0, 0), "setpgid");
}

static void mount(const char *source, const char *target, const char *kind, long flags, const char *options)
{
    checked(CALL5(mount, source, target, kind, flags, options), target);
}

/* `more`: further options. */
static long try_tmpfs(const char *target, int64_t size, int64_t files, const char *mode, const char *more)
{
    char options[128];
    struct line line = {options, 0, sizeof options - 1, 0};
    put(&line, "size=");
    put_number(&line, size);
    put(&line, ",nr_inodes=");
    put_number(&line, files);
    put(&line, ",mode=");
    put(&line, mode);
    put(&line, more);
    options[line.length] = 0;
    return CALL5(mount, "tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, options);
}

static void mount_tmpfs(const char *target, int64_t size, int64_t files, const char *mode)
{
    checked(try_tmpfs(target, size, files, mode, ""), target);
}

static void mount_tmp(int64_t size)
{
#if defined(BARE)
    /* Compiled programs are put there in large pieces: in large pages, where the kernel has them, that takes a third of the time. */
    if (try_tmpfs("/tmp", size, 20000, "1777", ",huge=within_size") >= 0)
        return;
#endif
    mount_tmpfs("/tmp", size, 20000, "1777");
}

static void bring_loopback_up(void)
{
    enum { AF_INET = 2, SOCK_DGRAM = 2, SOCK_CLOEXEC = O_CLOEXEC, SIOCSIFFLAGS = 0x8914, IFF_UP = 1, IFF_RUNNING = 0x40 };
    struct {
        char name[16];
        int16_t flags;
        char rest[22];
    } request = {"lo", IFF_UP | IFF_RUNNING, {0}};
    int fd = (int)checked(CALL3(socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    checked(CALL3(ioctl, fd, SIOCSIFFLAGS, &request), "bring lo up");
    CALL1(close, fd);
}

void enter(const struct sizes *sizes)
{
    /* Leaving the zygote's user behind; the process must still own its files in /proc. */
    checked(CALL3(setresgid, 1000, 1000, 1000), "setresgid");
    checked(CALL3(setresuid, 1000, 1000, 1000), "setresuid");
    set_dumpable(1);
    mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
    for (size_t each = 0; each < COUNT(devices); each++)
        mount(0, devices[each], 0, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, 0);
    for (size_t each = 0; each < COUNT(host_files); each++)
        if (is_there[each])
            mount("/dev/null", host_files[each], 0, MS_BIND, 0);
    if (is_folder_there)
        mount(EMPTY_FOLDER, HOST_FOLDER, 0, MS_BIND, 0);
    mount_tmpfs("/dev/shm", sizes->shm_bytes, 2000, "1777");
    /* Terminals are one pool for the whole host: without `max` a sandbox could take all of it. */
    mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,max=16");
    mount_tmpfs(WORKSPACE, sizes->workspace_bytes, sizes->workspace_files, "755");
    mount_tmp(sizes->tmp_bytes);
    /* XDG_CONFIG_HOME. LibreOffice takes the user's home for its profile, which holds the user's files, unless the folder is there. */
    checked(CALL3(mkdirat, AT_FDCWD, "/tmp/.config", 0700), "/tmp/.config");
    checked(CALL2(sethostname, "sandbox", 7), "sethostname");
    bring_loopback_up();
    checked(CALL1(chdir, WORKSPACE), "chdir");
    CALL1(umask, 022);
}

/* gVisor has not every setting. There our user is not root, so that no exec gives capabilities, and nothing that is counted is shared. */
static void refusable(long result, const char *step)
{
    if (!is_alone || (result != -EINVAL && result != -EPERM))
        checked(result, step);
}

static void limit(int what, int64_t value)
{
    uint64_t both[2] = {(uint64_t)value, (uint64_t)value};
    checked(CALL4(prlimit64, 0, what, both, 0), "prlimit");
}

/* Empties every capability set, the bounding set too, and locks the way back. */
static void drop_capabilities(void)
{
    /* NOROOT, NO_SETUID_FIXUP and KEEP_CAPS off for good, each with its lock: no exec ever gives capabilities back. */
    refusable(CALL5(prctl, PR_SET_SECUREBITS, 0x2f, 0, 0, 0), "prctl(PR_SET_SECUREBITS)");
    for (int capability = 0; capability <= last_capability; capability++)
        checked(CALL5(prctl, PR_CAPBSET_DROP, capability, 0, 0, 0), "prctl(PR_CAPBSET_DROP)");
    refusable(CALL5(prctl, PR_CAP_AMBIENT, 4 /* clear all */, 0, 0, 0), "prctl(PR_CAP_AMBIENT)");
    uint32_t header[2] = {0x20080522, 0}, none[6] = {0};
    checked(CALL2(capset, header, none), "capset");
}

static int64_t memory_bound;

void bound_memory_to(int64_t bytes)
{
    memory_bound = bytes;
}

/*
 * Beyond the limit of its control group the whole sandbox is lost. Below it a program hears of it, so its address space is bounded.
 * Other languages reserve far more than they use; they raise the bound for themselves, or have none.
 */
void bound_memory(void)
{
    enum { AS = 9, PAGE = 4096 };
    if (memory_bound == 0)
        return;
    char text[64];
    size_t size = read_file("/proc/self/statm", text, sizeof text);
    int64_t pages = 0;
    for (size_t at = 0; at < size && text[at] >= '0' && text[at] <= '9'; at++)
        pages = pages * 10 + text[at] - '0';
    uint64_t both[2] = {(uint64_t)(pages * PAGE + memory_bound), ~UINT64_C(0)};
    checked(CALL4(prlimit64, 0, AS, both, 0), "prlimit");
}

static void limit_where_possible(int what, int64_t value)
{
    uint64_t both[2] = {(uint64_t)value, (uint64_t)value};
    refusable(CALL4(prlimit64, 0, what, both, 0), "prlimit");
}

void lock_down(int64_t open_files)
{
    enum { CORE = 4, NOFILE = 7, MEMLOCK = 8, SIGPENDING = 11, MSGQUEUE = 12, NICE = 13, RTPRIO = 14 };
    /* Not 0: where the host pipes core dumps into a program of its own, only 1 keeps a crash from starting it. */
    limit_where_possible(CORE, 1);
    limit(NOFILE, open_files);
    limit_where_possible(MEMLOCK, 65536);
    limit_where_possible(MSGQUEUE, 0);
    limit_where_possible(SIGPENDING, 1024);
    limit_where_possible(NICE, 0);
    limit_where_possible(RTPRIO, 0);
    drop_capabilities();
    checked(CALL5(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)");
    struct {
        uint16_t count;
        const char *instructions;
    } program = {(uint16_t)(filter_size / 8), filter};
    checked(CALL5(prctl, PR_SET_SECCOMP, 2 /* filter */, &program, 0, 0), "prctl(PR_SET_SECCOMP)");
}
