/*
 * What the manifest of a graph says.
 */
#include "core/json.h"
#include "core/manifest.h"
#include "job/build_options.h"
#include "job/build_parts.h"
#include "job/facts.h"
#include "job/provenance.h"

/* What the certified engine planned and did. Part of `run`: the choice of leading dimensions and
 * the blocks follow the sample's products in float32 and the memory there was. */
static json_t *exact_facts(const build *self)
{
    const kin_exact_plan *plan = &self->exact_plan;
    const kin_exact_report *report = &self->exact_report;
    double rows = report->rows > 0 ? (double)report->rows : 1;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
                     "s:f, s:f, s:I}",
                     "distinct_rows", (json_int_t)report->rows, "rows_scanned_again",
                     (json_int_t)report->rows_again, "lead_dimensions", (json_int_t)plan->lead,
                     "tail_dimensions", (json_int_t)plan->tail, "clusters",
                     (json_int_t)report->clusters, "blocks", (json_int_t)plan->blocks, "pairs",
                     (json_int_t)report->scan.pairs, "tiles", (json_int_t)report->scan.tiles,
                     "tiles_abandoned", (json_int_t)(report->scan.tiles - report->scan.tiles_left),
                     "pairs_refined", (json_int_t)report->scan.refined, "candidates_collected",
                     (json_int_t)report->scan.collected, "pairs_too_coarse",
                     (json_int_t)report->scan.too_coarse, "rows_redone",
                     (json_int_t)report->scan.reranked, "pairs_redone",
                     (json_int_t)report->scan.reranked_pairs, "candidates_scored_in_full",
                     (json_int_t)report->full, "refined_per_row",
                     2 * (double)report->scan.refined / rows, "scored_in_full_per_row",
                     (double)report->full / rows, "plan_bytes", (json_int_t)plan->total_bytes);
}

/* What the join did, all attempts together. */
static json_t *join_counts(const kin_join *join)
{
    const kin_join_report *report = kin_join_get_report(join);
    const kin_join_plan *plan = kin_join_get_plan(join);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                     "lead_dimensions", (json_int_t)plan->lead, "tail_dimensions",
                     (json_int_t)plan->tail, "probes", (json_int_t)report->probes, "pairs",
                     (json_int_t)report->scan.pairs, "tiles", (json_int_t)report->scan.tiles,
                     "tiles_abandoned", (json_int_t)(report->scan.tiles - report->scan.tiles_left),
                     "pairs_refined", (json_int_t)report->scan.refined, "candidates_collected",
                     (json_int_t)report->scan.collected, "candidates_scored_in_full",
                     (json_int_t)report->full, "rows_refined", (json_int_t)report->rows_refined,
                     "neighbors_added", (json_int_t)report->neighbors_added, "plan_bytes",
                     (json_int_t)plan->total_bytes);
}

static void add_mean(json_t **recall, const char *key, const kin_evaluation_mean *of)
{
    kin_json_set(recall, key,
                 json_pack("{s:f, s:f}", "mean", of->mean, "lower_bound", of->lower_bound));
}

/* The last evaluation, and what effort was chosen by. All of it follows from inputs and options. */
static void add_recall(json_t **manifest, const build *self)
{
    const kin_evaluation_result *v = &self->result;
    const tuning *t = &self->tuning;
    if (v->attempt == 0)
        return;
    json_t *recall = json_pack(
        "{s:f, s:f, s:f, s:f, s:f, s:I, s:b, s:I, s:b, s:I, s:I, s:b}", "target", v->target, "mean",
        v->at_k.mean, "lower_bound", v->at_k.lower_bound, "confidence", EVALUATION_CONFIDENCE,
        "alpha", v->alpha, "rows", (json_int_t)v->rows, "exhaustive", v->exhaustive, "k",
        (json_int_t)self->options.top_k, "tie_aware", true, "attempts", (json_int_t)v->attempt,
        "seed", (json_int_t)self->options.index.seed, "met", v->met);
    add_mean(&recall, "at_1", &v->at_1);
    add_mean(&recall, "at_10", &v->at_10);
    add_mean(&recall, "at_least_90", &v->at_least_90);
    kin_json_set(manifest, "recall", recall);
    kin_json_set(manifest, "target_met", json_boolean(v->met));
    if (self->index && t->row)
        kin_json_set(manifest, "tuning",
                     json_pack("{s:I, s:I, s:I, s:f}", "rows", (json_int_t)t->rows, "steps",
                               (json_int_t)t->steps, "candidates", (json_int_t)t->candidates,
                               "mean", t->mean));
}

static void add_vectors(json_t **manifest, const build *self)
{
    json_t *modalities = json_array();
    size_t m;
    json_t *entry;
    json_array_foreach(json_object_get(*manifest, "modalities"), m, entry)
    {
        json_incref(entry);
        kin_json_set(&entry, "vectors", kin_health_vectors_json(&self->vectors[m]));
        kin_json_append(&modalities, entry);
    }
    kin_json_set(manifest, "modalities", modalities);
}

json_t *kin_build_manifest(build *self)
{
    const kin_build_options *o = &self->options;
    json_t *manifest = json_object();
    kin_json_set(&manifest, "kind", json_string("graph"));
    kin_json_set(&manifest, "format", json_integer(KIN_MANIFEST_FORMAT));
    kin_json_set(&manifest, "engine", json_string(kin_engine_names[o->engine]));
    kin_json_set(&manifest, "options", kin_build_options_json(self->inputs, o));
    kin_provenance_describe(&manifest, &self->catalog);
    add_vectors(&manifest, self);
    kin_json_set(&manifest, "incomplete_items",
                 json_integer((json_int_t)kin_catalog_incomplete(&self->catalog)));
    kin_json_set(&manifest, "items_with_neighbors",
                 json_integer((json_int_t)self->totals.items_with_neighbors));
    kin_json_set(&manifest, "pairs", json_integer((json_int_t)self->totals.pairs));
    if (self->index)
        kin_json_set(&manifest, "index", kin_index_facts(self->index));
    if (self->join)
        kin_json_set(&manifest, "join", kin_join_facts(self->join));
    add_recall(&manifest, self);
    if (self->trace)
        kin_json_set(&manifest, "trace", json_incref(self->trace));
    json_t *run = kin_facts_run(self->start);
    kin_provenance_locate(&run, &self->catalog);
    if (o->engine == KIN_ENGINE_EXACT) {
        kin_json_set(&manifest, "certified", json_true());
        kin_json_set(&run, "exact", exact_facts(self));
    }
    if (self->join)
        kin_json_set(&run, "join", join_counts(self->join));
    kin_json_set(&run, "seconds", json_incref(self->seconds));
    kin_json_set(&manifest, "run", run);
    return manifest;
}
