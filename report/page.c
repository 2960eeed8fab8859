/*
 * The frame of kin's pages (declared in report/page.h), and how they write texts and numbers.
 */
#include "report/page.h"
#include "core/counted.h"
#include "report/assets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void page_begin(FILE *out, const char *kind, const char *name, const char *const *style)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>",
          out);
    page_text(out, kind);
    fputs(": ", out);
    page_text(out, name);
    fputs("</title>\n<style>\n", out);
    fputs(page_css, out);
    for (; *style; style++)
        fputs(*style, out);
    fputs("</style>\n</head>\n<body>\n", out);
}

int page_end(FILE *out, const char *hint, kin_error *err)
{
    fputs("</body>\n</html>\n", out);
    if (fclose(out) == 0)
        return 0;
    return kin_fail(err, KIN_E_MEMORY, hint, "the page does not fit in memory");
}

/* ---- texts ---------------------------------------------------------------------------------- */

void page_escape(FILE *out, kin_span text)
{
    for (size_t i = 0, length; i < text.length; i += length) {
        unsigned char c = (unsigned char)text.text[i];
        size_t whole =
            kin_utf8_length(text.text + i, text.length - i); /* names of files need not be */
        bool c1 = whole == 2 && c == 0xc2 && (unsigned char)text.text[i + 1] < 0xa0;
        const char *reference = c == '&'                                  ? "&amp;"
                                : c == '<'                                ? "&lt;"
                                : c == '>'                                ? "&gt;"
                                : c == '"'                                ? "&quot;"
                                : c == '\''                               ? "&#39;"
                                : c < 32 || c == 0x7f || whole == 0 || c1 ? "\xef\xbf\xbd"
                                                                          : NULL;
        length = whole ? whole : 1;
        if (reference)
            fputs(reference, out);
        else
            fwrite(text.text + i, 1, length, out);
    }
}

void page_text(FILE *out, const char *text)
{
    page_escape(out, (kin_span){text, strlen(text)});
}

void page_isolated(FILE *out, kin_span text)
{
    fputs("<bdi>", out);
    page_escape(out, text);
    fputs("</bdi>", out);
}

/* ---- numbers -------------------------------------------------------------------------------- */

static const page_label dash = {"\xe2\x80\x93"};

page_label page_count(size_t count)
{
    char digits[24];
    page_label out;
    size_t length = (size_t)snprintf(digits, sizeof digits, "%zu", count), at = 0;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out.text[at++] = ',';
        out.text[at++] = digits[i];
    }
    out.text[at] = '\0';
    return out;
}

kin_counted page_counted(size_t count, const char *noun)
{
    kin_counted out;
    snprintf(out.text, sizeof out.text, "%.31s %.47s", page_count(count).text,
             kin_noun(count, noun).text);
    return out;
}

page_label page_number(double value, int decimals)
{
    page_label out;
    if (!isfinite(value))
        return dash;
    snprintf(out.text, sizeof out.text, "%.*f", decimals, value);
    return out;
}

page_label page_share(double value)
{
    static const int most = 9;
    int decimals = 4;
    double unit = 1e4;
    while (decimals < most && value != 0 && value != 1 &&
           (round(value * unit) == 0 || round(value * unit) == unit)) {
        decimals++;
        unit *= 10;
    }
    return page_number(value, decimals);
}

page_label page_percent(double value)
{
    page_label out;
    double tenths = round(value * 1000);
    if (!isfinite(value))
        return dash;
    if (tenths == 0 && value > 0)
        return (page_label){"under 0.1\xc2\xa0%"};
    if (tenths == 1000 && value < 1)
        return (page_label){"over 99.9\xc2\xa0%"};
    snprintf(out.text, sizeof out.text, "%.*f\xc2\xa0%%", value == 0 || value == 1 ? 0 : 1,
             value * 100);
    return out;
}
