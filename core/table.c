/*
 * items.tsv, the table that describes the items (declared in core/lines.h).
 */
#include "core/table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Splits a line at its tabs into at most `room` cells; returns how many cells there are. */
static size_t split(kin_span line, kin_span *cell, size_t room)
{
    size_t count = 0;
    const char *p = line.text;
    const char *end = line.text + line.length;
    for (;;) {
        const char *tab = p < end ? memchr(p, '\t', (size_t)(end - p)) : NULL;
        if (count < room)
            cell[count] = (kin_span){p, (size_t)((tab ? tab : end) - p)};
        count++;
        if (!tab)
            return count;
        p = tab + 1;
    }
}

static int check_columns(const kin_table *self, const char *path, kin_error *err)
{
    if (self->columns > KIN_COLUMNS_MAX)
        return kin_fail(err, KIN_E_DATA, "keep the columns that are needed",
                        "%s: %zu columns, the limit is %d", path, self->columns, KIN_COLUMNS_MAX);
    for (size_t a = 0; a < self->columns; a++) {
        if (self->column[a].length == 0)
            return kin_fail(
                err, KIN_E_DATA,
                "give every column a name: id, title, category, image (pandas: to_csv with "
                "index=False)",
                "%s: column %zu has no name", path, a + 1);
        for (size_t b = a + 1; b < self->columns; b++)
            if (kin_span_equal(self->column[a], self->column[b]))
                return kin_fail(err, KIN_E_DATA, "rename one of them",
                                "%s: the column '%.*s' stands twice", path,
                                (int)self->column[a].length, self->column[a].text);
    }
    return 0;
}

int kin_table_open(kin_table *self, const char *path, kin_error *err)
{
    return kin_table_open_in(self, NULL, path, err);
}

int kin_table_open_in(kin_table *self, const kin_dir *dir, const char *name, kin_error *err)
{
    *self = (kin_table){0};
    int rc = kin_lines_open_in(&self->lines, dir, name, err);
    if (rc != 0)
        return rc;
    const char *path = self->lines.file.path;
    rc = kin_lines_unquote(&self->lines, err);
    if (rc == 0 && self->lines.count == 0)
        rc = kin_fail(err, KIN_E_DATA,
                      "the first line names the columns: id, title, category, image",
                      "%s: empty file", path);
    if (rc == 0) {
        self->columns = split(kin_lines_at(&self->lines, 0), self->column, KIN_COLUMNS_MAX);
        rc = check_columns(self, path, err);
    }
    for (size_t line = 1; line < self->lines.count && rc == 0; line++) {
        size_t cells = split(kin_lines_at(&self->lines, line), NULL, 0);
        if (cells != self->columns)
            rc = kin_fail(err, KIN_E_DATA,
                          "write tabs and newlines inside a cell as blanks, quotes or not",
                          "%s: line %zu has %zu cells, the header has %zu", path, line + 1, cells,
                          self->columns);
    }
    if (rc != 0)
        kin_table_close(self);
    return rc;
}

void kin_table_close(kin_table *self)
{
    kin_lines_close(&self->lines);
    *self = (kin_table){0};
}

int kin_table_column(const kin_table *self, const char *name)
{
    kin_span wanted = {name, strlen(name)};
    for (size_t c = 0; c < self->columns; c++)
        if (kin_span_equal(self->column[c], wanted))
            return (int)c;
    return -1;
}

int kin_table_check_tabs(const kin_table *self, const char *path, kin_error *err)
{
    static const struct separator {
        char character;
        const char *name;
    } separators[] = {{',', "commas"}, {';', "semicolons"}, {'|', "bars"}};
    kin_span header = self->column[0];
    for (size_t s = 0; self->columns == 1 && s < sizeof separators / sizeof *separators; s++)
        if (memchr(header.text, separators[s].character, header.length))
            return kin_fail(
                err, KIN_E_DATA,
                "write the table with tabs, in pandas to_csv(file, sep='\\t', index=False)",
                "%s: the header is one column, '%.*s': cells are parted by tabs, not "
                "by %s",
                path, (int)(header.length < 100 ? header.length : 100), header.text,
                separators[s].name);
    return 0;
}

/* A name in small letters and digits alone: "Item-ID" as "itemid". */
static void plain_name(kin_span name, char out[32])
{
    size_t used = 0;
    for (size_t i = 0; i < name.length && used < 31; i++)
        if (isalnum((unsigned char)name.text[i]))
            out[used++] = (char)tolower((unsigned char)name.text[i]);
    out[used] = '\0';
}

int kin_table_id_like(const kin_table *self)
{
    static const char *const names[] = {
        "id",        "itemid",    "productid",     "articleid",     "sku",
        "asin",      "itemsku",   "itemno",        "itemnumber",    "itemcode",
        "articleno", "productno", "articlenumber", "productnumber", "productcode",
        "ean",       "gtin",      "upc",           "isbn",          "uuid",
        "guid",      "uid",       "identifier",    "ids",           "docid",
        "objectid",
    };
    char plain[KIN_COLUMNS_MAX][32];
    for (size_t c = 0; c < self->columns; c++)
        plain_name(self->column[c], plain[c]);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t c = 0; c < self->columns; c++)
            if (strcmp(plain[c], names[i]) == 0)
                return (int)c;
    kin_span first = self->column[0];
    bool ends = first.length > 3 && strncasecmp(first.text + first.length - 3, "_id", 3) == 0;
    return ends ? 0 : -1;
}

void kin_table_names(const kin_table *self, char *out, size_t room)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t c = 0; c < self->columns; c++) {
        kin_span name = self->column[c];
        if (used + name.length + 8 > room) {
            snprintf(out + used, room - used, "%s...", c ? ", " : "");
            return;
        }
        used += (size_t)snprintf(out + used, room - used, "%s%.*s", c ? ", " : "", (int)name.length,
                                 name.text);
    }
}

kin_span kin_table_cell(const kin_table *self, size_t row, int column)
{
    kin_span cell[KIN_COLUMNS_MAX];
    size_t cells = split(kin_lines_at(&self->lines, row + 1), cell, KIN_COLUMNS_MAX);
    /* fewer than there were when the file was read: it is being written over */
    return (size_t)column < cells ? cell[column] : (kin_span){"", 0};
}
