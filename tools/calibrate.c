/*
 * Engines stream and hnsw rehearsed, and files (tools/calibrate.h).
 */
#include "tools/calibrate.h"
#include "core/memory.h"
#include "exact/stream.h"

#include <fcntl.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

double calibrate_median(double value[CALIBRATE_RUNS])
{
    for (size_t i = 1; i < CALIBRATE_RUNS; i++)
        for (size_t j = i; j > 0 && value[j] < value[j - 1]; j--) {
            double larger = value[j - 1];
            value[j - 1] = value[j];
            value[j] = larger;
        }
    return value[CALIBRATE_RUNS / 2];
}

static int forget(void *self, size_t first, const kin_rows *rows, kin_error *err)
{
    (void)self;
    (void)first;
    (void)rows;
    (void)err;
    return 0;
}

kin_row_sink calibrate_sink(void)
{
    return (kin_row_sink){.write = forget};
}

/* ---- stream --------------------------------------------------------------------------------------- */

/* The median seconds of `queries` among the first n items of the sample. */
static int time_stream(double *out, const kin_catalog *sample, size_t n, size_t top_k,
                       const int32_t *row, size_t queries, kin_error *err)
{
    kin_catalog part = *sample;
    kin_stream_options options = {.top_k = top_k, .micro_batch = queries};
    kin_stream_queries asked = {.row = row, .count = queries};
    double seconds[CALIBRATE_RUNS];
    int rc = 0;
    part.n = n;
    for (size_t i = 0; i < CALIBRATE_RUNS && rc == 0; i++) {
        double start = omp_get_wtime();
        rc = kin_stream_run(&part, &asked, &options, calibrate_sink(), NULL, err);
        seconds[i] = omp_get_wtime() - start;
    }
    if (rc == 0)
        *out = calibrate_median(seconds);
    return rc;
}

/* One micro-batch among many items and among few: what grows with their number is the pairs'. */
int calibrate_stream(stream_rates *out, const kin_catalog *sample, size_t top_k, size_t micro_batch,
                     kin_error *err)
{
    size_t many = sample->n, few = many / 4;
    double seconds_many = 0, seconds_few = 0;
    *out = (stream_rates){0};
    if (many < 2)
        return 0;
    if (few <= top_k)
        few = many < top_k + 2 ? many / 2 : top_k + 1;
    if (few < 2 || few >= many)
        few = many;
    size_t k = top_k < few ? top_k : few - 1, queries = micro_batch < few ? micro_batch : few;
    int32_t *row = kin_alloc(queries, sizeof *row);
    if (!row)
        return kin_fail_alloc(err, "a sample", queries * sizeof *row);
    for (size_t i = 0; i < queries; i++)
        row[i] = (int32_t)i;
    int rc = time_stream(&seconds_many, sample, many, k, row, queries, err);
    if (rc == 0)
        rc = time_stream(&seconds_few, sample, few, k, row, queries, err);
    free(row);
    double q = (double)queries, more = (double)(many - few);
    if (few == many || seconds_many <= seconds_few) {
        out->pair = seconds_many / q / (double)many;
    } else {
        out->pair = (seconds_many - seconds_few) / q / more;
        out->row = seconds_few / q - out->pair * (double)few;
        out->row = out->row > 0 ? out->row : 0;
    }
    return rc;
}

/* ---- hnsw ----------------------------------------------------------------------------------------- */

int calibrate_hnsw(hnsw_rates *out, const kin_catalog *sample, const kin_index_options *index,
                   const kin_search_options *search, kin_error *err)
{
    kin_index *made = NULL;
    kin_search_options asked = *search;
    *out = (hnsw_rates){.rows = sample->n};
    if (sample->n < 2)
        return 0;
    asked.top_k = asked.top_k < sample->n ? asked.top_k : sample->n - 1;
    double start = omp_get_wtime();
    int rc = kin_index_build(&made, sample, index, NULL, err);
    double built = omp_get_wtime();
    if (rc == 0)
        rc = kin_search_all(made, &asked, calibrate_sink(), NULL, err);
    out->build = built - start;
    out->search = omp_get_wtime() - built;
    kin_index_free(made);
    return rc;
}

/* ---- files ---------------------------------------------------------------------------------------- */

enum { FILE_BYTES = 16 << 20, PIECE_BYTES = 1 << 20 };

static int open_nameless(const char *folder, bool *of_folder)
{
    int fd = folder ? open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;
    *of_folder = fd >= 0;
    return fd >= 0 ? fd : memfd_create("kin-plan", MFD_CLOEXEC);
}

static bool write_pieces(int fd, const char *piece)
{
    for (size_t done = 0; done < FILE_BYTES;) {
        ssize_t written = write(fd, piece, PIECE_BYTES);
        if (written <= 0)
            return false;
        done += (size_t)written;
    }
    return fdatasync(fd) == 0;
}

int calibrate_files(file_rates *out, const char *folder, kin_error *err)
{
    double seconds[CALIBRATE_RUNS], hashing[CALIBRATE_RUNS];
    char *piece = kin_alloc(PIECE_BYTES, 1);
    *out = (file_rates){0};
    if (!piece)
        return kin_fail_alloc(err, "a file", PIECE_BYTES);
    for (size_t i = 0; i < PIECE_BYTES; i++)
        piece[i] = (char)(i * 2654435761u >> 13);
    for (size_t i = 0; i < CALIBRATE_RUNS; i++) {
        bool whole = false;
        double start = omp_get_wtime();
        int fd = open_nameless(folder, &out->of_folder);
        if (fd >= 0) {
            whole = write_pieces(fd, piece);
            close(fd);
        }
        double written = omp_get_wtime();
        for (size_t b = 0; b < FILE_BYTES; b += PIECE_BYTES)
            kin_hash_bytes(piece, PIECE_BYTES);
        hashing[i] = omp_get_wtime() - written;
        seconds[i] = whole ? written - start : 0;
    }
    out->written = calibrate_median(seconds) / FILE_BYTES;
    out->hashed = calibrate_median(hashing) / FILE_BYTES;
    free(piece);
    return 0;
}
