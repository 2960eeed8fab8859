#include "job/compare.h"
#include "job/option_lines.h"

#define FIELD(name) offsetof(kin_compare_options, name)

/* A share that must hold, NaN unless it is asked for. */
#define GATE(option, field, text)                                                                  \
    {                                                                                              \
        .name = (option), .type = KIN_OPTION_REAL, .offset = FIELD(gates.field), .min = 0,         \
        .max = 1, .unit = "SHARE", .default_text = "not asked", .help = (text)                     \
    }

const kin_option kin_compare_lines[] = {
    {.name = "reference",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(reference),
     .unit = "GRAPH",
     .help = "the truth: a graph, or neighbours in a file (.npz, .ivecs, .ibin)"},
    {.name = "sample",
     .type = KIN_OPTION_INT,
     .offset = FIELD(sample),
     .min = 1,
     .max = 1e12,
     .unit = "ROWS",
     .default_text = "none: give this, --reference or --previous",
     .help = "the truth: exact rows of so many random items, computed now"},
    {.name = "top-k",
     .type = KIN_OPTION_INT,
     .offset = FIELD(top_k),
     .min = 1,
     .max = 10000,
     .unit = "K",
     .default_text = "what graph and reference claim; of a file without a header the reference's",
     .help = "neighbours of a row that are compared; what a graph has fewer is missing"},
    {.name = "stratify",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(stratify),
     .unit = "COLUMN",
     .help = "draw the sample in proportion to a column of items.tsv, and break recall down by it"},
    {.name = "seed",
     .type = KIN_OPTION_INT,
     .offset = FIELD(seed),
     .min = 0,
     .max = 1e15,
     .unit = "S",
     .help = "of the choice of rows"},
    {.name = "previous",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(previous),
     .unit = "GRAPH",
     .help = "last night's graph: what changed, matched by id"},
    OPTION_MODALITY(FIELD(modality), "as the manifest says"),
    {.name = "ids",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(ids),
     .unit = "FILE",
     .default_text = "the reference's, row by row",
     .help = "an id a line: the rows of GRAPH, where that is a file"},
    {.name = "reference-ids",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(reference_ids),
     .unit = "FILE",
     .default_text = "the graph's, row by row",
     .help = "an id a line: the rows of a file at --reference"},
    {.name = "missing",
     .type = KIN_OPTION_CHOICE,
     .offset = FIELD(missing),
     .choices = kin_missing_names,
     .help = "where GRAPH is a file: " MISSING_HELP},
    GATE("min-recall", min_recall, "gate: recall, its lower bound or mean, is at least that"),
    {.name = "bound",
     .type = KIN_OPTION_CHOICE,
     .offset = FIELD(gates.bound),
     .choices = kin_gate_bound_names,
     .help = "what --min-recall is held against: the lower 95 % bound, or the mean of the sample"},
    GATE("min-fill", min_fill, "gate: that share of the reference's places is filled"),
    GATE("max-empty", max_empty, "gate: at most that share of rows is empty, those by rule aside"),
    GATE("max-drift", max_drift, "gate: 1 - mean Jaccard overlap with --previous is at most that"),
    GATE("max-item-change", max_item_change, "gate: at most that share of items came or went"),
    OPTION_MEMORY(FIELD(memory)),
    KIN_OPTIONS_END,
};

static const kin_compare_options defaults = KIN_COMPARE_OPTIONS_INIT;

const kin_option_table kin_compare_table = {
    .group = (const kin_option_group[]){{NULL, kin_compare_lines, 0}},
    .count = 1,
    .defaults = &defaults,
    .bytes = sizeof defaults,
};
