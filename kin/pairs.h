#ifndef KIN_KIN_PAIRS_H
#define KIN_KIN_PAIRS_H
/*
 * Options as pairs "NAME=VALUE", and the tables of what each call of the library takes: the lines
 * that drive the command's --help, but for what a library's caller gives otherwise.
 */
#include "job/build_options.h"
#include "job/compare.h"
#include "job/index.h"
#include "job/options.h"
#include "job/pairs.h"
#include "job/query.h"

typedef struct kin_build_call {
    kin_catalog_options catalog;
    kin_build_options build;
    int64_t threads; /* 0: what the machine has; so below */
} kin_build_call;

typedef struct kin_index_call {
    kin_index_run_options index;
    int64_t threads;
} kin_index_call;

typedef struct kin_compare_call {
    kin_compare_options compare;
    int64_t threads;
} kin_compare_call;

typedef struct kin_search_call {
    kin_search_options search;
    int64_t threads;
} kin_search_call;

typedef struct kin_pairs_call {
    kin_pairs_options pairs;
    int64_t threads;
} kin_pairs_call;

/* Each table's defaults are of its struct. Plans take the options of builds. */
extern const kin_option_table kin_build_call_table, kin_index_call_table, kin_compare_call_table,
    kin_search_call_table, kin_pairs_call_table;

/* Fills *values (the table's struct) with the defaults and the pairs, which NULL ends (pairs NULL:
 * none). Texts point into the pairs. KIN_E_USAGE: a pair that is none, an unknown name with the
 * nearest in the hint, a value out of range. */
int kin_pairs_read(const kin_option_table *table, void *values, const char *const *pairs,
                   kin_error *err);

#endif
