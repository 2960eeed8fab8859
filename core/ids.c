/*
 * What an id may be (declared in core/lines.h).
 *
 * Ids go into files of lines, tables, pages and terminals of whoever reads a graph. Python's splitlines, for one, parts
 * text at U+0085, U+2028 and U+2029 too, and a terminal obeys U+009B as it does ESC [.
 */
#include "core/lines.h"

#include <string.h>

/* The character that the UTF-8 sequence of `length` bytes at `text` encodes. */
static unsigned decode(const char *text, size_t length)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned value = length == 1 ? p[0] : p[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        value = value << 6 | (p[i] & 0x3fu);
    return value;
}

static bool is_control(unsigned c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

/* The first character of an id that may not be there; -1: none. */
static long bad_character(kin_span id)
{
    for (size_t at = 0; at < id.length;) {
        size_t length = kin_utf8_length(id.text + at, id.length - at);
        unsigned c = decode(id.text + at, length ? length : 1);
        if (is_control(c) || (at == 0 && c == 0xfeff))
            return (long)c;
        at += length ? length : 1;
    }
    return -1;
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
