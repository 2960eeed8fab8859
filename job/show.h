#ifndef KIN_JOB_SHOW_H
#define KIN_JOB_SHOW_H
/*
 * Some items of a graph, and for each a lane of nearest neighbours by each modality alone and one
 * by the fused score.
 */
#include "core/graph.h"
#include "core/rows.h"
#include "job/options.h"

enum { KIN_SHOW_LANES_MAX = KIN_MODALITIES_MAX + 1 };

typedef struct kin_show_neighbor {
    int32_t row;
    float score;                      /* fused; NaN where the pair has none */
    float cosine[KIN_MODALITIES_MAX]; /* in the graph's order; NaN where one lacks it */
    bool also_fused;                  /* in a modality's lane: stands in the fused lane as well */
} kin_show_neighbor;

typedef struct kin_show_lane {
    size_t count;
    kin_show_neighbor *neighbor; /* [count], best first; into kin_show.pool */
} kin_show_lane;

typedef struct kin_show_item {
    size_t row;
    kin_show_lane lane[KIN_SHOW_LANES_MAX]; /* modality m at m, fused last */
} kin_show_item;

typedef struct kin_show {
    const kin_graph *graph;
    size_t neighbors;        /* a lane has at most */
    size_t lanes;            /* modalities + 1; of a graph of one modality only 1, the fused lane */
    size_t count;            /* items */
    kin_show_item *item;     /* [count]; owned */
    kin_show_neighbor *pool; /* owned */
    bool exact; /* modality lanes are exact over the whole catalog; else the stored neighbours,
                   ranked by the modality */
    char why_not_exact[KIN_MESSAGE_MAX]; /* one line, where not exact */
} kin_show;

typedef struct kin_show_options {
    kin_text_list item;  /* ids of the items; empty: some are chosen */
    int64_t items_shown; /* how many are chosen: 1 .. 1,000 */
    int64_t neighbors;   /* beside each item: 1 .. 100 */
    kin_text_list
        modality; /* NAME=FILE[:WEIGHT] of the graph's vectors; empty: as its manifest says */
} kin_show_options;

#define KIN_SHOW_OPTIONS_INIT                                                                      \
    {                                                                                              \
        .items_shown = 24, .neighbors = 8                                                          \
    }

/* Their lines, and a table of them. */
extern const kin_option kin_show_lines[];
extern const kin_option_table kin_show_table;

/* All of it: chooses or finds the items, opens the vectors and fills the lanes. Where the
 * manifest's vectors are gone or others, lanes of modalities rank the stored neighbours and a
 * warning says so. The stage "neighbours" begins once everything is open; only from then on can the
 * monitor stop it. The graph must outlive *out. */
int kin_show_run(kin_show *out, const kin_graph *graph, const kin_show_options *options,
                 const kin_monitor *monitor, kin_error *err);

/* Picks `wanted` rows (fewer if the graph has fewer) to show, ascending, always the same ones: with
 * a column `category` spread over the largest categories, else evenly over all rows; rows without
 * neighbours only when there are no others. Time O(n log n), memory 48 bytes an item. */
int kin_show_choose(size_t *row /* [wanted] */, size_t *count, size_t wanted,
                    const kin_graph *graph, kin_error *err);

/* The rows of the given ids, in that order. KIN_E_DATA for an id that the graph does not have. */
int kin_show_find(size_t *row /* [count] */, const char *const *id, size_t count,
                  const kin_graph *graph, kin_error *err);

/* Fills the lanes of the items. `catalog` is the graph's (kin_graph_catalog_open): then lanes of
 * modalities are exact, at the cost of one pass over the vectors a modality, and so are all
 * cosines. NULL: from the graph alone, where cosines have 11 bits; that of an only modality follows
 * from the score. */
int kin_show_init(kin_show *self, const kin_graph *graph, const kin_catalog *catalog,
                  const size_t *row /* [count] */, size_t count, size_t neighbors,
                  const kin_monitor *monitor, kin_error *err);
void kin_show_release(kin_show *self);

/* What an item is called: its title, else its id. */
kin_span kin_show_title(const kin_graph *graph, size_t row);

/* The cell of a named column of items.tsv; empty where there is none. */
kin_span kin_show_cell(const kin_graph *graph, size_t row, const char *column);

#endif
