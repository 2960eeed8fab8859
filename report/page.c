/*
 * The frame of kin's pages (declared in report/page.h), and how they write texts and numbers.
 */
#include "report/page.h"
#include "core/text.h"
#include "report/assets.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- pages ---------------------------------------------------------------------------------- */

static void fill_place(FILE *out, kin_span name, const page_place *place, size_t count, void *data)
{
    size_t i = 0;
    while (i < count && !kin_span_equal(name, (kin_span){place[i].name, strlen(place[i].name)}))
        i++;
    assert(i < count);
    if (place[i].write)
        place[i].write(out, data);
    else
        kin_page_text(out, place[i].text);
}

void kin_page_fill(FILE *out, const char *skeleton, const page_place *place, size_t count,
                   void *data)
{
    for (const char *open; (open = strstr(skeleton, "{{")) != NULL;) {
        const char *name = open + 2, *close = strstr(name, "}}");
        assert(close);
        fwrite(skeleton, 1, (size_t)(open - skeleton), out);
        fill_place(out, (kin_span){name, (size_t)(close - name)}, place, count, data);
        skeleton = close + 2;
    }
    fputs(skeleton, out);
}

static void write_style(FILE *out, void *data)
{
    const page_frame *frame = data;
    fputs(page_css, out);
    for (const char *const *style = frame->style; *style; style++)
        fputs(*style, out);
}

static void write_body(FILE *out, void *data)
{
    const page_frame *frame = data;
    kin_page_fill(out, frame->skeleton, frame->place, frame->places, frame->data);
}

static void write_remarks(FILE *out, void *data)
{
    const page_frame *frame = data;
    if (frame->remarks)
        frame->remarks(out, frame->data);
}

int kin_page_write(char **text, size_t *bytes, const page_frame *frame, kin_error *err)
{
    const page_place place[] = {
        {"kind", .text = frame->kind},       {"name", .text = frame->name},
        {"style", write_style, NULL},        {"body", write_body, NULL},
        {"command", .text = frame->command}, {"remarks", write_remarks, NULL}};
    page_frame own = *frame;
    *text = NULL;
    FILE *out = kin_text_stream(text, bytes);
    if (!out)
        return kin_fail_errno(err, KIN_E_MEMORY, frame->hint, "the page");
    kin_page_fill(out, page_html, place, sizeof place / sizeof *place, &own);
    if (fclose(out) == 0)
        return 0;
    return kin_fail(err, KIN_E_MEMORY, frame->hint, "the page does not fit in memory");
}

/* ---- texts ---------------------------------------------------------------------------------- */

void kin_page_escape(FILE *out, kin_span text)
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

void kin_page_text(FILE *out, const char *text)
{
    kin_page_escape(out, (kin_span){text, strlen(text)});
}

void kin_page_isolated(FILE *out, kin_span text)
{
    fputs("<bdi>", out);
    kin_page_escape(out, text);
    fputs("</bdi>", out);
}

int kin_page_length(kin_span text)
{
    return text.length < INT_MAX ? (int)text.length : INT_MAX;
}

/* Writes one conversion of page_format; moves *arguments behind its value. */
static void format_one(FILE *out, const char *conversion, va_list *arguments)
{
    size_t length = strlen(conversion);
    char type = conversion[length - 1], size = conversion[length - 2];
    if (type == '%') {
        putc('%', out);
    } else if (type == 's' && size == '*') {
        size_t bytes = (size_t)va_arg(*arguments, int);
        kin_page_isolated(out, (kin_span){va_arg(*arguments, const char *), bytes});
    } else if (type == 's') {
        kin_page_text(out, va_arg(*arguments, const char *));
    } else if (strchr("eEfFgG", type)) {
        double value = va_arg(*arguments, double);
        fprintf(out, conversion, value);
    } else if (size == 'z') {
        size_t value = va_arg(*arguments, size_t);
        fprintf(out, conversion, value);
    } else {
        assert(size != 'l' && size != 'h');
        fprintf(out, conversion, va_arg(*arguments, int));
    }
}

void kin_page_format(FILE *out, const char *format, ...)
{
    static const char types[] = "diuxcseEfFgG%";
    va_list arguments;
    va_start(arguments, format);
    while (*format) {
        char conversion[16];
        size_t plain = strcspn(format, "%");
        fwrite(format, 1, plain, out);
        format += plain;
        if (!*format)
            break;
        size_t length = 1 + strcspn(format + 1, types) + 1;
        assert(length < sizeof conversion && format[length - 1]);
        memcpy(conversion, format, length);
        conversion[length] = '\0';
        format_one(out, conversion, &arguments);
        format += length;
    }
    va_end(arguments);
}

/* ---- numbers -------------------------------------------------------------------------------- */

static const page_label dash = {"\xe2\x80\x93"};

page_label kin_page_count(size_t count)
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

kin_counted kin_page_counted(size_t count, const char *noun)
{
    kin_counted out;
    snprintf(out.text, sizeof out.text, "%.31s %.47s", kin_page_count(count).text,
             kin_noun(count, noun).text);
    return out;
}

page_label kin_page_number(double value, int decimals)
{
    page_label out;
    if (!isfinite(value))
        return dash;
    snprintf(out.text, sizeof out.text, "%.*f", decimals, value);
    return out;
}

page_label kin_page_general(double value)
{
    page_label out;
    if (!isfinite(value))
        return dash;
    snprintf(out.text, sizeof out.text, "%.10g", value);
    return out;
}

page_label kin_page_share(double value)
{
    static const int most = 9;
    int decimals = 4;
    double unit = 1e4;
    while (decimals < most && value != 0 && value != 1 &&
           (round(value * unit) == 0 || round(value * unit) == unit)) {
        decimals++;
        unit *= 10;
    }
    return kin_page_number(value, decimals);
}

page_label kin_page_percent(double value)
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
