/*
 * Attacks the helper's reader of JSON, built with AddressSanitizer and UndefinedBehaviorSanitizer: fuzz <seconds> <seed>. Every text lies
 * at the very end of an allocation, so that a read of one byte too many is found.
 *
 * Without arguments it reads texts from standard input, a line each, and prints what the reader sees in them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"

enum { LONGEST = 4096 };

static uint64_t state;

/* xorshift: the same seed gives the same texts. */
static uint32_t random_below(uint32_t bound)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 11) % bound;
}

static const char *const corpus[] = {
    "{\"op\":\"write\",\"path\":\"a/b.txt\",\"size\":12,\"mode\":420,\"modified\":1732900000123.5}",
    "{\"op\":\"run\",\"token\":\"abc\",\"kind\":\"program\",\"argv\":[\"bash\",\"-c\",\"echo \\u00e9\\ud83d\\ude00\"],\"env\":{\"A\":\"b\",\"C\":\"\"}}",
    "{\"op\":\"run\",\"token\":\"x\",\"kind\":\"parked\",\"entry\":\"/mnt/data/main.py\",\"args\":[],\"stays\":false}",
    "{\"op\":\"spawn\",\"id\":\"1\",\"user\":null,\"group\":\"7\",\"sizes\":{\"workspaceBytes\":1e9,\"tmpBytes\":-1,\"openFiles\":1024}}",
    "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
    " { \"a\" : [ true , false , null , -0.5E+10 ] , \"\\\"\" : \"\\ud800\\udc00\\ud800\" } ",
};
static const char *const pieces[] = {"{", "}", "[", "]", "\"", ":", ",", "\\", "\\u", "\\ud800", "0", "-", ".", "e", "null", "true", "\n", "\x01", "\xff", "\\u0000"};

static size_t change(char *text, size_t length)
{
    size_t at = length ? random_below((uint32_t)length) : 0;
    switch (random_below(5)) {
    case 0:
        if (length)
            text[at] = (char)random_below(256);
        return length;
    case 1: {
        const char *piece = pieces[random_below(sizeof pieces / sizeof *pieces)];
        size_t size = strlen(piece);
        if (length + size > LONGEST)
            return length;
        memmove(text + at + size, text + at, length - at);
        memcpy(text + at, piece, size);
        return length + size;
    }
    case 2: return at;
    case 3: {
        size_t size = random_below((uint32_t)(length - at) + 1);
        memmove(text + at, text + at + size, length - at - size);
        return length - size;
    }
    default: {
        size_t size = random_below((uint32_t)(length - at) + 1);
        if (length + size > LONGEST)
            return length;
        memmove(text + at + size, text + at, length - at);
        return length + size;
    }
    }
}

/* Everything that the helper does with an order. What is found must lie within the text, and no text may be longer than it was. */
static void read_as_helper(struct slice text)
{
    struct member members[16];
    struct slice elements[16];
    char into[64];
    int64_t number;
    int count = json_members(text, members, 16);
    for (int each = 0; each < count; each++) {
        struct slice value = members[each].value;
        if (value.at < text.at || value.at + value.length > text.at + text.length || value.length == 0)
            abort();
        long length = json_text(value, into, sizeof into);
        if (length >= (long)sizeof into || (length >= 0 && strlen(into) != (size_t)length))
            abort();
        json_number(value, &number);
        json_elements(value, elements, 16);
        read_as_helper(value);
    }
    json_find(members, count < 0 ? 0 : count, "op");
    count = json_elements(text, elements, 16);
    for (int each = 0; each < count; each++) {
        json_text(elements[each], into, 1 + random_below(sizeof into));
        json_number(elements[each], &number);
    }
}

/* What the reader sees in each line of the input: the text of strings in hexadecimal, other values as they stand, or "!". */
static void show(void)
{
    static char text[1 << 20], into[1 << 20];
    static struct member members[1000];
    static struct slice elements[1000];
    while (fgets(text, sizeof text, stdin)) {
        struct slice whole = {text, strcspn(text, "\n")};
        int is_object = whole.length > 0 && *text == '{';
        int count = is_object ? json_members(whole, members, 1000) : json_elements(whole, elements, 1000);
        if (count < 0)
            printf("!");
        for (int each = 0; each < count; each++) {
            struct slice value = is_object ? members[each].value : elements[each];
            long size = json_text(value, into, sizeof into);
            if (size < 0)
                printf("%.*s", (int)value.length, value.at);
            else
                printf("text:");
            for (long at = 0; at < size; at++)
                printf("%02x", (unsigned char)into[at]);
            printf("\t");
        }
        printf("\n");
    }
}

int main(int count, char **words)
{
    if (count < 3) {
        show();
        return 0;
    }
    state = strtoull(words[2], 0, 10) | 1;
    time_t end = time(0) + atoi(words[1]);
    unsigned long texts = 0;
    while (time(0) < end) {
        char text[LONGEST];
        const char *from = corpus[random_below(sizeof corpus / sizeof *corpus)];
        size_t length = strlen(from);
        memcpy(text, from, length);
        for (uint32_t changes = random_below(8); changes > 0; changes--)
            length = change(text, length);
        char *exact = malloc(length ? length : 1);
        memcpy(exact, text, length);
        read_as_helper((struct slice){exact, length});
        free(exact);
        texts++;
    }
    printf("%lu texts\n", texts);
    return 0;
}
