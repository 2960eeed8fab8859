#ifndef KIN_REPORT_PAGE_H
#define KIN_REPORT_PAGE_H
/*
 * What the pages of kin have in common: the frame, and how texts and numbers are written. A page is
 * one self-contained file of HTML: no script, nothing fetched.
 *
 * Every text that is not a literal of kin's own goes through page_format or page_escape;
 * report/part.h and report/plot.h are built on these two.
 */
#include "core/counted.h"
#include "core/lines.h"

#include <stdbool.h>
#include <stdio.h>

/* ---- pages ---------------------------------------------------------------------------------- */

/* A skeleton (report/NAME.html, as report/assets.h has it) holds places to fill: {{name}}. */
typedef struct page_place {
    const char *name;
    void (*write)(FILE *out, void *data); /* writes HTML; NULL: `text` is written, escaped */
    const char *text;
} page_place;

/* Writes the skeleton. Each of its places is among place[count]. */
void kin_page_fill(FILE *out, const char *skeleton, const page_place *place, size_t count,
                   void *data);

typedef struct page_frame {
    const char *kind, *name;  /* title of the window: "kind: name" */
    const char *command;      /* that writes the page: "kin show" */
    const char *const *style; /* style sheets behind page.css, ended by NULL */
    const char *skeleton;     /* of the body: the header, <main> and what stands in it */
    const page_place *place;  /* [places] of the skeleton */
    size_t places;
    void (*remarks)(FILE *out, void *data); /* at the end of the footer; NULL: none */
    void *data;                             /* of place[].write and remarks */
    const char *hint;                       /* where there is no memory */
} page_frame;

/* Writes report/page.html around the body into new memory: *text (free) of *bytes. KIN_E_MEMORY
 * with the hint, and NULL in *text, where the page does not fit. */
int kin_page_write(char **text, size_t *bytes, const page_frame *frame, kin_error *err);

/* ---- texts ---------------------------------------------------------------------------------- */

/* Writes a text for HTML, content or quoted attribute: & < > " ' become references, control
 * characters (C0, DEL, C1) U+FFFD. */
void kin_page_escape(FILE *out, kin_span text);
void kin_page_text(FILE *out, const char *text);

/* The same for a text of the catalog, which may run either way. */
void kin_page_isolated(FILE *out, kin_span text);

/* fprintf whose format is HTML and whose texts (%s) are escaped. "%.*s" with PAGE_SPAN(text) is
 * page_isolated. Other conversions are those of fprintf without `*`; %s has no width. */
void kin_page_format(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define PAGE_SPAN(span) kin_page_length(span), (span).text /* evaluates it twice */
int kin_page_length(kin_span text);                        /* as an int: at most INT_MAX */

/* ---- numbers -------------------------------------------------------------------------------- */

/* A number as text; a dash where there is none (NaN, infinite). */
typedef struct page_label {
    char text[32];
} page_label;

page_label kin_page_count(size_t count); /* "1,234,567" */

kin_counted kin_page_counted(size_t count,
                             const char *noun); /* "1 row", "1,234 rows" (core/counted.h) */

/* With so many decimals. */
page_label kin_page_number(double value, int decimals);

/* As %.10g prints it. */
page_label kin_page_general(double value);

/* In [0, 1], with four decimals, and more where rounding would make it 0 or 1 although it is
 * neither. */
page_label kin_page_share(double value);

/* In [0, 1], as "3.4 %"; "under 0.1 %" and "over 99.9 %" where rounding would say 0 or 100. */
page_label kin_page_percent(double value);

#endif
