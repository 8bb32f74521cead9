#include "programs.h"

#include "confine.h"

enum { MOST_ARGUMENTS = 10300, MOST_VARIABLES = 512, TEXT_ROOM = 1 << 20 };
/* As vfork(). */
enum { CLONE_SHARING = 0x100, CLONE_WAITING = 0x4000 };

/* When memory runs out, the kernel kills programs first, then the inits of programs: see guest/agent/protection.py. */
#define SCORE_OF_WAITING "500"
#define SCORE_OF_INITS "900"
#define SCORE_OF_PROGRAMS "1000"

static char *const *own_environment;

/* The words of a command and the variables of its environment, as the kernel wants them. */
static char text[TEXT_ROOM];
static size_t text_length;
static char *arguments[MOST_ARGUMENTS + 1];
static char *variables[MOST_VARIABLES + 1];
static struct slice values[MOST_ARGUMENTS];
static struct member members[MOST_VARIABLES];

void use_environment(char *const *environment)
{
    own_environment = environment;
}

char *const *usual_environment(void)
{
    return own_environment;
}

static char *keep(struct slice value)
{
    char *kept = text + text_length;
    long length = json_text(value, kept, sizeof text - text_length);
    if (length < 0)
        fail("a word of a command", 0);
    text_length += (size_t)length + 1;
    return kept;
}

static void read_arguments(struct slice argv)
{
    int count = json_elements(argv, values, MOST_ARGUMENTS);
    if (count < 1)
        fail("the words of a command", 0);
    for (int each = 0; each < count; each++)
        arguments[each] = keep(values[each]);
    arguments[count] = 0;
}

static int is_variable(const char *variable, struct slice name)
{
    return length_of(variable) > name.length && memcmp(variable, name.at, name.length) == 0 && variable[name.length] == '=';
}

static const char *value_of(const char *name)
{
    struct slice wanted = {name, length_of(name)};
    for (char *const *each = variables; *each; each++)
        if (is_variable(*each, wanted))
            return *each + wanted.length + 1;
    return 0;
}

/* Our own environment, and over it that of the order. */
static void read_environment(struct slice env)
{
    int added = json_members(env, members, MOST_VARIABLES);
    int count = 0;
    if (added < 0)
        fail("the environment of a program", 0);
    for (int each = 0; each < added; each++, count++) {
        struct slice name = members[each].name;
        if (name.length >= sizeof text - text_length)
            fail("the environment of a program", 0);
        variables[count] = text + text_length;
        memcpy(variables[count], name.at, name.length);
        text_length += name.length;
        text[text_length++] = '=';
        keep(members[each].value);
    }
    for (char *const *own = own_environment; *own; own++) {
        int is_replaced = 0;
        for (int each = 0; each < added; each++)
            is_replaced |= is_variable(*own, members[each].name);
        if (is_replaced)
            continue;
        if (count == MOST_VARIABLES)
            fail("the environment of a program", 0);
        variables[count++] = *own;
    }
    variables[count] = 0;
}

/* In gVisor, which has no order of killing, /proc does not show the first process (alone.c). */
int open_score(void)
{
    long fd = CALL4(openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
    if (fd == -ENOENT)
        fd = CALL4(openat, AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC, 0);
    return (int)checked(fd, "oom_score_adj");
}

static void set_score(int fd, const char *score)
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

/* As execvpe(): a name without a slash is looked for in PATH. Returns why there is no such program. */
static long execute(void)
{
    const char *name = arguments[0], *path = value_of("PATH");
    size_t length = length_of(name);
    for (const char *at = name; *at; at++)
        if (*at == '/')
            return CALL3(execve, name, arguments, variables);
    long error = -ENOENT;
    for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
        const char *end = at;
        while (*end && *end != ':')
            end++;
        char candidate[4096];
        struct line line = {candidate, 0, sizeof candidate, 0};
        put_slice(&line, (struct slice){at, (size_t)(end - at)});
        put(&line, "/");
        put_slice(&line, (struct slice){name, length + 1});
        if (!line.is_full) {
            long result = CALL3(execve, candidate, arguments, variables);
            if (result == -EACCES)
                error = result;
            else if (result != -ENOENT && result != -ENOTDIR)
                return result;
        }
        at = *end ? end + 1 : end;
    }
    return error;
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
    text_length = 0;
    read_arguments(json_find(order, count, "argv"));
    read_environment(json_find(order, count, "env"));
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
        fail(arguments[0], fault);
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

struct ending run_program(const struct member *order, int count, int signals)
{
    int score = open_score();
    int program = start_program(order, count, -1, score);
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

void park_program(struct parked *parked, const struct member *order, int count)
{
    int ends[2];
    checked(CALL2(pipe2, ends, O_CLOEXEC), "pipe");
    int score = open_score();
    int pid = start_program(order, count, ends[0], score);
    CALL1(close, ends[0]);
    *parked = (struct parked){pid, ends[1], -1, score, {0}};
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
    *parked = (struct parked){0, orders[1], codes[0], 0, {0}};
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
    struct line line = {text, 0, sizeof text, 0};
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
