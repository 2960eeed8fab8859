/*
 * The index of a build, made or opened, and how deep it is asked.
 */
#include "tools/build.h"

/* Options that say how an index is built must not contradict one that is there already. */
static int check_index_options(const kin_index_options *asked, const kin_index_options *made,
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

/* An index from its folder; the engine is the one that it was made for. */
static int open_index(build *self, kin_error *err)
{
    build_options *o = &self->options;
    json_t *manifest = NULL;
    int rc = kin_manifest_read(&manifest, o->index_dir, "index", err);
    if (rc == 0)
        rc = kin_index_open(&self->index, o->index_dir, manifest, &self->catalog, err);
    json_decref(manifest);
    if (rc != 0)
        return rc;
    rc = check_index_options(&o->index, kin_index_resolved(self->index), err);
    if (rc != 0)
        return rc;
    bool hnsw = kin_index_resolved(self->index)->type == KIN_INDEX_HNSW;
    build_engine type = hnsw ? ENGINE_HNSW : ENGINE_IVF;
    if (self->engine_asked != ENGINE_AUTO && self->engine_asked != (int)type)
        return kin_fail(err, KIN_E_USAGE, "ask for the engine that the index was built for",
                        "%s holds an index of type %s, --engine is %s", o->index_dir,
                        build_engine_names[type], build_engine_names[self->engine_asked]);
    o->engine = (int)type;
    return 0;
}

/* How deep hnsw is asked is chosen on rows, unless it was said. What is left open is set by rule. */
static int resolve_search(build *self, kin_error *err)
{
    build_options *o = &self->options;
    int rc = 0;
    if (o->engine == ENGINE_HNSW && o->search.candidates == 0 && o->search.ef_search == 0) {
        tune_options tune = {
            .target = o->target_recall, .seed = (uint64_t)o->index.seed, .memory_bytes = o->memory};
        kin_watch quiet = build_quiet_watch(self);
        rc =
            tune_search(&self->tuning, &o->search, self->index, &self->catalog, &tune, &quiet, err);
        build_stage_done(self, "tune");
        if (rc == 0)
            console_info("Candidates: %lld (step %zu), recall %.4f on %zu rows",
                         (long long)o->search.candidates, self->tuning.steps, self->tuning.mean,
                         self->tuning.rows);
    }
    kin_search_resolve(&o->search, self->index);
    return rc;
}

int build_prepare_index(build *self, kin_error *err)
{
    build_options *o = &self->options;
    int rc = o->index_dir
                 ? open_index(self, err)
                 : kin_index_build(&self->index, &self->catalog, &o->index, &self->watch, err);
    if (rc != 0)
        return rc;
    o->index = *kin_index_resolved(self->index);
    command_log_index(self->index, &self->catalog);
    build_stage_done(self, "index");
    return resolve_search(self, err);
}
