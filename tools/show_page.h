#ifndef KIN_TOOLS_SHOW_PAGE_H
#define KIN_TOOLS_SHOW_PAGE_H
/*
 * The page that `kin show --out FILE.html` writes: one self-contained file of HTML.
 */
#include "tools/show_data.h"
#include "tools/show_picture.h"

#include <stdio.h>

/* The whole page in new memory (free). All text from the catalog is escaped: titles are not to be
 * trusted. `pictures` counts what it embedded. */
int show_page(char **page, size_t *bytes, const show_data *data, show_pictures *pictures,
              kin_error *err);

/* Writes a text for HTML, content or quoted attribute: & < > " ' become references, control
 * characters U+FFFD. */
void show_escape(FILE *out, kin_span text);

/* The page's style sheet (tools/show_style.c). */
extern const char show_style[];

#endif
