#ifndef KIN_CORE_GRAPH_LAYOUT_H
#define KIN_CORE_GRAPH_LAYOUT_H
/*
 * Private to the graph writer (core/graph_writer.c): the files of a graph, laid out front to back
 * from a row log.
 *
 * Two passes over the log: neighbours, then scores and cosines, as graph.npz holds the one array
 * behind the other. Its members' checksums are known from the log beforehand, so headers are in
 * place when they are written. All threads unpack a range while another one writes those before it
 * (core/hashed_file.h). Memory: one range of the log's, some 32 MB, and the blocks of that thread.
 */
#include "core/graph.h"
#include "core/rowlog.h"

enum { LAYOUT_NPZ, LAYOUT_INDPTR, LAYOUT_INDICES, LAYOUT_DATA, LAYOUT_COSINES };

typedef struct graph_layout {
    size_t n, k, modality_count;
    bool arrays;
    kin_block_writer *writer;
    kin_hashed_file file[LAYOUT_COSINES + KIN_MODALITIES_MAX];
    int64_t *start;        /* [n + 1] */
    unsigned char *indptr; /* indptr.npy */
    unsigned char *buffer; /* of one range */
} graph_layout;

/* Bytes of the files with all rows full, and of the memory. */
size_t kin_graph_layout_file_bytes(const kin_graph_writer_options *options);
size_t kin_graph_layout_bytes(const kin_graph_writer_options *options, size_t range_rows);

/* Creates the files. To be released, whatever comes of it. */
int kin_graph_layout_init(graph_layout *self, const kin_graph_writer_options *options,
                          size_t range_rows, kin_error *err);
void kin_graph_layout_release(graph_layout *self);

/* Writes all of them; every row is in the log. */
int kin_graph_layout_write(graph_layout *self, kin_rowlog *log, kin_written *written,
                           kin_error *err);

#endif
