#pragma once

#include "steps.h"

/* The numbers that a folder of /proc has as names: how many. Fails where they are more than `most`. */
int numbers_in(const char *folder, int *into, int most);
