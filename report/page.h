#ifndef KIN_REPORT_PAGE_H
#define KIN_REPORT_PAGE_H
/*
 * What the pages that kin writes have in common: how they begin and end, their colours and letters, and how
 * texts and numbers are written. A page is one self-contained file of HTML: no script, nothing fetched.
 */
#include "core/counted.h"
#include "core/lines.h"

#include <stdbool.h>
#include <stdio.h>

/* Everything up to and including <body>. The window's title is "kind: name". The style sheets (report/assets.h), ended
 * by NULL, come behind page_css. */
void page_begin(FILE *out, const char *kind, const char *name, const char *const *style);

/* Closes what page_begin and kin_text_stream began. KIN_E_MEMORY, with `hint`, where the page did not fit: then its text is
 * NULL. */
int page_end(FILE *out, const char *hint, kin_error *err);

/* ---- texts ---------------------------------------------------------------------------------- */

/* Writes a text for HTML, content or quoted attribute: & < > " ' become references, control
 * characters (C0, DEL, C1) U+FFFD. Every text that is not a literal of kin's own goes through here. */
void page_escape(FILE *out, kin_span text);
void page_text(FILE *out, const char *text);

/* The same of a text of the catalog's, which may run either way. */
void page_isolated(FILE *out, kin_span text);

/* ---- numbers -------------------------------------------------------------------------------- */

/* A number as text; a dash where there is none (NaN, infinite). */
typedef struct page_label {
    char text[32];
} page_label;

page_label page_count(size_t count); /* "1,234,567" */

kin_counted page_counted(size_t count,
                         const char *noun); /* "1 row", "1,234 rows" (core/counted.h) */

/* With so many decimals. */
page_label page_number(double value, int decimals);

/* In [0, 1], with four decimals, and more where rounding would make it 0 or 1 although it is neither. */
page_label page_share(double value);

/* In [0, 1], as "3.4 %"; "under 0.1 %" and "over 99.9 %" where rounding would say 0 or 100. */
page_label page_percent(double value);

#endif
