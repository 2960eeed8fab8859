/*
 * The table and the JSON document of `kin sweep` (job/sweep.h).
 */
#include "report/sweep_report.h"
#include "core/counted.h"
#include "core/json.h"
#include "core/plain.h"
#include "job/facts.h"
#include "job/sweep_front.h"
#include "job/sweep_points.h"
#include "report/sweep_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- table ----------------------------------------------------------------------------------- */

static void print_head(FILE *out, const sweep *self)
{
    const sweep_options *o = self->options;
    if (self->sample == &self->catalog)
        fprintf(out, "sample  all %s", kin_count(self->sample->n, "item").text);
    else
        fprintf(out, "sample  %zu of %s", self->sample->n, kin_count(self->catalog.n, "item").text);
    fprintf(out, ", top-k %lld; recall on %s%s\n\n", (long long)o->top_k,
            self->exhaustive ? "all " : "", kin_count(self->rows, "row").text);
    fprintf(out, "  %-10s  %-22s %9s %9s %8s %9s %10s\n", "engine", "knob", "seconds", "items/s",
            "recall", "at least", "memory");
}

static void print_point(FILE *out, const sweep *self, const sweep_point *point)
{
    char knob[SWEEP_TEXT];
    fprintf(out, "%c %-10s  %-22s %9.2f %9.0f %8.4f %9.4f %6.0f MiB\n", point->pareto ? '*' : ' ',
            kin_sweep_point_series(point), kin_sweep_point_knob(point, knob), point->seconds,
            (double)self->sample->n / point->seconds, kin_sweep_floor4(point->recall),
            kin_sweep_floor4(point->lower), (double)point->memory_bytes / 0x1p20);
}

static void print_legend(FILE *out, const sweep *self)
{
    fprintf(out, "\n* nothing else has at least its recall in no more time\n");
    if (!self->exhaustive)
        fprintf(out, "at least: the lower bound of recall, at %.0f %% confidence each\n",
                100 * SWEEP_CONFIDENCE);
    if (self->options->engine != SWEEP_JOIN)
        fprintf(out, "hnsw: --ef-search is as --candidates%s\n",
                self->sample->modality_count > 1 ? "; hnsw fused: with --index-space fused" : "");
}

static void print_command(FILE *out, const sweep *self, const sweep_point *point)
{
    char *command = kin_sweep_command(self, point, " ");
    fprintf(out, "  ");
    kin_plain_write(out, (kin_span){command, command ? strlen(command) : 0});
    fprintf(out, "\n");
    free(command);
}

static void print_answer(FILE *out, const sweep *self)
{
    const sweep_point *answer = kin_sweep_answer(self), *exact = kin_sweep_exact(self);
    double target = self->options->target_recall;
    if (answer) {
        fprintf(out,
                "\ntarget %.10g: the cheapest that reaches it, in %.2f s with a recall of at least "
                "%.4f:\n",
                target, answer->seconds, kin_sweep_floor4(answer->lower));
        print_command(out, self, answer);
        kin_sweep_write_ties(out, self, "by time it cannot be told from ", "\n");
    } else {
        fprintf(out, "\ntarget %.10g: no approximate engine was seen to reach it\n", target);
    }
    if (!kin_sweep_prefers_exact(self))
        return;
    fprintf(out, "\nexact takes %.2f s %s and loses nothing:\n", exact->seconds,
            answer ? "here, not seen to be longer," : "here");
    print_command(out, self, exact);
    if (self->sample != &self->catalog)
        fprintf(
            out,
            "but on all %zu items exact grows with their square and join and hnsw do not: kin plan "
            "predicts the full build\n",
            self->catalog.n);
}

void kin_sweep_print(const sweep *self, FILE *out)
{
    print_head(out, self);
    for (size_t i = 0; i < self->count; i++)
        print_point(out, self, &self->point[i]);
    print_legend(out, self);
    print_answer(out, self);
    for (size_t i = 0; i < self->notes; i++)
        fprintf(out, "%snote: %s\n", i ? "" : "\n", kin_plain(self->note[i]).text);
    fprintf(
        out,
        "\nTimes are of this sample on this machine: they order engines, they are no promise; "
        "kin plan\n"
        "predicts a build. Recall at a fixed --candidates falls slowly as items grow; join tunes "
        "itself\n"
        "in every build.\n");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *knob_json(const sweep_point *point)
{
    switch (point->engine) {
    case KIN_ENGINE_JOIN:
        return json_pack("{s:f}", "target_recall", point->target);
    case KIN_ENGINE_HNSW:
        return json_pack("{s:I, s:I}", "candidates", (json_int_t)point->candidates, "ef_search",
                         (json_int_t)point->candidates);
    default:
        return json_object();
    }
}

static json_t *point_json(const sweep *self, const sweep_point *point)
{
    char options[SWEEP_TEXT];
    json_t *space = point->engine == KIN_ENGINE_HNSW
                        ? json_string(kin_index_space_names[point->space])
                        : json_null();
    return json_pack(
        "{s:s, s:o, s:o, s:s, s:f, s:f, s:i, s:b, s:f, s:f, s:f, s:f, s:I, s:b, s:b}", "engine",
        kin_engine_names[point->engine], "space", space, "knob", knob_json(point), "options",
        kin_sweep_point_options(point, options), "seconds", point->seconds, "most_seconds",
        point->most_seconds, "runs", point->runs, "ties", kin_sweep_ties(self, point),
        "shared_seconds", point->shared_seconds, "items_per_second",
        (double)self->sample->n / point->seconds, "recall", point->recall, "recall_lower",
        point->lower, "memory_bytes", (json_int_t)point->memory_bytes, "reaches_target",
        point->lower >= self->options->target_recall, "pareto", point->pareto);
}

static json_t *points_json(const sweep *self)
{
    json_t *points = json_array();
    for (size_t i = 0; i < self->count; i++)
        kin_json_append(&points, point_json(self, &self->point[i]));
    return points;
}

/* The point and the command that builds with it; null where there is none. */
static json_t *answer_json(const sweep *self, const sweep_point *point)
{
    if (!point)
        return json_null();
    json_t *out = point_json(self, point);
    char *command = kin_sweep_command(self, point, " ");
    kin_json_set(&out, "command", command ? kin_json_text(command) : NULL);
    free(command);
    return out;
}

static json_t *catalog_json(const sweep *self)
{
    json_t *modalities = json_array();
    for (size_t m = 0; m < self->catalog.modality_count; m++) {
        const kin_modality *modality = &self->catalog.modality[m];
        kin_json_append(&modalities,
                        json_pack("{s:s, s:f, s:I, s:I}", "name", modality->name, "weight",
                                  modality->weight, "dimensions", (json_int_t)modality->matrix.d,
                                  "missing", (json_int_t)modality->missing));
    }
    return json_pack("{s:I, s:o, s:s}", "items", (json_int_t)self->catalog.n, "modalities",
                     modalities, "missing", kin_missing_names[self->catalog.missing]);
}

json_t *kin_sweep_json(const sweep *self)
{
    const sweep_options *o = self->options;
    json_t *notes = json_array();
    for (size_t i = 0; i < self->notes; i++)
        kin_json_append(&notes, kin_json_text(self->note[i]));
    const sweep_point *exact = kin_sweep_exact(self);
    return json_pack(
        "{s:s, s:o, s:{s:I, s:b, s:I, s:b, s:f, s:I}, s:I, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:f}",
        "schema", "kin-sweep/2", "catalog", catalog_json(self), "sample", "items",
        (json_int_t)self->sample->n, "whole", self->sample == &self->catalog, "rows",
        (json_int_t)self->rows, "exhaustive", self->exhaustive, "confidence", SWEEP_CONFIDENCE,
        "seed", (json_int_t)o->seed, "top_k", (json_int_t)o->top_k, "target_recall",
        o->target_recall, "points", points_json(self), "answer",
        answer_json(self, kin_sweep_answer(self)), "exact_is_no_slower",
        exact ? json_boolean(kin_sweep_prefers_exact(self)) : json_null(), "notes", notes,
        "machine", kin_facts_machine(), "versions", kin_facts_versions(), "seconds_total",
        self->seconds);
}
