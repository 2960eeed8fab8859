/*
 * Fuzz target npy: files of vectors (core/npy.h, core/matrix.h, core/npy_array.h, core/catalog.h).
 *
 * Input: a byte that chooses the ending and what is opened, then the file.
 */
#include "core/catalog.h"
#include "core/npy.h"
#include "core/npy_array.h"
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ENDINGS = 5, WAY_ARRAY = 5, WAYS = 8 };
static const char *const ending[ENDINGS] = {"npy", "fbin", "f16bin", "i8bin", "fvecs"};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_start();
    return 0;
}

/* ---- headers --------------------------------------------------------------------------------- */

/* What is written of a header is read again. */
static void check_format(const kin_npy_header *header)
{
    unsigned char bytes[KIN_NPY_HEADER_BYTES];
    kin_npy_header again;
    kin_error err = {0};
    for (const char *c = header->descr; *c; c++)
        if (*c == '\'' || *c == '[')
            return;
    kin_npy_format(bytes, header->descr, header->dimensions, header->shape);
    fuzz_want(fuzz_outcome(kin_npy_parse_any(&again, bytes, sizeof bytes, "again", &err), &err, 0));
    fuzz_want(strcmp(again.descr, header->descr) == 0 && !again.fortran_order);
    fuzz_want(again.dimensions == header->dimensions && again.data_offset == sizeof bytes);
    fuzz_want(again.shape[0] == header->shape[0] && again.shape[1] == header->shape[1]);
}

static void parse(const uint8_t *data, size_t size)
{
    kin_error err = {0};
    kin_npy_header header;
    uint8_t *exact = malloc(size ? size : 1); /* so that a byte too far is seen */
    if (!exact)
        abort();
    memcpy(exact, data, size);
    int any = kin_npy_parse_any(&header, exact, size, "file.npy", &err);
    if (fuzz_outcome(any, &err, FUZZ_DATA)) {
        fuzz_want(kin_npy_is(exact, size) && header.dimensions <= 2);
        fuzz_want(header.data_offset >= 10 && header.data_offset <= size);
        fuzz_want(memchr(header.descr, '\0', sizeof header.descr) != NULL);
        fuzz_want(header.dimensions > 1 || header.shape[1] == 1);
        fuzz_want(header.dimensions > 0 || header.shape[0] == 1);
        check_format(&header);
    }
    size_t dimensions = header.dimensions;
    int rc = kin_npy_parse(&header, exact, size, "file.npy", &err);
    fuzz_want(fuzz_outcome(rc, &err, FUZZ_DATA) == (any == 0 && dimensions > 0));
    fuzz_want(kin_npy_parse(&header, exact, size, "file.npy", NULL) == rc);
    free(exact);
}

/* ---- matrices -------------------------------------------------------------------------------- */

static void check_matrix(const kin_matrix *x)
{
    const unsigned char *end = x->file.data + x->file.bytes;
    fuzz_want(x->n >= 1 && x->n <= INT32_MAX && x->d >= 1 && x->d <= KIN_DIMENSIONS_MAX);
    fuzz_want(x->stride_bytes >= x->d * kin_dtype_bytes(x->dtype));
    fuzz_want(kin_matrix_row(x, 0) >= x->file.data);
    fuzz_want(kin_matrix_row(x, x->n - 1) + x->d * kin_dtype_bytes(x->dtype) == end);
    float *row = malloc(x->d * sizeof *row);
    double *wide = malloc(x->d * sizeof *wide);
    if (!row || !wide)
        abort();
    for (size_t i = 0; i < x->n && i < 100; i++) {
        kin_matrix_widen(x, i, 1, row);
        kin_matrix_widen_double(x, i, wide);
        for (size_t j = 0; j < x->d; j++)
            fuzz_want((double)row[j] == wide[j] || (isnan(row[j]) && isnan(wide[j])));
    }
    free(row);
    free(wide);
}

static void open_matrix(const char *path)
{
    kin_error err = {0};
    kin_matrix matrix;
    if (fuzz_outcome(kin_matrix_open(&matrix, path, &err), &err, FUZZ_DATA)) {
        check_matrix(&matrix);
        kin_matrix_close(&matrix);
    } else if (kin_matrix_open(&matrix, path, NULL) == 0) {
        fuzz_broken("an error that is not asked for changes nothing", __FILE__, __LINE__);
    }
}

/* ---- catalogs -------------------------------------------------------------------------------- */

static void check_catalog(const kin_catalog *catalog)
{
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_modality *modality = &catalog->modality[m];
        size_t missing = 0;
        fuzz_want(modality->matrix.n == catalog->n);
        for (size_t i = 0; i < catalog->n; i++) {
            double inverse = modality->inverse_norm[i];
            fuzz_want(isfinite(inverse) && inverse >= 0);
            fuzz_want(inverse > 0 || !(catalog->present[i] & 1u << m));
            missing += inverse == 0;
        }
        fuzz_want(missing == modality->missing);
    }
    for (size_t i = 0; i < catalog->n; i++)
        fuzz_want(catalog->present[i] < 1u << catalog->modality_count);
}

static void open_catalog(const char *path, kin_missing missing)
{
    kin_error err = {0};
    kin_catalog catalog;
    kin_source source[2] = {{.name = "text", .path = (char *)(uintptr_t)path, .weight = 0.6},
                            {.name = "image", .path = (char *)(uintptr_t)path, .weight = 0.4}};
    kin_catalog_options options = {.source = source, .source_count = 2, .missing = missing};
    if (!fuzz_outcome(kin_catalog_open(&catalog, &options, &err), &err, FUZZ_DATA))
        return;
    check_catalog(&catalog);
    fuzz_want(fuzz_outcome(kin_catalog_unchanged(&catalog, &err), &err, 0));
    kin_catalog_close(&catalog);
}

/* ---- arrays of kin's folders ----------------------------------------------------------------- */

static void open_arrays(void)
{
    static const struct {
        const char *descr;
        size_t bytes;
    } type[] = {{"<i4", 4}, {"<i8", 8}, {"<f4", 4}, {"<f2", 2}};
    kin_dir dir;
    fuzz_want(kin_dir_open(&dir, fuzz_path("."), NULL) == 0);
    for (size_t t = 0; t < sizeof type / sizeof *type; t++)
        for (size_t dimensions = 1; dimensions <= 2; dimensions++) {
            kin_error err = {0};
            kin_npy_array array;
            kin_file file;
            int rc =
                kin_npy_array_open(&array, &file, &dir, "file", type[t].descr, dimensions, &err);
            if (fuzz_outcome(rc, &err, FUZZ_DATA)) {
                const unsigned char *first = array.values;
                fuzz_want((uintptr_t)first % type[t].bytes == 0);
                fuzz_want(dimensions == 2 || array.shape[1] == 1);
                fuzz_want(first + array.shape[0] * array.shape[1] * type[t].bytes ==
                          file.data + file.bytes);
            }
            kin_file_close(&file);
        }
    kin_dir_close(&dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t way = data[0] % WAYS;
    const char *path = fuzz_path("file.%s", ending[way < ENDINGS ? way : 0]);
    fuzz_open_monitor();
    fuzz_write(path, data + 1, size - 1);
    if (way == 0)
        parse(data + 1, size - 1);
    if (way < ENDINGS)
        open_matrix(path);
    if (way == WAY_ARRAY)
        open_arrays();
    else
        open_catalog(path, (kin_missing)(data[0] / WAYS % 4));
    fuzz_close_monitor();
    return 0;
}

/* ---- mutations ------------------------------------------------------------------------------- */

static void put_u32(uint8_t *at, size_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* Lets header and length of a binary file agree: small numbers of rows and dimensions. */
static size_t mend_binary(uint8_t *file, size_t size, size_t most, size_t way, uint32_t *state)
{
    static const size_t item[ENDINGS] = {0, 4, 2, 1, 4};
    size_t n = 1 + fuzz_below(state, 6), d = 1 + fuzz_below(state, 9);
    bool vecs = way == 4;
    size_t row = d * item[way] + (vecs ? 4 : 0);
    size_t wanted = (vecs ? 0 : 8) + n * row;
    if (wanted > most)
        return size;
    if (wanted > size)
        memset(file + size, 0, wanted - size);
    if (!vecs) {
        put_u32(file, n);
        put_u32(file + 4, d);
    }
    for (size_t i = 0; vecs && i < n; i++)
        put_u32(file + i * row, d);
    return wanted;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
    uint32_t state = seed | 1;
    if (size < 2 || most < 2 || fuzz_below(&state, 20) == 0)
        return LLVMFuzzerMutate(data, size, most);
    size_t way = data[0] % WAYS;
    if (way == 0 || way >= ENDINGS)
        return 1 + fuzz_npy_mutate(data + 1, size - 1, most - 1, &state);
    size = 1 + LLVMFuzzerMutate(data + 1, size - 1, most - 1);
    if (fuzz_below(&state, 2))
        size = 1 + mend_binary(data + 1, size - 1, most - 1, way, &state);
    return size;
}
