/*
 * Texts without what steers a terminal (declared in core/plain.h). One table-free pass over the
 * bytes.
 */
#include "core/plain.h"

#include <string.h>

/* Control characters, and what turns the direction of the text behind it. */
static bool steers(unsigned character)
{
    return kin_is_control(character) || (character >= 0x202a && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

bool kin_plain_character(const char *text, size_t left, size_t *bytes)
{
    size_t whole = kin_utf8_length(text, left);
    *bytes = whole ? whole : 1;
    return whole && !steers(kin_utf8_character(text, whole));
}

void kin_plain_in_place(char *text)
{
    size_t left = strlen(text), bytes;
    char *to = text;
    for (const char *from = text; left > 0; from += bytes, left -= bytes) {
        if (kin_plain_character(from, left, &bytes)) {
            memmove(to, from, bytes);
            to += bytes;
        } else {
            *to++ = '?';
        }
    }
    *to = '\0';
}

void kin_plain_write(FILE *out, kin_span text)
{
    for (size_t i = 0, bytes; i < text.length; i += bytes) {
        if (kin_plain_character(text.text + i, text.length - i, &bytes))
            fwrite(text.text + i, 1, bytes, out);
        else
            putc('?', out);
    }
}

plain_text kin_plain_span(kin_span text)
{
    static const char dots[] = "...";
    plain_text out;
    size_t used = 0, fits = 0, bytes; /* fits: as far as dots may follow */
    for (size_t i = 0; i < text.length; i += bytes) {
        bool printable = kin_plain_character(text.text + i, text.length - i, &bytes);
        size_t more = printable ? bytes : 1;
        if (used + more >= sizeof out.text) {
            memcpy(out.text + fits, dots, sizeof dots);
            return out;
        }
        memcpy(out.text + used, printable ? text.text + i : "?", more);
        used += more;
        if (used + sizeof dots <= sizeof out.text)
            fits = used;
    }
    out.text[used] = '\0';
    return out;
}

plain_text kin_plain(const char *text)
{
    return kin_plain_span(text ? (kin_span){text, strlen(text)} : (kin_span){"?", 1});
}
