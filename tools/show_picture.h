#ifndef KIN_TOOLS_SHOW_PICTURE_H
#define KIN_TOOLS_SHOW_PICTURE_H
/*
 * Pictures of items inside a page: data: URIs, so that the page is one file and asks no network.
 */
#include "core/graph.h"

#include <stdbool.h>
#include <stdio.h>

/* Larger files are not embedded, nor any once a page holds so much. */
enum { SHOW_PICTURE_MAX_BYTES = 256 << 10, SHOW_PICTURES_MAX_BYTES = 64 << 20 };

typedef struct show_pictures {
    const kin_graph *graph;
    int column;                /* of items.tsv, -1: none */
    char *folder;              /* relative names start here; owned */
    size_t embedded, left_out; /* pictures; left out: named, but missing, too large or no picture */
    size_t bytes;              /* of the embedded files */
} show_pictures;

/* Names are relative to the folder that the graph's items.tsv came from (run.items_source of the
 * manifest), else to the graph's own. */
int show_pictures_init(show_pictures *self, const kin_graph *graph, kin_error *err);
void show_pictures_release(show_pictures *self);

/* Writes `before` and then "data:image/png;base64,..." of the row's picture. False, and nothing
 * written, where there is none to embed: png, jpg, jpeg, gif, webp, svg by the ending of the name
 * are pictures. */
bool show_picture_write(show_pictures *self, FILE *out, const char *before, size_t row);

#endif
