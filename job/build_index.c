/*
 * The index of a build, made or opened, and how deep it is asked.
 */
#include "ann/faiss_build.h"
#include "ann/faiss_index_file.h"
#include "core/manifest.h"
#include "job/build_parts.h"
#include "job/messages.h"

#include <string.h>

int kin_build_check_index_options(const kin_index_options *asked, const kin_index_options *made,
                                  kin_error *err)
{
    const kin_index_options unset = KIN_INDEX_OPTIONS_INIT;
    const struct {
        const char *name;
        int64_t asked, made, unset;
    } option[] = {
        {"index-space", asked->space, made->space, unset.space},
        {"project", asked->project, made->project, unset.project},
        {"project-centre", asked->project_centre, made->project_centre, unset.project_centre},
        {"lists", asked->lists, made->lists, unset.lists},
        {"links", asked->links, made->links, unset.links},
        {"ef-construction", asked->ef_construction, made->ef_construction, unset.ef_construction},
        {"seed", asked->seed, made->seed, unset.seed},
    };
    for (size_t i = 0; i < sizeof option / sizeof *option; i++)
        if (option[i].asked != option[i].unset && option[i].asked != option[i].made)
            return kin_fail(err, KIN_E_USAGE, "leave it out, or build another index with kin index",
                            "--%s is not what the index was built with", option[i].name);
    return 0;
}

/* Options that HNSW has, or its search, are nothing to an IVF. */
int kin_build_check_ivf_options(const kin_build_options *o, kin_error *err)
{
    const kin_index_options unset = KIN_INDEX_OPTIONS_INIT;
    const struct {
        const char *name;
        bool given;
    } option[] = {
        {"ef-search", o->search.ef_search != 0},
        /* with --index they are compared with what it was built with */
        {"links", !o->index_dir && o->index.links != unset.links},
        {"ef-construction", !o->index_dir && o->index.ef_construction != unset.ef_construction},
    };
    for (size_t i = 0; i < sizeof option / sizeof *option; i++)
        if (option[i].given)
            return kin_fail(
                err, KIN_E_USAGE, "leave it out: ivf has --lists, --probes and --candidates",
                "--%s is nothing to --engine ivf, whose indexes are lists", option[i].name);
    return 0;
}

/* The engine that an index serves, where `asked` leaves a choice: one of type ivf serves ivf where
 * that is asked for, else join. It keeps an order of the self-join beside its FAISS files; one
 * without (a single item, or made before there was a join) has it made as without an index. */
static int served_by(const json_t *manifest, int asked)
{
    const char *type =
        json_string_value(json_object_get(json_object_get(manifest, "index"), "type"));
    if (type && strcmp(type, "hnsw") == 0)
        return KIN_ENGINE_HNSW;
    if (type && strcmp(type, "join") == 0)
        return KIN_ENGINE_JOIN;
    return asked == KIN_ENGINE_IVF ? KIN_ENGINE_IVF : KIN_ENGINE_JOIN;
}

int kin_build_read_index(build *self, kin_error *err)
{
    kin_build_options *o = &self->options;
    if (o->engine == KIN_ENGINE_EXACT || o->engine == KIN_ENGINE_STREAM)
        return kin_fail(err, KIN_E_USAGE, "leave --index out, or choose --engine join, hnsw or ivf",
                        "--engine %s uses no index", kin_engine_names[o->engine]);
    int rc = kin_dir_open(&self->index_dir, o->index_dir, err);
    if (rc == 0)
        rc = kin_manifest_read_in(&self->index_manifest, &self->index_dir, "index", err);
    if (rc != 0)
        return rc;
    int engine = served_by(self->index_manifest, o->engine);
    if (o->engine != KIN_ENGINE_AUTO && o->engine != engine) {
        const json_t *index = json_object_get(self->index_manifest, "index");
        const char *type = json_string_value(json_object_get(index, "type"));
        return kin_fail(err, KIN_E_USAGE, "ask for the engine that the index was built for",
                        "%s holds an index of type %s, --engine is %s", o->index_dir,
                        type ? type : "(none)", kin_engine_names[o->engine]);
    }
    o->engine = engine;
    return 0;
}

static int open_index(build *self, kin_error *err)
{
    const kin_build_options *o = &self->options;
    int rc =
        kin_index_open(&self->index, &self->index_dir, self->index_manifest, &self->catalog, err);
    return rc != 0 ? rc
                   : kin_build_check_index_options(&o->index, kin_index_resolved(self->index), err);
}

/* How deep the index is asked is chosen on rows, unless it was said. What is left open is set by
 * rule. */
static int resolve_search(build *self, kin_error *err)
{
    kin_build_options *o = &self->options;
    int rc = 0;
    bool ivf = o->engine == KIN_ENGINE_IVF;
    if (o->search.candidates == 0 && (ivf ? o->search.probes : o->search.ef_search) == 0) {
        tune_options tune = {
            .target = o->target_recall, .seed = (uint64_t)o->index.seed, .memory_bytes = o->memory};
        rc = kin_tune_search(&self->tuning, &o->search, self->index, &self->catalog, &tune,
                             &self->quiet, err);
        kin_build_stage_done(self, "tune");
        if (rc == 0 && ivf)
            build_info(self, "Candidates: %lld, probes %lld (step %zu), recall %.4f on %zu rows",
                       (long long)o->search.candidates, (long long)o->search.probes,
                       self->tuning.steps, self->tuning.mean, self->tuning.rows);
        else if (rc == 0)
            build_info(self, "Candidates: %lld (step %zu), recall %.4f on %zu rows",
                       (long long)o->search.candidates, self->tuning.steps, self->tuning.mean,
                       self->tuning.rows);
    }
    kin_search_resolve(&o->search, self->index);
    return rc;
}

int kin_build_prepare_index(build *self, kin_error *err)
{
    kin_build_options *o = &self->options;
    int rc = o->index_dir
                 ? open_index(self, err)
                 : kin_index_build(&self->index, &self->catalog, &o->index, self->monitor, err);
    if (rc != 0)
        return rc;
    o->index = *kin_index_resolved(self->index);
    kin_messages_index(self->index, &self->catalog, &self->quiet);
    kin_build_stage_done(self, "index");
    return resolve_search(self, err);
}
