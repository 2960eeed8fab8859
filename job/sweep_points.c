/*
 * The points of a sweep (declared in job/sweep_points.h): every run is evaluated on the same rows.
 *
 * Recall is the mean tie-aware recall of the rows that have neighbours, and its lower bound is that
 * of compare/interval.h. Cost: exact rows of the evaluated items, by stream, once.
 */
#include "job/sweep_points.h"
#include "compare/interval.h"
#include "core/counted.h"
#include "core/memory.h"
#include "job/calibrate_clock.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- names ----------------------------------------------------------------------------------- */

double kin_sweep_floor4(double recall)
{
    return floor(recall * 1e4) / 1e4;
}

const char *kin_sweep_point_knob(const sweep_point *self, char text[SWEEP_TEXT])
{
    text[0] = '\0';
    if (self->engine == KIN_ENGINE_JOIN)
        snprintf(text, SWEEP_TEXT, "--target-recall %.10g", self->target);
    else if (self->engine == KIN_ENGINE_HNSW)
        snprintf(text, SWEEP_TEXT, "--candidates %lld", (long long)self->candidates);
    return text;
}

const char *kin_sweep_point_options(const sweep_point *self, char text[SWEEP_TEXT])
{
    char knob[SWEEP_TEXT], effort[SWEEP_TEXT] = "";
    if (self->engine == KIN_ENGINE_HNSW)
        snprintf(effort, sizeof effort, " --ef-search %lld", (long long)self->candidates);
    snprintf(text, SWEEP_TEXT, "--engine %s%s%s%.32s%.32s", kin_engine_names[self->engine],
             self->engine == KIN_ENGINE_HNSW && self->space == KIN_SPACE_FUSED
                 ? " --index-space fused"
                 : "",
             self->engine == KIN_ENGINE_EXACT ? "" : " ", kin_sweep_point_knob(self, knob), effort);
    return text;
}

const char *kin_sweep_point_series(const sweep_point *self)
{
    return self->engine != KIN_ENGINE_HNSW  ? kin_engine_names[self->engine]
           : self->space == KIN_SPACE_FUSED ? "hnsw fused"
                                            : "hnsw";
}

/* ---- notes ----------------------------------------------------------------------------------- */

void kin_sweep_note(sweep *self, const char *format, ...)
{
    if (self->notes == SWEEP_NOTES_MAX)
        return;
    char *note = self->note[self->notes++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(note, SWEEP_NOTE_BYTES, format, arguments);
    va_end(arguments);
    kin_monitor_message(self->monitor, KIN_LEVEL_WARNING, "%s", note);
}

int kin_sweep_unless_refused(sweep *self, const char *engine, int rc, const kin_error *fault,
                             kin_error *err)
{
    if (rc == KIN_E_MEMORY || rc == KIN_E_DATA) {
        if (self->refused.code == 0)
            self->refused = *fault;
        kin_sweep_note(self, "%s is left out: %s", engine, fault->message);
        return 0;
    }
    if (rc != 0 && err)
        *err = *fault;
    return rc;
}

/* ---- evaluation ------------------------------------------------------------------------------ */

kin_row_sink kin_sweep_sink(sweep *self)
{
    return kin_row_sample_tee(&self->evaluated, kin_calibrate_sink());
}

static double lower_bound(const sweep *self, const kin_recall_mean *recall,
                          const sweep_point *point)
{
    if (point->engine == KIN_ENGINE_EXACT || self->exhaustive) /* proven, or known */
        return point->recall;
    return recall->evaluated ? kin_lower_bound(self->value, recall->evaluated, 1 - SWEEP_CONFIDENCE)
                             : 0;
}

int kin_sweep_add_point(sweep *self, sweep_point point, kin_error *err)
{
    kin_recall_mean recall;
    char text[SWEEP_TEXT];
    int rc = kin_row_sample_recall(&self->evaluated, &recall,
                                   &(kin_recall_values){.at_k = self->value}, err);
    if (rc != 0)
        return rc;
    self->rows = recall.evaluated;
    point.most_seconds = point.seconds;
    point.runs = 1;
    point.recall = recall.tie_aware; /* nothing to find is found */
    point.lower = lower_bound(self, &recall, &point);
    kin_monitor_message(self->monitor, KIN_LEVEL_INFO, "%s: %.2f s, recall %.4f, at least %.4f",
                        kin_sweep_point_options(&point, text), point.seconds,
                        kin_sweep_floor4(point.recall), kin_sweep_floor4(point.lower));
    self->point[self->count++] = point;
    return 0;
}

/* What the rows could prove at best. */
static void check_proof(sweep *self)
{
    size_t s = self->evaluated.count;
    for (size_t i = 0; i < s; i++)
        self->value[i] = 1;
    double best =
        self->exhaustive || s == 0 ? 1 : kin_lower_bound(self->value, s, 1 - SWEEP_CONFIDENCE);
    if (best < self->options->target_recall)
        kin_sweep_note(self,
                       "%s prove a recall of %.4f at the very best, less than the target "
                       "of %.10g: give more --rows",
                       kin_count(s, "evaluated row").text, kin_sweep_floor4(best),
                       self->options->target_recall);
}

int kin_sweep_draw(sweep *self, const kin_join *join, kin_error *err)
{
    const sweep_options *o = self->options;
    size_t population = kin_row_sample_population(self->sample), tuned_count = 0;
    int32_t *tuned = NULL;
    int rc = join ? kin_join_tuned_rows(join, &tuned, &tuned_count, err) : 0;
    if (rc != 0)
        return rc;
    self->exhaustive = (size_t)o->rows + tuned_count >= population;
    row_sample_options sample = {.k = (size_t)o->top_k,
                                 .count = self->exhaustive ? population : (size_t)o->rows,
                                 .seed = (uint64_t)o->seed,
                                 .purpose = ROW_SAMPLE_SWEEP,
                                 .without = tuned,
                                 .without_count = self->exhaustive ? 0 : tuned_count,
                                 .memory_bytes = self->memory_bytes};
    rc = kin_row_sample_init(&self->evaluated, self->sample, &sample, err);
    free(tuned);
    if (rc != 0)
        return rc;
    self->value = kin_alloc(self->evaluated.count, sizeof *self->value);
    if (!self->value)
        return kin_fail_alloc(err, "recall", self->evaluated.count * sizeof *self->value);
    check_proof(self);
    kin_monitor quiet = self->monitor ? *self->monitor : (kin_monitor){0};
    quiet.progress = NULL;
    double start = kin_clock_seconds();
    rc = kin_row_sample_exact(&self->evaluated, &quiet, err);
    if (rc == 0)
        kin_monitor_message(
            self->monitor, KIN_LEVEL_INFO, "Exact neighbours of %s for the evaluation: %.2f s",
            kin_count(self->evaluated.count, "row").text, kin_clock_seconds() - start);
    return rc;
}
