#ifndef KIN_JOB_OPTION_LINES_H
#define KIN_JOB_OPTION_LINES_H
/*
 * Lines of option tables that several stages have: the same name means the same everywhere. `at` is
 * the offset of the field in the stage's struct.
 */
#include "core/catalog.h"
#include "job/options.h"

#define OPTION_MODALITY(at, fallback)                                                              \
    {                                                                                              \
        .name = "modality", .type = KIN_OPTION_LIST, .offset = (at), .unit = "NAME=FILE[:WEIGHT]", \
        .default_text = (fallback), .help = "a vector file, one row an item; up to eight files"    \
    }

#define OPTION_FORCE(at)                                                                           \
    {                                                                                              \
        .name = "force", .type = KIN_OPTION_FLAG, .offset = (at), .run_only = true,                \
        .help = "replace what kin wrote at --out before"                                           \
    }

#define OPTION_IDS(at)                                                                             \
    {                                                                                              \
        .name = "ids", .type = KIN_OPTION_TEXT, .offset = (at), .unit = "FILE",                    \
        .default_text = "the table's id column, else row numbers", .help = "an id a line"          \
    }

#define OPTION_TOP_K(at)                                                                           \
    {                                                                                              \
        .name = "top-k", .type = KIN_OPTION_INT, .offset = (at), .min = 1, .max = 10000,           \
        .unit = "K", .similarity = "SIMILARITY_TOP_K", .help = "neighbours per item"               \
    }

#define OPTION_TARGET_RECALL(at, text)                                                             \
    {                                                                                              \
        .name = "target-recall", .type = KIN_OPTION_REAL, .offset = (at), .min = 0.5,              \
        .max = 0.9999, .unit = "R", .help = (text)                                                 \
    }

#define OPTION_THREADS(at)                                                                         \
    {                                                                                              \
        .name = "threads", .type = KIN_OPTION_INT, .offset = (at), .min = 0, .max = 1024,          \
        .unit = "N", .run_only = true,                                                             \
        .default_text = "CPU affinity, cgroup quota, OMP_NUM_THREADS: the least",                  \
        .help = "threads to use"                                                                   \
    }

#define OPTION_MEMORY(at)                                                                          \
    {                                                                                              \
        .name = "memory", .type = KIN_OPTION_BYTES, .offset = (at), .min = 1 << 20, .max = 0x1p50, \
        .unit = "SIZE", .run_only = true, .default_text = "what the machine has left",             \
        .help =                                                                                    \
            "the most to use, as in 8G, 8GB or 8GiB, powers of two; mapped inputs are not counted" \
    }

/* What an item that lacks a modality (a row of zeros) counts for. */
#define MISSING_HELP                                                                               \
    "how items that lack a modality (a row of zeros) are scored\n"                                 \
    "renorm: scores by the modalities that both items have, scaled to all weights\n"               \
    "zero: a missing cosine counts 0, the arithmetic of cosine_similarity\n"                       \
    "drop: such an item has no neighbours and is in no row\n"                                      \
    "error: the catalog is refused"

#define OPTION_MISSING(at)                                                                         \
    {                                                                                              \
        .name = "missing", .type = KIN_OPTION_CHOICE, .offset = (at),                              \
        .choices = kin_missing_names, .help = MISSING_HELP                                         \
    }

#endif
