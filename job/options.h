#ifndef KIN_JOB_OPTIONS_H
#define KIN_JOB_OPTIONS_H
/*
 * Options: one table describes them, and drives the command line, the environment, --help, the
 * checks of a library call and the echo in the manifest.
 *
 * A stage has a plain struct with real defaults (KIN_..._INIT) and lines of options, each of which
 * says where in that struct an option lies and what it may be. The lines stand once, beside the
 * stage; a table is made of groups of such lines. Values out of range are refused, never clamped.
 * Which text comes from where (argv, environment) is the command's affair: tools/arguments.h.
 */
#include "core/error.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum kin_option_type {
    KIN_OPTION_FLAG,   /* bool: given or not; as a text 1 true yes on / 0 false no off */
    KIN_OPTION_INT,    /* int64_t */
    KIN_OPTION_BYTES,  /* uint64_t: 8G, 8GB, 8GiB, 512m; powers of two all of them; 0 is unset */
    KIN_OPTION_REAL,   /* double */
    KIN_OPTION_CHOICE, /* int: index into `choices` */
    KIN_OPTION_TEXT,   /* const char *: borrowed from the caller; NULL is unset */
    KIN_OPTION_LIST,   /* kin_text_list: may be given more than once */
} kin_option_type;

enum { KIN_LIST_MAX = 64 };

/* The values of a repeated option, borrowed. */
typedef struct kin_text_list {
    size_t count;
    const char *item[KIN_LIST_MAX];
} kin_text_list;

typedef struct kin_option {
    const char *name; /* "top-k": --top-k, KIN_TOP_K, "top_k" in the manifest */
    kin_option_type type;
    size_t offset;              /* of the field in the stage's struct */
    double min, max;            /* INT, BYTES, REAL; min == max: no limits */
    const char *const *choices; /* CHOICE: names in the order of the enum, ended by NULL */
    const char *unit;           /* "items", "FILE", ...: what stands behind the name in --help */
    const char *help;           /* what it does; in --help a line break stays one */
    const char *default_text;   /* where the default is worked out later: "by size"; else NULL */
    const char *similarity;     /* older environment name, or NULL */
    const char *deprecated;     /* still older one: read last, with one warning; or NULL */
    bool run_only; /* says how to run, not what comes out: threads, memory, out, force */
} kin_option;

/* What ends an array of options. */
#define KIN_OPTIONS_END                                                                            \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Options of one struct that --help shows together. */
typedef struct kin_option_group {
    const char *title;        /* "engine": a heading in --help; NULL: none */
    const kin_option *option; /* ended by KIN_OPTIONS_END */
    size_t base;              /* bytes from the table's struct to the one that `offset` counts in */
} kin_option_group;

/* All options of one struct and of the structs in it. */
typedef struct kin_option_table {
    const kin_option_group *group; /* [count] */
    size_t count;
    const void *defaults; /* the struct as it is where nothing is given */
    size_t bytes;         /* of the struct */
} kin_option_table;

/* A walk over a table: zeroed before the first step. */
typedef struct kin_option_walk {
    const kin_option *option;      /* the option of this step */
    const kin_option_group *group; /* its group */
    size_t number;                 /* 0, 1, ... */
    size_t next_group, next_line;
} kin_option_walk;

/* Steps to the next option; false behind the last. */
bool kin_options_next(const kin_option_table *table, kin_option_walk *walk);

/* The field of the walk's option in the table's struct. */
static inline void *kin_option_field(const kin_option_walk *walk, const void *values)
{
    return (char *)(uintptr_t)values + walk->group->base + walk->option->offset;
}

/* Steps `walk` to the option called `name` ("top-k"; `length` bytes); false where there is none. */
bool kin_options_find(const kin_option_table *table, kin_option_walk *walk, const char *name,
                      size_t length);

/* Sets one option by name and text ("top-k", "200"); a LIST gets one more item. KIN_E_USAGE names
 * the option, what is wrong and the limit. */
int kin_options_set(const kin_option_table *table, void *values, const char *name, const char *text,
                    kin_error *err);

/* Whether a struct that was filled by hand keeps to the limits: numbers that are not the default
 * lie between min and max, choices are ones. KIN_E_USAGE names the first that does not. */
int kin_options_check(const kin_option_table *table, const void *values, kin_error *err);

/* Sets "top_k": 200 and so on in *object (core/json.h), in the order of the table. run_only ones
 * are left out unless `all`; a REAL whose default is no number is null until it is given. */
void kin_options_echo(json_t **object, const kin_option_table *table, const void *values, bool all);

/* The same as an object of its own. New reference. */
json_t *kin_options_json(const kin_option_table *table, const void *values, bool all);

/* The nearest of `names` (NULL-ended) to `text` by edit distance, NULL when none is near. */
const char *kin_nearest(const char *text, const char *const *names);

/* "8G", "8gb", "8 GiB" -> 8 * 2^30. KIN_E_USAGE names what is wrong. */
int kin_bytes_parse(uint64_t *out, const char *text, kin_error *err);

#endif
