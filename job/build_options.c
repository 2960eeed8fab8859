#include "job/build_options.h"
#include "core/graph.h"
#include "core/json.h"
#include "job/engine_options.h"
#include "job/option_lines.h"
#include "job/sources.h"

#include <math.h>

const char *const kin_engine_names[] = {"auto", "exact", "stream", "join", "hnsw", "ivf", NULL};

#define CATALOG(name) offsetof(kin_catalog_options, name)

const kin_option kin_catalog_lines[] = {
    OPTION_IDS(CATALOG(ids)),
    {.name = "items",
     .type = KIN_OPTION_TEXT,
     .offset = CATALOG(items),
     .unit = "FILE.tsv",
     .help = "a table of the items, tabs between cells: id, title, category, image, ..."},
    {.name = "id-column",
     .type = KIN_OPTION_TEXT,
     .offset = CATALOG(id_column),
     .unit = "NAME",
     .default_text = "id",
     .help = "the table's column of ids"},
    OPTION_MISSING(CATALOG(missing)),
    KIN_OPTIONS_END,
};

#define FIELD(name) offsetof(kin_build_options, name)

const kin_option kin_build_result[] = {
    {.name = "out",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(out),
     .unit = "DIR",
     .run_only = true,
     .help = "the folder to write; kin plan writes nothing and looks at the disk it would be on"},
    OPTION_FORCE(FIELD(force)),
    OPTION_TOP_K(FIELD(top_k)),
    {.name = "row-order",
     .type = KIN_OPTION_CHOICE,
     .offset = FIELD(row_order),
     .choices = kin_row_order_names,
     .help = "how a row's entries lie in the files"},
    {.name = "arrays",
     .type = KIN_OPTION_FLAG,
     .offset = FIELD(arrays),
     .help = "also write indptr.npy, indices.npy and data.npy, which graph.npz holds"},
    {.name = "max-empty",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(max_empty),
     .min = 0,
     .max = 1,
     .unit = "SHARE",
     .run_only = true,
     .default_text = "refused only when every row is empty",
     .help =
         "gate: at most that share of rows is empty, those by rule (--missing drop) aside; else "
         "exit 3 and nothing is published"},
    {.name = "trace-rows",
     .type = KIN_OPTION_INT,
     .offset = FIELD(trace_rows),
     .min = 1,
     .max = 1e5,
     .unit = "N",
     .default_text = "none",
     .help = "keep the candidates of N random items, for kin compare to tell what was lost where"},
    KIN_OPTIONS_END,
};

const kin_option kin_build_engine[] = {
    {.name = "engine",
     .type = KIN_OPTION_CHOICE,
     .offset = FIELD(engine),
     .choices = kin_engine_names,
     .help = "how the rows are computed\n"
             "auto: join from --auto-threshold items on; below it exact, or stream where that is "
             "faster: fewer than some 4,500 items of thousands of dimensions, and always above "
             "32,768 dimensions\n"
             "exact: every row is proven, by codes with bounds\n"
             "stream: the same rows by the plain products of all pairs\n"
             "join: a self-join on codes, its recall evaluated against --target-recall\n"
             "hnsw, ivf: an index of FAISS per modality, candidates reranked exactly; evaluated "
             "likewise"},
    {.name = "auto-threshold",
     .type = KIN_OPTION_INT,
     .offset = FIELD(auto_threshold),
     .min = 1,
     .max = 1e12,
     .unit = "ITEMS",
     .help = "where auto changes to join"},
    OPTION_TARGET_RECALL(
        FIELD(target_recall),
        "mean recall that join, hnsw and ivf have to reach on held-out rows: effort is "
        "chosen for it, and escalated until it is reached"),
    {.name = "strict",
     .type = KIN_OPTION_FLAG,
     .offset = FIELD(strict),
     .run_only = true,
     .help = "where the target is missed, exit 3 and publish nothing, instead of a warning"},
    {.name = "index",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(index_dir),
     .unit = "DIR",
     .help = "indexes that kin index wrote, instead of building them"},
    KIN_OPTIONS_END,
};

const kin_option kin_build_machine[] = {
    OPTION_MEMORY(FIELD(memory)),
    KIN_OPTIONS_END,
};

const kin_option kin_build_experts[] = {
    {.name = "micro-batch",
     .type = KIN_OPTION_INT,
     .offset = FIELD(micro_batch),
     .min = 1,
     .max = 1e6,
     .unit = "ROWS",
     .default_text = "1024",
     .similarity = "SIMILARITY_MICRO_BATCH_SIZE",
     .deprecated = "SIMILARITY_BATCH_SIZE",
     .help = "rows at a time (stream): one pass over the vectors for each"},
    KIN_OPTIONS_END,
};

static const kin_catalog_options catalog_defaults = {0};
static const kin_build_options build_defaults = KIN_BUILD_OPTIONS_INIT;

static const kin_option_group catalog_groups[] = {{"input", kin_catalog_lines, 0}};
static const kin_option_group build_groups[] = {
    {"result", kin_build_result, 0},
    {"engine", kin_build_engine, 0},
    {"machine", kin_build_machine, 0},
    {"experts", kin_build_experts, 0},
    {"experts", kin_search_lines, FIELD(search)},
    {"experts", kin_index_lines, FIELD(index)},
};

const kin_option_table kin_catalog_table = {.group = catalog_groups,
                                            .count = sizeof catalog_groups / sizeof *catalog_groups,
                                            .defaults = &catalog_defaults,
                                            .bytes = sizeof catalog_defaults};
const kin_option_table kin_build_table = {.group = build_groups,
                                          .count = sizeof build_groups / sizeof *build_groups,
                                          .defaults = &build_defaults,
                                          .bytes = sizeof build_defaults};

/* ---- the echo -------------------------------------------------------------------------------- */

json_t *kin_build_options_json(const kin_catalog_options *catalog, const kin_build_options *options)
{
    json_t *object = json_object();
    kin_json_set(&object, "modality", kin_sources_json(catalog->source, catalog->source_count));
    kin_options_echo(&object, &kin_catalog_table, catalog, false);
    kin_options_echo(&object, &kin_build_table, options, false);
    return object;
}
