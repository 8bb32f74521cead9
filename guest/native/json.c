#include "json.h"

/* Where the reader is; `at` is null once the text has turned out not to be JSON. */
struct cursor {
    const char *at, *end;
};

static int next_is(const struct cursor *cursor, char wanted)
{
    return cursor->at && cursor->at < cursor->end && *cursor->at == wanted;
}

static void fault(struct cursor *cursor)
{
    cursor->at = 0;
}

static void skip_blanks(struct cursor *cursor)
{
    while (next_is(cursor, ' ') || next_is(cursor, '\t') || next_is(cursor, '\n') || next_is(cursor, '\r'))
        cursor->at++;
}

static int take(struct cursor *cursor, char wanted)
{
    if (!next_is(cursor, wanted))
        return 0;
    cursor->at++;
    return 1;
}

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

/* Four hexadecimal digits, or -1. */
static long hex(const char *at, const char *end)
{
    long number = 0;
    if (end - at < 4)
        return -1;
    for (int each = 0; each < 4; each++) {
        int digit = hex_digit(at[each]);
        if (digit < 0)
            return -1;
        number = number * 16 + digit;
    }
    return number;
}

static void skip_escape(struct cursor *cursor)
{
    if (cursor->at == cursor->end)
        return fault(cursor);
    char kind = *cursor->at++;
    if (kind == 'u') {
        if (hex(cursor->at, cursor->end) < 0)
            return fault(cursor);
        cursor->at += 4;
        return;
    }
    for (const char *known = "\"\\/bfnrt"; *known; known++)
        if (kind == *known)
            return;
    fault(cursor);
}

static void skip_string(struct cursor *cursor)
{
    if (!take(cursor, '"'))
        return fault(cursor);
    while (cursor->at && cursor->at < cursor->end) {
        unsigned char character = (unsigned char)*cursor->at++;
        if (character == '"')
            return;
        if (character < ' ')
            return fault(cursor);
        if (character == '\\')
            skip_escape(cursor);
    }
    fault(cursor);
}

static void skip_digits(struct cursor *cursor)
{
    const char *first = cursor->at;
    while (cursor->at && cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9')
        cursor->at++;
    if (cursor->at == first)
        fault(cursor);
}

static void skip_number(struct cursor *cursor)
{
    take(cursor, '-');
    if (!take(cursor, '0'))
        skip_digits(cursor);
    if (take(cursor, '.'))
        skip_digits(cursor);
    if (take(cursor, 'e') || take(cursor, 'E')) {
        if (!take(cursor, '+'))
            take(cursor, '-');
        skip_digits(cursor);
    }
}

static void skip_word(struct cursor *cursor, const char *word)
{
    for (; *word; word++)
        if (!take(cursor, *word))
            return fault(cursor);
}

static struct slice read_value(struct cursor *cursor, int depth);

/* The name of a member and the colon behind it. */
static struct slice read_name(struct cursor *cursor)
{
    const char *first = cursor->at;
    skip_string(cursor);
    if (!cursor->at)
        return (struct slice){0, 0};
    struct slice name = {first + 1, (size_t)(cursor->at - first) - 2};
    skip_blanks(cursor);
    if (!take(cursor, ':'))
        fault(cursor);
    return name;
}

/* Reads an object or array; of at most `most` members or elements those are kept that there is room for. Returns their number. */
static int read_all(struct cursor *cursor, struct member *members, struct slice *elements, int most, int depth)
{
    char close = next_is(cursor, '{') ? '}' : ']';
    int count = 0;
    cursor->at++;
    skip_blanks(cursor);
    if (take(cursor, close))
        return 0;
    while (cursor->at) {
        struct member member = {{0, 0}, {0, 0}};
        skip_blanks(cursor);
        if (close == '}')
            member.name = read_name(cursor);
        member.value = read_value(cursor, depth);
        skip_blanks(cursor);
        if (!cursor->at || count == most)
            break;
        if (members)
            members[count] = member;
        if (elements)
            elements[count] = member.value;
        count++;
        if (take(cursor, close))
            return count;
        if (!take(cursor, ','))
            break;
    }
    fault(cursor);
    return -1;
}

static struct slice read_value(struct cursor *cursor, int depth)
{
    skip_blanks(cursor);
    const char *first = cursor->at;
    if (!first || first == cursor->end || depth == 0) {
        fault(cursor);
        return (struct slice){0, 0};
    }
    switch (*first) {
    case '{':
    case '[': read_all(cursor, 0, 0, INT32_MAX, depth - 1); break;
    case '"': skip_string(cursor); break;
    case 't': skip_word(cursor, "true"); break;
    case 'f': skip_word(cursor, "false"); break;
    case 'n': skip_word(cursor, "null"); break;
    default: skip_number(cursor);
    }
    if (!cursor->at)
        return (struct slice){0, 0};
    return (struct slice){first, (size_t)(cursor->at - first)};
}

static int read_whole(struct slice text, char open, struct member *members, struct slice *elements, int most)
{
    struct cursor cursor = {text.at, text.at ? text.at + text.length : 0};
    skip_blanks(&cursor);
    if (!next_is(&cursor, open))
        return -1;
    int count = read_all(&cursor, members, elements, most, JSON_DEPTH);
    skip_blanks(&cursor);
    return cursor.at && cursor.at == cursor.end ? count : -1;
}

int json_members(struct slice text, struct member *into, int most)
{
    return read_whole(text, '{', into, 0, most);
}

int json_elements(struct slice text, struct slice *into, int most)
{
    return read_whole(text, '[', 0, into, most);
}

struct slice json_find(const struct member *members, int count, const char *name)
{
    while (count-- > 0)
        if (is_text(members[count].name, name))
            return members[count].value;
    return (struct slice){0, 0};
}

/* The character of an escape whose text begins at `*at`, behind the backslash. */
static uint32_t escaped(const char **at, const char *end)
{
    char kind = *(*at)++;
    switch (kind) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': break;
    default: return (unsigned char)kind;
    }
    uint32_t unit = (uint32_t)hex(*at, end);
    *at += 4;
    if (unit < 0xd800 || unit > 0xdfff)
        return unit;
    if (unit < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        long low = hex(*at + 2, end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *at += 6;
            return 0x10000 + ((unit - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
        }
    }
    return 0xfffd;
}

/* UTF-8 of a character; returns its length. */
static size_t encode(uint32_t character, char *into)
{
    if (character < 0x80) {
        into[0] = (char)character;
        return 1;
    }
    size_t more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    for (size_t each = more; each > 0; each--, character >>= 6)
        into[each] = (char)(0x80 | (character & 0x3f));
    static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
    into[0] = (char)(first[more] | character);
    return more + 1;
}

long json_text(struct slice value, char *into, size_t room)
{
    if (!value.at || value.length < 2 || value.at[0] != '"')
        return -1;
    const char *at = value.at + 1, *end = value.at + value.length - 1;
    size_t length = 0;
    while (at < end) {
        char one = *at++, several[4];
        const char *piece = &one;
        size_t size = 1;
        if (one == '\\') {
            size = encode(escaped(&at, end), several);
            piece = several;
        }
        /* The text ends with a zero of its own, for which there must be room. */
        if (*piece == 0 || size >= room - length)
            return -1;
        memcpy(into + length, piece, size);
        length += size;
    }
    if (length >= room)
        return -1;
    into[length] = 0;
    return (long)length;
}

int json_number(struct slice value, int64_t *into)
{
    const char *at = value.at, *end = value.at ? value.at + value.length : 0;
    int is_negative = at < end && *at == '-';
    int64_t number = 0;
    int digits = 0;
    for (at += is_negative; at < end && *at >= '0' && *at <= '9'; at++) {
        if (++digits > 15)
            return -1;
        number = number * 10 + (*at - '0');
    }
    if (digits == 0 || (at < end && *at++ != '.'))
        return -1;
    for (; at < end; at++)
        if (*at < '0' || *at > '9')
            return -1;
    *into = is_negative ? -number : number;
    return 0;
}
