#ifndef KIN_CORE_PLAIN_H
#define KIN_CORE_PLAIN_H
/*
 * Texts for a terminal. Names of files, ids, titles, option values and what a manifest says are
 * data of others: a control character among them would move the cursor, colour the screen, start a
 * line that looks like kin's own, or change the window's title. Everything that kin prints for a
 * person goes through one of these.
 *
 * What becomes "?": C0 and DEL (ESC, carriage return, line feed, tab), C1 (U+0080 to U+009F), the
 * ends of lines and paragraphs U+2028 and U+2029, what turns the direction of the text behind it
 * (U+202A to U+202E, U+2066 to U+2069), and bytes that are not UTF-8, one "?" each: 0x9b alone is
 * ESC [ to a terminal of 8 bits.
 */
#include "core/lines.h"

#include <stdbool.h>
#include <stdio.h>

/* Whether the character that `text` of `left` > 0 bytes starts with may reach a terminal. *bytes:
 * how many it takes. */
bool kin_plain_character(const char *text, size_t left, size_t *bytes);

/* The same text without what must not reach a terminal, at its place: never longer. */
void kin_plain_in_place(char *text);

void kin_plain_write(FILE *out, kin_span text);

enum { PLAIN_MAX = 512 };

/* A text short enough to stand inside a line: longer ones are cut and end in "...". */
typedef struct plain_text {
    char text[PLAIN_MAX];
} plain_text;

plain_text kin_plain(const char *text); /* NULL: "?" */
plain_text kin_plain_span(kin_span text);

#endif
