/*
 * Imported graphs byte by byte (declared in import_files.h).
 */
#include "import_files.h"
#include "core/npy.h"
#include "test.h"

#include <zip.h>

size_t import_entries(const import_rows *rows)
{
    size_t entries = 0;
    for (size_t i = 0; i < rows->n; i++)
        entries += (size_t)rows->length[i];
    return entries;
}

void import_write_ivecs(const char *path, const import_rows *rows)
{
    size_t words = rows->n + import_entries(rows);
    int32_t *file = malloc((words + 1) * sizeof *file);
    int32_t *to = file;
    const int32_t *from = rows->neighbor;
    assert_non_null(file);
    for (size_t i = 0; i < rows->n; i++) {
        *to++ = rows->length[i];
        for (int32_t j = 0; j < rows->length[i]; j++)
            *to++ = *from++;
    }
    test_write(path, file, words * sizeof *file);
    free(file);
}

void import_write_ibin(const char *path, const import_rows *rows, bool scores)
{
    int32_t k = 0;
    for (size_t i = 0; i < rows->n; i++)
        k = rows->length[i] > k ? rows->length[i] : k;
    size_t cells = rows->n * (size_t)k;
    size_t words = 2 + cells * (scores ? 2 : 1);
    int32_t *file = calloc(words, sizeof *file);
    const int32_t *from = rows->neighbor;
    assert_non_null(file);
    file[0] = (int32_t)rows->n;
    file[1] = k;
    for (size_t i = 0; i < rows->n; i++)
        for (int32_t j = 0; j < k; j++)
            file[2 + i * (size_t)k + (size_t)j] = j < rows->length[i] ? *from++ : -1;
    test_write(path, file, words * sizeof *file);
    free(file);
}

void import_csr_members(npz_member out[NPZ_MEMBERS], const import_rows *rows)
{
    enum { MOST = 4096 };
    static int32_t indptr[MOST + 1];
    static float data[MOST];
    static int64_t shape[2];
    size_t entries = import_entries(rows);
    assert_true(rows->n <= MOST && entries <= MOST);
    for (size_t i = 0; i < rows->n; i++)
        indptr[i + 1] = indptr[i] + rows->length[i];
    for (size_t e = 0; e < entries; e++)
        data[e] = (float)rows->score[e];
    shape[0] = shape[1] = (int64_t)rows->n;
    out[NPZ_FORMAT] = (npz_member){"format.npy", "|S3", 0, 1, 3, "csr"};
    out[NPZ_SHAPE] = (npz_member){"shape.npy", "<i8", 1, 2, 8, shape};
    out[NPZ_INDPTR] = (npz_member){"indptr.npy", "<i4", 1, rows->n + 1, 4, indptr};
    out[NPZ_INDICES] = (npz_member){"indices.npy", "<i4", 1, entries, 4, rows->neighbor};
    out[NPZ_DATA] = (npz_member){"data.npy", "<f4", 1, entries, 4, data};
}

void import_write_npz(const char *path, const npz_member *member, size_t count, bool deflated)
{
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(archive);
    for (size_t m = 0; m < count; m++) {
        size_t bytes = member[m].count * member[m].item_bytes;
        unsigned char *file = malloc(KIN_NPY_HEADER_BYTES + bytes);
        assert_non_null(file);
        kin_npy_format(file, member[m].descr, member[m].dimensions, (size_t[]){member[m].count, 1});
        if (bytes > 0)
            memcpy(file + KIN_NPY_HEADER_BYTES, member[m].data, bytes);
        zip_source_t *source = zip_source_buffer(archive, file, KIN_NPY_HEADER_BYTES + bytes, 1);
        zip_int64_t at = zip_file_add(archive, member[m].name, source, 0);
        assert_true(at >= 0);
        zip_set_file_compression(archive, (zip_uint64_t)at,
                                 deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
    }
    assert_int_equal(zip_close(archive), 0);
}
