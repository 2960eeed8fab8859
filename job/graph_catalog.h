#ifndef KIN_JOB_GRAPH_CATALOG_H
#define KIN_JOB_GRAPH_CATALOG_H
/*
 * The vectors that a graph was built from, opened again and held against its manifest: what any new
 * number about a graph is computed from.
 */
#include "core/catalog.h"
#include "core/graph.h"
#include "job/options.h"

/* Opens the vectors of `graph`: the files that `given` (NAME=FILE[:WEIGHT]) names, or, where it is
 * empty, those of the manifest. They stand in the manifest's order with its weights and --missing,
 * so that scores are the graph's; a given weight other than 1 must be the manifest's. KIN_E_DATA
 * where items or fingerprints differ. Item ids and table are the graph's, not opened again. */
int kin_graph_catalog_open(kin_catalog *out, const kin_graph *graph, const kin_text_list *given,
                           kin_error *err);

/* The same from sources, of which arrays in memory may be some. */
int kin_graph_catalog_open_sources(kin_catalog *out, const kin_graph *graph,
                                   const kin_source *source, size_t count, kin_error *err);

/* The same for callers that can do with the graph alone: where `given` is empty and the manifest's
 * files are gone or others, returns 0 with *opened false and *reason set. */
int kin_graph_catalog_try(kin_catalog *out, bool *opened, kin_error *reason, const kin_graph *graph,
                          const kin_text_list *given, kin_error *err);

/* `catalog` seen through its modality `m` alone, with weight 1: borrows everything but `present`.
 * Release with kin_catalog_view_release, before the catalog is closed. */
int kin_catalog_view_init(kin_catalog *out, const kin_catalog *catalog, size_t m, kin_error *err);
void kin_catalog_view_release(kin_catalog *self);

#endif
