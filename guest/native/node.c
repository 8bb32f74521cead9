/* What node calls (runtimes/javascript/zygote.cjs): a module of Node-API, https://nodejs.org/api/n-api.html. */
#include "zygote.h"

#include "command.h"
#include "descriptors.h"
#include "generator.h"
#include "init.h"
#include "rehearsal.h"
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

enum { CONTROL_SOCKET = 3 };

static struct sandbox sandbox;

static void must(int status, const char *step)
{
    if (status != napi_ok)
        fail(step, 0);
}

/* Forks of node are parked in one way: with the memory of their first process. */
static int fork_otherwise(void)
{
    fail("a fork of node that is not given its memory", 0);
}

/* What a fork has to have before it goes on as node. */
static void become_node(void)
{
    make_descriptors();
    checked(mask_signals(SIG_UNBLOCK, SIGNAL(SIGCHLD) | SIGNAL(SIGUSR1)), "unblock signals");
    continue_threads();
}

static void read_entrances(napi_env environment, napi_callback_info info, struct entrances *entrances)
{
    napi_value list, element;
    size_t arguments = 1;
    uint32_t count;
    must(napi_get_cb_info(environment, info, &arguments, &list, 0, 0), "the arguments of serve");
    must(napi_get_array_length(environment, list, &count), "the entrances");
    if (count > COUNT(entrances->fds))
        fail("the descriptors of entrances", 0);
    for (uint32_t each = 0; each < count; each++) {
        must(napi_get_element(environment, list, each, &element), "an entrance");
        must(napi_get_value_int32(environment, element, &entrances->fds[each]), "an entrance");
    }
    entrances->count = (int)count;
}

static napi_value number_for(napi_env environment, uint32_t number)
{
    napi_value result;
    must(napi_create_uint32(environment, number, &result), "a number");
    return result;
}

/*
 * serve(entrances): serves until the service goes, then ends. It returns in forks: 0 in the one that is to rehearse, which calls used() at its
 * end; 1 in one that has been parked, which calls orders().
 */
static napi_value serve_forks(napi_env environment, napi_callback_info info)
{
    struct entrances entrances = {{0}, 0};
    read_entrances(environment, info, &entrances);
    int passed[1 + COUNT(entrances.fds)] = {CONTROL_SOCKET};
    memcpy(passed + 1, entrances.fds, sizeof entrances.fds);
    use_environment(environ);
    int64_t rseq = &__rseq_size && __rseq_size > 0 ? (int64_t)__rseq_offset : 0;
    learn_thread(rseq ? own_address() + rseq : 0);
    learn_descriptors(passed, 1 + entrances.count);
    hold_threads(rseq);
    const struct area *memory;
    int areas = share_memory_with_forks(&memory);
    find_generator(memory, areas);
    if (rehearse()) {
        become_node();
        return number_for(environment, 0);
    }
    if (!serve(&entrances, &sandbox))
        leave(0);
    /* Node is no supervisor, and has nothing to warm. */
    if (obey(&sandbox, fork_otherwise) != BECOME)
        fail("an order that node does not know", 0);
    become_node();
    RAND_seed(sandbox.become.seed, sizeof sandbox.become.seed);
    renew_generator();
    return number_for(environment, 1);
}

/* end(): says that the program has ended well, and waits for its destruction. Returns where the program has closed what it is said by. */
static napi_value say_end(napi_env environment, napi_callback_info info)
{
    (void)info;
    uint8_t said[KEY_SIZE + 1] = {0};
    memcpy(said, sandbox.become.key, KEY_SIZE);
    if (CALL3(write, sandbox.become.codes, said, sizeof said) == (long)sizeof said)
        for (;;)
            wait_for(0, 0);
    return number_for(environment, 0);
}

/* used(): at the end of a rehearsal. */
static _Noreturn napi_value tell_memory(napi_env environment, napi_callback_info info)
{
    (void)environment;
    (void)info;
    end_rehearsal();
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
    } functions[] = {{"serve", serve_forks}, {"orders", read_orders}, {"end", say_end}, {"used", tell_memory}};
    for (size_t each = 0; each < sizeof functions / sizeof *functions; each++) {
        napi_value made;
        must(napi_create_function(environment, functions[each].name, length_of(functions[each].name), functions[each].call, 0, &made),
             functions[each].name);
        must(napi_set_named_property(environment, exports, functions[each].name, made), functions[each].name);
    }
    return exports;
}
