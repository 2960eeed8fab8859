#ifndef KIN_JOB_PROVENANCE_H
#define KIN_JOB_PROVENANCE_H
/*
 * What a manifest says about where its contents come from.
 */
#include "core/catalog.h"
#include <jansson.h>

/* Sets "items", "modalities" (name, file, weight, dimensions, dtype, missing, xxh3_128), "ids" and
 * "items_table" (file, xxh3_128; where given) in *manifest (core/json.h). What lies in memory has
 * no file: null. */
void kin_provenance_describe(json_t **manifest, const kin_catalog *catalog);

/* Sets "sources" (modality name: absolute path) and, with a table of items, "items_source" (the
 * absolute folder that its image paths are relative to) in *run. */
void kin_provenance_locate(json_t **run, const kin_catalog *catalog);

/* Writes ids.txt, and copies the table as items.tsv, into the folder. */
int kin_provenance_write_names(const kin_catalog *catalog, const char *directory, kin_error *err);

#endif
