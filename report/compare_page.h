#ifndef KIN_REPORT_COMPARE_PAGE_H
#define KIN_REPORT_COMPARE_PAGE_H
/*
 * Private to the page of `kin compare`: its sections, and what they are put together from.
 *
 *     compare_page.c             the headline, and the order of sections
 *     compare_page_recall.c      graph beside graph, rows, cuts, strata
 *     compare_page_loss.c        where missing neighbours went
 *     compare_page_structure.c   the graph by itself
 *     compare_page_drift.c       what changed since the previous one
 *     compare_page_worst.c       rows that lost most, item by item
 *     compare_page_setup.c       how everything was made
 *     compare_page_parts.c       tables, facts, plots, bars, items
 *
 * Every text from a graph is escaped, and every number that may be missing is written by report/page.h, as a dash
 * where there is none. Beside every drawing stands a table of its numbers.
 */
#include "report/compare_report.h"
#include "report/page.h"
#include "report/plot.h"
#include "report/show_page.h"

typedef struct compare_page {
    FILE *out;
    const kin_comparison *compared;
    const kin_graph
        *named; /* whose items.tsv says what items are called: the graph's, else the reference's */
    show_pictures pictures; /* of `named` */
    int rc;                 /* not 0: a section failed, and *err says how */
    kin_error *err;
} compare_page;

/* ---- sections: what stands below their headings --------------------------------------------------- */

void compare_page_difference(compare_page *page);
void compare_page_rows(compare_page *page);
void compare_page_cuts(compare_page *page);
void compare_page_strata(compare_page *page);
void compare_page_loss(compare_page *page);
void compare_page_worst(compare_page *page);
void compare_page_structure(compare_page *page);
void compare_page_drift(compare_page *page);
void compare_page_setup(compare_page *page);

/* ---- what is written of the comparison ---------------------------------------------------------- */

/* Tie-aware, or strict where there are no scores. */
const kin_summary *page_recall(const kin_recall *recall);
const kin_interval *page_recall_interval(const kin_recall *recall);

/* The last part of the graph's path: what the page calls it. Not escaped. */
const char *page_graph_name(const kin_graph *graph);

/* "reference" for exact rows that were computed here; else its name. Not escaped. */
const char *page_reference_name(const kin_comparison *compared);
const char *page_engine(const kin_graph *graph);

/* The CSS variable of modality m's colour, 0 .. KIN_MODALITIES_MAX - 1. */
const char *page_modality_color(size_t m);

/* a / b; NaN where b is 0. */
double page_ratio(size_t a, size_t b);

/* ---- parts -------------------------------------------------------------------------------------- */

/* Here and below, texts without a note are HTML. */

/* One <div> of a <dl class="facts">. `note` (or NULL): small, below. */
void part_fact(FILE *out, const char *name, page_label value, const char *note);

/* A table that scrolls sideways where it must; the first column's cells are row headings. Heads that begin with "<"
 * are of columns of text, set flush left. */
void part_table_begin(FILE *out, const char *caption, const char *const *head, size_t columns);
void part_table_end(FILE *out);

/* The same, folded up. */
void part_folded_begin(FILE *out, const char *caption, const char *const *head, size_t columns);
void part_folded_end(FILE *out);

/* A plot, drawn for wide and for narrow windows. */
typedef struct part_plot {
    const char *id, *title, *description;
    double bottom; /* margin for more than the axis, 0: for the axis */
    plot_axis x, y;
    void (*draw)(plot *self, const void *data);
    const void *data;
} part_plot;
void part_plot_write(FILE *out, const part_plot *self);

/* Values in [0, 1] by twentieths, with the mean; folded up below, the same as a table. `low`: values less than it are set
 * apart. */
typedef struct part_histogram {
    const char *id, *title, *value, *counted; /* "recall of a row", "row" */
    const kin_summary *summary;
    double low;
} part_histogram;
void part_histogram_write(FILE *out, const part_histogram *self);

/* Shares of a whole as one bar, and a table that is its legend. Nothing where they have no sum above 0. */
typedef struct part_share {
    const char *name;      /* plain text */
    const char *color;     /* name of a CSS variable */
    const char *note;      /* plain text or NULL */
    double value;          /* >= 0 */
    page_label value_text; /* "" to leave it out */
} part_share;
void part_stack(FILE *out, const char *title, const part_share *share, size_t count);

/* A column of means with their intervals, drawn on an axis that its cells share. It ends at 1 and begins below the
 * least mean that it is to include; a range that begins before the axis says so. The head of the column is NULL. */
typedef struct part_range {
    double low, high;
} part_range;
part_range part_range_begin(void);
void part_range_include(part_range *axis, double mean);
void part_range_table_begin(FILE *out, const char *caption, const char *const *head, size_t columns,
                            const part_range *axis);
void part_range_cell(FILE *out, const part_range *axis, double low, double mean, double high);

/* ---- items -------------------------------------------------------------------------------------- */

/* An item, where its name can be had. */
typedef struct part_item {
    const kin_graph *graph;
    size_t row;
} part_item;

part_item part_graph_item(const compare_page *page, int32_t row);     /* a row of the graph */
part_item part_reference_item(const compare_page *page, int32_t row); /* of the reference */
void part_item_title(const compare_page *page, part_item item);
void part_item_id(const compare_page *page, part_item item);

/* Its picture, or a tile in its place; nothing where the catalog has no pictures. */
void part_item_tile(compare_page *page, part_item item);

/* Title and id, with the picture before them: a small block. */
void part_item_line(compare_page *page, part_item item);

#endif
