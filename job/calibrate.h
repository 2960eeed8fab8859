#ifndef KIN_JOB_CALIBRATE_H
#define KIN_JOB_CALIBRATE_H
/*
 * What a unit of each engine's work costs on this machine and this catalog.
 *
 * The library's own code runs on some thousand items of the catalog, with the threads, kernels,
 * dimensions and K of the build, and is timed: no property of a processor is assumed.
 *
 *   calibrate_clock.h   how it is timed
 *   calibrate_scan.h    codes, tiles, refined pairs, canonical scores: engines exact and join
 *   calibrate.h         stream, hnsw, files
 */
#include "ann/faiss_effort.h"
#include "core/catalog.h"

typedef struct stream_rates {
    size_t micro_batch; /* of the calibration */
    double pair;        /* a query and an item */
    double row;         /* a query, for its candidates */
} stream_rates;

typedef struct hnsw_rates {
    size_t rows;
    double build, search; /* of an index of so many items, and of asking it for all of them */
} hnsw_rates;

typedef struct file_rates {
    double written; /* a byte to a file, synced; of the folder if there is one, else of memory */
    double hashed;  /* a byte of a mapped file */
    bool of_folder;
} file_rates;

int kin_calibrate_stream(stream_rates *out, const kin_catalog *sample, size_t top_k,
                         size_t micro_batch, kin_error *err);

int kin_calibrate_hnsw(hnsw_rates *out, const kin_catalog *sample, const kin_index_options *index,
                       const kin_search_options *search, kin_error *err);

/* Writes as many bytes as the graph has, at most 16 MiB, to a file without a name in `folder`, and
 * hashes as many. Where `folder` is NULL or its file system has no such files, memory is written.
 */
int kin_calibrate_files(file_rates *out, const char *folder, size_t graph_bytes, kin_error *err);

#endif
