/*
 * Tiles of items (declared in report/tile.h). A picture that stands on the page several times is
 * embedded each time: a page without scripts cannot share one between <img> elements, and
 * thumbnails are small. Cost: 4/3 of the files' bytes.
 */
#include "report/tile.h"
#include "job/show.h"
#include "report/page.h"

#include <stdlib.h>

static void write_base64(FILE *out, const unsigned char *data, size_t bytes)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes; i += 3) {
        size_t left = bytes - i;
        unsigned group = (unsigned)data[i] << 16 | (left > 1 ? (unsigned)data[i + 1] << 8 : 0) |
                         (left > 2 ? (unsigned)data[i + 2] : 0);
        putc(digit[group >> 18], out);
        putc(digit[group >> 12 & 63], out);
        putc(left > 1 ? digit[group >> 6 & 63] : '=', out);
        putc(left > 2 ? digit[group & 63] : '=', out);
    }
}

void kin_tile_write(FILE *out, show_pictures *pictures, size_t row)
{
    unsigned char *data = NULL;
    size_t bytes = 0;
    if (pictures->column < 0)
        return;
    bool there = row < pictures->graph->n;
    const char *type = there ? kin_show_picture_read(pictures, row, &data, &bytes) : NULL;
    if (!type) {
        fputs("<div class=\"tile none\">no picture</div>\n", out);
        return;
    }
    fprintf(out, "<img class=\"tile\" src=\"data:%s;base64,", type);
    write_base64(out, data, bytes);
    fputs("\" alt=\"", out);
    kin_page_escape(out, kin_show_title(pictures->graph, row));
    fputs("\">\n", out);
    free(data);
}
