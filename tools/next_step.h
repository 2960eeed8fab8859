#ifndef KIN_TOOLS_NEXT_STEP_H
#define KIN_TOOLS_NEXT_STEP_H
/*
 * What to type next, at the end of a log.
 */
#include <stddef.h>
#include <stdio.h>

/* The last line of the log: "Next: " and a command, which the caller writes between the two calls
 * (report/shell.h). The first returns NULL where there is no memory: then the second logs
 * nothing. */
typedef struct next_step {
    FILE *out;
    char *text;
    size_t bytes;
} next_step;
FILE *next_step_begin(next_step *self, const char *command);
void next_step_end(next_step *self);

#endif
