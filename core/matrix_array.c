/*
 * Arrays in memory as matrices (declared in core/matrix.h).
 *
 * An array has the fingerprint of the file that it would be saved as, header and all: an index that
 * was made from the file fits the array, and a manifest says the same of both.
 */
#include "core/matrix.h"
#include "core/memory.h"
#include "core/npy.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* a state on the stack */
#include <xxhash.h>

int kin_matrix_open_array(kin_matrix *self, const kin_array *array, const char *name,
                          kin_error *err)
{
    *self = (kin_matrix){0};
    size_t row = kin_size_mul(array->d, kin_dtype_bytes(array->dtype));
    if (!array->data || array->n == 0 || array->d == 0)
        return kin_fail(err, KIN_E_USAGE, "give at least one row and one dimension",
                        "array '%s': empty (%zu x %zu)", name, array->n, array->d);
    if (array->d > KIN_DIMENSIONS_MAX || array->n > INT32_MAX)
        return kin_fail(err, KIN_E_USAGE, "is it transposed? rows are items",
                        "array '%s': %zu x %zu, the limit is %d x %d", name, array->n, array->d,
                        INT32_MAX, KIN_DIMENSIONS_MAX);
    if (array->row_bytes < row || kin_size_mul(array->n, array->row_bytes) == SIZE_MAX)
        return kin_fail(err, KIN_E_USAGE, "rows may not overlap: give a copy of the array",
                        "array '%s': %zu bytes from row to row, %zu values of %s are %zu", name,
                        array->row_bytes, array->d, kin_dtype_name(array->dtype), row);
    self->file.path = kin_text("array '%s'", name);
    if (!self->file.path)
        return kin_fail_alloc(err, "name", strlen(name));
    self->n = array->n;
    self->d = array->d;
    self->dtype = array->dtype;
    self->rows = array->data;
    self->stride_bytes = array->row_bytes;
    self->in_memory = true;
    return 0;
}

/* The head of the file that an array would be saved as; its length. */
static size_t format_head(const kin_matrix *self, unsigned char out[KIN_NPY_HEADER_BYTES])
{
    static const char *const descr[KIN_DTYPE_COUNT] = {
        [KIN_F32] = "<f4", [KIN_F16] = "<f2", [KIN_F64] = "<f8"};
    if (descr[self->dtype]) {
        kin_npy_format(out, descr[self->dtype], 2, (const size_t[]){self->n, self->d});
        return KIN_NPY_HEADER_BYTES;
    }
    for (int i = 0; i < 4; i++) { /* .i8bin: u32 rows, u32 dimensions */
        out[i] = (unsigned char)(self->n >> 8 * i);
        out[4 + i] = (unsigned char)(self->d >> 8 * i);
    }
    return 8;
}

kin_hash kin_matrix_fingerprint(const kin_matrix *self)
{
    unsigned char head[KIN_NPY_HEADER_BYTES];
    size_t row = self->d * kin_dtype_bytes(self->dtype);
    XXH3_state_t state;
    if (!self->in_memory)
        return kin_hash_bytes(self->file.data, self->file.bytes);
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, head, format_head(self, head));
    if (self->stride_bytes == row)
        XXH3_128bits_update(&state, self->rows, self->n * row);
    else
        for (size_t i = 0; i < self->n; i++)
            XXH3_128bits_update(&state, kin_matrix_row(self, i), row);
    return kin_hash_state(&state);
}

size_t kin_matrix_bytes(const kin_matrix *self)
{
    return self->in_memory ? self->n * self->d * kin_dtype_bytes(self->dtype) : self->file.bytes;
}
