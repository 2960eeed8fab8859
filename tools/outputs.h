#ifndef KIN_TOOLS_OUTPUTS_H
#define KIN_TOOLS_OUTPUTS_H
/*
 * Where a command is to write its results: looked at before any work is spent on them.
 */
#include "core/error.h"
#include <stdbool.h>

enum { OUTPUTS_INPUTS = 2 };

typedef struct outputs {
    const char
        *json; /* "-": stdout; what is there is replaced, or written to where it is no file */
    const char *out, *prom; /* files; NULL, as json: not asked for */
    bool force;             /* a file at `out` may be replaced; one at `prom` always is */
    const char *input[OUTPUTS_INPUTS]; /* files of text that are read, NULL: none; core/outdir.h
                                          knows others */
} outputs;

/* KIN_E_CANTOUT for what could not be written in the end; KIN_E_USAGE where two are the same file,
 * one is an input, or `out` or `prom` is "-". */
int outputs_check(const outputs *self, kin_error *err);

#endif
