#ifndef KIN_JOB_OPTIONS_H
#define KIN_JOB_OPTIONS_H
/*
 * Options: one table describes them, and drives the command line, the environment, --help, the
 * validation and the echo in the manifest.
 *
 * A stage has a plain struct with real defaults (KIN_..._INIT); a table line says where in the
 * struct an option lives and what it may be. Values out of range are refused, never clamped.
 * The order of sources: command line, KIN_<OPTION>, the older SIMILARITY_ names, the default. An
 * empty environment value counts as unset; blanks around it and a trailing " # comment" are cut.
 */
#include "core/error.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum kin_option_type {
    KIN_OPTION_FLAG,   /* bool: given or not; environment: 1 true yes on / 0 false no off */
    KIN_OPTION_INT,    /* int64_t */
    KIN_OPTION_BYTES,  /* uint64_t: 8G, 8GB, 8GiB, 512m; powers of two all of them; 0 is unset */
    KIN_OPTION_REAL,   /* double */
    KIN_OPTION_CHOICE, /* int: index into `choices` */
    KIN_OPTION_TEXT,   /* const char *: borrowed from argv or environment; NULL is unset */
    KIN_OPTION_LIST,   /* kin_text_list: may be given more than once */
} kin_option_type;

enum { KIN_LIST_MAX = 64 };

/* The values of a repeated option, borrowed. In the environment they are parted by ';' or a line end; a backslash before
 * one of these, or before another backslash, makes it part of the value. */
typedef struct kin_text_list {
    size_t count;
    const char *item[KIN_LIST_MAX];
} kin_text_list;

typedef struct kin_option {
    const char *name; /* "top-k": --top-k, KIN_TOP_K, "top_k" in the manifest */
    kin_option_type type;
    size_t offset;              /* of the field in the command's struct */
    double min, max;            /* INT, BYTES, REAL; min == max: no limits */
    const char *const *choices; /* CHOICE: names in the order of the enum, ended by NULL */
    const char *unit;           /* "items", "FILE", ...: what stands behind the name in --help */
    const char *help;           /* one line */
    const char *default_text;   /* where the default is worked out later: "by size"; else NULL */
    const char *similarity;     /* older environment name, or NULL */
    const char *deprecated;     /* still older one: read last, with one warning; or NULL */
    bool run_only; /* says how to run, not what comes out: threads, memory, out, force */
} kin_option;

/* A command's options. The struct that `defaults` points to is copied before parsing. */
typedef struct kin_option_table {
    const kin_option *option; /* [count] */
    size_t count;
    const void *defaults;
    size_t bytes; /* of the struct */
} kin_option_table;

enum { KIN_OPERANDS_MAX = 64 };

/* What stands on a command line beside options. */
typedef struct kin_operands {
    size_t count;
    const char *item[KIN_OPERANDS_MAX];
} kin_operands;

/* Told of a deprecated name, an unknown KIN_ one and the like; one line each. */
typedef void kin_option_warn(void *self, const char *text);

/* A FLAG is --name or --name=true|false; every other option takes a value, and only a LIST may be
 * given twice. Values that begin with "--" have to be written --name=--value.
 *
 * Fills `values` from defaults, environment and argv[0 .. argc) ("--name value", "--name=value",
 * "--" ends options). KIN_E_USAGE: unknown names get the nearest known one as a hint. Texts are
 * borrowed from argv and from `environment`, whose entries are edited in place: pass a copy.
 * *help is set when --help or -h stands among the options; then nothing else was checked. */
int kin_options_parse(const kin_option_table *table, void *values, int argc, char **argv,
                      char **environment /* NULL-ended "NAME=value" or NULL */,
                      kin_operands *operands, bool *help, kin_option_warn *warn, void *warn_self,
                      kin_error *err);

/* The help lines of a table, allocated text (free): "  --top-k N   ... (1 to 10000; default 200)". */
char *kin_options_help(const kin_option_table *table);

/* {"top_k": 200, ...}; run_only ones are left out unless `all`; a REAL whose default is no number
 * is null until it is given. New reference. */
json_t *kin_options_json(const kin_option_table *table, const void *values, bool all);

/* Whether `name` ("KIN_TOP_K", "SIMILARITY_TOP_K") belongs to an option of the table. */
bool kin_options_knows(const kin_option_table *table, const char *environment_name);

/* The nearest of `names` (NULL-ended) to `text` by edit distance, NULL when none is near. */
const char *kin_nearest(const char *text, const char *const *names);

/* "8G", "8gb", "8 GiB" -> 8 * 2^30. KIN_E_USAGE names what is wrong. */
int kin_bytes_parse(uint64_t *out, const char *text, kin_error *err);

#endif
