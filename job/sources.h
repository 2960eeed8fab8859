#ifndef KIN_JOB_SOURCES_H
#define KIN_JOB_SOURCES_H
/*
 * The sources of all modalities of a catalog: as options name them, or as a manifest does.
 */
#include "core/catalog.h"
#include "job/options.h"

/* Of the texts NAME=FILE[:WEIGHT], 1 to KIN_MODALITIES_MAX of them: KIN_E_USAGE where there are
 * more or none. On failure *count is 0. */
int kin_sources_parse(kin_source *out /* [KIN_MODALITIES_MAX] */, size_t *count,
                      const kin_text_list *list, kin_error *err);
void kin_sources_release(kin_source *source, size_t count);

/* ["text=text.npy:0.6", ...]: weights where they are not 1; "text:0.6" of an array, which lies in
 * no file. New reference. */
json_t *kin_sources_json(const kin_source *source, size_t count);

/* KIN_E_DATA with `hint` where a manifest's "modalities" are not 1 to KIN_MODALITIES_MAX with
 * different names of 1 to KIN_NAME_MAX - 1 bytes. */
int kin_sources_check_manifest(const json_t *manifest, const char *hint, kin_error *err);

/* Of a manifest's "modalities", in their order and with their weights. A file is the one of
 * run.sources where that can be read, else the name that stands beside the modality. On failure
 * *count is 0. */
int kin_sources_from_manifest(kin_source *out /* [KIN_MODALITIES_MAX] */, size_t *count,
                              const json_t *manifest, kin_error *err);

#endif
