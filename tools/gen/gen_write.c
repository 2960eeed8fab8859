/*
 * The file is opened at its full length and each block of rows goes to its own place with
 * pwrite(2), so that blocks are made in any order and the bytes are the same for any number of
 * threads. Memory: about 2 MiB a thread.
 */
#include "tools/gen/gen_write.h"
#include "core/half.h"
#include "core/memory.h"
#include "core/npy.h"
#include "core/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1 << 20, ROUND_BLOCKS = 16 };

typedef struct writer {
    const char *path;
    int fd;
    gen_rows source;
    size_t modality;
    size_t n, d;
    kin_dtype dtype;
    size_t block_rows;
} writer;

static int write_all(const writer *w, const void *data, size_t bytes, size_t offset, kin_error *err)
{
    const unsigned char *at = data;
    while (bytes > 0) {
        ssize_t written = KIN_RETRY(pwrite(w->fd, at, bytes, (off_t)offset));
        if (written <= 0)
            return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s: cannot be written", w->path);
        at += written;
        bytes -= (size_t)written;
        offset += (size_t)written;
    }
    return 0;
}

static int narrow(const writer *w, uint16_t *out, const float *in, size_t first, size_t count,
                  kin_error *err)
{
    for (size_t i = 0; i < count * w->d; i++) {
        out[i] = kin_half_from_float(in[i]);
        if ((out[i] & 0x7fff) >= 0x7c00)
            return kin_fail(err, KIN_E_DATA, "write --dtype float32",
                            "%s: row %zu has %g, beyond float16 (65504)", w->path, first + i / w->d,
                            (double)in[i]);
    }
    return 0;
}

static int write_block(const writer *w, size_t first, float *rows, uint16_t *halves, kin_error *err)
{
    size_t count = w->n - first < w->block_rows ? w->n - first : w->block_rows;
    size_t row_bytes = w->d * kin_dtype_bytes(w->dtype);
    int rc = w->source.rows(w->source.self, w->modality, first, count, rows, err);
    if (rc == 0 && w->dtype == KIN_F16)
        rc = narrow(w, halves, rows, first, count, err);
    if (rc == 0)
        rc = write_all(w, w->dtype == KIN_F16 ? (const void *)halves : rows, count * row_bytes,
                       KIN_NPY_HEADER_BYTES + first * row_bytes, err);
    return rc;
}

/* Blocks of the rows first .. last - 1, in parallel; the failure of the earliest row counts. */
static int write_round(const writer *w, size_t first, size_t last, kin_error *err)
{
    int rc = 0;
    size_t failed = SIZE_MAX;
#pragma omp parallel
    {
        float *rows = kin_alloc(w->block_rows, w->d * sizeof *rows);
        uint16_t *halves = kin_alloc(w->block_rows, w->d * sizeof *halves);
#pragma omp for schedule(dynamic)
        for (size_t block = first; block < last; block += w->block_rows) {
            kin_error fault;
            int status = rows && halves ? write_block(w, block, rows, halves, &fault)
                                        : kin_fail_alloc(&fault, "rows to write", BLOCK_BYTES);
#pragma omp critical(gen_write_failed)
            if (status != 0 && block < failed) {
                failed = block;
                rc = status;
                if (err)
                    *err = fault;
            }
        }
        free(halves);
        free(rows);
    }
    return rc;
}

int gen_write_matrix(const char *path, gen_rows source, size_t modality, size_t n, size_t d,
                     kin_dtype dtype, const kin_monitor *monitor, size_t done_before, size_t total,
                     kin_error *err)
{
    unsigned char header[KIN_NPY_HEADER_BYTES];
    size_t rows = BLOCK_BYTES / (d * sizeof(float));
    writer w = {path, -1, source, modality, n, d, dtype, rows ? rows : 1};
    size_t round = w.block_rows * ROUND_BLOCKS * (size_t)kin_threads_used();
    w.fd = KIN_RETRY(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (w.fd < 0)
        return kin_fail_errno(err, KIN_E_CANTOUT, "check the folder it lies in", "%s", path);
    kin_npy_format(header, dtype == KIN_F16 ? "<f2" : "<f4", 2, (size_t[]){n, d});
    int rc = write_all(&w, header, sizeof header, 0, err);
    for (size_t first = 0; first < n && rc == 0; first += round) {
        size_t last = n - first < round ? n : first + round;
        kin_monitor_progress(monitor, done_before + first, total);
        rc = kin_monitor_check(monitor, err);
        if (rc == 0)
            rc = write_round(&w, first, last, err);
    }
    if (rc == 0)
        kin_monitor_progress(monitor, done_before + n, total);
    if (close(w.fd) != 0 && errno != EINTR && rc == 0)
        rc = kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s: cannot be written", path);
    return rc;
}

int gen_write_ids(const char *directory, size_t n, kin_error *err)
{
    char *path = kin_path_join(directory, "ids.txt");
    if (!path)
        return kin_fail_alloc(err, "path", 0);
    int rc = 0;
    FILE *file = kin_file_create(path);
    if (!file) {
        rc = kin_fail_errno(err, KIN_E_CANTOUT, "check the folder it lies in", "%s", path);
        goto done;
    }
    for (size_t i = 1; i <= n; i++)
        fprintf(file, "item-%07zu\n", i);
    int failed = ferror(file);
    failed |= fclose(file);
    if (failed)
        rc = kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s: cannot be written", path);
done:
    free(path);
    return rc;
}
