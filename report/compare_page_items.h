#ifndef KIN_REPORT_COMPARE_PAGE_ITEMS_H
#define KIN_REPORT_COMPARE_PAGE_ITEMS_H
/*
 * Items on the page of `kin compare`, by the names that its tables have for them.
 */
#include "report/compare_page.h"

/* An item, where its name can be had. */
typedef struct page_item {
    const kin_graph *graph;
    size_t row;
} page_item;

page_item kin_page_graph_item(const compare_page *page, int32_t row);     /* a row of the graph */
page_item kin_page_reference_item(const compare_page *page, int32_t row); /* of the reference */

kin_span kin_page_item_title(page_item item);
kin_span kin_page_item_id(page_item item);

/* Title and id, behind the picture where the catalog has pictures: a small block. */
void kin_page_item_block(FILE *out, compare_page *page, page_item item);

#endif
