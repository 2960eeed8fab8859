#ifndef KIN_REPORT_SHOW_PAGE_H
#define KIN_REPORT_SHOW_PAGE_H
/*
 * The page that `kin show --out FILE.html` writes: one self-contained file of HTML.
 */
#include "job/show.h"
#include "report/show_picture.h"

#include <stdio.h>

/* The whole page in new memory (free). All text from the catalog is escaped: titles are not to be
 * trusted. `pictures` counts what it embedded. */
int show_page(char **page, size_t *bytes, const kin_show *data, show_pictures *pictures,
              kin_error *err);

/* The row's picture, or a tile in its place (also where the graph has no such row); nothing where the catalog
 * has no pictures at all. */
void show_tile(FILE *out, show_pictures *pictures, size_t row);

#endif
