/*
 * Reads picture files and writes them as base64 (declared in tools/show_picture.h). A picture that
 * stands on the page several times is embedded each time: a page without scripts cannot share one
 * between <img> elements, and thumbnails are small. Cost: 4/3 of the files' bytes.
 */
#include "tools/show_picture.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *ending, *type;
} kinds[] = {
    {"png", "image/png"}, {"jpg", "image/jpeg"},  {"jpeg", "image/jpeg"},
    {"gif", "image/gif"}, {"webp", "image/webp"}, {"svg", "image/svg+xml"},
};

int show_pictures_init(show_pictures *self, const kin_graph *graph, kin_error *err)
{
    const json_t *run = json_object_get(graph->manifest, "run");
    const char *source = json_string_value(json_object_get(run, "items_source"));
    *self = (show_pictures){.graph = graph, .column = -1};
    if (graph->items.lines.count)
        self->column = kin_table_column(&graph->items, "image");
    self->folder = strdup(source ? source : graph->directory);
    return self->folder ? 0 : kin_fail_alloc(err, "path", 0);
}

void show_pictures_release(show_pictures *self)
{
    free(self->folder);
    *self = (show_pictures){0};
}

static const char *type_of(kin_span name)
{
    const char *dot = name.length ? memrchr(name.text, '.', name.length) : NULL;
    if (!dot)
        return NULL;
    size_t length = name.length - (size_t)(dot + 1 - name.text);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (length == strlen(kinds[i].ending) && strncasecmp(dot + 1, kinds[i].ending, length) == 0)
            return kinds[i].type;
    return NULL;
}

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

bool show_picture_write(show_pictures *self, FILE *out, const char *before, size_t row)
{
    if (self->column < 0)
        return false;
    kin_span name = kin_table_cell(&self->graph->items, row, self->column);
    if (name.length == 0)
        return false;
    const char *type = type_of(name);
    bool absolute = name.text[0] == '/';
    char *path = kin_text("%s%s%.*s", absolute ? "" : self->folder, absolute ? "" : "/",
                          (int)name.length, name.text);
    kin_file file = {0};
    bool embed = false;
    if (type && path && kin_file_open(&file, path, NULL) == 0) {
        embed = file.bytes > 0 && file.bytes <= SHOW_PICTURE_MAX_BYTES &&
                self->bytes + file.bytes <= SHOW_PICTURES_MAX_BYTES;
        if (embed) {
            fprintf(out, "%sdata:%s;base64,", before, type);
            write_base64(out, file.data, file.bytes);
            self->bytes += file.bytes;
        }
        kin_file_close(&file);
    }
    free(path);
    self->embedded += embed;
    self->left_out += !embed;
    return embed;
}
