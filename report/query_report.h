#ifndef KIN_REPORT_QUERY_REPORT_H
#define KIN_REPORT_QUERY_REPORT_H
/*
 * Answers of kin query as a table and as JSON.
 */
#include "job/query.h"

#include <jansson.h>
#include <stdio.h>

/* A line of names, tabs between them. */
void kin_answer_print_header(const kin_answer *self, FILE *out);

/* A line a neighbour: query, rank from 1, id, score, and a cosine for each modality, "-" where one
 * lacks it. A stored cosine has 11 bits, and three digits. */
void kin_answer_print(const kin_answer *self, FILE *out);

/* {"query": label, "neighbors": [{"id", "row", "score", "cosine": {...}}, ...]}. New reference;
 * NULL where memory is refused. */
json_t *kin_answer_json(const kin_answer *self);

#endif
