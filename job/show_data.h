#ifndef KIN_JOB_SHOW_DATA_H
#define KIN_JOB_SHOW_DATA_H
/*
 * What `kin show` shows, before it is a page or a text: some items of a graph, and per item a lane
 * of nearest neighbours for each modality alone and one for the fused score.
 */
#include "core/graph.h"
#include "core/rows.h"

enum { SHOW_LANES_MAX = KIN_MODALITIES_MAX + 1 };

typedef struct show_neighbor {
    int32_t row;
    float score;                      /* fused; NaN where the pair has none */
    float cosine[KIN_MODALITIES_MAX]; /* in the graph's order; NaN where one lacks it */
    bool also_fused;                  /* in a modality's lane: stands in the fused lane as well */
} show_neighbor;

typedef struct show_lane {
    size_t count;
    show_neighbor *neighbor; /* [count], best first; into show_data.pool */
} show_lane;

typedef struct show_item {
    size_t row;
    show_lane lane[SHOW_LANES_MAX]; /* modality m at m, fused last */
} show_item;

typedef struct show_data {
    const kin_graph *graph;
    size_t neighbors;    /* a lane has at most */
    size_t lanes;        /* modalities + 1; of a graph of one modality only 1, the fused lane */
    size_t count;        /* items */
    show_item *item;     /* [count]; owned */
    show_neighbor *pool; /* owned */
    bool exact; /* modality lanes are exact over the whole catalog; else the stored neighbours,
                   ranked by the modality */
    char why_not_exact[KIN_MESSAGE_MAX]; /* one line, where not exact */
} show_data;

/* Picks `wanted` rows (fewer if the graph has fewer) to show, ascending, always the same ones: with
 * a column `category` spread over the largest categories, else evenly over all rows; rows without
 * neighbours only when there are no others. Time O(n log n), memory 48 bytes an item. */
int show_choose(size_t *row /* [wanted] */, size_t *count, size_t wanted, const kin_graph *graph,
                kin_error *err);

/* The rows of the given ids, in that order. KIN_E_DATA for an id that the graph does not have. */
int show_find(size_t *row /* [count] */, const char *const *id, size_t count,
              const kin_graph *graph, kin_error *err);

/* Fills the lanes of the items. `catalog` is the graph's (show_catalog_open): then lanes of
 * modalities are exact, at the cost of one pass over the vectors a modality, and so are all cosines. NULL: from the
 * graph alone, where cosines have 11 bits; that of an only modality follows from the score. */
int show_data_init(show_data *self, const kin_graph *graph, const kin_catalog *catalog,
                   const size_t *row /* [count] */, size_t count, size_t neighbors,
                   const kin_monitor *monitor, kin_error *err);
void show_data_release(show_data *self);

/* What an item is called: its title, else its id. */
kin_span show_title(const kin_graph *graph, size_t row);

/* The cell of a named column of items.tsv; empty where there is none. */
kin_span show_cell(const kin_graph *graph, size_t row, const char *column);

#endif
