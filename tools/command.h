#ifndef KIN_TOOLS_COMMAND_H
#define KIN_TOOLS_COMMAND_H
/*
 * The commands of `kin`: a table, and one file per command.
 *
 * A command parses nothing itself: it gets its options struct, filled and checked against its
 * table, and its operands. It returns 0 or a negative kin_code with *err set; main() prints the
 * error and turns the code into the exit status.
 */
#include "ann/faiss_index.h"
#include "core/outdir.h"
#include "core/rows.h"
#include "tools/arguments.h"

#include <stdio.h>

/* What every command's options struct starts with. */
typedef struct command_common {
    int log;         /* console_log */
    bool log_time;   /* a time in front of each line of the text log */
    int progress;    /* console_progress */
    int64_t threads; /* 0: kin_threads_default() */
} command_common;

extern const char *const command_log_names[];      /* "text", "json" */
extern const char *const command_progress_names[]; /* "auto", "bar", "lines", "none" */

/* Its options, to stand in every command's table: command_common is the first member of its
 * struct. */
extern const kin_option command_common_lines[];

/* The table of a command: groups of options of the struct that `defaults` is. */
#define COMMAND_GROUPS(groups, defaults_)                                                          \
    (&(const kin_option_table){.group = (groups),                                                  \
                               .count = sizeof(groups) / sizeof *(groups),                         \
                               .defaults = &(defaults_),                                           \
                               .bytes = sizeof(defaults_)})

/* The same of one group, and the common one. */
#define COMMAND_OPTIONS(lines, defaults_)                                                          \
    (&(const kin_option_table){                                                                    \
        .group = (const kin_option_group[]){{NULL, lines, 0}, {NULL, command_common_lines, 0}},    \
        .count = 2,                                                                                \
        .defaults = &(defaults_),                                                                  \
        .bytes = sizeof(defaults_)})

typedef struct kin_command {
    const char *name;     /* "build" */
    const char *summary;  /* one line for `kin --help` */
    const char *operands; /* "GRAPH", "" */
    size_t operands_min, operands_max;
    const char *example; /* one or more lines shown at the end of `kin NAME --help` */
    const kin_option_table *options;
    bool uses_blas; /* its log says how OpenBLAS fits the CPU, where it does not by itself */
    int (*run)(const void *options, const kin_operands *operands, kin_error *err);
} kin_command;

/* Every command, in the order of `kin --help`, ended by NULL (tools/commands.c). */
extern const kin_command *const kin_commands[];

extern const kin_command command_build, command_plan, command_sweep, command_index, command_query,
    command_compare, command_show, command_why, command_pairs, command_export, command_info,
    command_gen, command_verify, command_doctor;

/* Helpers that several commands share (tools/common.c). */

/* A command that has --json gives its result in one form: text on stdout, or where `json` names a
 * FILE ("-": stdout) a document there and no text. Its last step, as stdout may wait for a reader
 * for ever: from command_text on signals end the process where it gives a stream. */

/* Where the text goes: stdout; NULL where the document is asked for in its place. */
FILE *command_text(const char *json);

/* Ends the result: what was printed is flushed, or `document` (taken; NULL where memory was
 * refused) written to `json`. KIN_E_IO where stdout or FILE cannot be written. */
int command_end(const char *json, json_t *document, kin_error *err);

/* Prints the options of a table as they were resolved, as one JSON document. */
int command_print_config(const kin_option_table *table, const void *values, kin_error *err);

/* stdout, checked: KIN_E_IO when what was printed could not be written (a full disk, a closed
 * pipe). Call it last in a command that prints its result. */
int command_flush_stdout(kin_error *err);

/* The fields of a result's line in the JSON log (console_result): {kind: path, "seconds",
 * "peak_memory_bytes" (own), "peak_rss_bytes" (with mapped pages)}, from the "run" of a manifest.
 * New reference. */
json_t *command_result(const char *kind, const char *path, const json_t *run);

#endif
