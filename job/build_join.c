/*
 * The self-join of `--engine join` before it runs: its order, made or taken from an index, and its
 * effort.
 */
#include "ann/faiss_index_file.h"
#include "ann/index_folder.h"
#include "job/build_parts.h"

#include <math.h>
#include <string.h>

/* Options that only indexes have, and what the self-join does instead. */
int kin_build_check_join_options(const kin_build_options *o, kin_error *err)
{
    const kin_index_options unset = KIN_INDEX_OPTIONS_INIT;
    const struct {
        const char *name;
        bool given;
    } option[] = {
        {"probes", o->search.probes != 0},
        {"candidates", o->search.candidates != 0},
        {"ef-search", o->search.ef_search != 0},
        /* with --index they are compared with what it was built with */
        {"index-space", !o->index_dir && o->index.space != unset.space},
        {"project", !o->index_dir && o->index.project != unset.project},
        {"project-centre", !o->index_dir && o->index.project_centre != unset.project_centre},
        {"lists", !o->index_dir && o->index.lists != unset.lists},
        {"links", !o->index_dir && o->index.links != unset.links},
        {"ef-construction", !o->index_dir && o->index.ef_construction != unset.ef_construction},
    };
    for (size_t i = 0; i < sizeof option / sizeof *option; i++)
        if (option[i].given)
            return kin_fail(err, KIN_E_USAGE,
                            "leave it out: join chooses its effort for --target-recall; --engine "
                            "hnsw and ivf, kin index and kin query have it",
                            "--%s is nothing to --engine join, which joins items in fused space",
                            option[i].name);
    return 0;
}

void kin_build_log_effort(const build *self)
{
    const kin_join_effort *effort = kin_join_get_effort(self->join);
    if (isinf(effort->probe_sigmas))
        build_info(
            self, "Effort: all clusters, as none can be left out with profit (--engine exact scans "
                  "every pair once and proves its rows)");
    else
        build_info(self,
                   "Effort: probe up to %.2f sigmas, %.2f %% of all rows, for --target-recall "
                   "%.10g; recall %.4f on %zu sampled rows before the refinement",
                   (double)effort->probe_sigmas, 100 * effort->scanned, self->options.target_recall,
                   effort->recall, effort->sampled);
}

static void log_plan(const build *self)
{
    const kin_join_plan *plan = kin_join_get_plan(self->join);
    build_info(self,
               "Plan: %zu of %zu dimensions lead, %zu distinct items; memory %.0f MiB (codes "
               "%.0f, work %.0f)",
               plan->lead, plan->lead + plan->tail, plan->distinct,
               (double)plan->total_bytes / 0x1p20, (double)plan->codes_bytes / 0x1p20,
               (double)plan->work_bytes / 0x1p20);
}

/* Whether the index of the build is the catalog's, and options do not contradict what it was built
 * with: an order alone with none but --seed. */
static int check_index(const build *self, kin_error *err)
{
    const json_t *index = json_object_get(self->index_manifest, "index");
    const char *type = json_string_value(json_object_get(index, "type"));
    kin_index_options made = KIN_INDEX_OPTIONS_INIT;
    int rc = 0;
    if (type && strcmp(type, "join") == 0)
        made.seed = json_integer_value(json_object_get(index, "seed"));
    else
        rc = kin_index_read_options(&made, &self->index_dir, self->index_manifest, err);
    if (rc == 0)
        rc = kin_index_check(&self->index_dir, self->index_manifest, &self->catalog, err);
    return rc == 0 ? kin_build_check_index_options(&self->options.index, &made, err) : rc;
}

/* The order and maybe the effort that the index keeps. */
static int load_join(build *self, bool *tuned, kin_error *err)
{
    int rc = check_index(self, err);
    if (rc == 0)
        rc = kin_join_load(self->join, &self->index_dir, self->index_manifest, tuned, err);
    if (rc == 0 && !json_object_get(self->index_manifest, "join"))
        build_info(self, "The index keeps no order of rows and no effort: making them");
    else if (rc == 0 && !*tuned)
        build_info(self,
                   "The index was tuned for other weights, top-k, target or seed: tuning again");
    return rc;
}

/* Sets the effort, and records the items that served, so that the evaluation draws others. */
static int tune(build *self, bool tuned, kin_error *err)
{
    int rc = tuned ? 0 : kin_join_tune(self->join, &self->quiet, err);
    if (rc == 0)
        rc = kin_join_tuned_rows(self->join, &self->tuning.row, &self->tuning.rows, err);
    if (rc == 0)
        kin_build_log_effort(self);
    kin_build_stage_done(self, "tune");
    return rc;
}

int kin_build_prepare_join(build *self, kin_error *err)
{
    const kin_build_options *o = &self->options;
    kin_join_options options = {.top_k = (size_t)o->top_k,
                                .target = o->target_recall,
                                .evaluated = kin_evaluation_rows(
                                    kin_row_sample_population(&self->catalog), o->target_recall),
                                .seed = o->index.seed,
                                .memory_bytes = o->memory,
                                .trace = o->trace_rows > 0};
    bool tuned = false;
    int rc = kin_join_new(&self->join, &self->catalog, &options, err);
    if (rc != 0)
        return rc;
    log_plan(self);
    if (o->index_dir)
        rc = load_join(self, &tuned, err);
    kin_build_stage_done(self, "plan");
    if (rc == 0)
        rc = kin_join_encode(self->join, &self->quiet, err);
    kin_build_stage_done(self, "encode");
    return rc != 0 ? rc : tune(self, tuned, err);
}
