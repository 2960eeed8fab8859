/*
 * What an id may be (declared in core/lines.h).
 *
 * Ids go into files of lines, tables, pages and terminals. Python's splitlines, for one, parts
 * text at U+0085, U+2028 and U+2029 too, and a terminal obeys U+009B as it does ESC [. Writers of
 * tables put cells in quotes (pandas where it has to or is told to, spreadsheets), which are no
 * part of an id.
 */
#include "core/ids.h"
#include "core/memory.h"

#include <string.h>

/* The first character of an id that may not be there; -1: none. */
static long bad_character(kin_span id)
{
    for (size_t at = 0; at < id.length;) {
        size_t length = kin_utf8_length(id.text + at, id.length - at);
        unsigned c = kin_utf8_character(id.text + at, length ? length : 1);
        if (kin_is_control(c) || (at == 0 && c == 0xfeff))
            return (long)c;
        at += length ? length : 1;
    }
    return -1;
}

/* ---- quotes ---------------------------------------------------------------------------------- */

/* Writes what stands in the quotes of `cell` to `out`; returns its length, or -1 where it is not in
 * quotes. */
static long take_quoted(kin_span cell, char *out)
{
    long used = 0;
    if (cell.length < 2 || cell.text[0] != '"' || cell.text[cell.length - 1] != '"')
        return -1;
    for (size_t at = 1; at + 1 < cell.length; at++) {
        if (cell.text[at] == '"' && (at + 2 >= cell.length || cell.text[++at] != '"'))
            return -1;
        out[used++] = cell.text[at];
    }
    return used;
}

/* Writes a line without the quotes around its cells; returns its length. */
static size_t unquote_line(kin_span line, char *out)
{
    const char *end = line.text + line.length;
    size_t used = 0;
    for (const char *from = line.text;; out[used++] = '\t') {
        const char *tab = from < end ? memchr(from, '\t', (size_t)(end - from)) : NULL;
        kin_span cell = {from, (size_t)((tab ? tab : end) - from)};
        long quoted = take_quoted(cell, out + used);
        if (quoted < 0)
            memcpy(out + used, cell.text, cell.length);
        used += quoted < 0 ? cell.length : (size_t)quoted;
        if (!tab)
            return used;
        from = tab + 1;
    }
}

int kin_lines_unquote(kin_lines *self, kin_error *err)
{
    size_t bytes = self->count ? self->start[self->count] : 0;
    size_t used = 0;
    if (self->made || bytes == 0 || !memchr(self->text, '"', bytes))
        return 0;
    char *made = kin_alloc(kin_size_add(bytes, self->count), 1);
    if (!made)
        return kin_fail_alloc(err, "text without quotes", bytes);
    for (size_t i = 0; i < self->count; i++) {
        kin_span line =
            kin_lines_at(self, i); /* its start and the next one's: neither is written yet */
        self->start[i] = used;
        used += unquote_line(line, made + used);
        made[used++] = '\n';
    }
    self->start[self->count] = used;
    self->text = self->made = made;
    return 0;
}

/* ---- checks ---------------------------------------------------------------------------------- */

int kin_ids_check_given(const kin_lines *ids, const char *path, size_t first_line, kin_error *err)
{
    for (size_t i = 0; i < ids->count; i++) {
        kin_span id = kin_lines_at(ids, i);
        if (id.length > 0 && id.text[0] == '"')
            return kin_fail(
                err, KIN_E_DATA,
                "take the quotes away, or put them at both ends and double those between",
                "%s: the id in line %zu begins with a quote: %.*s", path, i + first_line,
                (int)(id.length < 100 ? id.length : 100), id.text);
    }
    return kin_ids_check(ids, path, first_line, err);
}

int kin_ids_check(const kin_lines *ids, const char *path, size_t first_line, kin_error *err)
{
    kin_line_index unique;
    for (size_t i = 0; i < ids->count; i++) {
        long bad = bad_character(kin_lines_at(ids, i));
        if (bad >= 0)
            return kin_fail(err, KIN_E_DATA, "write ids without tabs, line ends and the like",
                            "%s: the id in line %zu holds a control character, U+%04lX", path,
                            i + first_line, bad);
    }
    int rc = kin_line_index_init(&unique, ids, path, first_line, err);
    if (rc == 0)
        kin_line_index_release(&unique);
    return rc;
}
