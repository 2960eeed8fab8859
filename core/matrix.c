#include "core/matrix.h"
#include "core/memory.h"
#include "core/npy.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static const char shape_hint[] =
    "header and contents disagree, as after a copy that was cut short: write the file again";

/* The shape that a header claims, checked against limits and against the bytes behind the header.
 * row_bytes is a row's length in the file. */
static int set_shape(kin_matrix *self, size_t n, size_t d, size_t row_bytes, size_t offset,
                     kin_error *err)
{
    const char *path = self->file.path;
    if (n == 0 || d == 0)
        return kin_fail(err, KIN_E_DATA, "give at least one row and one dimension",
                        "%s: empty matrix (%zu x %zu)", path, n, d);
    if (d > KIN_DIMENSIONS_MAX)
        return kin_fail(err, KIN_E_DATA, "is the matrix transposed? rows are items",
                        "%s: %zu dimensions, the limit is %d", path, d, KIN_DIMENSIONS_MAX);
    if (n > INT32_MAX)
        return kin_fail(err, KIN_E_DATA, "split the catalog", "%s: %zu rows, the limit is %d", path,
                        n, INT32_MAX);
    size_t wanted = kin_size_add(kin_size_mul(n, row_bytes), offset);
    if (wanted != self->file.bytes)
        return kin_fail(err, KIN_E_DATA, shape_hint,
                        "%s: the header says %zu x %zu %s, which is %zu bytes with the header; the "
                        "file has %zu",
                        path, n, d, kin_dtype_name(self->dtype), wanted, self->file.bytes);
    self->n = n;
    self->d = d;
    self->rows = self->file.data + offset;
    self->stride_bytes = row_bytes;
    return 0;
}

/* The type a .npy descr names; bytes of no order ("|") are only good for one-byte types. */
static int parse_descr(kin_dtype *out, const char *descr, const char *path, kin_error *err)
{
    static const struct {
        const char *descr;
        kin_dtype type;
    } known[] = {{"<f4", KIN_F32}, {"<f2", KIN_F16}, {"<f8", KIN_F64}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(descr, known[i].descr) == 0) {
            *out = known[i].type;
            return 0;
        }
    if (descr[0] == '>')
        return kin_fail(err, KIN_E_DATA, "array.astype(array.dtype.newbyteorder('<'))",
                        "%s: big-endian values (dtype %s)", path, descr);
    return kin_fail(err, KIN_E_DATA, "array.astype('float32')",
                    "%s: dtype %s; float32, float16 and float64 are read", path, descr);
}

static int open_npy(kin_matrix *self, kin_error *err)
{
    kin_npy_header header;
    const kin_file *file = &self->file;
    int rc = kin_npy_parse(&header, file->data, file->bytes, file->path, err);
    if (rc == 0)
        rc = parse_descr(&self->dtype, header.descr, file->path, err);
    if (rc != 0)
        return rc;
    if (header.dimensions != 2)
        return kin_fail(err, KIN_E_DATA, "reshape it to (items, dimensions)",
                        "%s: has 1 dimension, needs 2 (items, dimensions)", file->path);
    if (header.fortran_order && header.shape[0] > 1 && header.shape[1] > 1)
        return kin_fail(err, KIN_E_DATA, "numpy.save(file, numpy.ascontiguousarray(array))",
                        "%s: Fortran order: an item's values do not lie together", file->path);
    size_t row_bytes = kin_size_mul(header.shape[1], kin_dtype_bytes(self->dtype));
    return set_shape(self, header.shape[0], header.shape[1], row_bytes, header.data_offset, err);
}

static size_t read_u32(const unsigned char *p)
{
    return (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

static int open_bin(kin_matrix *self, kin_dtype type, kin_error *err)
{
    self->dtype = type;
    if (self->file.bytes < 8)
        return kin_fail(err, KIN_E_DATA, shape_hint,
                        "%s: %zu bytes are too few for a header (u32 rows, u32 dimensions)",
                        self->file.path, self->file.bytes);
    size_t n = read_u32(self->file.data);
    size_t d = read_u32(self->file.data + 4);
    return set_shape(self, n, d, kin_size_mul(d, kin_dtype_bytes(type)), 8, err);
}

static int open_f32bin(kin_matrix *self, kin_error *err)
{
    return open_bin(self, KIN_F32, err);
}

static int open_f16bin(kin_matrix *self, kin_error *err)
{
    return open_bin(self, KIN_F16, err);
}

static int open_i8bin(kin_matrix *self, kin_error *err)
{
    return open_bin(self, KIN_I8, err);
}

static int open_fvecs(kin_matrix *self, kin_error *err)
{
    const kin_file *file = &self->file;
    self->dtype = KIN_F32;
    if (file->bytes < 4)
        return kin_fail(err, KIN_E_DATA, shape_hint, "%s: %zu bytes are too few for one row",
                        file->path, file->bytes);
    size_t d = read_u32(file->data);
    size_t row_bytes = 4 + d * 4;
    size_t n = file->bytes / row_bytes;
    int rc = set_shape(self, n, d, row_bytes, 0, err);
    if (rc != 0)
        return rc;
    for (size_t row = 0; row < n; row++) {
        size_t here = read_u32(file->data + row * row_bytes);
        if (here != d)
            return kin_fail(err, KIN_E_DATA, "every row of a .fvecs file has the same dimension",
                            "%s: row %zu has %zu dimensions, row 0 has %zu", file->path, row, here,
                            d);
    }
    self->rows = file->data + 4;
    return 0;
}

/* One line per format: its ending and its reader. A new format is a line here. */
static const struct format {
    const char *ending;
    int (*open)(kin_matrix *self, kin_error *err);
} formats[] = {
    {".npy", open_npy},     {".fbin", open_f32bin}, {".f16bin", open_f16bin},
    {".i8bin", open_i8bin}, {".fvecs", open_fvecs},
};

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text);
    size_t tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

bool kin_matrix_is_named(const char *path)
{
    const char *dot = strrchr(kin_path_base(path), '.');
    for (size_t i = 0; dot && i < sizeof formats / sizeof *formats; i++)
        if (strcasecmp(dot, formats[i].ending) == 0)
            return true;
    return false;
}

size_t kin_matrix_name_length(const char *path)
{
    size_t longest = 0;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        for (const char *at = path; (at = strstr(at, formats[i].ending)) != NULL; at++) {
            size_t length = (size_t)(at - path) + strlen(formats[i].ending);
            longest = length > longest ? length : longest;
        }
    return longest;
}

int kin_matrix_open(kin_matrix *self, const char *path, kin_error *err)
{
    return kin_matrix_open_in(self, NULL, path, err);
}

int kin_matrix_open_in(kin_matrix *self, const kin_dir *dir, const char *name, kin_error *err)
{
    *self = (kin_matrix){0};
    const struct format *format = NULL;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (ends_with(name, formats[i].ending))
            format = &formats[i];
    int rc = kin_file_open_in(&self->file, dir, name, err);
    if (rc == 0 && !format)
        rc = kin_fail(err, KIN_E_DATA, "vectors are read from .npy .fbin .f16bin .i8bin .fvecs",
                      "%s: unknown file format", self->file.path);
    if (rc == 0)
        rc = format->open(self, err);
    if (rc != 0)
        kin_matrix_close(self);
    return rc;
}

void kin_matrix_close(kin_matrix *self)
{
    kin_file_close(&self->file);
    *self = (kin_matrix){0};
}

void kin_matrix_widen(const kin_matrix *self, size_t first, size_t count, float *out)
{
    void (*widen)(float *, const void *, size_t) = kin_kernels_best()->widen[self->dtype];
    for (size_t i = 0; i < count; i++)
        widen(out + i * self->d, kin_matrix_row(self, first + i), self->d);
}

void kin_matrix_widen_double(const kin_matrix *self, size_t row, double *out)
{
    kin_kernels_best()->widen_double[self->dtype](out, kin_matrix_row(self, row), self->d);
}

/* ---- what a row may hold --------------------------------------------------------------------- */

static const char scale_hint[] = "scale the rows: only their direction counts";

/* A value of a float64 row as it stands in the file. */
static double value_at(const kin_matrix *self, size_t row, size_t column)
{
    double value;
    memcpy(&value, kin_matrix_row(self, row) + 8 * column, sizeof value);
    return value;
}

static double greatest_of(const kin_matrix *self, size_t row)
{
    double greatest = 0;
    for (size_t column = 0; column < self->d; column++)
        greatest = fmax(greatest, fabs(value_at(self, row, column)));
    return greatest;
}

bool kin_matrix_row_faint(const kin_matrix *self, size_t row)
{
    if (self->dtype != KIN_F64)
        return false;
    double greatest = greatest_of(self, row);
    return greatest > 0 && greatest < KIN_ROW_LEAST;
}

int kin_matrix_check_row(const kin_matrix *self, size_t row, const float *widened, kin_error *err)
{
    const char *path = self->file.path;
    size_t column = 0;
    while (column < self->d && isfinite(widened[column]))
        column++;
    if (column == self->d && kin_matrix_row_faint(self, row))
        return kin_fail(err, KIN_E_DATA, scale_hint,
                        "%s: the greatest value of row %zu is %g: below %g float32 loses its "
                        "direction",
                        path, row, greatest_of(self, row), KIN_ROW_LEAST);
    if (column == self->d)
        return 0;
    if (self->dtype == KIN_F64 && isfinite(value_at(self, row, column)))
        return kin_fail(err, KIN_E_DATA, scale_hint,
                        "%s: row %zu is %g at column %zu, beyond float32 (3.4e38)", path, row,
                        value_at(self, row, column), column);
    return kin_fail(err, KIN_E_DATA, "drop the item, or give it a zero row to mark it as missing",
                    "%s: row %zu is %s at column %zu", path, row,
                    isnan(widened[column]) ? "NaN" : "infinite", column);
}
