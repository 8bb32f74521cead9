/* What node calls (runtimes/javascript/zygote.cjs): a module of Node-API, https://nodejs.org/api/n-api.html. */
#include "zygote.h"

#include "command.h"
#include "descriptors.h"
#include "init.h"
#include "threads.h"

#define EXPORTED __attribute__((visibility("default")))

/* Of node_api.h, as far as it is used here. */
typedef struct node_environment *napi_env;
typedef struct node_value *napi_value;
typedef struct node_call *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
enum { napi_ok };
extern int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
extern int napi_get_array_length(napi_env, napi_value, uint32_t *);
extern int napi_get_element(napi_env, napi_value, uint32_t, napi_value *);
extern int napi_get_value_int32(napi_env, napi_value, int32_t *);
extern int napi_create_uint32(napi_env, uint32_t, napi_value *);
extern int napi_create_string_utf8(napi_env, const char *, size_t, napi_value *);
extern int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
extern int napi_set_named_property(napi_env, napi_value, const char *, napi_value);

/* Of OpenSSL, which is a part of node. */
extern void RAND_seed(const void *, int);
/* Of the C library; older ones share nothing with the kernel. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));
extern char **environ;

enum { CONTROL_SOCKET = 3, MOST_OWN = 1 + 8, MADV_DOFORK = 11 };

static struct sandbox sandbox;

static void must(int status, const char *step)
{
    if (status != napi_ok)
        fail(step, 0);
}

/* V8 has the kernel leave its memory out of forks, because a fork that becomes another program does not need it. */
static void share_memory_with_forks(void)
{
    static char text[1 << 20];
    long file = checked(CALL4(openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0), "maps");
    long size = 0, got;
    while ((got = checked(CALL3(read, file, text + size, sizeof text - size), "maps")) > 0)
        size += got;
    if (size == sizeof text)
        fail("more areas of memory than can be shared", 0);
    CALL1(close, file);
    for (long at = 0; at < size; at++) {
        uint64_t ends[2] = {0, 0};
        for (int each = 0; each < 2; each++, at++)
            for (; (text[at] >= '0' && text[at] <= '9') || (text[at] >= 'a' && text[at] <= 'f'); at++)
                ends[each] = ends[each] << 4 | (uint64_t)(text[at] <= '9' ? text[at] - '0' : text[at] - 'a' + 10);
        /* Those of the kernel itself refuse, and are no part of a fork anyway. */
        CALL3(madvise, ends[0], ends[1] - ends[0], MADV_DOFORK);
        while (text[at] != '\n')
            at++;
    }
}

/* Forks of node are parked in one way: with the memory of their first process. */
static int fork_otherwise(void)
{
    fail("a fork of node that is not given its memory", 0);
}

/* Node has its streams not wait, and forks have others under their numbers. */
static void make_streams_ready(void)
{
    for (int fd = 1; fd <= 2; fd++) {
        long flags = checked(CALL3(fcntl, fd, F_GETFL, 0), "fcntl");
        checked(CALL3(fcntl, fd, F_SETFL, flags | O_NONBLOCK), "fcntl");
    }
}

/* serve(entrances): serves until the service goes, then ends. In a fork that has been parked it returns a random number above 0. */
static napi_value serve_forks(napi_env environment, napi_callback_info info)
{
    napi_value list, element;
    size_t arguments = 1;
    uint32_t count;
    int own[MOST_OWN] = {CONTROL_SOCKET};
    struct entrances entrances = {{0}, 0};
    must(napi_get_cb_info(environment, info, &arguments, &list, 0, 0), "the arguments of serve");
    must(napi_get_array_length(environment, list, &count), "the entrances");
    if (count > 8)
        fail("the descriptors of entrances", 0);
    for (uint32_t each = 0; each < count; each++) {
        must(napi_get_element(environment, list, each, &element), "an entrance");
        must(napi_get_value_int32(environment, element, &own[1 + each]), "an entrance");
        entrances.fds[entrances.count++] = own[1 + each];
    }
    use_environment(environ);
    int64_t rseq = &__rseq_size && __rseq_size > 0 ? (int64_t)__rseq_offset : 0;
    learn_thread(rseq ? own_address() + rseq : 0);
    learn_descriptors(own, 1 + (int)count);
    hold_threads(rseq);
    share_memory_with_forks();
    if (!serve(&entrances, &sandbox))
        leave(0);
    /* Node is no supervisor, and has nothing to warm. */
    if (obey(&sandbox, fork_otherwise) != BECOME)
        fail("an order that node does not know", 0);
    /* Its exit tells its code. */
    CALL1(close, sandbox.become.codes);
    make_descriptors();
    make_streams_ready();
    checked(mask_signals(SIG_UNBLOCK, SIGNAL(SIGCHLD) | SIGNAL(SIGUSR1)), "unblock signals");
    continue_threads();
    RAND_seed(sandbox.become.seed, sizeof sandbox.become.seed);
    uint32_t seed = 0;
    while (seed == 0)
        fill_randomly((uint8_t *)&seed, sizeof seed), seed >>= 1;
    napi_value result;
    must(napi_create_uint32(environment, seed, &result), "a seed");
    return result;
}

/* orders(): waits for those of a fork: JSON. */
static napi_value read_orders(napi_env environment, napi_callback_info info)
{
    (void)info;
    napi_value text;
    struct slice orders = read_frame(sandbox.become.orders);
    CALL1(close, sandbox.become.orders);
    must(napi_create_string_utf8(environment, orders.at, orders.length, &text), "the orders of a fork");
    return text;
}

EXPORTED napi_value napi_register_module_v1(napi_env environment, napi_value exports)
{
    static const struct {
        const char *name;
        napi_callback call;
    } functions[] = {{"serve", serve_forks}, {"orders", read_orders}};
    for (size_t each = 0; each < sizeof functions / sizeof *functions; each++) {
        napi_value made;
        must(napi_create_function(environment, functions[each].name, length_of(functions[each].name), functions[each].call, 0, &made),
             functions[each].name);
        must(napi_set_named_property(environment, exports, functions[each].name, made), functions[each].name);
    }
    return exports;
}
