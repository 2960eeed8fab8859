#include "core/lines.h"
#include "core/memory.h"
#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static int check_text(const kin_lines *self, const char *path, kin_error *err)
{
    for (size_t line = 0; line < self->count; line++) {
        size_t end = self->start[line + 1];
        for (size_t at = self->start[line]; at < end;) {
            size_t length = kin_utf8_length(self->text + at, end - at);
            if (length == 0)
                return kin_fail(err, KIN_E_DATA, "write the file as UTF-8 text: iconv -t UTF-8",
                                "%s: line %zu is not UTF-8 text (byte 0x%02x)", path, line + 1,
                                (unsigned char)self->text[at]);
            at += length;
        }
    }
    return 0;
}

/* Where each line starts. A last line without a newline counts; an empty rest does not. */
static int index_starts(kin_lines *self, size_t bytes, kin_error *err)
{
    const char *text = self->text;
    size_t count = 0;
    for (const char *p = text; p < text + bytes; count++) {
        const char *newline = memchr(p, '\n', (size_t)(text + bytes - p));
        p = newline ? newline + 1 : text + bytes;
    }
    self->start = kin_alloc(count + 1, sizeof *self->start);
    if (!self->start)
        return kin_fail_alloc(err, "line index", kin_size_mul(count + 1, sizeof *self->start));
    const char *p = text;
    for (size_t line = 0; line < count; line++) {
        self->start[line] = (size_t)(p - text);
        const char *newline = memchr(p, '\n', (size_t)(text + bytes - p));
        p = newline ? newline + 1 : text + bytes;
    }
    self->start[count] = bytes;
    self->count = count;
    return 0;
}

/* Indexes and checks a text; closes `self` where it is none. */
static int open_text(kin_lines *self, const char *text, size_t bytes, const char *name,
                     kin_error *err)
{
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        bytes -= 3;
    }
    self->text = text;
    int rc = index_starts(self, bytes, err);
    if (rc == 0)
        rc = check_text(self, name, err);
    if (rc != 0)
        kin_lines_close(self);
    return rc;
}

int kin_lines_open(kin_lines *self, const char *path, kin_error *err)
{
    return kin_lines_open_in(self, NULL, path, err);
}

int kin_lines_open_in(kin_lines *self, const kin_dir *dir, const char *name, kin_error *err)
{
    *self = (kin_lines){0};
    int rc = kin_file_open_in(&self->file, dir, name, err);
    if (rc != 0)
        return rc;
    const char *text = self->file.data ? (const char *)self->file.data : "";
    return open_text(self, text, self->file.bytes, self->file.path, err);
}

int kin_lines_open_text(kin_lines *self, const char *text, size_t bytes, const char *name,
                        kin_error *err)
{
    *self = (kin_lines){0};
    return open_text(self, text, bytes, name, err);
}

int kin_lines_number(kin_lines *self, size_t n, kin_error *err)
{
    enum { DIGITS = 20 };
    *self = (kin_lines){0};
    self->made = kin_alloc(n, DIGITS + 1);
    self->start = kin_alloc(n + 1, sizeof *self->start);
    if (!self->made || !self->start) {
        kin_lines_close(self);
        return kin_fail_alloc(err, "row numbers", kin_size_mul(n, DIGITS + 9));
    }
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        char digit[DIGITS];
        int length = 0;
        size_t rest = i;
        do
            digit[length++] = (char)('0' + rest % 10);
        while ((rest /= 10) > 0);
        self->start[i] = used;
        while (length > 0)
            self->made[used++] = digit[--length];
        self->made[used++] = '\n';
    }
    self->start[n] = used;
    self->text = self->made;
    self->count = n;
    return 0;
}

void kin_lines_close(kin_lines *self)
{
    kin_file_close(&self->file);
    free(self->made);
    free(self->start);
    *self = (kin_lines){0};
}

int kin_lines_text(const kin_lines *self, char **text, size_t *bytes, kin_error *err)
{
    size_t room = kin_size_add(self->start[self->count] - self->start[0], self->count + 1);
    char *out = kin_alloc(room, 1);
    if (!out)
        return kin_fail_alloc(err, "text of lines", room);
    size_t used = 0;
    for (size_t i = 0; i < self->count; i++) {
        kin_span line = kin_lines_at(self, i);
        memcpy(out + used, line.text, line.length);
        used += line.length;
        out[used++] = '\n';
    }
    out[used] = '\0';
    *text = out;
    *bytes = used;
    return 0;
}

kin_span kin_lines_at(const kin_lines *self, size_t line)
{
    const char *start = self->text + self->start[line];
    const char *end = self->text + self->start[line + 1];
    if (end > start && end[-1] == '\n')
        end--;
    if (end > start && end[-1] == '\r')
        end--;
    return (kin_span){start, (size_t)(end - start)};
}

bool kin_span_equal(kin_span a, kin_span b)
{
    return a.length == b.length && memcmp(a.text, b.text, a.length) == 0;
}

/* The slot that holds `text`, or the free one where it belongs. */
static size_t probe(const kin_line_index *self, kin_span text)
{
    size_t mask = self->slots - 1;
    size_t at = (size_t)XXH3_64bits(text.text, text.length) & mask;
    while (self->slot[at] != 0 &&
           !kin_span_equal(kin_lines_at(self->lines, self->slot[at] - 1), text))
        at = (at + 1) & mask;
    return at;
}

int kin_line_index_init(kin_line_index *self, const kin_lines *lines, const char *path,
                        size_t first_line, kin_error *err)
{
    *self = (kin_line_index){.lines = lines, .slots = 16};
    while (self->slots < 2 * lines->count)
        self->slots *= 2;
    self->slot = kin_alloc_zero(self->slots, sizeof *self->slot);
    if (!self->slot)
        return kin_fail_alloc(err, "id index", kin_size_mul(self->slots, sizeof *self->slot));
    int rc = 0;
    for (size_t line = 0; line < lines->count && rc == 0; line++) {
        kin_span text = kin_lines_at(lines, line);
        size_t at = probe(self, text);
        if (text.length == 0)
            rc = kin_fail(err, KIN_E_DATA, "give every item an id of its own",
                          "%s: line %zu has no id", path, line + first_line);
        else if (self->slot[at] != 0)
            rc = kin_fail(err, KIN_E_DATA, "give every item an id of its own",
                          "%s: id '%.*s' of line %zu stands in line %zu already", path,
                          (int)(text.length < 100 ? text.length : 100), text.text,
                          line + first_line, self->slot[at] - 1 + first_line);
        self->slot[at] = (uint32_t)line + 1;
    }
    if (rc != 0)
        kin_line_index_release(self);
    return rc;
}

void kin_line_index_release(kin_line_index *self)
{
    free(self->slot);
    *self = (kin_line_index){0};
}

int64_t kin_line_index_find(const kin_line_index *self, kin_span text)
{
    return (int64_t)self->slot[probe(self, text)] - 1;
}
