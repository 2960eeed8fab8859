#ifndef KIN_JOB_CALIBRATE_H
#define KIN_JOB_CALIBRATE_H
/*
 * What a unit of each engine's work costs on this machine and this catalog.
 *
 * Nothing is assumed of a processor: the library's own code runs on some thousand items of the catalog,
 * with the threads, kernels, dimensions and K that the build would have, and the clock is looked at.
 * What counts is processor time divided by threads, all of which are at work: what else runs on the machine
 * only makes threads wait for each other, in a rehearsal's short rounds far more than in a long build.
 * So predictions are those of a machine that is not busy. Of repetitions the least counts.
 *
 *   calibrate_scan.c    codes, tiles, refined pairs, canonical scores: engines exact and ivf
 *   calibrate.c         stream, hnsw, files
 */
#include "ann/faiss_index.h"
#include "core/catalog.h"

/* Seconds with all threads at work. */
typedef struct scan_rates {
    size_t rows, lead, dimensions; /* of the rehearsal */
    double fit;                    /* to learn a rotation from the usual sample */
    double encoded;                /* a row, ordering included */
    double pair; /* a pair of rows of two groups that meet, none left to refine: `lead` products */
    double refined;       /* a pair that bounds left, floors at their final height */
    double refined_early; /* the same while floors rise: most of them are collected */
    double finished;      /* a candidate scored canonically in the end, sorting included */
    double possible;      /* share of all pairs that bounds leave, floors at their final height */
} scan_rates;

typedef struct stream_rates {
    size_t micro_batch; /* of the rehearsal */
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

/* `n` items the catalog has, of which `sample` are some; `lead` leading dimensions, 0: all. */
int calibrate_scan(scan_rates *out, const kin_catalog *sample, size_t n, size_t top_k, size_t lead,
                   kin_error *err);

int calibrate_stream(stream_rates *out, const kin_catalog *sample, size_t top_k, size_t micro_batch,
                     kin_error *err);

int calibrate_hnsw(hnsw_rates *out, const kin_catalog *sample, const kin_index_options *index,
                   const kin_search_options *search, kin_error *err);

/* Writes as much as the graph has, but at most 16 MiB, to a file without a name in `folder`, which is gone when the call returns; NULL, or a file system
 * that has no such files: memory. */
int calibrate_files(file_rates *out, const char *folder, size_t graph_bytes, kin_error *err);

/* ---- what its files share ----------------------------------------------------------------------- */

enum { CALIBRATE_RUNS = 3 };

/* How often to repeat what costs so many products: CALIBRATE_RUNS times what is over in a moment, which noise
 * could double, and once what is not. */
size_t calibrate_runs(double products);

/* How many threads run at once: those in use, but no more than there are processors for. */
int calibrate_processors(void);

/* Processor seconds of this process so far, over calibrate_processors(); and of this thread. */
double calibrate_seconds(void);
double calibrate_thread_seconds(void);

/* The smaller of two times; 0 is none yet. */
double calibrate_least(double before, double now);

/* A sink that forgets. */
kin_row_sink calibrate_sink(void);

#endif
