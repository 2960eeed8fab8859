#ifndef KIN_JOB_BUILD_OPTIONS_H
#define KIN_JOB_BUILD_OPTIONS_H
/*
 * The lines of a build's options: names, limits, help (job/options.h). A command's table is made of
 * them, and kin_build_table is all of them for a kin_build_options by itself.
 */
#include "job/build.h"

/* Of a kin_catalog_options: ids, items, id-column, missing. Its sources are the caller's to
 * parse. */
extern const kin_option kin_catalog_lines[];

/* Of a kin_build_options, in the groups of kin build --help. */
extern const kin_option kin_build_result[], kin_build_engine[], kin_build_machine[],
    kin_build_experts[];

extern const kin_option_table kin_catalog_table;
extern const kin_option_table kin_build_table;

/* {"modality": ["NAME=FILE:WEIGHT", ...], "ids", ..., "top_k", ...}: what a manifest keeps of the
 * options, those that say what comes out. New reference. */
json_t *kin_build_options_json(const kin_catalog_options *catalog,
                               const kin_build_options *options);

#endif
