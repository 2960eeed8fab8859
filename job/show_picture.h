#ifndef KIN_JOB_SHOW_PICTURE_H
#define KIN_JOB_SHOW_PICTURE_H
/*
 * Pictures of items, for pages that hold them: what a table of items names, as far as it may be
 * shown to others.
 */
#include "core/graph.h"

#include <stdbool.h>
#include <stddef.h>

/* Larger files are not embedded, nor any once a page holds so much. */
enum { SHOW_PICTURE_MAX_BYTES = 256 << 10, SHOW_PICTURES_MAX_BYTES = 64 << 20 };

typedef struct show_pictures {
    const kin_graph *graph;
    int column;     /* of items.tsv, -1: none */
    char *folder;   /* real path; relative names start here, all must be below; owned, NULL: none */
    int descriptor; /* of the folder, -1: none */
    size_t embedded; /* pictures */
    size_t left_out; /* named, but missing, too large or no picture */
    size_t outside;  /* named, but not below the folder */
    size_t bytes;    /* of the embedded files */
    bool no_memory;  /* a picture was not embedded for want of it: the page is not whole */
} show_pictures;

/* Before there is a graph: KIN_E_NOINPUT where `folder`, which may be NULL, cannot be one of
 * pictures. */
int kin_show_pictures_check(const char *folder, kin_error *err);

/* Pictures are looked for in `folder`; NULL: where the graph's items.tsv came from
 * (run.items_source of the manifest), else in the graph's own. KIN_E_NOINPUT where `folder` is
 * none. */
int kin_show_pictures_init(show_pictures *self, const kin_graph *graph, const char *folder,
                           kin_error *err);
void kin_show_pictures_release(show_pictures *self);

/* The bytes of the row's picture in new memory (free): *data of *bytes. Returns its type,
 * "image/png"; NULL, and NULL in *data, where there is none to embed. Pictures are regular files
 * below the folder, links and ".." resolved, whose names end in png, jpg, jpeg, gif, webp or svg
 * and whose first bytes are those of one of these kinds. */
const char *kin_show_picture_read(show_pictures *self, size_t row, unsigned char **data,
                                  size_t *bytes);

#endif
