/* Forks of a zygote: each becomes a sandbox itself. */
#include "zygote.h"

static int64_t size_of(const struct member *sizes, int count, const char *name)
{
    int64_t size;
    if (json_number(json_find(sizes, count, name), &size) < 0)
        fail(name, 0);
    return size;
}

void prepare_to_fork(void)
{
    prepare_to_confine(0);
}

void begin_fork(struct sandbox *sandbox, const int *pipes, int gate, int signals, const struct order *order)
{
    (void)gate; /* Closed with all other descriptors. */
    struct member sizes[8];
    int count = json_members(json_find(order->members, order->count, "sizes"), sizes, 8);
    if (count < 0)
        fail("the sizes of a sandbox", 0);
    begin_sandbox(sandbox, pipes, signals,
                  &(struct sizes){size_of(sizes, count, "workspaceBytes"), size_of(sizes, count, "workspaceFiles"),
                                  size_of(sizes, count, "tmpBytes"), size_of(sizes, count, "shmBytes"), size_of(sizes, count, "openFiles")});
}

void await_fork(const int *theirs)
{
    (void)theirs; /* It says itself when it is ready. */
}
