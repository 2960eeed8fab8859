#ifndef KIN_KIN_GRAPH_H
#define KIN_KIN_GRAPH_H
/*
 * Private to kin/: graphs as handles.
 */
#include "core/graph.h"
#include <stdbool.h>

/* Opens the graph in the folder `path` as a handle. `nameless`: the folder is about to lose its
 * name. */
int kin_graph_open_new(kin_graph **out, const char *path, bool nameless, kin_error *err);
#endif
