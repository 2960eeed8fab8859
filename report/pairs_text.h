#ifndef KIN_REPORT_PAIRS_TEXT_H
#define KIN_REPORT_PAIRS_TEXT_H
/*
 * Pairs of a graph as lines of text, with the items' ids (docs/FORMATS.md, Pairs): for a database,
 * for another store, for a data frame.
 *
 * .tsv is the text format of PostgreSQL's COPY under a line of names: tabs between cells, a
 * backslash in front of what would part them, \N where a cosine is lacking. .jsonl is an object a
 * line. Numbers have nine digits, which give the same float32 back.
 */
#include "core/text.h"
#include "job/pairs.h"

enum { KIN_PAIRS_TEXT_PARTS = 16 };

typedef enum kin_pairs_format { KIN_PAIRS_TSV, KIN_PAIRS_JSONL } kin_pairs_format;

/* Zeroed but for the first four. */
typedef struct kin_pairs_text {
    const kin_graph *graph;
    FILE *out;
    const char *path; /* of the file, for messages */
    kin_pairs_format format;
    kin_text_buffer part[KIN_PAIRS_TEXT_PARTS]; /* lines that threads made, to be written */
} kin_pairs_text;

/* The line of names of .tsv; nothing of .jsonl. Failures show in `out`. */
void kin_pairs_text_begin(const kin_pairs_text *self);

/* The sink. KIN_E_IO where `out` takes no more. */
kin_pair_sink kin_pairs_text_sink(kin_pairs_text *self);
void kin_pairs_text_release(kin_pairs_text *self);

#endif
