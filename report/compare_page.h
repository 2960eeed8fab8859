#ifndef KIN_REPORT_COMPARE_PAGE_H
#define KIN_REPORT_COMPARE_PAGE_H
/*
 * The page of `kin compare --out`: what a team looks at before it swaps engines. Below the page
 * itself, what its files share:
 *
 *     compare_page.c         the headline, gates and warnings, and the order of sections
 *     compare_page_recall.c  graph beside graph, rows, cuts
 *     compare_page_loss.c    strata, where missing neighbours went
 *     compare_page_graph.c   the graph by itself, and what changed since the previous one
 *     compare_page_items.c   items, and the rows that lost most, item by item
 *     compare_page_setup.c   how everything was made
 *
 * Beside every drawing stands a table of its numbers.
 */
#include "compare/comparison.h"
#include "job/show_picture.h"
#include "report/page.h"

/* The page in new memory (free). `pictures` is the folder of the items' pictures; NULL: where their
 * table came from. */
int kin_comparison_page(char **page, size_t *bytes, const kin_comparison *self,
                        const char *pictures, kin_error *err);

/* ---- what sections share --------------------------------------------------------------------- */

typedef struct compare_page {
    const kin_comparison *compared;
    const kin_graph *named; /* whose items.tsv names the items: the graph's, else the reference's */
    show_pictures pictures; /* of `named` */
    int rc;                 /* not 0: a section failed, and *err says how */
    kin_error *err;
} compare_page;

/* Sections: what stands below their headings. */
void kin_compare_page_difference(FILE *out, compare_page *page);
void kin_compare_page_rows(FILE *out, compare_page *page);
void kin_compare_page_cuts(FILE *out, compare_page *page);
void kin_compare_page_strata(FILE *out, compare_page *page);
void kin_compare_page_loss(FILE *out, compare_page *page);
void kin_compare_page_worst(FILE *out, compare_page *page);
void kin_compare_page_structure(FILE *out, compare_page *page);
void kin_compare_page_drift(FILE *out, compare_page *page);
void kin_compare_page_setup(FILE *out, compare_page *page);

#endif
