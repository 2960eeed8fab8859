#ifndef KIN_JOB_QUERY_H
#define KIN_JOB_QUERY_H
/*
 * The most similar items of given items, or of vectors from outside: by a FAISS index that kin
 * index wrote, or of items the rows of a graph as it stores them.
 */
#include "ann/faiss_effort.h"
#include "core/monitor.h"
#include "core/rows.h"
#include "job/options.h"

typedef struct kin_query_options {
    const char *folder;  /* of an index or a graph; a graph has a use for items and top_k alone */
    kin_text_list item;  /* ids to answer for; either these or `query` */
    kin_text_list query; /* NAME=FILE: vectors from outside, row i of every file is query i */
    kin_text_list modality; /* NAME=FILE[:WEIGHT] in the place of the manifest's files */
    int64_t top_k; /* 1 .. 10,000; 0: KIN_QUERY_TOP_K, or all of a graph that stores fewer */
    kin_search_options search;
} kin_query_options;

enum { KIN_QUERY_TOP_K = 10 };

#define KIN_QUERY_OPTIONS_INIT                                                                     \
    {                                                                                              \
        .search = KIN_SEARCH_OPTIONS_INIT                                                          \
    }

/* One answer; all of it is borrowed, and valid during the call. */
typedef struct kin_answer {
    const char *label;    /* the id that was asked for, or the query's number: "0" */
    const char *kind;     /* of the folder: "index" or "graph" */
    const kin_lines *ids; /* of all items, by row number */
    size_t modality_count;
    const char *modality[KIN_MODALITIES_MAX]; /* names of the cosines */
    int cosine_digits;                        /* decimals that they are good for: 6 or 3 */
    const kin_rows *rows;                     /* one row, best first; its k is the top_k */
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

/* All items and files are found before the first answer is written. KIN_E_USAGE where a graph is
 * asked with options of indexes, KIN_E_DATA where it stores fewer neighbours an item than top_k.
 * Warns of answers that are shorter than top_k. The stage "answers" begins once everything is open;
 * only from then on can the monitor stop it. */
int kin_query_run(const kin_query_options *options, const kin_answer_sink *sink,
                  const kin_monitor *monitor, kin_error *err);

#endif
