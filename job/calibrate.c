/*
 * Engines stream and hnsw timed, and files (job/calibrate.h).
 */
#include "job/calibrate.h"
#include "ann/faiss_build.h"
#include "ann/faiss_search.h"
#include "core/memory.h"
#include "exact/stream.h"
#include "job/calibrate_clock.h"

#include <fcntl.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- stream ---------------------------------------------------------------------------------- */

/* Many: among few items most are candidates for a while, and the pairs would carry their cost. */
enum { STREAM_ITEMS = 8192 };

/* When blocks arrive: between two lies a micro-batch, without what is done once a run. */
typedef struct arrivals {
    double last, least; /* seconds; 0: none yet */
} arrivals;

static int record_arrival(void *self, size_t first, const kin_rows *rows, kin_error *err)
{
    (void)rows;
    (void)err;
    arrivals *at = self;
    double now = kin_calibrate_seconds();
    if (first > 0)
        at->least = kin_calibrate_least(at->least, now - at->last);
    at->last = now;
    return 0;
}

/* The seconds of a micro-batch that asks the first n items of the sample. */
static int time_stream(double *out, const kin_catalog *sample, size_t n, size_t top_k,
                       size_t micro_batch, kin_error *err)
{
    kin_catalog part = *sample;
    kin_stream_options options = {.top_k = top_k, .micro_batch = micro_batch};
    size_t count = (CALIBRATE_RUNS + 1) * micro_batch;
    arrivals seen = {0};
    int32_t *row = kin_alloc(count, sizeof *row);
    if (!row)
        return kin_fail_alloc(err, "a sample", count * sizeof *row);
    for (size_t i = 0; i < count; i++)
        row[i] = (int32_t)(i % n);
    part.n = n;
    kin_stream_queries queries = {.row = row, .count = count};
    kin_row_sink sink = {.self = &seen, .write = record_arrival};
    int rc = kin_stream_run(&part, &queries, &options, sink, NULL, err);
    free(row);
    *out = seen.least;
    return rc;
}

/* Micro-batches among many items and among few: what grows with their number is the pairs'. */
int kin_calibrate_stream(stream_rates *out, const kin_catalog *sample, size_t top_k,
                         size_t micro_batch, kin_error *err)
{
    size_t many = sample->n < STREAM_ITEMS ? sample->n : STREAM_ITEMS, few = many / 2;
    double long_one = 0, short_one = 0, q = (double)micro_batch;
    *out = (stream_rates){.micro_batch = micro_batch};
    if (many < 2)
        return 0;
    few = few > top_k + 1 ? few : top_k + 2 < many ? top_k + 2 : many;
    size_t k = top_k < few ? top_k : few - 1;
    int rc = time_stream(&long_one, sample, many, k, micro_batch, err);
    if (rc == 0 && few < many)
        rc = time_stream(&short_one, sample, few, k, micro_batch, err);
    if (few == many || long_one <= short_one) {
        out->pair = long_one / q / (double)many;
    } else {
        out->pair = (long_one - short_one) / q / (double)(many - few);
        out->row = fmax(short_one / q - out->pair * (double)few, 0);
    }
    return rc;
}

/* ---- hnsw ------------------------------------------------------------------------------------ */

int kin_calibrate_hnsw(hnsw_rates *out, const kin_catalog *sample, const kin_index_options *index,
                       const kin_search_options *search, kin_error *err)
{
    kin_index *made = NULL;
    kin_search_options asked = *search;
    *out = (hnsw_rates){.rows = sample->n};
    if (sample->n < 2)
        return 0;
    asked.top_k = asked.top_k < sample->n ? asked.top_k : sample->n - 1;
    double start = kin_calibrate_seconds();
    int rc = kin_index_build(&made, sample, index, NULL, err);
    double built = kin_calibrate_seconds();
    if (rc == 0)
        rc = kin_search_all(made, &asked, kin_calibrate_sink(), NULL, err);
    out->build = built - start;
    out->search = kin_calibrate_seconds() - built;
    kin_index_free(made);
    return rc;
}

/* ---- files ----------------------------------------------------------------------------------- */

enum { FILE_BYTES = 16 << 20, PIECE_BYTES = 1 << 20 };

static int open_nameless(const char *folder, bool *of_folder)
{
    int fd = folder ? open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;
    *of_folder = fd >= 0;
    return fd >= 0 ? fd : memfd_create("kin-plan", MFD_CLOEXEC);
}

static bool write_pieces(int fd, const char *piece, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t written = write(fd, piece, PIECE_BYTES);
        if (written <= 0)
            return false;
        done += (size_t)written;
    }
    return fdatasync(fd) == 0;
}

int kin_calibrate_files(file_rates *out, const char *folder, size_t graph_bytes, kin_error *err)
{
    size_t pieces =
        graph_bytes < FILE_BYTES ? graph_bytes / PIECE_BYTES + 1 : FILE_BYTES / PIECE_BYTES;
    size_t bytes = pieces * PIECE_BYTES;
    double writing = 0, hashing = 0;
    char *piece = kin_alloc(PIECE_BYTES, 1);
    *out = (file_rates){0};
    if (!piece)
        return kin_fail_alloc(err, "a file", PIECE_BYTES);
    for (size_t i = 0; i < PIECE_BYTES; i++)
        piece[i] = (char)(i * 2654435761u >> 13);
    for (size_t i = 0; i < CALIBRATE_RUNS; i++) {
        double start = omp_get_wtime();
        int fd = open_nameless(folder, &out->of_folder);
        bool whole = fd >= 0 && write_pieces(fd, piece, bytes);
        if (fd >= 0)
            close(fd);
        double written = omp_get_wtime();
        for (size_t b = 0; b < bytes; b += PIECE_BYTES)
            kin_hash_bytes(piece, PIECE_BYTES);
        hashing = kin_calibrate_least(hashing, omp_get_wtime() - written);
        writing = whole ? kin_calibrate_least(writing, written - start) : writing;
    }
    out->written = writing / (double)bytes;
    out->hashed = hashing / (double)bytes;
    free(piece);
    return 0;
}
