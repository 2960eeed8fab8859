#ifndef KIN_JOB_QUERY_GRAPH_H
#define KIN_JOB_QUERY_GRAPH_H
/*
 * The part of kin_query_run that asks a graph: an item's answer is the row that is stored for it.
 */
#include "core/dir.h"
#include "job/query.h"

/* `dir` is the graph's folder. KIN_E_USAGE where options are given that only an index has a use
 * for. */
int kin_query_graph(const kin_query_options *options, const kin_dir *dir,
                    const kin_answer_sink *sink, const kin_monitor *monitor, kin_error *err);

#endif
