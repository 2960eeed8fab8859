#ifndef KIN_CORE_TABLE_H
#define KIN_CORE_TABLE_H
/*
 * The table that describes the items: a header line of column names, then a line an item.
 */
#include "core/lines.h"

enum { KIN_COLUMNS_MAX = 64 };

/* items.tsv: a header line of column names, then a line an item; cells parted by tabs. */
typedef struct kin_table {
    kin_lines lines; /* the header is line 0, item i is line i + 1 */
    size_t columns;
    kin_span column[KIN_COLUMNS_MAX]; /* names, into the header line */
} kin_table;

/* KIN_E_DATA where a line has another number of cells than the header, or a column name stands
 * twice. Cells are without the quotes around them (kin_lines_unquote). */
int kin_table_open(kin_table *self, const char *path, kin_error *err);

/* The same of the file `name` of a folder (NULL: `name` is a path). */
int kin_table_open_in(kin_table *self, const kin_dir *dir, const char *name, kin_error *err);
void kin_table_close(kin_table *self);

/* The column of that name, or -1. */
int kin_table_column(const kin_table *self, const char *name);

/* KIN_E_DATA where the header is one cell that commas or semicolons part: what CSV looks like when
 * tabs are asked for. */
int kin_table_check_tabs(const kin_table *self, const char *path, kin_error *err);

/* The column that people most likely mean by ids, where none is named "id": the same in other
 * letters (ID), a name in use for it (item_id, sku, asin, ...), or a first column named ..._id; -1
 * where none is like that. */
int kin_table_id_like(const kin_table *self);

/* "id, title, category" into `out`, cut with "..." where it does not fit. */
void kin_table_names(const kin_table *self, char *out, size_t room);

/* The cell of item `row` (from 0). */
kin_span kin_table_cell(const kin_table *self, size_t row, int column);

#endif
