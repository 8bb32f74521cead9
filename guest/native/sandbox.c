/*
 * Everything in this process is trusted code: programs are its children. Orders are those of docs/reference/guest-protocol.md; what this
 * process says are claims, bounded and never trusted by the service. The token says which run is done.
 */
#include "sandbox.h"

#include "command.h"
#include "init.h"
#include "workspace.h"

enum { MOST_MEMBERS = 16, STDOUT_NUMBER = 1 };

/* Of the run that is ordered, as it came. */
static char token[256];
static size_t token_length;
/* This is the process that will be the program. */
static int is_ahead;

void begin_sandbox(struct sandbox *sandbox, const int *pipes, int signals, const struct sizes *sizes)
{
    checked(CALL1(setsid, 0), "setsid");
    int null = (int)checked(CALL4(openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0), "/dev/null");
    checked(CALL3(dup3, null, 0, 0), "dup");
    checked(CALL3(dup3, pipes[STDOUT], 1, 0), "dup");
    int kept[] = {pipes[COMMAND], pipes[CLAIMS], signals, kept_programs};
    /* Other sandboxes' pipes may still be open in the zygote and so here. */
    keep_only(kept, kept_programs < 0 ? 3 : 4, 240);
    kept_programs = kept[3];
    *sandbox = (struct sandbox){kept[0], kept[1], kept[2], 0, 0, {0, -1, -1, -1, {0}, 0}, {-1, -1, -1, {0}, {0}}, {0}, -1, -1};
    enter(sizes);
    lock_down(sizes->open_files);
    write_frame(sandbox->claims, (struct slice){"{\"claim\":\"ready\"}", 17});
}

/* `error`: of an order that puts a file into the sandbox. */
static void note_fault(struct sandbox *sandbox, const struct member *order, int count, long error)
{
    if (error == 0)
        return;
    sandbox->is_faulty = 1;
    /* The path as it came, escapes and all, without its quotes. */
    struct slice path = json_find(order, count, "path");
    char buffer[1200];
    struct line line = {buffer, 0, sizeof buffer, 0};
    put(&line, "{\"claim\":\"fault\",\"message\":\"");
    if (path.length > 2 && path.length < 900)
        put_slice(&line, (struct slice){path.at + 1, path.length - 2});
    else
        put(&line, "a file");
    put(&line, ": ");
    put(&line, error_text(error));
    put(&line, "\"}");
    write_frame(sandbox->claims, (struct slice){line.at, line.length});
}

static void obey_input(struct sandbox *sandbox, const struct member *order, int count)
{
    int64_t size;
    if (json_number(json_find(order, count, "size"), &size) < 0)
        fail("the size of standard input", 0);
    if (sandbox->parked.pid == 0)
        open_input();
    fill_input(sandbox->command, size);
}

/* Returns 1 in a fork. */
static int obey_park(struct sandbox *sandbox, const struct member *order, int count, forker fork)
{
    struct slice module = json_find(order, count, "module");
    open_input();
    if (!module.at) {
        park_program(&sandbox->parked, order, count);
    } else {
        if (!fork || json_text(module, sandbox->module, sizeof sandbox->module) < 0)
            fail("a fork that becomes Python", 0);
#if !defined(BARE) && !defined(LAUNCHER)
        if (can_give_away() && is_text(json_find(order, count, "init"), "\"bare\"")) {
            park_giving_away(sandbox);
            return 1;
        }
#endif
        if (park_fork(&sandbox->parked, &sandbox->become, fork))
            return 1;
    }
    write_frame(sandbox->claims, (struct slice){"{\"claim\":\"parked\"}", 18});
    return 0;
}

/* The bytes of its output that nobody has read. A boundary whose pipes cannot tell says nothing of them. */
static void put_left(struct line *line)
{
    int left[2];
    for (int each = 0; each < 2; each++)
        if (CALL3(ioctl, STDOUT_NUMBER + each, FIONREAD, &left[each]) < 0)
            return;
    put(line, ",\"left\":[");
    put_number(line, left[0]);
    put(line, ",");
    put_number(line, left[1]);
    put(line, "]");
}

static _Noreturn void tell_done(const struct sandbox *sandbox, struct ending ending)
{
    char buffer[512];
    struct line done = {buffer, 0, sizeof buffer, 0};
    put(&done, "{\"claim\":\"done\",\"token\":");
    put_slice(&done, (struct slice){token, token_length});
    put(&done, ",");
    put_ending(&done, ending);
    put_left(&done);
    put(&done, "}");
    write_frame(sandbox->claims, (struct slice){done.at, done.length});
    /* A process in the middle of its exit cannot be frozen and would keep the result waiting, so it waits for its destruction. */
    for (;;)
        wait_for(0, 0);
}

static _Noreturn void obey_run(struct sandbox *sandbox, const struct member *order, int count)
{
    struct slice name = json_find(order, count, "token");
    struct slice kind = json_find(order, count, "kind");
    if (name.length == 0 || name.length > sizeof token)
        fail("the token of a run", 0);
    memcpy(token, name.at, name.length);
    token_length = name.length;
    /* The service closes its end when it has heard enough; the program must not hold ours. */
    CALL1(close, sandbox->command);
    if (kept_programs >= 0)
        CALL1(close, kept_programs);
    if (is_text(kind, "\"parked\"") && sandbox->parked.pid != 0 && !sandbox->parked.is_ahead)
        tell_done(sandbox, run_parked(&sandbox->parked, order, count, sandbox->signals));
    if (!is_text(kind, "\"program\""))
        fail("a kind of program", 0);
    if (is_ahead)
        become_ordered(order, count);
    tell_done(sandbox, run_program(&sandbox->parked, order, count, sandbox->signals));
}

void rehearse_orders(int with_program)
{
    static const char text[] = "{\"path\":\"a\",\"size\":0,\"mode\":0,\"argv\":[\"a\"],\"env\":{\"A\":\"a\"}}";
    struct member order[MOST_MEMBERS];
    int count = json_members((struct slice){text, sizeof text - 1}, order, MOST_MEMBERS);
    file_of(order, count);
    if (with_program)
        read_command(order, count);
    use_frame();
}

static void obey_orders(void *sandbox)
{
    is_ahead = 1;
    rehearse_orders(1);
    obey(sandbox, 0);
}

static _Noreturn void obey_ahead(struct sandbox *sandbox)
{
    if (sandbox->parked.pid != 0 || is_ahead)
        fail("a process ahead of its program", 0);
    tell_done(sandbox, run_ahead(obey_orders, sandbox, sandbox->signals));
}

/* Waits for the next order. A parked process that dies meanwhile takes the sandbox along. */
static struct slice next_order(const struct sandbox *sandbox)
{
    struct pollfd polled[2] = {{sandbox->command, POLLIN, 0}, {sandbox->signals, POLLIN, 0}};
    if (is_ahead)
        return read_frame(sandbox->command);
    do {
        checked(wait_for(polled, 2), "poll");
        if (polled[1].revents) {
            is_told(sandbox->signals);
            if (is_lost(&sandbox->parked))
                leave(LOST);
        }
    } while (!polled[0].revents);
    return read_frame(sandbox->command);
}

enum handover obey(struct sandbox *sandbox, forker fork)
{
    for (;;) {
        struct member order[MOST_MEMBERS];
        int count = json_members(next_order(sandbox), order, MOST_MEMBERS);
        struct slice op = json_find(order, count < 0 ? 0 : count, "op");
        if (is_text(op, "\"write\"")) {
            note_fault(sandbox, order, count, write_file(sandbox->command, file_of(order, count)));
        } else if (is_text(op, "\"place\"")) {
            note_fault(sandbox, order, count, place_file(json_find(order, count, "name"), file_of(order, count)));
        } else if (is_text(op, "\"folder\"")) {
            make_folder(json_find(order, count, "path"));
        } else if (is_text(op, "\"stdin\"")) {
            obey_input(sandbox, order, count);
        } else if (is_text(op, "\"park\"") && !is_ahead) {
            if (obey_park(sandbox, order, count, fork))
                return BECOME;
        } else if (is_text(op, "\"run\"")) {
            if (!sandbox->is_faulty) /* The service has heard of it. A program must not start without its inputs. */
                obey_run(sandbox, order, count);
        } else if (is_text(op, "\"warm\"")) {
            if (sandbox->parked.pid == 0 && fork)
                return WARM;
            if (sandbox->parked.codes >= 0)
                write_frame(sandbox->parked.orders, (struct slice){"{\"warm\":true}", 13});
        } else if (is_text(op, "\"ahead\"") && !fork) {
            obey_ahead(sandbox);
        } else if (is_text(op, "\"serve\"") && fork) {
            sandbox->with_bulk = is_text(json_find(order, count, "bulk"), "true");
            return SERVE;
        } else {
            fail("an order that is not known", 0);
        }
    }
}
