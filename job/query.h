#ifndef KIN_JOB_QUERY_H
#define KIN_JOB_QUERY_H
/*
 * The most similar items of given items, or of vectors from outside: by a FAISS index that kin
 * index wrote, or of items the rows of a graph as it stores them.
 */
#include "ann/faiss_effort.h"
#include "core/monitor.h"
#include "core/rows.h"
#include "core/score.h"
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

/* An index, open: the catalog of its vectors, and the indexes. Zeroed: none. Afterwards one thread
 * at a time asks. */
typedef struct kin_query_session {
    kin_dir dir; /* of the index */
    json_t *manifest;
    kin_source source[KIN_MODALITIES_MAX];
    size_t source_count;
    kin_catalog catalog;
    kin_index *index;
    kin_query query;
} kin_query_session;

/* Opens the index in the folder `dir`, reading every vector and every file of it once. Its vectors
 * are those of `inputs`; where that is NULL, of the manifest's files, in whose place the texts of
 * `modality` (NAME=FILE) stand. On failure *self is closed. */
int kin_query_session_open(kin_query_session *self, const kin_dir *dir,
                           const kin_text_list *modality, const kin_catalog_options *inputs,
                           const kin_monitor *monitor, kin_error *err);
void kin_query_session_close(kin_query_session *self);

/* What is asked of a session: items of it, or rows of vectors from outside. Zeroed: nothing. */
typedef struct kin_questions {
    const int64_t *row;       /* [row_count] items; NULL: vectors from outside */
    const char *const *label; /* [row_count] their ids; NULL: the rows' numbers */
    size_t row_count;
    kin_matrix outside[KIN_MODALITIES_MAX]; /* in the session's order; n == 0: not given; owned */
    size_t outside_rows;
    size_t top_k;
    kin_search_options search; /* top_k unread */
} kin_questions;

/* Adds vectors from outside to a modality of the session; `text` names them in messages. */
int kin_questions_add(kin_questions *self, const kin_query_session *session,
                      const kin_source *source, const char *text, kin_error *err);
void kin_questions_release(kin_questions *self);

/* Answers to all of it. All rows are looked at before the first answer; warns of answers that are
 * shorter than top_k. */
int kin_query_session_answer(kin_query_session *self, const kin_questions *questions,
                             const kin_answer_sink *sink, const kin_monitor *monitor,
                             kin_error *err);

/* All items and files are found before the first answer is written. KIN_E_USAGE where a graph is
 * asked with options of indexes, KIN_E_DATA where it stores fewer neighbours an item than top_k.
 * Warns of answers that are shorter than top_k. The stage "answers" begins once everything is open;
 * only from then on can the monitor stop it. */
int kin_query_run(const kin_query_options *options, const kin_answer_sink *sink,
                  const kin_monitor *monitor, kin_error *err);

#endif
