/*
 * What the points of a sweep come to (job/sweep.h).
 */
#include "core/counted.h"
#include "core/text.h"
#include "job/sweep.h"
#include "tools/shell.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- order, front, answer --------------------------------------------------------------------- */

static int by_recall(const void *a, const void *b)
{
    const sweep_point *x = a, *y = b;
    if (x->recall != y->recall)
        return x->recall < y->recall ? -1 : 1;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

void sweep_order(sweep *self)
{
    double least = INFINITY; /* seconds of those with more recall, or as much in less time */
    qsort(self->point, self->count, sizeof *self->point, by_recall);
    for (size_t i = self->count; i-- > 0;) {
        self->point[i].pareto = self->point[i].seconds < least;
        least = fmin(least, self->point[i].seconds);
    }
}

bool sweep_reaches(const sweep *self, const sweep_point *point)
{
    return point->lower >= self->options->target_recall;
}

bool sweep_same_seconds(const sweep_point *a, const sweep_point *b)
{
    return a->seconds <= b->most_seconds && b->seconds <= a->most_seconds;
}

/* An engine's settings have one order of effort. */
static bool less_effort(const sweep_point *a, const sweep_point *b)
{
    return a->engine == b->engine && a->space == b->space && a->target <= b->target &&
           a->candidates <= b->candidates;
}

static bool is_able(const sweep *self, const sweep_point *point)
{
    return point->engine != ENGINE_EXACT && sweep_reaches(self, point);
}

const sweep_point *sweep_answer(const sweep *self)
{
    const sweep_point *best = NULL, *least;
    for (size_t i = 0; i < self->count; i++)
        if (is_able(self, &self->point[i]) && (!best || self->point[i].seconds < best->seconds))
            best = &self->point[i];
    least = best;
    for (size_t i = 0; i < self->count && best; i++)
        if (is_able(self, &self->point[i]) && sweep_same_seconds(&self->point[i], best) &&
            less_effort(&self->point[i], least))
            least = &self->point[i];
    return least;
}

bool sweep_ties(const sweep *self, const sweep_point *point)
{
    const sweep_point *answer = sweep_answer(self);
    return answer && point != answer && is_able(self, point) && sweep_same_seconds(point, answer);
}

void sweep_write_ties(FILE *out, const sweep *self, const char *before, const char *after)
{
    const sweep_point *answer = sweep_answer(self);
    char options[SWEEP_TEXT];
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        if (sweep_ties(self, &self->point[i])) {
            fprintf(out, "%s%s (%.2f to %.2f s)", count ? ", " : before,
                    sweep_point_options(&self->point[i], options), self->point[i].seconds,
                    self->point[i].most_seconds);
            count++;
        }
    if (count > 0)
        fprintf(out, ": it took %.2f to %.2f s in %s.%s", answer->seconds, answer->most_seconds,
                kin_count((size_t)answer->runs, "run").text, after);
}

const sweep_point *sweep_exact(const sweep *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->point[i].engine == ENGINE_EXACT)
            return &self->point[i];
    return NULL;
}

bool sweep_prefers_exact(const sweep *self)
{
    const sweep_point *exact = sweep_exact(self), *answer = sweep_answer(self);
    return exact && (!answer || exact->seconds <= answer->most_seconds);
}

double sweep_floor4(double recall)
{
    return floor(recall * 1e4) / 1e4;
}

/* ---- what to type ----------------------------------------------------------------------------- */

const char *sweep_point_knob(const sweep_point *self, char text[SWEEP_TEXT])
{
    text[0] = '\0';
    if (self->engine == ENGINE_IVF)
        snprintf(text, SWEEP_TEXT, "--target-recall %.10g", self->target);
    else if (self->engine == ENGINE_HNSW)
        snprintf(text, SWEEP_TEXT, "--candidates %lld", (long long)self->candidates);
    return text;
}

const char *sweep_point_options(const sweep_point *self, char text[SWEEP_TEXT])
{
    char knob[SWEEP_TEXT], effort[SWEEP_TEXT] = "";
    if (self->engine == ENGINE_HNSW)
        snprintf(effort, sizeof effort, " --ef-search %lld", (long long)self->candidates);
    snprintf(text, SWEEP_TEXT, "--engine %s%s%s%.32s%.32s", build_engine_names[self->engine],
             self->engine == ENGINE_HNSW && self->space == KIN_SPACE_FUSED ? " --index-space fused"
                                                                           : "",
             self->engine == ENGINE_EXACT ? "" : " ", sweep_point_knob(self, knob), effort);
    return text;
}

const char *sweep_point_series(const sweep_point *self)
{
    return self->engine != ENGINE_HNSW      ? build_engine_names[self->engine]
           : self->space == KIN_SPACE_FUSED ? "hnsw fused"
                                            : "hnsw";
}

/* What the catalog's options say beside kin build's defaults. */
static void write_catalog(FILE *out, const sweep_options *o, const char *between)
{
    const build_options *unset = command_build.options.defaults;
    for (size_t i = 0; i < o->modality.count; i++)
        shell_option(out, between, "modality",
                     (kin_span){o->modality.item[i], strlen(o->modality.item[i])});
    if (o->top_k != unset->top_k)
        fprintf(out, "%s--top-k %lld", between, (long long)o->top_k);
    if (o->missing != unset->missing)
        fprintf(out, "%s--missing %s", between, kin_missing_names[o->missing]);
    if (o->seed != unset->index.seed)
        fprintf(out, "%s--seed %lld", between, (long long)o->seed);
}

char *sweep_command(const sweep *self, const sweep_point *point, const char *between)
{
    const sweep_options *o = self->options;
    const build_options *unset = command_build.options.defaults;
    char *text = NULL, options[SWEEP_TEXT];
    size_t bytes;
    FILE *out = kin_text_stream(&text, &bytes);
    if (!out)
        return NULL;
    fprintf(out, "kin build %s", sweep_point_options(point, options));
    if (point->engine == ENGINE_HNSW && o->target_recall != unset->target_recall)
        fprintf(out, " --target-recall %.10g", o->target_recall); /* what it is judged by */
    write_catalog(out, o, between);
    fprintf(out, "%s--out graph", between);
    fclose(out); /* leaves NULL where memory was refused */
    return text;
}
