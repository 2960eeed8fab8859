/*
 * FAISS through its C API, 1.7.3 and newer (see faiss_index.h for what it is used for).
 *
 * Why this way: the quantizer of an IVF is a flat index filled with our own centroids and vectors
 * are added with our own assignment, because FAISS's training depends on the number of threads.
 * Parameters of HNSW have no functions in the C API and go through a ParameterSpace by name.
 * Leaves out: removal, codes other than full floats, range search.
 * Memory: 4 d bytes a vector and 8 for its id in an IVF, 4 d + 8 M + 20 or so in HNSW.
 */
#include "ann/faiss_api.h"
#include "core/file.h"
#include <errno.h>
#include <faiss/c_api/AutoTune_c.h>
#include <faiss/c_api/IndexFlat_c.h>
#include <faiss/c_api/IndexIVFFlat_c.h>
#include <faiss/c_api/IndexIVF_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/index_factory_c.h>
#include <faiss/c_api/index_io_c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct kin_faiss {
    FaissIndex *index;
    FaissIndexIVFFlat *ivf; /* the same object, NULL for HNSW */
};

/* FAISS keeps its last exception for each thread, and glibc aborts where it has no memory to note
 * that the thread has one: the main thread's is made while there is some. */
__attribute__((constructor)) static void reserve_exception(void)
{
    faiss_get_last_error();
}

/* 0 for FAISS's 0, else `code` with FAISS's own words. What it reports of the standard library's
 * exceptions has lost its kind on the way; all that FAISS meets are bad_alloc and length_error:
 * memory that cannot be had. */
static int check(int faiss_status, kin_code code, const char *what, kin_error *err)
{
    enum { STANDARD_EXCEPTION = -4 };
    if (faiss_status == 0)
        return 0;
    if (faiss_status == STANDARD_EXCEPTION)
        return kin_fail(err, KIN_E_MEMORY, "free memory on this machine",
                        "FAISS: %s: the system refused memory", what);
    const char *words = faiss_get_last_error();
    return kin_fail(err, code,
                    code == KIN_E_DATA ? "build the index again"
                                       : "report it with the output of kin doctor",
                    "FAISS: %s: %s", what, words ? words : "no reason given");
}

static int wrap(kin_faiss **out, FaissIndex *index, FaissIndexIVFFlat *ivf, kin_error *err)
{
    kin_faiss *self = malloc(sizeof *self);
    if (!self) {
        faiss_Index_free(index);
        return kin_fail_alloc(err, "index", sizeof *self);
    }
    *self = (kin_faiss){.index = index, .ivf = ivf};
    *out = self;
    return 0;
}

int kin_faiss_ivf_new(kin_faiss **out, const float *centroid, size_t lists, size_t d,
                      kin_error *err)
{
    FaissIndexFlatIP *quantizer = NULL;
    FaissIndexIVFFlat *ivf = NULL;
    int status = check(faiss_IndexFlatIP_new_with(&quantizer, (int64_t)d), KIN_E_INTERNAL,
                       "new quantizer", err);
    if (status == 0)
        status = check(faiss_Index_add((FaissIndex *)quantizer, (int64_t)lists, centroid),
                       KIN_E_INTERNAL, "adding centroids", err);
    if (status == 0)
        status = check(faiss_IndexIVFFlat_new_with_metric(&ivf, (FaissIndex *)quantizer, d, lists,
                                                          METRIC_INNER_PRODUCT),
                       KIN_E_INTERNAL, "new IVF index", err);
    if (status) {
        if (quantizer)
            faiss_Index_free((FaissIndex *)quantizer);
        return status;
    }
    faiss_IndexIVFFlat_set_own_fields(ivf, 1);
    return wrap(out, (FaissIndex *)ivf, ivf, err);
}

static int set_parameter(FaissIndex *index, const char *name, double value, kin_error *err)
{
    FaissParameterSpace *space = NULL;
    int status = check(faiss_ParameterSpace_new(&space), KIN_E_INTERNAL, name, err);
    if (status == 0)
        status = check(faiss_ParameterSpace_set_index_parameter(space, index, name, value),
                       KIN_E_INTERNAL, name, err);
    if (space)
        faiss_ParameterSpace_free(space);
    return status;
}

int kin_faiss_hnsw_new(kin_faiss **out, size_t d, size_t links, size_t ef_construction,
                       kin_error *err)
{
    FaissIndex *index = NULL;
    char description[64];
    snprintf(description, sizeof description, "HNSW%zu,Flat", links);
    int status = check(faiss_index_factory(&index, (int)d, description, METRIC_INNER_PRODUCT),
                       KIN_E_INTERNAL, description, err);
    if (status == 0)
        status = set_parameter(index, "efConstruction", (double)ef_construction, err);
    if (status) {
        if (index)
            faiss_Index_free(index);
        return status;
    }
    return wrap(out, index, NULL, err);
}

int kin_faiss_flat_new(kin_faiss **out, size_t d, kin_error *err)
{
    FaissIndexFlatIP *index = NULL;
    int status =
        check(faiss_IndexFlatIP_new_with(&index, (int64_t)d), KIN_E_INTERNAL, "flat index", err);
    return status ? status : wrap(out, (FaissIndex *)index, NULL, err);
}

void kin_faiss_free(kin_faiss *self)
{
    if (self)
        faiss_Index_free(self->index);
    free(self);
}

int kin_faiss_add(kin_faiss *self, const float *x, const int64_t *list, size_t count,
                  kin_error *err)
{
    int status = self->ivf ? faiss_IndexIVFFlat_add_core(self->ivf, (int64_t)count, x, NULL, list)
                           : faiss_Index_add(self->index, (int64_t)count, x);
    return check(status, KIN_E_INTERNAL, "adding vectors", err);
}

int kin_faiss_set_effort(kin_faiss *self, size_t effort, kin_error *err)
{
    if (!self->ivf)
        return set_parameter(self->index, "efSearch", (double)effort, err);
    faiss_IndexIVFFlat_set_nprobe(self->ivf, effort);
    return 0;
}

int kin_faiss_search(const kin_faiss *self, const float *x, size_t count, size_t k, float *score,
                     int64_t *id, kin_error *err)
{
    return check(faiss_Index_search(self->index, (int64_t)count, x, (int64_t)k, score, id),
                 KIN_E_INTERNAL, "search", err);
}

size_t kin_faiss_lists(const kin_faiss *self)
{
    return self->ivf ? faiss_IndexIVFFlat_nlist(self->ivf) : 0;
}

/* Whether all that was written has reached the file: FAISS knows only what its own calls
 * returned. */
static bool is_whole(FILE *file, const char *path)
{
    struct stat on_disk;
    return !ferror(file) && fflush(file) == 0 && stat(path, &on_disk) == 0 &&
           on_disk.st_size == ftello(file);
}

/* Through a stream of our own: FAISS prints a failing fclose and calls the file written. */
int kin_faiss_write(const kin_faiss *self, const char *path, kin_error *err)
{
    FILE *file = kin_file_create(path);
    if (!file)
        return kin_fail_errno(err, KIN_E_IO, "may the folder be written?", "%s", path);
    errno = 0;
    int failed = faiss_write_index(self->index, file);
    int reason = errno;
    bool whole = is_whole(file, path);
    if (failed || whole)
        errno = reason; /* of the call that failed first */
    int status = 0;
    if (failed && whole)
        status = check(failed, KIN_E_INTERNAL, path, err);
    else if (failed || !whole)
        status = kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", path);
    if (fclose(file) != 0 && status == 0)
        status = kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", path);
    return status;
}

/* Whether it is the index that is expected; KIN_E_DATA says what it is. */
static int check_kind(const FaissIndex *index, bool is_ivf, const char *path, bool ivf, size_t d,
                      size_t count, kin_error *err)
{
    if (is_ivf == ivf && faiss_Index_metric_type(index) == METRIC_INNER_PRODUCT &&
        faiss_Index_d(index) == (int)d && faiss_Index_ntotal(index) == (int64_t)count)
        return 0;
    return kin_fail(err, KIN_E_DATA, "build the index again",
                    "%s: holds %lld vectors of %d dimensions, expected %zu of %zu in an %s "
                    "index by inner product",
                    path, (long long)faiss_Index_ntotal(index), faiss_Index_d(index), count, d,
                    ivf ? "IVF-Flat" : "HNSW");
}

/* What FAISS cannot read is damaged, unless reading failed. */
static int read_index(FaissIndex **index, FILE *file, const char *path, kin_error *err)
{
    errno = 0;
    int failed = faiss_read_index(file, 0, index);
    if (failed && ferror(file))
        return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s: cannot be read", path);
    return check(failed, KIN_E_DATA, path, err);
}

int kin_faiss_read(kin_faiss **out, const kin_dir *dir, const char *name, bool ivf, size_t d,
                   size_t count, kin_error *err)
{
    FaissIndex *index = NULL;
    FaissIndexIVFFlat *as_ivf = NULL;
    FILE *file = NULL;
    int status = 0;
    char *path = kin_path_in(dir, name);
    int fd = path ? kin_file_descriptor(dir, name, err) : kin_fail_alloc(err, "path", strlen(name));
    if (fd >= 0)
        file = kin_file_stream(fd, "r");
    if (file)
        status = read_index(&index, file, path, err);
    else if (fd >= 0) {
        status = kin_fail_errno(err, KIN_E_MEMORY, "free memory on this machine", "%s", path);
        close(fd);
    } else
        status = fd;
    if (status == 0) {
        as_ivf = faiss_IndexIVFFlat_cast(index);
        status = check_kind(index, as_ivf != NULL, path, ivf, d, count, err);
        if (status)
            faiss_Index_free(index);
    }
    if (file)
        fclose(file);
    free(path);
    return status ? status : wrap(out, index, as_ivf, err);
}
