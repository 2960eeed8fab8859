/*
 * The document of kin compare, schema "kin-compare/3": docs/METRICS.md has every key. What could
 * not be measured is null, never left out.
 */
#include "report/compare_json.h"
#include "core/json.h"
#include "job/facts.h"

static json_t *count(size_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *text(kin_span span)
{
    return json_stringn(span.text, span.length);
}

static json_t *counts(const size_t *value, size_t n)
{
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++)
        kin_json_append(&out, count(value[i]));
    return out;
}

/* ---- recall ---------------------------------------------------------------------------------- */

/* Null where every row was evaluated: the mean is no estimate. */
static json_t *interval_json(const kin_interval *interval, bool exhaustive)
{
    if (exhaustive)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o}", "lower95", kin_json_real(interval->lower), "upper95",
                     kin_json_real(interval->upper), "low95", kin_json_real(interval->low),
                     "high95", kin_json_real(interval->high));
}

static json_t *summary_json(const kin_summary *s)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "mean", kin_json_real(s->mean), "min",
                     kin_json_real(s->min), "p1", kin_json_real(s->p1), "p5", kin_json_real(s->p5),
                     "p50", kin_json_real(s->p50), "below_90", kin_json_real(s->below_90),
                     "histogram", counts(s->bin, KIN_SUMMARY_BINS));
}

/* Null where it could not be evaluated: no rows, or no scores. */
static json_t *distribution_json(const kin_summary *summary, const kin_interval *interval,
                                 const kin_recall *recall, bool there)
{
    if (!there || recall->evaluated == 0)
        return json_null();
    json_t *out = summary_json(summary);
    kin_json_set(&out, "interval", interval_json(interval, recall->exhaustive));
    return out;
}

static json_t *cuts_json(const kin_recall *r)
{
    json_t *out = json_array();
    for (size_t c = 0; c < r->cuts; c++)
        kin_json_append(&out, json_pack("{s:o, s:o, s:o, s:o, s:o}", "k", count(r->cut[c]),
                                        "strict", kin_json_real(r->strict_at[c]), "tie_aware",
                                        kin_json_real(r->tie_aware_at[c]), "nearest_found",
                                        kin_json_real(r->nearest_found_at[c]), "nearest_true",
                                        kin_json_real(r->nearest_true_at[c])));
    return out;
}

static json_t *worst_json(const kin_worst *worst, size_t n, const kin_graph *graph)
{
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++)
        kin_json_append(&out, json_pack("{s:o, s:o, s:o}", "id",
                                        text(kin_lines_at(&graph->ids, (size_t)worst[i].row)),
                                        "row", json_integer(worst[i].row), "value",
                                        kin_json_real(worst[i].value)));
    return out;
}

static json_t *recall_json(const kin_recall *r, const kin_graph *reference)
{
    json_t *out = json_object();
    kin_json_set(&out, "rows", count(r->rows));
    kin_json_set(&out, "evaluated", count(r->evaluated));
    kin_json_set(&out, "exhaustive", json_boolean(r->exhaustive));
    kin_json_set(&out, "scored", json_boolean(r->scored));
    kin_json_set(&out, "k", count(r->k));
    kin_json_set(&out, "tie_aware",
                 distribution_json(&r->tie_aware, &r->tie_aware_interval, r, r->scored));
    kin_json_set(&out, "strict", distribution_json(&r->strict, &r->strict_interval, r, true));
    kin_json_set(&out, "rows_for_half", r->exhaustive ? json_null() : count(r->rows_for_half));
    kin_json_set(&out, "at", cuts_json(r));
    kin_json_set(&out, "epsilon",
                 json_pack("{s:o, s:o}", "0.01", kin_json_real(r->epsilon[0]), "0.1",
                           kin_json_real(r->epsilon[1])));
    kin_json_set(&out, "score_ratio", kin_json_real(r->score_ratio));
    kin_json_set(&out, "score_loss", kin_json_real(r->score_loss));
    kin_json_set(&out, "fill", kin_json_real(r->fill));
    kin_json_set(&out, "short_rows", count(r->short_rows));
    kin_json_set(&out, "short_by_rule", count(r->short_by_rule));
    kin_json_set(&out, "empty_rows", count(r->empty_rows));
    kin_json_set(&out, "empty_by_rule", count(r->empty_by_rule));
    kin_json_set(&out, "worst", worst_json(r->worst, r->worst_count, reference));
    return out;
}

static json_t *difference_json(const kin_recall_difference *d)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "rows", count(d->rows), "mean",
                     kin_json_real(d->mean), "interval", interval_json(&d->interval, d->exhaustive),
                     "better", count(d->better), "worse", count(d->worse));
}

static json_t *strata_json(const kin_comparison *self)
{
    json_t *values = json_array();
    for (size_t s = 0; s < self->strata.count; s++) {
        const kin_stratum *stratum = &self->stratum[s];
        bool none = stratum->evaluated == 0 || self->recall.exhaustive;
        kin_json_append(
            &values,
            json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name", text(stratum->name), "items",
                      count(stratum->items), "evaluated", count(stratum->evaluated), "mean",
                      kin_json_real(stratum->mean), "low95",
                      none ? json_null() : kin_json_real(stratum->interval.low), "high95",
                      none ? json_null() : kin_json_real(stratum->interval.high)));
    }
    return json_pack("{s:s, s:o}", "column", self->stratify, "values", values);
}

/* ---- loss, structure, drift ------------------------------------------------------------------ */

static json_t *by_modality(const kin_graph *graph, const size_t *value)
{
    json_t *out = json_object();
    for (size_t m = 0; m < graph->modality_count; m++)
        kin_json_set(&out, graph->modality[m], count(value[m]));
    return out;
}

static json_t *loss_json(const kin_loss *loss, const kin_graph *graph)
{
    json_t *reasons = json_object();
    json_t *advice = json_array();
    for (int i = 0; i < KIN_LOSS_REASONS; i++)
        kin_json_set(&reasons, kin_loss_reason_names[i], count(loss->reason[i]));
    for (size_t i = 0; i < loss->advice_count; i++) {
        const kin_loss_advice *a = &loss->advice[i];
        kin_json_append(&advice,
                        json_pack("{s:s, s:s, s:o, s:o, s:o, s:s}", "reason",
                                  kin_loss_reason_names[a->reason], "option", a->option, "value",
                                  kin_json_real(a->value), "regained", kin_json_real(a->regained),
                                  "price", kin_json_real(a->price), "text", a->text));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "rows", count(loss->rows), "entries",
                     count(loss->entries), "lost", count(loss->lost), "reasons", reasons,
                     "depth_by", by_modality(graph, loss->depth_by), "search_by",
                     by_modality(graph, loss->search_by), "advice", advice);
}

static json_t *structure_json(const kin_structure *s, const kin_graph *graph)
{
    json_t *hubs = json_array();
    json_t *contribution = json_object();
    for (size_t i = 0; i < s->hub_count; i++)
        kin_json_append(&hubs,
                        json_pack("{s:o, s:i, s:o}", "id",
                                  text(kin_lines_at(&graph->ids, (size_t)s->hub[i].row)), "row",
                                  (int)s->hub[i].row, "in_degree", count(s->hub[i].in_degree)));
    for (size_t m = 0; m < graph->modality_count; m++)
        kin_json_set(&contribution, graph->modality[m], kin_json_real(s->contribution[m]));
    json_t *in_degree =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "mean", kin_json_real(s->in_degree_mean), "p50",
                  count(s->in_degree_p50), "p99", count(s->in_degree_p99), "max",
                  count(s->in_degree_max), "skewness", kin_json_real(s->in_degree_skewness),
                  "histogram_log2", counts(s->degree_bin, KIN_DEGREE_BINS));
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "items",
        count(s->items), "pairs", count(s->pairs), "repeated", count(s->repeated), "to_self",
        count(s->to_self), "empty_rows", count(s->empty_rows), "full_rows", count(s->full_rows),
        "in_degree", in_degree, "never_recommended", count(s->never), "hubs", hubs, "reciprocity",
        kin_json_real(s->reciprocity), "components", count(s->components), "largest_component",
        count(s->largest_component), "categories", count(s->categories), "within_category",
        kin_json_real(s->within_category), "within_by_chance", kin_json_real(s->within_by_chance),
        "contribution", contribution);
}

static json_t *now_then(const kin_now_then *value)
{
    return json_pack("{s:o, s:o}", "now", kin_json_real(value->now), "then",
                     kin_json_real(value->then));
}

static json_t *inputs_json(const kin_drift *d)
{
    json_t *out = json_object();
    for (size_t i = 0; i < d->input_count; i++) {
        const kin_input_drift *input = &d->input[i];
        kin_json_set(
            &out, input->name,
            json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "same_file", input->same_file, "weight",
                      now_then(&input->weight), "missing_share", now_then(&input->missing_share),
                      "repeated_share", now_then(&input->repeated_share), "mean_cosine",
                      now_then(&input->mean_cosine), "norm_mean", now_then(&input->norm_mean)));
    }
    return out;
}

static json_t *drift_json(const kin_drift *d, const kin_graph *graph)
{
    json_t *at = json_array();
    for (size_t c = 0; c < d->cuts; c++)
        kin_json_append(&at, json_pack("{s:o, s:o}", "k", count(d->cut[c]), "jaccard",
                                       kin_json_real(d->jaccard_at[c])));
    json_t *out = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "items", count(d->items),
                            "previous_items", count(d->previous_items), "common", count(d->common),
                            "new", count(d->new_items), "gone", count(d->gone_items), "item_change",
                            kin_json_real(d->item_change), "k", count(d->k), "at", at);
    kin_json_set(&out, "jaccard", d->common ? summary_json(&d->jaccard) : json_null());
    kin_json_set(&out, "drift", kin_json_real(d->drift));
    kin_json_set(&out, "changed", count(d->changed));
    kin_json_set(&out, "reordered", count(d->reordered));
    kin_json_set(&out, "nearest_changed", count(d->nearest_changed));
    kin_json_set(&out, "worst", worst_json(d->worst, d->worst_count, graph));
    kin_json_set(&out, "inputs", inputs_json(d));
    return out;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static json_t *side_json(const kin_comparison_side *side)
{
    const kin_graph *graph = &side->graph;
    const json_t *manifest = graph->manifest;
    json_t *out = json_object();
    kin_json_set(&out, "path", kin_json_text(graph->directory));
    kin_json_set(&out, "items", count(graph->n));
    kin_json_set(&out, "pairs", count(graph->pairs));
    kin_json_set(&out, "top_k", count(graph->k));
    static const char *const keys[] = {"engine", "options", "modalities", "import"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *value = json_object_get(manifest, keys[i]);
        kin_json_set(&out, keys[i], value ? json_incref(value) : json_null());
    }
    if (kin_graph_is_imported(graph))
        kin_json_set(&out, "left_out",
                     json_pack("{s:o, s:o, s:o, s:o}", "padding", count(side->import.padding),
                               "to_self", count(side->import.to_self), "repeated",
                               count(side->import.repeated), "no_pair",
                               count(side->import.no_pair)));
    return out;
}

static json_t *reference_json(const kin_comparison *self)
{
    if (!self->reference.there)
        return json_null();
    if (!self->computed)
        return side_json(&self->reference);
    return json_pack("{s:s, s:o, s:I, s:o}", "engine", "stream", "rows", count(self->row_count),
                     "seed", (json_int_t)self->seed, "stratified_by",
                     self->strata.count ? json_string(self->stratify) : json_null());
}

static json_t *gates_json(const kin_comparison *self)
{
    json_t *out = json_array();
    for (size_t g = 0; g < self->gate_count; g++) {
        const kin_gate *gate = &self->gate[g];
        kin_json_append(
            &out, json_pack("{s:s, s:s, s:s, s:f, s:o, s:b}", "name", gate->name, "what",
                            gate->what, "must_be", gate->at_least ? "at least" : "at most", "limit",
                            gate->limit, "value", kin_json_real(gate->value), "met", gate->met));
    }
    return out;
}

json_t *kin_comparison_json(const kin_comparison *self)
{
    const kin_graph *graph = &self->graph.graph;
    json_t *warnings = json_array();
    for (size_t i = 0; i < self->warning_count; i++)
        kin_json_append(&warnings, kin_json_text(self->warning[i]));
    json_t *out = json_object();
    kin_json_set(&out, "schema", json_string("kin-compare/3"));
    kin_json_set(&out, "graph", side_json(&self->graph));
    kin_json_set(&out, "other", self->other.there ? side_json(&self->other) : json_null());
    kin_json_set(&out, "reference", reference_json(self));
    kin_json_set(&out, "previous", self->previous.there ? side_json(&self->previous) : json_null());
    kin_json_set(&out, "reference_fits", json_boolean(!self->forced));
    kin_json_set(&out, "warnings", warnings);
    kin_json_set(&out, "recall",
                 self->has_recall ? recall_json(&self->recall, &self->reference.graph)
                                  : json_null());
    kin_json_set(&out, "other_recall",
                 self->has_difference ? recall_json(&self->other_recall, &self->reference.graph)
                                      : json_null());
    kin_json_set(&out, "difference",
                 self->has_difference ? difference_json(&self->difference) : json_null());
    kin_json_set(&out, "strata", self->stratum ? strata_json(self) : json_null());
    kin_json_set(&out, "loss", self->has_loss ? loss_json(&self->loss, graph) : json_null());
    kin_json_set(&out, "structure", structure_json(&self->structure, graph));
    kin_json_set(&out, "drift", self->has_drift ? drift_json(&self->drift, graph) : json_null());
    kin_json_set(&out, "gates", gates_json(self));
    kin_json_set(&out, "run", kin_facts_run(self->start_seconds));
    return out;
}
