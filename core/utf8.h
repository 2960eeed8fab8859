#ifndef KIN_CORE_UTF8_H
#define KIN_CORE_UTF8_H
/*
 * UTF-8 sequences (RFC 3629), and the characters that no line of text may hold.
 */
#include <stdbool.h>
#include <stddef.h>

/* The length of the UTF-8 sequence that `text` of `left` > 0 bytes starts with (RFC 3629: no
 * overlong forms, no surrogates); 0 where none does, and at NUL. */
size_t kin_utf8_length(const char *text, size_t left);

/* The character that a sequence of `length` bytes, 1 to 4, encodes; of a byte that is no UTF-8 the
 * byte itself. */
unsigned kin_utf8_character(const char *text, size_t length);

/* Whether a character ends lines somewhere or steers a terminal: C0, DEL, C1, and the separators of
 * lines and paragraphs, U+2028 and U+2029. */
bool kin_is_control(unsigned character);

#endif
