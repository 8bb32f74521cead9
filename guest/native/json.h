/*
 * A reader of JSON that stays within its bounds: it allocates nothing, goes a fixed depth down and leaves values as the text they are,
 * so that what is passed on is passed on unchanged. The names of members are compared as they stand; ours have no escapes.
 */
#pragma once

#include "text.h"

enum { JSON_DEPTH = 16 };

struct member {
    struct slice name, value;
};

/* The members of an object, in their order: their number, or -1 where the text is not one object or has more than `most`. */
int json_members(struct slice text, struct member *into, int most);

/* The elements of an array: their number, or -1. */
int json_elements(struct slice text, struct slice *into, int most);

/* The value of a member; `at` is null where there is none. Of two with one name the last counts. */
struct slice json_find(const struct member *members, int count, const char *name);

/*
 * The characters of a string as UTF-8, with a zero behind them: their number, or -1 where this is no string, has a zero in it, or does
 * not fit. Half a pair of surrogates becomes U+FFFD.
 */
long json_text(struct slice value, char *into, size_t room);

/* A number without exponent, less its fraction: 0, or -1 where it is none or beyond 15 digits. */
int json_number(struct slice value, int64_t *into);
