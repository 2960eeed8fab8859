#include "job/info.h"
#include "core/manifest.h"
#include "core/memory.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- vectors --------------------------------------------------------------------------------- */

static int info_file(const kin_dir *dir, const char *name, const kin_info_sink *sink,
                     kin_error *err)
{
    kin_matrix matrix;
    health facts;
    int rc = kin_matrix_open_in(&matrix, dir, name, err);
    if (rc != 0)
        return rc;
    rc = kin_health_scan_matrix(&facts, &matrix, err);
    if (rc == 0)
        rc = sink->vectors(sink->self, &matrix, &facts, err);
    kin_matrix_close(&matrix);
    return rc;
}

static int is_vector_file(const struct dirent *entry)
{
    static const char *const endings[] = {".npy", ".fbin", ".f16bin", ".i8bin", ".fvecs"};
    size_t length = strlen(entry->d_name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t tail = strlen(endings[i]);
        if (length > tail && strcmp(entry->d_name + length - tail, endings[i]) == 0)
            return 1;
    }
    return 0;
}

/* Every file of vectors in the folder; one that cannot be read as such is named and passed over. */
static int info_catalog(const kin_dir *dir, const kin_info_sink *sink, kin_error *err)
{
    struct dirent **entry = NULL;
    size_t read = 0;
    int rc = 0;
    int count = scandirat(dir->fd, ".", &entry, is_vector_file, alphasort);
    sink->catalog(sink->self);
    if (count < 0)
        rc = kin_fail_errno(err, KIN_E_NOINPUT, "check the path", "%s", dir->path);
    for (int i = 0; i < count && rc == 0; i++) {
        kin_error fault = {0};
        rc = info_file(dir, entry[i]->d_name, sink, &fault);
        read += rc == 0;
        if (rc == KIN_E_DATA)
            rc = sink->fault(sink->self, entry[i]->d_name, fault.message, err);
        else if (rc != 0 && err)
            *err = fault;
    }
    for (int i = 0; i < count; i++)
        free(entry[i]);
    free(entry);
    if (rc == 0 && read == 0)
        rc = kin_fail(err, KIN_E_DATA, "name a file of vectors, or a folder that holds some",
                      "%s: holds no file of vectors (.npy .fbin .f16bin .i8bin .fvecs)", dir->path);
    return rc;
}

/* ---- graphs ---------------------------------------------------------------------------------- */

static int count_graph(kin_graph_facts *out, const kin_graph *graph, kin_error *err)
{
    *out = (kin_graph_facts){0};
    uint32_t *in_degree = kin_alloc_zero(graph->n, sizeof *in_degree);
    if (!in_degree)
        return kin_fail_alloc(err, "in-degrees", graph->n * sizeof *in_degree);
    for (size_t row = 0; row < graph->n; row++) {
        size_t length = (size_t)(graph->indptr[row + 1] - graph->indptr[row]);
        out->empty_rows += length == 0;
        out->short_rows += length > 0 && length < graph->k;
    }
    for (size_t entry = 0; entry < graph->pairs; entry++)
        in_degree[graph->indices[entry]]++;
    for (size_t row = 0; row < graph->n; row++) {
        out->unreached += in_degree[row] == 0;
        if (in_degree[row] > out->in_degree_max) {
            out->in_degree_max = in_degree[row];
            out->in_degree_max_row = row;
        }
    }
    free(in_degree);
    return 0;
}

static int info_graph(const kin_dir *dir, const kin_info_sink *sink, kin_error *err)
{
    kin_graph graph;
    kin_graph_facts facts;
    int rc = kin_graph_open_in(&graph, dir, err);
    if (rc != 0)
        return rc;
    rc = count_graph(&facts, &graph, err);
    if (rc == 0)
        rc = sink->graph(sink->self, &graph, &facts, err);
    kin_graph_close(&graph);
    return rc;
}

/* ---- folders --------------------------------------------------------------------------------- */

static int info_folder(const kin_dir *dir, const kin_info_sink *sink, kin_error *err)
{
    if (faccessat(dir->fd, "manifest.json", F_OK, 0) != 0)
        return info_catalog(dir, sink, err);
    json_t *manifest;
    int rc = kin_manifest_read_in(&manifest, dir, NULL, err);
    if (rc != 0)
        return rc;
    const char *kind = json_string_value(json_object_get(manifest, "kind"));
    if (kind && strcmp(kind, "graph") == 0)
        rc = info_graph(dir, sink, err);
    else if (kind && strcmp(kind, "catalog") == 0)
        rc = info_catalog(dir, sink, err);
    else
        rc = sink->manifest(sink->self, dir->path, manifest, err);
    json_decref(manifest);
    return rc;
}

static int open_folder(const char *path, const kin_info_sink *sink, kin_error *err)
{
    kin_dir dir;
    int rc = kin_dir_open(&dir, path, err);
    if (rc != 0)
        return rc;
    rc = kin_dir_settle(&dir, info_folder(&dir, sink, err), err);
    kin_dir_close(&dir);
    return rc;
}

int kin_info_run(const char *path, const kin_info_sink *sink, kin_error *err)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return kin_fail_errno(err, KIN_E_NOINPUT, "check the path", "%s", path);
    return S_ISDIR(status.st_mode) ? open_folder(path, sink, err)
                                   : info_file(NULL, path, sink, err);
}
