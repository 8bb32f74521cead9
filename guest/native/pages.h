/* Memory that every fork uses at first: it has it ahead of its orders, and together, which costs a fraction of one page fault for each. */
#pragma once

#include "steps.h"

struct area {
    uint64_t at, size, advice; /* As of madvise(). */
};
enum { POPULATE_READ = 22, POPULATE_WRITE = 23 };

/* Of a process that has done what forks do: writes to `out` what of these areas it has used, as areas. It uses next to nothing itself. */
void tell_used(const struct area *areas, int count, int out);

/* Before the first fork. They must stay where they are. */
void know_areas(const struct area *areas, int count);
/* In a fork. Without effect before Linux 5.14. */
void have_areas(void);
