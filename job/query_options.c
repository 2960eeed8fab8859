/*
 * What kin_query_run may be asked (job/query.h).
 */
#include "job/engine_options.h"
#include "job/option_lines.h"
#include "job/query.h"

#define FIELD(name) offsetof(kin_query_options, name)

const kin_option kin_query_lines[] = {
    {.name = "item",
     .type = KIN_OPTION_LIST,
     .offset = FIELD(item),
     .unit = "ID",
     .help = "an item to answer for"},
    {.name = "query",
     .type = KIN_OPTION_LIST,
     .offset = FIELD(query),
     .unit = "NAME=FILE",
     .help = "vectors from outside, for an index: a row a query; a modality left out is missing"},
    {.name = "top-k",
     .type = KIN_OPTION_INT,
     .offset = FIELD(top_k),
     .min = 1,
     .max = 10000,
     .unit = "K",
     .default_text = "10, or all of a graph that stores fewer",
     .help = "neighbours per query"},
    OPTION_MODALITY(FIELD(modality), "as the index's manifest says"),
    KIN_OPTIONS_END,
};

static const kin_query_options defaults = KIN_QUERY_OPTIONS_INIT;

const kin_option_table kin_query_table = {
    .group = (const kin_option_group[]){{NULL, kin_query_lines, 0},
                                        {NULL, kin_search_lines, FIELD(search)}},
    .count = 2,
    .defaults = &defaults,
    .bytes = sizeof defaults,
};
