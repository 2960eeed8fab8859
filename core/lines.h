#ifndef KIN_CORE_LINES_H
#define KIN_CORE_LINES_H
/*
 * Text files of one record a line, and an index from a text to its line.
 */
#include "core/error.h"
#include "core/file.h"
#include "core/utf8.h"
#include <stdbool.h>
#include <stdint.h>

/* A text, not ended by NUL. Points into a kin_lines. */
typedef struct kin_span {
    const char *text;
    size_t length;
} kin_span;

/* The lines of a file, or row numbers as lines. A leading byte order mark and the carriage return
 * of "\r\n" belong to no line. Quotes are as they stand in the file, until kin_lines_unquote. */
typedef struct kin_lines {
    kin_file file;    /* unused for row numbers */
    char *made;       /* the text of row numbers, or of a file without its quotes; owned */
    const char *text; /* into file or made, or a caller's */
    size_t count;
    size_t *start; /* [count + 1] byte where each line starts; [count] is the end of the text */
} kin_lines;

/* Reads a file. Lines must be UTF-8 without NUL; KIN_E_DATA names the line. */
int kin_lines_open(kin_lines *self, const char *path, kin_error *err);

/* The same of a text in memory, the caller's, called `name` in messages. */
int kin_lines_open_text(kin_lines *self, const char *text, size_t bytes, const char *name,
                        kin_error *err);

/* The same of the file `name` of a folder (NULL: `name` is a path). */
int kin_lines_open_in(kin_lines *self, const kin_dir *dir, const char *name, kin_error *err);

/* Takes the quotes off cells (parted by tabs) that stand in quotes as CSV writers put them: a quote
 * at both ends, every quote between them doubled, which becomes one. Other quotes stay. Memory: the
 * text once more, where it has any. */
int kin_lines_unquote(kin_lines *self, kin_error *err);

/* The lines "0", "1", ... "n-1". */
int kin_lines_number(kin_lines *self, size_t n, kin_error *err);

void kin_lines_close(kin_lines *self);

/* All lines as a text of its own, each followed by "\n", and a NUL behind them. The caller frees
 * *text; its length without the NUL is *bytes. */
int kin_lines_text(const kin_lines *self, char **text, size_t *bytes, kin_error *err);

kin_span kin_lines_at(const kin_lines *self, size_t line);

bool kin_span_equal(kin_span a, kin_span b);

/* ---- an index from text to line -------------------------------------------------------------- */

/* An open-addressing table over lines; 8 to 16 bytes a line. */
typedef struct kin_line_index {
    const kin_lines *lines; /* not owned */
    uint32_t *slot;         /* [slots] line + 1, 0 is free */
    size_t slots;           /* a power of two */
} kin_line_index;

/* Indexes the lines. KIN_E_DATA when two are equal, or one is empty: `path` and both line numbers
 * are named, where line 0 of `lines` is line `first_line` of the file. */
int kin_line_index_init(kin_line_index *self, const kin_lines *lines, const char *path,
                        size_t first_line, kin_error *err);
void kin_line_index_release(kin_line_index *self);

/* The line that equals `text`, or -1. */
int64_t kin_line_index_find(const kin_line_index *self, kin_span text);

#endif
