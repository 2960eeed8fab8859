#ifndef KIN_REPORT_SHOW_TEXT_H
#define KIN_REPORT_SHOW_TEXT_H
/*
 * Items beside their neighbours as text for a terminal.
 */
#include "job/show.h"

#include <stdio.h>

/* The item's id, and its title and category where the catalog has them, on a line. Control
 * characters are replaced, here and below. */
void kin_item_print(const kin_graph *graph, size_t row, FILE *out);

/* A table a lane. */
void kin_show_print(const kin_show *self, FILE *out);

#endif
