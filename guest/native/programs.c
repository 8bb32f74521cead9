#include "programs.h"

#include "command.h"
#include "confine.h"
#include "pages.h"

/* As vfork(). */
enum { CLONE_SHARING = 0x100, CLONE_SHARING_FILES = 0x400, CLONE_WAITING = 0x4000 };

/* In gVisor, which has no order of killing, /proc does not show the first process (alone.c). */
int open_score(void)
{
    long fd = CALL4(openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
    if (fd == -ENOENT)
        fd = CALL4(openat, AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC, 0);
    return (int)checked(fd, "oom_score_adj");
}

void set_score(int fd, const char *score)
{
    checked(CALL3(write, fd, score, length_of(score)), "oom_score_adj");
}

/* Before a program lives: it has our user and could otherwise write our memory. Its exec makes it dumpable again. */
static void be_init(void)
{
    set_dumpable(0);
    /* Of the signals that a program sends its init, only those with a handler arrive. */
    meet_signal(SIGINT, 1);
}

/* In a process that shares our memory, which waits until it has another one. What it says is why there is no such program. */
static _Noreturn void become_program(int input, volatile long *fault)
{
    static const int usual[] = {SIGINT, SIGPIPE, SIGXFSZ};
    for (size_t each = 0; each < sizeof usual / sizeof *usual; each++)
        meet_signal(usual[each], 0);
    mask_signals(SIG_SETMASK, 0);
    long error = 0;
    if (input == 3)
        error = CALL3(fcntl, input, F_SETFD, 0);
    else if (input >= 0)
        error = CALL3(dup3, input, 3, 0);
    if (error >= 0)
        error = execute();
    *fault = error;
    leave(97);
}

/* Starts the program of an order, with `input` as its descriptor 3 if that is one; returns its pid. */
static int start_program(const struct member *order, int count, int input, int score)
{
    read_command(order, count);
    be_init();
    /* It inherits the score, which is then lowered again here. */
    set_score(score, SCORE_OF_PROGRAMS);
    volatile long fault = 0;
    long pid = checked(CALL5(clone, CLONE_SHARING | CLONE_WAITING | SIGCHLD, 0, 0, 0, 0), "fork");
    if (pid == 0) {
        part_from_init();
        become_program(input, &fault);
    }
    set_score(score, SCORE_OF_WAITING);
    if (fault != 0)
        fail(command_name(), fault);
    return (int)pid;
}

/* From now on this process is the init of a program that runs, and reports its end; nothing else is lost with it. */
static void watch(int score)
{
    set_score(score, SCORE_OF_INITS);
    CALL1(close, score);
}

/* Reaps what has ended; says whether the program is among them. What it left behind dies with the sandbox. */
static int reap(int program, struct ending *ending)
{
    for (;;) {
        int status;
        long pid = CALL4(wait4, -1, &status, WNOHANG, 0);
        if (pid <= 0)
            return 0;
        if (pid == program) {
            *ending = (struct ending){status >> 8 & 0xff, status & 0x7f};
            return 1;
        }
    }
}

int is_told(int signals)
{
    struct {
        uint32_t number;
        char rest[124];
    } each;
    int told = 0;
    struct pollfd polled = {signals, POLLIN, 0};
    do {
        checked(CALL3(read, signals, &each, sizeof each), "signals");
        told |= each.number == SIGUSR1;
    } while (CALL5(ppoll, &polled, 1, ((int64_t[2]){0, 0}), 0, 8) > 0);
    return told;
}

/* `program` runs: waits for its end. */
static struct ending await_program(int program, int score, int signals)
{
    watch(score);
    /* SIGUSR1 of a program that begins with this variable says that its interpreter has the source open. */
    const char *source = value_of("_PROGRAM_SOURCE");
    for (;;) {
        struct pollfd polled = {signals, POLLIN, 0};
        checked(wait_for(&polled, 1), "poll");
        if (is_told(signals) && source)
            CALL3(unlinkat, AT_FDCWD, source, 0);
        struct ending ending;
        if (reap(program, &ending))
            return ending;
    }
}

/* Nobody needs it. */
static void end_parked(const struct parked *parked)
{
    int status;
    CALL2(kill, parked->pid, SIGKILL);
    while (CALL4(wait4, parked->pid, &status, 0, 0) == -EINTR)
        ;
}

struct ending run_program(struct parked *parked, const struct member *order, int count, int signals)
{
    int score = parked->pid == 0 ? open_score() : parked->score;
    int program;
    if (parked->pid != 0 && parked->is_ahead && is_remembered(order, count)) {
        program = parked->pid;
        CALL1(close, parked->orders);
    } else {
        if (parked->pid != 0) {
            end_parked(parked);
            CALL1(close, parked->orders);
        }
        program = start_program(order, count, -1, score);
    }
    return await_program(program, score, signals);
}

/* Of the process that is ahead of its program; it writes to our memory. */
static volatile long fault_ahead;
static volatile int is_program;

struct ending run_ahead(void (*obey)(void *), void *argument, int signals)
{
    int score = open_score(), status;
    be_init();
    set_score(score, SCORE_OF_PROGRAMS);
    long pid = checked(CALL5(clone, CLONE_SHARING | CLONE_SHARING_FILES | CLONE_WAITING | SIGCHLD, 0, 0, 0, 0), "fork");
    if (pid == 0) {
        obey(argument);
        fail("an order before the program", 0);
    }
    if (fault_ahead != 0)
        fail(command_name(), fault_ahead);
    if (!is_program) {
        while (CALL4(wait4, pid, &status, 0, 0) == -EINTR)
            ;
        leave(status == 0 ? 0 : LOST);
    }
    return await_program((int)pid, score, signals);
}

_Noreturn void become_ordered(const struct member *order, int count)
{
    read_command(order, count);
    is_program = 1;
    become_program(-1, &fault_ahead);
}

void park_program(struct parked *parked, const struct member *order, int count)
{
    int ends[2];
    checked(CALL2(pipe2, ends, O_CLOEXEC), "pipe");
    int score = open_score(), is_ahead = is_text(json_find(order, count, "ahead"), "true");
    if (is_ahead)
        remember_command(order, count);
    int pid = start_program(order, count, ends[0], score);
    CALL1(close, ends[0]);
    *parked = (struct parked){pid, ends[1], -1, score, {0}, is_ahead};
}

void fill_randomly(uint8_t *into, size_t size)
{
    if (checked(CALL3(getrandom, into, size, 0), "getrandom") != (long)size)
        fail("getrandom", 0);
}

int park_fork(struct parked *parked, struct become *become, int (*fork)(void))
{
    int orders[2], codes[2];
    checked(CALL2(pipe2, orders, O_CLOEXEC), "pipe");
    checked(CALL2(pipe2, codes, O_CLOEXEC), "pipe");
    *parked = (struct parked){0, orders[1], codes[0], 0, {0}, 0};
    fill_randomly(parked->key, KEY_SIZE);
    /* It waits long, and is not the first that the kernel should kill meanwhile: it inherits our score. */
    parked->score = open_score();
    struct action interrupted;
    checked(exchange_action(SIGINT, 0, &interrupted), "sigaction");
    be_init();
    parked->pid = fork();
    if (parked->pid < 0)
        fail("fork", -EAGAIN);
    if (parked->pid == 0) {
        checked(exchange_action(SIGINT, &interrupted, 0), "sigaction");
        int kept[] = {orders[0], codes[1]};
        keep_only(kept, 2, 230);
        part_from_init();
        set_dumpable(1);
        bound_memory();
        have_areas();
        *become = (struct become){kept[0], kept[1], open_score(), {0}, {0}};
        memcpy(become->key, parked->key, KEY_SIZE);
        fill_randomly(become->seed, sizeof become->seed);
        return 1;
    }
    CALL1(close, orders[0]);
    CALL1(close, codes[1]);
    return 0;
}

int is_lost(const struct parked *parked)
{
    int status;
    return parked->pid != 0 && CALL4(wait4, parked->pid, &status, WNOHANG, 0) != 0;
}

/* The orders of a parked process: these members of the order, as they came. */
static struct slice orders_of(const struct member *order, int count)
{
    static const char *const names[] = {"entry", "args", "stays"};
    struct line line = room_for_text();
    for (size_t each = 0; each < sizeof names / sizeof *names; each++) {
        struct slice value = json_find(order, count, names[each]);
        if (!value.at)
            fail(names[each], 0);
        put(&line, each == 0 ? "{\"" : ",\"");
        put(&line, names[each]);
        put(&line, "\":");
        put_slice(&line, value);
    }
    put(&line, "}");
    if (line.is_full)
        fail("the orders of a parked process", 0);
    return (struct slice){line.at, line.length};
}

/* What a fork has said so far: the last bytes, enough for a key that arrives in two parts. */
struct heard {
    uint8_t last[KEY_SIZE];
    int count;
};

/* Whether the key and the code after it have arrived. */
static int code_in(struct heard *heard, const uint8_t *key, const uint8_t *said, long size, int *code)
{
    for (long at = 0; at < size; at++) {
        if (heard->count == KEY_SIZE && memcmp(heard->last, key, KEY_SIZE) == 0) {
            *code = said[at];
            return 1;
        }
        if (heard->count == KEY_SIZE)
            memmove(heard->last, heard->last + 1, KEY_SIZE - 1);
        else
            heard->count++;
        heard->last[heard->count - 1] = said[at];
    }
    return 0;
}

struct ending run_parked(struct parked *parked, const struct member *order, int count, int signals)
{
    watch(parked->score);
    struct slice orders = orders_of(order, count);
    if (parked->codes >= 0)
        write_frame(parked->orders, orders);
    else
        write_all(parked->orders, orders);
    CALL1(close, parked->orders);
    struct pollfd polled[2] = {{signals, POLLIN, 0}, {parked->codes, POLLIN, 0}};
    struct heard heard = {{0}, 0};
    for (;;) {
        struct ending ending = {0, 0};
        checked(wait_for(polled, 2), "poll");
        if (polled[1].revents) {
            uint8_t said[512];
            long size = checked(CALL3(read, parked->codes, said, sizeof said), "the code of a fork");
            if (code_in(&heard, parked->key, said, size, &ending.code))
                return ending;
            if (size == 0)
                polled[1].fd = -1; /* Closed: its exit tells. */
        }
        if (polled[0].revents) {
            is_told(signals);
            if (reap(parked->pid, &ending))
                return ending;
        }
    }
}

void put_ending(struct line *line, struct ending ending)
{
    static const char *const names[] = {
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
        "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    };
    put(line, "\"code\":");
    if (ending.signal == 0) {
        put_number(line, ending.code);
        put(line, ",\"signal\":null");
        return;
    }
    put(line, "null,\"signal\":\"SIG");
    if (ending.signal <= (int)(sizeof names / sizeof *names))
        put(line, names[ending.signal - 1]);
    else if (ending.signal == 34 || ending.signal == 64)
        put(line, ending.signal == 34 ? "RTMIN" : "RTMAX");
    else
        put_number(line, ending.signal); /* Real-time signals have no name. */
    put(line, "\"");
}
