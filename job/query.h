#ifndef KIN_JOB_QUERY_H
#define KIN_JOB_QUERY_H
/*
 * The most similar items of given items, or of vectors from outside, by a FAISS index that kin
 * index wrote.
 */
#include "ann/faiss_effort.h"
#include "core/monitor.h"
#include "core/rows.h"
#include "job/options.h"

typedef struct kin_query_options {
    const char *index;      /* the folder of the index */
    kin_text_list item;     /* ids to answer for; either these or `query` */
    kin_text_list query;    /* NAME=FILE: vectors from outside, row i of every file is query i */
    kin_text_list modality; /* NAME=FILE[:WEIGHT] in the place of the manifest's files */
    int64_t top_k;          /* 1 .. 10,000 */
    kin_search_options search;
} kin_query_options;

#define KIN_QUERY_OPTIONS_INIT                                                                     \
    {                                                                                              \
        .top_k = 10, .search = KIN_SEARCH_OPTIONS_INIT                                             \
    }

/* One answer; all of it is borrowed, and valid during the call. */
typedef struct kin_answer {
    const char *label;          /* the id that was asked for, or the query's number: "0" */
    const kin_catalog *catalog; /* has the ids of the neighbours and the names of cosines */
    const kin_rows *rows;       /* one row, best first */
} kin_answer;

/* Where answers go, in the order of the questions. A failure ends the run and is its result. */
typedef struct kin_answer_sink {
    void *self; /* the callbacks' first argument */
    int (*write)(void *self, const kin_answer *answer, kin_error *err);
    int (*end)(void *self, kin_error *err); /* after the last one; may be NULL */
} kin_answer_sink;

/* Their lines, and a table of them with the lines of `search`. */
extern const kin_option kin_query_lines[];
extern const kin_option_table kin_query_table;

/* All items and files are found before the first answer is written. Warns of answers that are
 * shorter than top_k. The stage "answers" begins once everything is open; only from then on can the
 * monitor stop it. */
int kin_query_run(const kin_query_options *options, const kin_answer_sink *sink,
                  const kin_monitor *monitor, kin_error *err);

#endif
