/*
 * A graph written as a folder again: what its manifest lists, from the files that are mapped, or,
 * of a folder that has its name, from there. The bytes are the same, and so is the manifest.
 */
#include "core/json.h"
#include "core/outdir.h"
#include "core/path.h"
#include "kin/call.h"
#include "kin/graph.h"

#include <stdlib.h>
#include <string.h>

typedef struct saving {
    const kin_graph *graph;
    const char *path;
    bool force;
} saving;

/* The mapped file of this name, or NULL. */
static const kin_file *find_mapped(const kin_graph *graph, const char *name)
{
    const kin_file *names[] = {&graph->ids.file, &graph->items.lines.file};
    const size_t arrays = sizeof graph->file / sizeof *graph->file, all = arrays + 2;
    for (size_t f = 0; f < all; f++) {
        const kin_file *file = f < arrays ? &graph->file[f] : names[f - arrays];
        if (file->path && strcmp(kin_path_base(file->path), name) == 0)
            return file;
    }
    return NULL;
}

static int copy_file(const kin_graph *graph, const char *name, const char *directory,
                     kin_error *err)
{
    const kin_file *mapped = find_mapped(graph, name);
    char *from = mapped ? NULL : kin_path_in(&graph->dir, name);
    char *to = kin_path_join(directory, name);
    int rc = !to || (!mapped && !from) ? kin_fail_alloc(err, "path", strlen(name))
             : mapped                  ? kin_file_write(to, mapped->data, mapped->bytes, err)
                                       : kin_file_copy(from, directory, name, err);
    free(from);
    free(to);
    return rc;
}

static int run_save(void *work, const kin_monitor *monitor, kin_error *err)
{
    const saving *self = work;
    kin_outdir out = {0};
    const char *name;
    json_t *file;
    (void)monitor;
    int rc = kin_outdir_open(&out, self->path, "graph", self->force, err);
    json_t *manifest = kin_json_without(self->graph->manifest, "files", "checksum");
    json_object_foreach(json_object_get(self->graph->manifest, "files"), name, file) if (rc == 0)
        rc = copy_file(self->graph, name, out.temporary, err);
    if (rc == 0)
        rc = kin_outdir_commit(&out, &manifest, err);
    json_decref(manifest);
    kin_outdir_release(&out);
    return rc;
}

int kin_graph_save(const kin_graph *self, const char *path, int force, kin_error *err)
{
    saving work = {self, path, force != 0};
    return kin_call_run(&(kin_call){.run = run_save, .work = &work}, err);
}
