#ifndef KIN_REPORT_INFO_REPORT_H
#define KIN_REPORT_INFO_REPORT_H
/*
 * What kin info found, as lines for people and as one JSON document.
 */
#include "job/info.h"

#include <stdio.h>

typedef struct kin_info_report {
    FILE *table;      /* lines go there as facts are found; NULL: none */
    json_t *document; /* of a file, a graph or a manifest; owned */
    bool listed;      /* a folder of vectors: its files are in the list */
    json_t *files;    /* [] owned */
} kin_info_report;

/* Where facts are reported; `self` starts with its table alone set. */
kin_info_sink kin_info_report_sink(kin_info_report *self);

/* The document, once facts were reported. New reference; NULL where memory is refused. */
json_t *kin_info_report_json(kin_info_report *self);

void kin_info_report_release(kin_info_report *self);

#endif
