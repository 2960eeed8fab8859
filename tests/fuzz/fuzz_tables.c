/*
 * Fuzz target tables: files of lines, tables of items, ids (core/lines.h, core/catalog.h).
 *
 * Input: a byte that chooses what is opened, then the file; for ids and a table together the two
 * are parted by the first byte 0xff.
 */
#include "core/catalog.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { WAY_LINES, WAY_TABLE, WAY_IDS, WAY_ITEMS, WAY_BOTH, WAYS, ITEMS_MAX = 16 };

static char *vectors[ITEMS_MAX + 1]; /* files of so many rows */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_start();
    for (uint32_t n = 1; n <= ITEMS_MAX; n++) {
        uint32_t file[2 + ITEMS_MAX] = {n, 1};
        float one = 1;
        for (size_t i = 0; i < n; i++)
            memcpy(&file[2 + i], &one, sizeof one);
        vectors[n] = strdup(fuzz_path("%u.fbin", n));
        fuzz_write(vectors[n], file, (2 + n) * sizeof *file);
    }
    return 0;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void check_lines(const kin_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        kin_span line = kin_lines_at(lines, i);
        fuzz_want(lines->start[i] < lines->start[i + 1]);
        fuzz_want(line.text >= lines->text + lines->start[i]);
        fuzz_want(line.text + line.length <= lines->text + lines->start[i + 1]);
        fuzz_want(fuzz_is_utf8(line) && !memchr(line.text, '\n', line.length));
    }
}

static void check_index(const kin_lines *lines, const char *path)
{
    kin_error err = {0};
    kin_line_index index;
    if (!fuzz_outcome(kin_line_index_init(&index, lines, path, 1, &err), &err, FUZZ_DATA))
        return;
    for (size_t i = 0; i < lines->count; i++) {
        kin_span line = kin_lines_at(lines, i);
        fuzz_want(line.length > 0 && kin_line_index_find(&index, line) == (int64_t)i);
    }
    fuzz_want(kin_line_index_find(&index, (kin_span){"no\nline", 7}) == -1);
    kin_line_index_release(&index);
}

static void open_lines(const char *path)
{
    kin_error err = {0};
    kin_lines lines;
    if (!fuzz_outcome(kin_lines_open(&lines, path, &err), &err, FUZZ_DATA)) {
        fuzz_want(kin_lines_open(&lines, path, NULL) != 0);
        return;
    }
    check_lines(&lines);
    check_index(&lines, path);
    kin_lines_close(&lines);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void check_table(const kin_table *table)
{
    check_lines(&table->lines);
    fuzz_want(table->lines.count >= 1);
    fuzz_want(table->columns >= 1 && table->columns <= KIN_COLUMNS_MAX);
    for (size_t c = 0; c < table->columns; c++) {
        char name[100];
        kin_span column = table->column[c];
        fuzz_want(column.length > 0 && fuzz_is_utf8(column));
        if (column.length >= sizeof name)
            continue;
        memcpy(name, column.text, column.length);
        name[column.length] = '\0';
        fuzz_want(kin_table_column(table, name) == (int)c);
    }
    for (size_t i = 0; i + 1 < table->lines.count; i++)
        for (size_t c = 0; c < table->columns; c++) {
            kin_span cell = kin_table_cell(table, i, (int)c);
            fuzz_want(fuzz_is_utf8(cell) && !memchr(cell.text, '\n', cell.length));
        }
}

static void open_table(const char *path)
{
    kin_error err = {0};
    kin_table table;
    if (!fuzz_outcome(kin_table_open(&table, path, &err), &err, FUZZ_DATA)) {
        fuzz_want(kin_table_open(&table, path, NULL) != 0);
        return;
    }
    check_table(&table);
    kin_table_close(&table);
}

/* ---- catalogs -------------------------------------------------------------------------------- */

static void check_catalog(const kin_catalog *catalog, size_t n)
{
    kin_error err = {0};
    kin_line_index index;
    fuzz_want(catalog->n == n && catalog->ids.count == n);
    fuzz_want(fuzz_outcome(kin_line_index_init(&index, &catalog->ids, "ids", 1, &err), &err, 0));
    kin_line_index_release(&index);
    for (size_t i = 0; i < n; i++) {
        kin_span id = kin_lines_at(&catalog->ids, i);
        fuzz_want(id.length > 0 && fuzz_is_plain(id));
    }
    if (catalog->items.lines.count > 0) {
        check_table(&catalog->items);
        fuzz_want(catalog->items.lines.count == n + 1);
    }
}

static size_t count_lines(const uint8_t *text, size_t size)
{
    size_t lines = size > 0 && text[size - 1] != '\n';
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    return lines;
}

static void open_catalog(const char *ids, const char *items, size_t n)
{
    kin_error err = {0};
    kin_catalog catalog;
    n = n < 1 ? 1 : n > ITEMS_MAX ? ITEMS_MAX : n;
    kin_source source = {.name = "text", .path = vectors[n], .weight = 1};
    kin_catalog_options options = {
        .source = &source, .source_count = 1, .ids = ids, .items = items};
    if (!fuzz_outcome(kin_catalog_open(&catalog, &options, &err), &err, FUZZ_DATA))
        return;
    check_catalog(&catalog, n);
    fuzz_want(fuzz_outcome(kin_catalog_unchanged(&catalog, &err), &err, 0));
    kin_catalog_close(&catalog);
}

/* Ids and a table, parted by a byte that no text has. */
static void open_both(const char *ids, const char *items, const uint8_t *data, size_t size)
{
    const uint8_t *part = size ? memchr(data, 0xff, size) : NULL;
    size_t first = part ? (size_t)(part - data) : size;
    fuzz_write(ids, data, first);
    fuzz_write(items, part ? part + 1 : data, part ? size - first - 1 : 0);
    open_catalog(ids, items, count_lines(data, first));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t way = data[0] % WAYS;
    const char *ids = fuzz_path("ids.txt"), *items = fuzz_path("items.tsv");
    size_t lines = count_lines(data + 1, size - 1);
    fuzz_open_monitor();
    if (way == WAY_BOTH)
        open_both(ids, items, data + 1, size - 1);
    else
        fuzz_write(way == WAY_LINES || way == WAY_IDS ? ids : items, data + 1, size - 1);
    if (way == WAY_LINES)
        open_lines(ids);
    else if (way == WAY_TABLE)
        open_table(items);
    else if (way == WAY_IDS)
        open_catalog(ids, NULL, lines);
    else if (way == WAY_ITEMS)
        open_catalog(NULL, items, lines - (lines > 0));
    fuzz_close_monitor();
    return 0;
}

/* ---- mutations ------------------------------------------------------------------------------- */

/* What parts, hides or breaks text somewhere. */
static const char *const piece[] = {
    "\n",
    "\t",
    "\r\n",
    "\r",
    "\xef\xbb\xbf",
    "\"",
    "\"\"",
    "id",
    "ID",
    "item_id",
    ",",
    "\xc2\x85",
    "\xc2\x9b",
    "\xe2\x80\xa8",
    "\xf0\x9f\x8e\x81",
    "\xed\xa0\x80",
    "\xc0\x80",
    "\x7f",
    "\x1b[2J",
    "\xff",
    "title",
    "image",
    " ",
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
    uint32_t state = seed | 1;
    const char *new = piece[fuzz_below(&state, sizeof piece / sizeof *piece)];
    size_t length = strlen(new);
    if (size == 0 || fuzz_below(&state, 2))
        return LLVMFuzzerMutate(data, size, most);
    size_t at = 1 + fuzz_below(&state, size);
    return fuzz_splice(data, size, most, at, 0, new, length);
}
