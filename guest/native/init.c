#include "init.h"

#include "command.h"
#include "pages.h"
#include "threads.h"

#define PROGRAM "/opt/dragoman/native/zygote"
#define STATE "_INIT="

enum { CLONE_WITH_MEMORY = 0x100, CLONE_SET_TID = 0x1000000, CLONE_CLEAR_TID = 0x200000, MOST_OWN_VARIABLES = 256 };

#if !defined(BARE)

static int is_known;
static void *area, *robust_list, *tid;
static size_t robust_size;

void learn_thread(void *rseq)
{
    area = rseq;
    if (CALL5(prctl, PR_GET_TID_ADDRESS, &tid, 0, 0, 0) < 0)
        tid = 0;
    checked(CALL3(get_robust_list, 0, &robust_list, &robust_size), "get_robust_list");
    is_known = 1;
}

int can_give_away(void)
{
    return is_known;
}

/* The fork runs on the stack of before, so what the first process still does is here, with a stack of its own. */
static char other_stack[8192] __attribute__((aligned(16)));
static struct sandbox *given;
static char state[512];
static char *environment[MOST_OWN_VARIABLES + 2];
static char *const words[] = {(char *)PROGRAM, (char *)"init", 0};

static void put_member(struct line *line, const char *name, int64_t value)
{
    put(line, name);
    put_number(line, value);
}

/* What the new program needs to know. Its environment is its own secret, as it is not dumpable. */
static void write_state(void)
{
    const struct parked *parked = &given->parked;
    struct line line = {state, 0, sizeof state - 1, 0};
    put_member(&line, STATE "{\"command\":", given->command);
    put_member(&line, ",\"claims\":", given->claims);
    put_member(&line, ",\"signals\":", given->signals);
    put_member(&line, ",\"orders\":", parked->orders);
    put_member(&line, ",\"codes\":", parked->codes);
    put_member(&line, ",\"score\":", parked->score);
    put_member(&line, ",\"pid\":", parked->pid);
    put_member(&line, ",\"faulty\":", given->is_faulty);
    for (int each = 0; each < KEY_SIZE; each++)
        put_member(&line, each == 0 ? ",\"key\":[" : ",", parked->key[each]);
    put(&line, "]}");
    if (line.is_full)
        fail("the state of an init", 0);
    state[line.length] = 0;
}

/* The first process, once the fork is made. Nothing of the old stack may be touched. */
__attribute__((used)) static _Noreturn void leave_memory(long pid)
{
    given->parked.pid = (int)checked(pid, "clone");
    /* Of the signals that a program sends its init, only those with a handler arrive. */
    meet_signal(SIGINT, 1);
    const int kept[] = {given->command, given->claims, given->signals, given->parked.orders, given->parked.codes, given->parked.score};
    for (size_t each = 0; each < sizeof kept / sizeof *kept; each++)
        checked(CALL3(fcntl, kept[each], F_SETFD, 0), "fcntl");
    write_state();
    fail(PROGRAM, CALL3(execve, PROGRAM, words, environment));
}

/* A clone with the same memory goes on here, on this stack; this process, in leave_memory(). */
static void divide(void)
{
    long flags = CLONE_WITH_MEMORY | SIGCHLD | (tid ? CLONE_SET_TID | CLONE_CLEAR_TID : 0);
#if defined(__x86_64__)
    register long r10 __asm__("r10") = (long)tid;
    register long r8 __asm__("r8") = 0;
    register char *top __asm__("r12") = other_stack + sizeof other_stack;
    long result = SYS_clone;
    __asm__ volatile("mov %%rsp, %%rsi\n mov %[top], %%rsp\n syscall\n test %%rax, %%rax\n jz 1f\n mov %%rax, %%rdi\n call leave_memory\n 1:\n"
                     : "+a"(result), "+D"(flags)
                     : [top] "r"(top), "d"(0), "r"(r10), "r"(r8)
                     : "rsi", "rcx", "r11", "memory");
#else
    register long x8 __asm__("x8") = SYS_clone;
    register long x0 __asm__("x0") = flags;
    register long x2 __asm__("x2") = 0;
    register long x3 __asm__("x3") = 0;
    register long x4 __asm__("x4") = (long)tid;
    register char *top __asm__("x20") = other_stack + sizeof other_stack;
    __asm__ volatile("mov x1, sp\n mov sp, %[top]\n svc 0\n cbz x0, 1f\n bl leave_memory\n 1:\n"
                     : "+r"(x0)
                     : [top] "r"(top), "r"(x8), "r"(x2), "r"(x3), "r"(x4)
                     : "x1", "x30", "memory");
#endif
}

void park_giving_away(struct sandbox *sandbox)
{
    struct become *become = &sandbox->become;
    int orders[2], codes[2], count = 0;
    uint8_t key[KEY_SIZE];
    checked(CALL2(pipe2, orders, O_CLOEXEC), "pipe");
    checked(CALL2(pipe2, codes, O_CLOEXEC), "pipe");
    fill_randomly(key, sizeof key);
    /*
     * The fork inherits the score of a program: it could not write one itself without a look by the kernel at every process of the host for
     * others that share its memory. The new init takes its own back.
     */
    sandbox->parked = (struct parked){0, orders[1], codes[0], open_score(), {0}, 0};
    set_score(sandbox->parked.score, SCORE_OF_PROGRAMS);
    memcpy(sandbox->parked.key, key, sizeof key);
    given = sandbox;
    environment[count++] = state;
    for (char *const *own = usual_environment(); *own; own++) {
        if (count > MOST_OWN_VARIABLES)
            fail("the environment of a program", 0);
        environment[count++] = *own;
    }
    environment[count] = 0;
    /* By our exec the kernel would clear the number of the thread that is then the fork's. */
    CALL1(set_tid_address, 0);
    divide();
    /* The fork. What the kernel has forgotten of its thread: */
    if (area)
        checked(CALL4(rseq, area, RSEQ_SIZE, 0, RSEQ_SIGNATURE), "rseq");
    if (robust_list)
        checked(CALL2(set_robust_list, robust_list, robust_size), "set_robust_list");
    int kept[] = {orders[0], codes[1]};
    keep_only(kept, 2, 230);
    have_areas();
    *become = (struct become){kept[0], kept[1], -1, {0}, {0}};
    memcpy(become->key, key, sizeof key);
    fill_randomly(become->seed, sizeof become->seed);
}

#else

static int number_in(const struct member *members, int count, const char *name)
{
    int64_t value;
    if (json_number(json_find(members, count, name), &value) < 0)
        fail("the state of an init", 0);
    return (int)value;
}

void go_on(const char *state)
{
    /* Before anything of a user runs: the fork waits for orders. */
    set_dumpable(0);
    struct member members[16];
    struct slice values[KEY_SIZE];
    size_t name = sizeof STATE - 1, length = length_of(state);
    if (length < name || memcmp(state, STATE, name) != 0)
        fail("the state of an init", 0);
    int count = json_members((struct slice){state + name, length - name}, members, 16);
    if (count < 0 || json_elements(json_find(members, count, "key"), values, KEY_SIZE) != KEY_SIZE)
        fail("the state of an init", 0);
    static const char *const names[] = {"command", "claims", "signals", "orders", "codes", "score"};
    enum { KEPT = sizeof names / sizeof *names };
    int kept[KEPT];
    for (int each = 0; each < KEPT; each++)
        kept[each] = number_in(members, count, names[each]);
    keep_only(kept, KEPT, 240);
    struct sandbox sandbox = {.command = kept[0], .claims = kept[1], .signals = kept[2], .saved = -1, .given = -1};
    sandbox.parked = (struct parked){number_in(members, count, "pid"), kept[3], kept[4], kept[5], {0}, 0};
    sandbox.is_faulty = number_in(members, count, "faulty");
    for (int each = 0; each < KEY_SIZE; each++) {
        int64_t byte;
        if (json_number(values[each], &byte) < 0)
            fail("the state of an init", 0);
        sandbox.parked.key[each] = (uint8_t)byte;
    }
    set_score(sandbox.parked.score, SCORE_OF_WAITING);
    rehearse_orders(0);
    write_frame(sandbox.claims, (struct slice){"{\"claim\":\"parked\"}", 18});
    obey(&sandbox, 0);
    leave(0);
}

#endif
