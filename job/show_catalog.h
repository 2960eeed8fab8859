#ifndef KIN_JOB_SHOW_CATALOG_H
#define KIN_JOB_SHOW_CATALOG_H
/*
 * The vectors a finished graph was made from, opened again and held against its manifest: what
 * `kin show` and `kin compare --sample` need to compute anything new about the graph.
 */
#include "core/graph.h"
#include "job/options.h"

/* Opens the vectors of `graph`: the files that `given` (NAME=FILE[:WEIGHT]) names, or, where it is
 * empty, those of the manifest. They stand in the manifest's order with its weights and --missing,
 * so that scores are the graph's; a given weight other than 1 must be the manifest's. KIN_E_DATA
 * where items or fingerprints differ. Item ids and table are the graph's, not opened again. */
int show_catalog_open(kin_catalog *out, const kin_graph *graph, const kin_text_list *given,
                      kin_error *err);

/* `catalog` seen through its modality `m` alone, with weight 1: borrows everything but `present`.
 * Release with show_view_release, before the catalog is closed. */
int show_view_init(kin_catalog *out, const kin_catalog *catalog, size_t m, kin_error *err);
void show_view_release(kin_catalog *self);

#endif
