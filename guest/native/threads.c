#include "threads.h"

#include "confine.h"
#include "numbers.h"

enum { CLONE_MEMORY = 0x100, CLONE_FOLDERS = 0x200, CLONE_DESCRIPTORS = 0x400, CLONE_HANDLERS = 0x800, CLONE_AS_THREAD = 0x10000,
       CLONE_SEMAPHORES = 0x40000, CLONE_WITH_OWN = 0x80000, CLONE_NUMBER_HERE = 0x100000, CLONE_CLEAR_NUMBER = 0x200000 };
/* As the C library makes a thread. */
enum { THREAD = CLONE_MEMORY | CLONE_FOLDERS | CLONE_DESCRIPTORS | CLONE_HANDLERS | CLONE_AS_THREAD | CLONE_SEMAPHORES | CLONE_WITH_OWN
                | CLONE_NUMBER_HERE | CLONE_CLEAR_NUMBER };
enum { PR_SET_NAME = 15, PR_GET_NAME = 16, NAME_SIZE = 16, SA_RESTART = 0x10000000, SA_RESTORER = 0x04000000 };
/* A signal that neither the C library nor node uses. */
enum { HOLD = 40, MOST_THREADS = 64, MOST_WAITS = 5000, WAIT_NS = 1000000 };
/* Below a stack that waits: room for what waits there, and for the first steps of the thread that goes on. */
enum { BELOW = 1024 };
#define ALL_SIGNALS (~UINT64_C(0))

/* Where a thread waits: the registers that a function leaves as they are, as note_place() has them. `STACK_WORD`: the stack. */
#if defined(__x86_64__)
enum { PLACE_WORDS = 8, STACK_WORD = 6 };
#else
enum { PLACE_WORDS = 21, STACK_WORD = 12 };
#endif

struct thread {
    int number; /* In the zygote. */
    void *own, *tid, *robust_list;
    size_t robust_size;
    uint64_t other_stack[3];
    char name[NAME_SIZE];
    uintptr_t place[PLACE_WORDS];
    volatile int is_held;
};

static struct thread threads[MOST_THREADS];
static int thread_count;
static int64_t rseq_from_own;

static struct thread *own_thread(void)
{
    int number = (int)CALL1(gettid, 0);
    for (int each = 0; each < thread_count; each++)
        if (threads[each].number == number)
            return &threads[each];
    return 0;
}

/* The number by which the C library knows this thread; the kernel writes and clears it. Not every kernel says where it is. */
static void *number_of_thread(void)
{
    void *at = 0;
    if (CALL5(prctl, PR_GET_TID_ADDRESS, &at, 0, 0, 0) >= 0 && at)
        return at;
    enum { WORDS = 512 };
    int number = (int)CALL1(gettid, 0), *words = (int *)own_address();
    for (int each = 0; each < WORDS; each++)
        if (words[each] == number)
            return &words[each];
    fail("the number of a thread", 0);
}

/* As setjmp() and longjmp(): returns 0, and 1 where return_to_place() was called. */
extern int note_place(uintptr_t *place) __attribute__((returns_twice));
extern _Noreturn void return_to_place(const uintptr_t *place);
__asm__(".pushsection .text\n.hidden note_place\n.globl note_place\n.hidden return_to_place\n.globl return_to_place\n"
#if defined(__x86_64__)
        "note_place:\n mov %rbx, (%rdi)\n mov %rbp, 8(%rdi)\n mov %r12, 16(%rdi)\n mov %r13, 24(%rdi)\n mov %r14, 32(%rdi)\n"
        " mov %r15, 40(%rdi)\n lea 8(%rsp), %rax\n mov %rax, 48(%rdi)\n mov (%rsp), %rax\n mov %rax, 56(%rdi)\n xor %eax, %eax\n ret\n"
        "return_to_place:\n mov (%rdi), %rbx\n mov 8(%rdi), %rbp\n mov 16(%rdi), %r12\n mov 24(%rdi), %r13\n mov 32(%rdi), %r14\n"
        " mov 40(%rdi), %r15\n mov 48(%rdi), %rsp\n mov $1, %eax\n jmp *56(%rdi)\n"
#else
        "note_place:\n stp x19, x20, [x0]\n stp x21, x22, [x0, #16]\n stp x23, x24, [x0, #32]\n stp x25, x26, [x0, #48]\n"
        " stp x27, x28, [x0, #64]\n stp x29, x30, [x0, #80]\n mov x1, sp\n str x1, [x0, #96]\n stp d8, d9, [x0, #104]\n"
        " stp d10, d11, [x0, #120]\n stp d12, d13, [x0, #136]\n stp d14, d15, [x0, #152]\n mov w0, #0\n ret\n"
        "return_to_place:\n ldp x19, x20, [x0]\n ldp x21, x22, [x0, #16]\n ldp x23, x24, [x0, #32]\n ldp x25, x26, [x0, #48]\n"
        " ldp x27, x28, [x0, #64]\n ldp x29, x30, [x0, #80]\n ldr x1, [x0, #96]\n mov sp, x1\n ldp d8, d9, [x0, #104]\n"
        " ldp d10, d11, [x0, #120]\n ldp d12, d13, [x0, #136]\n ldp d14, d15, [x0, #152]\n mov w0, #1\n ret\n"
#endif
        ".popsection\n");

/* In a thread that is held: waits for ever. In the one that goes on in its place, returns to what it was at. */
static void hold(int signal)
{
    (void)signal;
    struct thread *thread = own_thread();
    if (!thread)
        return;
    thread->own = own_address();
    thread->tid = number_of_thread();
    checked(CALL3(get_robust_list, 0, &thread->robust_list, &thread->robust_size), "get_robust_list");
    checked(CALL2(sigaltstack, 0, thread->other_stack), "sigaltstack");
    CALL5(prctl, PR_GET_NAME, thread->name, 0, 0, 0);
    if (note_place(thread->place) != 0)
        return;
    mask_signals(SIG_SETMASK, ALL_SIGNALS);
    thread->is_held = 1;
    for (;;)
        wait_for(0, 0);
}

/* How a handler ends: the registers and the mask of what it has interrupted come back. */
#if defined(__x86_64__)
__asm__(".pushsection .text\n.hidden end_handler\n.globl end_handler\nend_handler:\n mov $15, %eax\n syscall\n.popsection\n");
#else
__asm__(".pushsection .text\n.hidden end_handler\n.globl end_handler\nend_handler:\n mov x8, #139\n svc 0\n.popsection\n");
#endif
extern void end_handler(void);

void hold_threads(int64_t rseq)
{
    rseq_from_own = rseq;
    int numbers[MOST_THREADS], count = numbers_in("/proc/self/task", numbers, MOST_THREADS);
    for (int each = 0; each < count; each++)
        if (numbers[each] != CALL1(gettid, 0))
            threads[thread_count++].number = numbers[each];
    struct action action = {{(uint64_t)(uintptr_t)hold, SA_RESTART | SA_RESTORER, (uint64_t)(uintptr_t)end_handler, 0}};
    checked(exchange_action(HOLD, &action, 0), "sigaction");
    for (int each = 0; each < thread_count; each++)
        checked(CALL3(tgkill, CALL1(getpid, 0), threads[each].number, HOLD), "tgkill");
    for (int each = 0, waits = 0; each < thread_count; each++)
        for (; !threads[each].is_held; waits++) {
            if (waits == MOST_WAITS)
                fail("a thread cannot be held", 0);
            CALL5(ppoll, 0, 0, ((int64_t[2]){0, WAIT_NS}), 0, 8);
        }
}

/* The first steps of a thread, on the stack below what it goes on with. */
__attribute__((used)) static _Noreturn void continue_thread(struct thread *thread)
{
    if (rseq_from_own)
        checked(CALL4(rseq, (char *)thread->own + rseq_from_own, RSEQ_SIZE, 0, RSEQ_SIGNATURE), "rseq");
    checked(CALL2(set_robust_list, thread->robust_list, thread->robust_size), "set_robust_list");
    checked(CALL2(sigaltstack, thread->other_stack, 0), "sigaltstack");
    CALL5(prctl, PR_SET_NAME, thread->name, 0, 0, 0);
    return_to_place(thread->place);
}

static long make_thread(struct thread *thread, void *stack)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = (long)thread->tid;
    register long r8 __asm__("r8") = (long)thread->own;
    register struct thread *r12 __asm__("r12") = thread;
    long result = SYS_clone;
    __asm__ volatile("syscall\n test %%rax, %%rax\n jnz 1f\n mov %%r12, %%rdi\n call continue_thread\n 1:\n"
                     : "+a"(result)
                     : "D"((long)THREAD), "S"(stack), "d"(thread->tid), "r"(r10), "r"(r8), "r"(r12)
                     : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = SYS_clone;
    register long x0 __asm__("x0") = THREAD;
    register void *x1 __asm__("x1") = stack;
    register void *x2 __asm__("x2") = thread->tid;
    register void *x3 __asm__("x3") = thread->own;
    register void *x4 __asm__("x4") = thread->tid;
    register struct thread *x20 __asm__("x20") = thread;
    __asm__ volatile("svc 0\n cbnz x0, 1f\n mov x0, x20\n bl continue_thread\n 1:\n"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x20)
                     : "memory");
    return x0;
#endif
}

void continue_threads(void)
{
    uint64_t all = ALL_SIGNALS, before;
    checked(exchange_action(HOLD, &(struct action){{0}}, 0), "sigaction");
    /* Each has its own mask again as it goes on. */
    checked(CALL4(rt_sigprocmask, SIG_SETMASK, &all, &before, 8), "signals");
    for (int each = 0; each < thread_count; each++) {
        uintptr_t stack = (threads[each].place[STACK_WORD] - BELOW) & ~(uintptr_t)15;
        checked(make_thread(&threads[each], (void *)stack), "a thread");
    }
    checked(mask_signals(SIG_SETMASK, before), "signals");
}
