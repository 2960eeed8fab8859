/*
 * Lines of pairs (report/pairs_text.h). Threads write the lines of a block's parts into memory,
 * which goes to the stream in order: the same bytes for any number of them.
 */
#include "report/pairs_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add(kin_text_buffer *to, const char *text)
{
    kin_text_add(to, text, strlen(text));
}

/* What "%.9g" gives of a number that it writes without an exponent, but for ties that a double
 * cannot tell, where either text gives the float back: printf is most of the work otherwise, as it
 * divides long numbers. False for numbers of other sizes. */
static bool format_plain(char text[32], float value)
{
    static const uint64_t ten[] = {1,           10,           100,          1000,      10000,
                                   100000,      1000000,      10000000,     100000000, 1000000000,
                                   10000000000, 100000000000, 1000000000000};
    enum { DIGITS = 9, SMALL = 4 }; /* from 10^-4 on, below 10^8 */
    double size = fabs((double)value);
    size_t decimals = DIGITS + SMALL - 1;
    if (!(size >= 1e-4 && size < 1e8))
        return false;
    while (size * (double)ten[decimals] >= 1e9)
        decimals--;
    uint64_t scaled = (uint64_t)(size * (double)ten[decimals] + 0.5);
    for (; decimals > 0 && scaled % 10 == 0; decimals--)
        scaled /= 10;
    int length =
        snprintf(text, 32, "%s%u", value < 0 ? "-" : "", (unsigned)(scaled / ten[decimals]));
    if (decimals == 0)
        return true;
    char *at = text + length;
    *at++ = '.';
    uint64_t fraction = scaled % ten[decimals];
    for (size_t d = decimals; d-- > 0;)
        *at++ = (char)('0' + fraction / ten[d] % 10);
    *at = '\0';
    return true;
}

static void add_number(kin_text_buffer *to, float value, const char *lacking)
{
    char text[32];
    if (isnan(value)) {
        add(to, lacking);
        return;
    }
    if (!format_plain(text, value))
        snprintf(text, sizeof text, "%.9g", (double)value);
    add(to, text);
}

static void add_rank(kin_text_buffer *to, int32_t rank)
{
    char text[16];
    snprintf(text, sizeof text, "%d", (int)rank);
    add(to, text);
}

/* ---- .tsv ------------------------------------------------------------------------------------ */

/* As COPY reads a cell: \t, \n and \r are letters behind a backslash, itself is doubled. */
static void add_cell(kin_text_buffer *to, kin_span cell)
{
    static const char special[] = "\t\n\r\\", letter[] = "tnr\\";
    const char *plain = cell.text, *end = cell.text + cell.length;
    for (const char *at = plain; at < end; at++) {
        const char *found = *at ? strchr(special, *at) : NULL;
        if (!found)
            continue;
        const char escape[] = {'\\', letter[found - special]};
        kin_text_add(to, plain, (size_t)(at - plain));
        kin_text_add(to, escape, sizeof escape);
        plain = at + 1;
    }
    kin_text_add(to, plain, (size_t)(end - plain));
}

static void add_tsv(kin_text_buffer *to, const kin_graph *graph, const kin_pair_rows *rows,
                    size_t i)
{
    add_cell(to, kin_lines_at(&graph->ids, (size_t)rows->item[i]));
    add(to, "\t");
    add_cell(to, kin_lines_at(&graph->ids, (size_t)rows->neighbor[i]));
    add(to, "\t");
    add_rank(to, rows->rank[i]);
    add(to, "\t");
    add_number(to, rows->score[i], "\\N");
    for (size_t m = 0; m < graph->modality_count; m++) {
        add(to, "\t");
        add_number(to, rows->cosine[m][i], "\\N");
    }
    add(to, "\n");
}

/* ---- .jsonl ---------------------------------------------------------------------------------- */

/* RFC 8259: quotes, backslashes and control characters are escaped; all else stays UTF-8. */
static void add_string(kin_text_buffer *to, kin_span text)
{
    const char *plain = text.text, *end = text.text + text.length;
    add(to, "\"");
    for (const char *at = plain; at < end; at++) {
        unsigned char c = (unsigned char)*at;
        char escape[8];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        if (c == '"' || c == '\\')
            snprintf(escape, sizeof escape, "\\%c", c);
        else
            snprintf(escape, sizeof escape, "\\u%04x", c);
        kin_text_add(to, plain, (size_t)(at - plain));
        add(to, escape);
        plain = at + 1;
    }
    kin_text_add(to, plain, (size_t)(end - plain));
    add(to, "\"");
}

static void add_jsonl(kin_text_buffer *to, const kin_graph *graph, const kin_pair_rows *rows,
                      size_t i)
{
    add(to, "{\"item\":");
    add_string(to, kin_lines_at(&graph->ids, (size_t)rows->item[i]));
    add(to, ",\"neighbor\":");
    add_string(to, kin_lines_at(&graph->ids, (size_t)rows->neighbor[i]));
    add(to, ",\"rank\":");
    add_rank(to, rows->rank[i]);
    add(to, ",\"score\":");
    add_number(to, rows->score[i], "null");
    add(to, ",\"cosine\":{");
    for (size_t m = 0; m < graph->modality_count; m++) {
        add(to, m > 0 ? "," : "");
        add_string(to, (kin_span){graph->modality[m], strlen(graph->modality[m])});
        add(to, ":");
        add_number(to, rows->cosine[m][i], "null");
    }
    add(to, "}}\n");
}

/* ---- together -------------------------------------------------------------------------------- */

void kin_pairs_text_begin(const kin_pairs_text *self)
{
    if (self->format != KIN_PAIRS_TSV)
        return;
    fputs("item\tneighbor\trank\tscore", self->out);
    for (size_t m = 0; m < self->graph->modality_count; m++)
        fprintf(self->out, "\tcosine_%s", self->graph->modality[m]);
    putc('\n', self->out);
}

static void format_part(kin_pairs_text *self, const kin_pair_rows *rows, size_t part)
{
    kin_text_buffer *to = &self->part[part];
    size_t end = rows->count * (part + 1) / KIN_PAIRS_TEXT_PARTS;
    to->bytes = 0;
    for (size_t i = rows->count * part / KIN_PAIRS_TEXT_PARTS; i < end; i++)
        if (self->format == KIN_PAIRS_TSV)
            add_tsv(to, self->graph, rows, i);
        else
            add_jsonl(to, self->graph, rows, i);
}

static int write_rows(void *to, const kin_pair_rows *rows, kin_error *err)
{
    kin_pairs_text *self = to;
#pragma omp parallel for schedule(dynamic)
    for (size_t part = 0; part < KIN_PAIRS_TEXT_PARTS; part++)
        format_part(self, rows, part);
    for (size_t part = 0; part < KIN_PAIRS_TEXT_PARTS; part++) {
        const kin_text_buffer *from = &self->part[part];
        if (from->refused)
            return kin_fail_alloc(err, "lines of pairs", rows->count * 64);
        if (from->bytes > 0 && fwrite(from->text, 1, from->bytes, self->out) != from->bytes)
            return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", self->path);
    }
    return 0;
}

kin_pair_sink kin_pairs_text_sink(kin_pairs_text *self)
{
    return (kin_pair_sink){self, write_rows};
}

void kin_pairs_text_release(kin_pairs_text *self)
{
    for (size_t part = 0; part < KIN_PAIRS_TEXT_PARTS; part++)
        free(self->part[part].text);
    *self = (kin_pairs_text){0};
}
