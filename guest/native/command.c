#include "command.h"

/* Variables: as many as the service takes (src/service/executions/programs.ts), of three bytes at least, and our own. */
enum { MOST_ARGUMENTS = 10300, MOST_VARIABLES = 11200, TEXT_ROOM = 1 << 20 };

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

const char *value_of(const char *name)
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

void read_command(const struct member *order, int count)
{
    text_length = 0;
    read_arguments(json_find(order, count, "argv"));
    read_environment(json_find(order, count, "env"));
}

const char *command_name(void)
{
    return arguments[0];
}

struct line room_for_text(void)
{
    return (struct line){text, 0, sizeof text, 0};
}

/* As execvpe(): a name without a slash is looked for in PATH. Returns why there is no such program. */
long execute(void)
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

/* Of the command that is remembered, as they came. */
static char parts[2][2048];
static size_t part_lengths[2];
static const char *const part_names[] = {"argv", "env"};

void remember_command(const struct member *order, int count)
{
    for (size_t each = 0; each < 2; each++) {
        struct slice part = json_find(order, count, part_names[each]);
        if (!part.at || part.length > sizeof parts[each])
            fail("a program that is begun ahead", 0);
        memcpy(parts[each], part.at, part.length);
        part_lengths[each] = part.length;
    }
}

int is_remembered(const struct member *order, int count)
{
    for (size_t each = 0; each < 2; each++) {
        struct slice part = json_find(order, count, part_names[each]);
        if (!part.at || part.length != part_lengths[each] || memcmp(part.at, parts[each], part.length) != 0)
            return 0;
    }
    return 1;
}
