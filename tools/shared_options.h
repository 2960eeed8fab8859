#ifndef KIN_TOOLS_SHARED_OPTIONS_H
#define KIN_TOOLS_SHARED_OPTIONS_H
/*
 * Lines of option tables that several commands have: the same name means the same everywhere.
 * `at` is the offset of the field, or of the stage's struct, in the command's struct.
 */
#include "ann/faiss_index.h"
#include "job/options.h"

#define OPTION_MODALITY(at, fallback)                                                              \
    {                                                                                              \
        .name = "modality", .type = KIN_OPTION_LIST, .offset = (at), .unit = "NAME=FILE[:WEIGHT]", \
        .default_text = (fallback), .help = "a vector file, one row an item; one to eight times"   \
    }

#define OPTION_OUT(at)                                                                             \
    {                                                                                              \
        .name = "out", .type = KIN_OPTION_TEXT, .offset = (at), .unit = "DIR", .run_only = true,   \
        .help = "the folder to write"                                                              \
    }

#define OPTION_FORCE(at)                                                                           \
    {                                                                                              \
        .name = "force", .type = KIN_OPTION_FLAG, .offset = (at), .run_only = true,                \
        .help = "replace what kin wrote at --out before"                                           \
    }

#define OPTION_PICTURES(at)                                                                        \
    {                                                                                              \
        .name = "pictures", .type = KIN_OPTION_TEXT, .offset = (at), .unit = "DIR",                \
        .run_only = true, .default_text = "where the table of items came from",                    \
        .help = "the folder of the page's pictures: names in the table's column image start "      \
                "there, and what leads out of it is left out"                                      \
    }

#define OPTION_IDS(at)                                                                             \
    {                                                                                              \
        .name = "ids", .type = KIN_OPTION_TEXT, .offset = (at), .unit = "FILE",                    \
        .default_text = "the table's id column, else row numbers", .help = "an id a line"          \
    }

/* What an item that lacks a modality (a row of zeros) counts for. */
#define MISSING_HELP                                                                               \
    "scores of items that lack a modality (a row of zeros): renorm by the modalities that both "   \
    "items have, scaled to all weights; zero: a missing cosine counts 0, the arithmetic of "       \
    "cosine_similarity; drop: such items have no neighbours and are in no row; error: refuse them"

#define OPTION_MISSING(at)                                                                         \
    {                                                                                              \
        .name = "missing", .type = KIN_OPTION_CHOICE, .offset = (at),                              \
        .choices = kin_missing_names, .help = MISSING_HELP                                         \
    }

#define OPTION_TOP_K(at)                                                                           \
    {                                                                                              \
        .name = "top-k", .type = KIN_OPTION_INT, .offset = (at), .min = 1, .max = 10000,           \
        .unit = "K", .similarity = "SIMILARITY_TOP_K", .help = "neighbours per item"               \
    }

#define OPTION_TARGET_RECALL(at)                                                                   \
    {                                                                                              \
        .name = "target-recall", .type = KIN_OPTION_REAL, .offset = (at), .min = 0.5,              \
        .max = 0.9999, .unit = "R",                                                                \
        .help = "mean recall that ivf and hnsw are judged by; effort is chosen for it and rises "  \
                "until it is reached: nobody has to know nprobe"                                   \
    }

#define OPTION_MEMORY(at)                                                                          \
    {                                                                                              \
        .name = "memory", .type = KIN_OPTION_BYTES, .offset = (at), .min = 1 << 20, .max = 0x1p50, \
        .unit = "SIZE", .run_only = true, .default_text = "what the machine has left",             \
        .help =                                                                                    \
            "the most to use, as in 8G, 8GB or 8GiB, powers of two; mapped inputs are not counted" \
    }

/* How indexes are built; `at` is a kin_index_options. */
#define INDEX_FIELD(at, field) ((at) + offsetof(kin_index_options, field))
#define OPTIONS_INDEX(at)                                                                          \
    {.name = "index-space",                                                                        \
     .type = KIN_OPTION_CHOICE,                                                                    \
     .offset = INDEX_FIELD(at, space),                                                             \
     .choices = kin_index_space_names,                                                             \
     .help = "an index per modality, or one over all of them"},                                    \
        {.name = "project",                                                                        \
         .type = KIN_OPTION_INT,                                                                   \
         .offset = INDEX_FIELD(at, project),                                                       \
         .min = 1,                                                                                 \
         .max = KIN_PROJECT_DIMENSIONS_MAX,                                                        \
         .unit = "D",                                                                              \
         .default_text = "no projection",                                                          \
         .help = "reduce to D dimensions by PCA, in the indexes only"},                            \
        {.name = "project-centre",                                                                 \
         .type = KIN_OPTION_FLAG,                                                                  \
         .offset = INDEX_FIELD(at, project_centre),                                                \
         .help = "subtract the mean before projecting"},                                           \
        {.name = "lists",                                                                          \
         .type = KIN_OPTION_INT,                                                                   \
         .offset = INDEX_FIELD(at, lists),                                                         \
         .min = 1,                                                                                 \
         .max = 1e6,                                                                               \
         .unit = "N",                                                                              \
         .default_text = "4 sqrt(vectors)",                                                        \
         .help = "clusters of an ivf index, as kin query asks it"},                                \
        {.name = "links",                                                                          \
         .type = KIN_OPTION_INT,                                                                   \
         .offset = INDEX_FIELD(at, links),                                                         \
         .min = 2,                                                                                 \
         .max = 512,                                                                               \
         .unit = "M",                                                                              \
         .help = "links per vertex of an hnsw index"},                                             \
        {.name = "ef-construction",                                                                \
         .type = KIN_OPTION_INT,                                                                   \
         .offset = INDEX_FIELD(at, ef_construction),                                               \
         .min = 1,                                                                                 \
         .max = 1e6,                                                                               \
         .unit = "N",                                                                              \
         .help = "effort of building an hnsw index"},                                              \
    {                                                                                              \
        .name = "seed", .type = KIN_OPTION_INT, .offset = INDEX_FIELD(at, seed), .min = 0,         \
        .max = 1e15, .unit = "S", .help = "of samples and clusterings"                             \
    }

/* How indexes are asked; `at` is a kin_search_options. */
#define SEARCH_FIELD(at, field) ((at) + offsetof(kin_search_options, field))
#define OPTIONS_SEARCH(at)                                                                         \
    {.name = "candidates",                                                                         \
     .type = KIN_OPTION_INT,                                                                       \
     .offset = SEARCH_FIELD(at, candidates),                                                       \
     .min = 1,                                                                                     \
     .max = 1e6,                                                                                   \
     .unit = "C",                                                                                  \
     .default_text = "4 K, fused space 2 K, at least 64; hnsw 3 K, kin build: on a sample",        \
     .help = "how deep each index is asked, by hnsw and kin query"},                               \
        {.name = "probes",                                                                         \
         .type = KIN_OPTION_INT,                                                                   \
         .offset = SEARCH_FIELD(at, probes),                                                       \
         .min = 1,                                                                                 \
         .max = 1e6,                                                                               \
         .unit = "N",                                                                              \
         .default_text = "2 sqrt(lists), at least 16",                                             \
         .help = "clusters of an ivf index that kin query searches"},                              \
    {                                                                                              \
        .name = "ef-search", .type = KIN_OPTION_INT, .offset = SEARCH_FIELD(at, ef_search),        \
        .min = 1, .max = 1e6, .unit = "N", .default_text = "the candidates",                       \
        .help = "effort of searching an hnsw index"                                                \
    }

#endif
