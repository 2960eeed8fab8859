#ifndef KIN_REPORT_TILE_H
#define KIN_REPORT_TILE_H
/*
 * The tile of an item on a page: its picture as a data: URI, so that the page is one file and asks
 * no network.
 */
#include "job/show_picture.h"

#include <stdio.h>

/* The row's picture, or a tile in its place (also where the graph has no such row); nothing where
 * the catalog has no pictures at all. */
void kin_tile_write(FILE *out, show_pictures *pictures, size_t row);

#endif
