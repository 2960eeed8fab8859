#ifndef KIN_REPORT_PART_H
#define KIN_REPORT_PART_H
/*
 * What pages are put together from: facts, tables, and a column that draws intervals. Texts and
 * numbers are escaped here (report/page.h), so callers pass them as they are. Drawings are in
 * report/figure.h and report/plot.h.
 */
#include "report/page.h"

/* One fact of a <dl class="facts">: its name, its value, and `note` (or NULL) small below. */
void kin_part_fact(FILE *out, const char *name, const char *value, const char *note);

/* ---- tables ---------------------------------------------------------------------------------- */

/* A table that scrolls sideways where it must. `caption` is read aloud, not shown. `heads` are the
 * heads of the columns, parted by "|": "<Engine|Seconds". A head that begins with "<" stands over a
 * column of text, set flush left; the first column's cells are row headings. */
void kin_part_table_begin(FILE *out, const char *caption, const char *heads);
void kin_part_table_end(FILE *out);

/* The same, folded up below its caption. */
void kin_part_folded_begin(FILE *out, const char *caption, const char *heads);
void kin_part_folded_end(FILE *out);

/* A row: its heading, then its cells, ended by NULL. */
void kin_part_row(FILE *out, const char *heading, ...) __attribute__((sentinel));

/* ---- a column of intervals ------------------------------------------------------------------- */

/* The axis that the cells of the column share: it ends at 1 and begins below the least mean that it
 * includes. An interval that begins before the axis ends in an arrow. */
typedef struct part_range {
    double low, high;
} part_range;

part_range kin_part_range_begin(void);
void kin_part_range_include(part_range *axis, double mean);

/* A table with such a column: its head is "=". */
void kin_part_range_table_begin(FILE *out, const char *caption, const char *heads,
                                const part_range *axis);

/* A cell: the mean, and its interval where it has one. Any may be NaN. */
void kin_part_range_cell(FILE *out, const part_range *axis, double low, double mean, double high);

/* A cell with the interval in words; "every row" where low is high, a dash where there is no
 * mean. */
void kin_part_range_words(FILE *out, double low, double mean, double high);

#endif
