#ifndef KIN_EXACT_SHORTLIST_H
#define KIN_EXACT_SHORTLIST_H
/*
 * The candidates of a micro-batch's rows: what may be among a row's K best by canonical score.
 *
 * A row has one list. An item is appended when its value reaches the list's threshold, the K-th
 * largest value so far less `margin`. A full list is pruned, which raises the threshold. So a row
 * needs memory for about 4 K items however many there are, and n values in no order append about
 * K (1 + ln(n / K)). Where more values are equal to within the margin than a list holds, they are
 * reranked in place: the K best by canonical score stay.
 *
 * Threads append to a list in turn, under its lock, which few values need. The result does not
 * depend on who came first: a dropped item has K better ones, by the margin or by canonical score.
 *
 * Cost: a comparison a value, and somewhat more than K canonical scores a row.
 */
#include "core/memory.h"
#include "core/score.h"
#include <omp.h>

/* Values are offered in multiples of so many. */
enum { KIN_SHORTLIST_STEP = 32 };

typedef struct kin_shortlist_options {
    const kin_catalog *catalog;
    size_t top_k;   /* K, below the items' number */
    size_t rows;    /* of a micro-batch */
    size_t threads; /* that offer and finish */
    double margin;  /* twice what a value may be off, in scores / W */
} kin_shortlist_options;

typedef struct kin_shortlist {
    omp_lock_t lock;
    float threshold;
    uint32_t count;
} kin_shortlist;

/* What a thread reranks in. */
typedef struct kin_shortlist_worker {
    uint64_t *space;    /* [capacity] to sort keys */
    int32_t *candidate; /* [capacity] ascending */
    kin_query query;
    kin_rescore_workspace workspace;
    kin_rows best; /* one row */
} kin_shortlist_worker;

typedef struct kin_shortlists {
    kin_shortlist_options options;
    size_t capacity;              /* items of a list */
    double weight_sum;            /* W */
    kin_shortlist *list;          /* [rows] */
    uint64_t *key;                /* [rows][capacity] value, the larger first, then item */
    kin_shortlist_worker *worker; /* [threads] */
} kin_shortlists;

/* On failure *self is released. */
int kin_shortlists_init(kin_shortlists *self, const kin_shortlist_options *options, kin_error *err);
void kin_shortlists_release(kin_shortlists *self);

/* Adds what kin_shortlists_init takes. */
void kin_shortlists_add_plan(kin_memory_plan *plan, const kin_shortlist_options *options);

/* Empties the lists. */
void kin_shortlists_reset(kin_shortlists *self);

/* Offers list q, of item `row` of the catalog, the items first .. first + count - 1 with their
 * values: scores / W, -INFINITY for no pair and for the item itself. `count` is a multiple of
 * KIN_SHORTLIST_STEP. Called by several threads, each with a number below options.threads. */
void kin_shortlists_offer(kin_shortlists *self, size_t thread, size_t q, size_t row,
                          const float *value /* [count] */, size_t first, size_t count);

/* Writes the K best of list q as query q of *out, when all items have been offered. */
void kin_shortlists_finish(kin_shortlists *self, size_t thread, size_t q, size_t row,
                           kin_rows *out);

#endif
