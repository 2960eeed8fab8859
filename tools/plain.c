/*
 * Texts without what steers a terminal (declared in tools/plain.h). One table-free pass over the bytes.
 */
#include "tools/plain.h"

#include <string.h>

/* The code point of a sequence that kin_utf8_length found whole. */
static unsigned code_point(const unsigned char *text, size_t bytes)
{
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned point = text[0] & first_bits[bytes];
    for (size_t i = 1; i < bytes; i++)
        point = point << 6 | (text[i] & 0x3f);
    return point;
}

static bool steers(unsigned point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x2028 || point == 0x2029 ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

bool plain_character(const char *text, size_t left, size_t *bytes)
{
    size_t whole = kin_utf8_length(text, left);
    *bytes = whole ? whole : 1;
    return whole && !steers(code_point((const unsigned char *)text, whole));
}

void plain_in_place(char *text)
{
    size_t left = strlen(text), bytes;
    char *to = text;
    for (const char *from = text; left > 0; from += bytes, left -= bytes) {
        if (plain_character(from, left, &bytes)) {
            memmove(to, from, bytes);
            to += bytes;
        } else {
            *to++ = '?';
        }
    }
    *to = '\0';
}

void plain_write(FILE *out, kin_span text)
{
    for (size_t i = 0, bytes; i < text.length; i += bytes) {
        if (plain_character(text.text + i, text.length - i, &bytes))
            fwrite(text.text + i, 1, bytes, out);
        else
            putc('?', out);
    }
}

plain_text plain_span(kin_span text)
{
    static const char dots[] = "...";
    plain_text out;
    size_t used = 0, fits = 0, bytes; /* fits: as far as dots may follow */
    for (size_t i = 0; i < text.length; i += bytes) {
        bool printable = plain_character(text.text + i, text.length - i, &bytes);
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

plain_text plain(const char *text)
{
    return plain_span(text ? (kin_span){text, strlen(text)} : (kin_span){"?", 1});
}
