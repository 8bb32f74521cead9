/* The words of a command and the variables of its environment, as the kernel wants them: of one command at a time. */
#pragma once

#include "steps.h"

/* What programs have in their environment besides their own variables. It must stay where it is. */
void use_environment(char *const *environment);
char *const *usual_environment(void);

/* Reads `argv` and `env` of an order. */
void read_command(const struct member *order, int count);
const char *command_name(void);
const char *value_of(const char *name);

/* Becomes the command. Returns why there is no such program. */
long execute(void);

/* Keeps `argv` and `env` of an order, to compare others with. */
void remember_command(const struct member *order, int count);
int is_remembered(const struct member *order, int count);

/* Where a command is read to, for other use in between. */
struct line room_for_text(void);
