/*
 * The peer of the exact engines: FAISS IndexFlatIP over the fused concatenation, as a whole
 * process.
 *
 *     bench-flat K OUT NAME=FILE[:WEIGHT]...
 *
 * Reads the same files, builds the rows [sqrt(w_m) unit_m], asks for the K + 1 best of every row in
 * batches, drops the row itself, and writes neighbours and scores as .npy arrays into the folder
 * OUT. FAISS scores in float32 and knows neither missing modalities nor canonical order, so it does
 * less than kin; it is what a team would use otherwise.
 */
#include "ann/faiss_api.h"
#include "core/blas_type.h"
#include "core/catalog.h"
#include "core/memory.h"
#include "core/npy.h"
#include "core/threads.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 16384 };

static void die(const kin_error *err)
{
    fprintf(stderr, "bench-flat: %s\nhint: %s\n", err->message, err->hint);
    exit(1);
}

/* All fused rows: [n][d]. */
static float *fuse(const kin_catalog *catalog, size_t d)
{
    float *x = kin_alloc(kin_size_mul(catalog->n, d), sizeof *x);
    if (!x)
        return NULL;
#pragma omp parallel for
    for (size_t i = 0; i < catalog->n; i++) {
        float *row = x + i * d;
        for (size_t m = 0; m < catalog->modality_count; m++) {
            const kin_modality *modality = &catalog->modality[m];
            kin_matrix_widen(&modality->matrix, i, 1, row);
            double scale = sqrt(modality->weight) * modality->inverse_norm[i];
            for (size_t j = 0; j < modality->matrix.d; j++)
                row[j] = (float)(row[j] * scale);
            row += modality->matrix.d;
        }
    }
    return x;
}

static FILE *open_array(const char *folder, const char *name, const char *descr, size_t n, size_t k)
{
    char *path = kin_text("%s/%s.npy", folder, name);
    FILE *file = path ? fopen(path, "wbe") : NULL;
    unsigned char header[KIN_NPY_HEADER_BYTES];
    kin_npy_format(header, descr, 2, (size_t[]){n, k});
    if (!file || fwrite(header, sizeof header, 1, file) != 1) {
        perror(path);
        exit(1);
    }
    free(path);
    return file;
}

/* Drops item `row` from its own answer, or the last one where a duplicate pushed it out. */
static void drop_self(int64_t row, size_t k, int64_t *id, float *score)
{
    size_t kept = 0;
    for (size_t i = 0; i < k + 1 && kept < k; i++)
        if (id[i] != row) {
            id[kept] = id[i];
            score[kept++] = score[i];
        }
}

static void search(const kin_faiss *index, const float *x, size_t n, size_t d, size_t k,
                   const char *folder)
{
    kin_error err;
    float *score = kin_alloc(BATCH, (k + 1) * sizeof *score);
    int64_t *id = kin_alloc(BATCH, (k + 1) * sizeof *id);
    FILE *scores = open_array(folder, "scores", "<f4", n, k);
    FILE *ids = open_array(folder, "ids", "<i8", n, k);
    if (!score || !id)
        exit(1);
    for (size_t first = 0; first < n; first += BATCH) {
        size_t count = n - first < BATCH ? n - first : BATCH;
        if (kin_faiss_search(index, x + first * d, count, k + 1, score, id, &err) != 0)
            die(&err);
        for (size_t q = 0; q < count; q++) {
            drop_self((int64_t)(first + q), k, id + q * (k + 1), score + q * (k + 1));
            fwrite(id + q * (k + 1), sizeof *id, k, ids);
            fwrite(score + q * (k + 1), sizeof *score, k, scores);
        }
    }
    bool failed = ferror(scores) || ferror(ids);
    failed = fclose(scores) != 0 || failed;
    failed = fclose(ids) != 0 || failed;
    if (failed) {
        fprintf(stderr, "bench-flat: what was found cannot be written to %s\n", folder);
        exit(1);
    }
    free(score);
    free(id);
}

int main(int argc, char **argv)
{
    kin_error err;
    kin_source source[KIN_MODALITIES_MAX];
    kin_catalog catalog;
    kin_faiss *index = NULL;
    size_t d = 0;
    size_t count = 0;
    if (!getenv("OPENBLAS_CORETYPE"))
        kin_blas_type_mend();
    if (argc < 4 || argc > 3 + KIN_MODALITIES_MAX) {
        fprintf(stderr, "usage: bench-flat K OUT NAME=FILE[:WEIGHT]...\n");
        return 2;
    }
    kin_threads_set(0);
    for (int i = 3; i < argc; i++)
        if (kin_source_parse(&source[count++], argv[i], &err) != 0)
            die(&err);
    if (kin_catalog_open(&catalog, &(kin_catalog_options){.source = source, .source_count = count},
                         &err) != 0)
        die(&err);
    for (size_t m = 0; m < catalog.modality_count; m++)
        d += catalog.modality[m].matrix.d;
    float *x = fuse(&catalog, d);
    if (!x || kin_faiss_flat_new(&index, d, &err) != 0 ||
        kin_faiss_add(index, x, NULL, catalog.n, &err) != 0)
        die(&err);
    search(index, x, catalog.n, d, strtoul(argv[1], NULL, 10), argv[2]);
    kin_faiss_free(index);
    kin_catalog_close(&catalog);
    free(x);
    while (count > 0)
        kin_source_release(&source[--count]);
    return 0;
}
