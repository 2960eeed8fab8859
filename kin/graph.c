/*
 * A graph as a handle: what it is, its rows into the caller's arrays, and a copy of its folder.
 */
#include "kin/graph.h"
#include "kin/call.h"
#include "kin/texts.h"

#include <stdlib.h>
#include <string.h>

/* ---- opening --------------------------------------------------------------------------------- */

int kin_graph_open_new(kin_graph **out, const char *path, bool nameless, kin_error *err)
{
    kin_graph *self = malloc(sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "graph", sizeof *self);
    int rc = kin_graph_open(self, path, err);
    if (rc == 0 && nameless) {
        kin_dir_close(&self->dir);
        free(self->directory);
        self->directory = strdup("the graph in memory");
        if (!self->directory) {
            kin_graph_close(self);
            rc = kin_fail_alloc(err, "path", 0);
        }
    }
    if (rc == 0)
        *out = self;
    else
        free(self);
    return rc;
}

typedef struct loading {
    kin_graph **graph;
    const char *path;
} loading;

static int run_load(void *work, const kin_monitor *monitor, kin_error *err)
{
    const loading *self = work;
    (void)monitor;
    return kin_graph_open_new(self->graph, self->path, false, err);
}

int kin_graph_load(kin_graph **graph, const char *path, kin_error *err)
{
    loading work = {graph, path};
    return kin_call_run(&(kin_call){.run = run_load, .work = &work}, err);
}

void kin_graph_free(kin_graph *self)
{
    if (self)
        kin_graph_close(self);
    free(self);
}

/* ---- facts ----------------------------------------------------------------------------------- */

size_t kin_graph_item_count(const kin_graph *self)
{
    return self->n;
}

size_t kin_graph_entry_count(const kin_graph *self)
{
    return self->pairs;
}

size_t kin_graph_top_k(const kin_graph *self)
{
    return self->k;
}

size_t kin_graph_modality_count(const kin_graph *self)
{
    return self->modality_count;
}

const char *kin_graph_modality(const kin_graph *self, size_t m)
{
    return m < self->modality_count ? self->modality[m] : NULL;
}

int kin_graph_has_cosines(const kin_graph *self, size_t m)
{
    return m < self->modality_count && self->cosine[m] != NULL;
}

const char *kin_graph_path(const kin_graph *self)
{
    return self->dir.path;
}

/* ---- texts ----------------------------------------------------------------------------------- */

int kin_graph_manifest(const kin_graph *self, char **json, kin_error *err)
{
    locale_t before = kin_locale_begin();
    int rc = kin_json_text_new(json, json_incref(self->manifest), err);
    kin_locale_end(before);
    return rc;
}

int kin_graph_ids(const kin_graph *self, char **text, size_t *bytes, kin_error *err)
{
    return kin_lines_text(&self->ids, text, bytes, err);
}
