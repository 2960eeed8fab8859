/*
 * The tables of the library's calls, and how pairs fill them (kin/pairs.h).
 */
#include "kin/pairs.h"
#include "job/engine_options.h"
#include "job/option_lines.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A line of threads for each struct, and the table of its groups. */
#define CALL_TABLE(name, type, ...)                                                                \
    static const kin_option name##_threads[] = {OPTION_THREADS(offsetof(type, threads)),           \
                                                KIN_OPTIONS_END};                                  \
    static const kin_option_group name##_groups[] = {__VA_ARGS__, {NULL, name##_threads, 0}};      \
    const kin_option_table name##_table = {.group = name##_groups,                                 \
                                           .count = COUNT(name##_groups),                          \
                                           .defaults = &name##_defaults,                           \
                                           .bytes = sizeof(type)}

static const kin_build_call kin_build_call_defaults = {.build = KIN_BUILD_OPTIONS_INIT};
static const kin_index_call kin_index_call_defaults = {.index = KIN_INDEX_RUN_OPTIONS_INIT};
static const kin_compare_call kin_compare_call_defaults = {.compare = KIN_COMPARE_OPTIONS_INIT};
static const kin_search_call kin_search_call_defaults = {.search = KIN_SEARCH_OPTIONS_INIT};
static const kin_pairs_call kin_pairs_call_defaults = {.pairs = KIN_PAIRS_OPTIONS_INIT};

#define BUILD(field) offsetof(kin_build_call, build.field)

CALL_TABLE(kin_build_call, kin_build_call,
           {NULL, kin_catalog_lines, offsetof(kin_build_call, catalog)},
           {NULL, kin_build_result, offsetof(kin_build_call, build)},
           {NULL, kin_build_engine, offsetof(kin_build_call, build)},
           {NULL, kin_build_machine, offsetof(kin_build_call, build)},
           {NULL, kin_build_experts, offsetof(kin_build_call, build)},
           {NULL, kin_search_lines, BUILD(search)}, {NULL, kin_index_lines, BUILD(index)});

CALL_TABLE(kin_index_call, kin_index_call,
           {NULL, kin_index_run_lines, offsetof(kin_index_call, index)},
           {NULL, kin_index_lines, offsetof(kin_index_call, index.index)});

CALL_TABLE(kin_compare_call, kin_compare_call,
           {NULL, kin_compare_lines, offsetof(kin_compare_call, compare)});

CALL_TABLE(kin_search_call, kin_search_call,
           {NULL, kin_search_lines, offsetof(kin_search_call, search)});

CALL_TABLE(kin_pairs_call, kin_pairs_call,
           {NULL, kin_pairs_lines, offsetof(kin_pairs_call, pairs)});

/* ---- pairs ----------------------------------------------------------------------------------- */

static int fail_unknown(const kin_option_table *table, const char *name, kin_error *err)
{
    enum { NAMES_MAX = 128 };
    const char *names[NAMES_MAX + 1];
    char hint[KIN_HINT_MAX] = "kin_describe tells all options of a call";
    size_t count = 0;
    for (kin_option_walk walk = {0}; count < NAMES_MAX && kin_options_next(table, &walk);)
        names[count++] = walk.option->name;
    names[count] = NULL;
    const char *nearest = kin_nearest(name, names);
    if (nearest)
        snprintf(hint, sizeof hint, "did you mean '%s'?", nearest);
    return kin_fail(err, KIN_E_USAGE, hint, "unknown option '%s'", name);
}

static int read_pair(const kin_option_table *table, void *values, const char *pair, kin_error *err)
{
    kin_option_walk walk;
    char name[64];
    const char *equals = strchr(pair, '=');
    size_t length = equals ? (size_t)(equals - pair) : strlen(pair);
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1),
             pair);
    if (!equals)
        return kin_fail(err, KIN_E_USAGE, "write NAME=VALUE; a flag is force=1",
                        "option '%s' has no value", name);
    if (!kin_options_find(table, &walk, pair, length))
        return fail_unknown(table, name, err);
    return kin_options_set(table, values, name, equals + 1, err);
}

int kin_pairs_read(const kin_option_table *table, void *values, const char *const *pairs,
                   kin_error *err)
{
    int rc = 0;
    memcpy(values, table->defaults, table->bytes);
    for (size_t i = 0; rc == 0 && pairs && pairs[i]; i++)
        rc = read_pair(table, values, pairs[i], err);
    return rc;
}
