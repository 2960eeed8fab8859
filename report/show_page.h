#ifndef KIN_REPORT_SHOW_PAGE_H
#define KIN_REPORT_SHOW_PAGE_H
/*
 * The page that `kin show --out FILE.html` writes: one self-contained file of HTML.
 */
#include "job/show.h"
#include "job/show_picture.h"

/* The whole page in new memory (free). All text from the catalog is escaped: titles are not to be
 * trusted. `pictures` counts what it embedded. */
int kin_show_page(char **page, size_t *bytes, const kin_show *data, show_pictures *pictures,
                  kin_error *err);

#endif
