/*
 * Points of a sweep as commands and sentences (declared in report/sweep_command.h).
 */
#include "report/sweep_command.h"
#include "core/counted.h"
#include "core/text.h"
#include "job/sweep_front.h"
#include "job/sweep_points.h"
#include "report/shell.h"

#include <string.h>

void kin_sweep_write_ties(FILE *out, const sweep *self, const char *before, const char *after)
{
    const sweep_point *answer = kin_sweep_answer(self);
    char options[SWEEP_TEXT];
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        if (kin_sweep_ties(self, &self->point[i])) {
            fprintf(out, "%s%s (%.2f to %.2f s)", count ? ", " : before,
                    kin_sweep_point_options(&self->point[i], options), self->point[i].seconds,
                    self->point[i].most_seconds);
            count++;
        }
    if (count > 0)
        fprintf(out, ": it took %.2f to %.2f s in %s.%s", answer->seconds, answer->most_seconds,
                kin_count((size_t)answer->runs, "run").text, after);
}

/* What the catalog's options say beside kin build's defaults. */
static void write_catalog(FILE *out, const sweep *self, const char *between)
{
    const kin_build_options unset = KIN_BUILD_OPTIONS_INIT;
    const sweep_options *o = self->options;
    for (size_t i = 0; self->typed && i < self->typed->count; i++)
        kin_shell_option(out, between, "modality",
                         (kin_span){self->typed->item[i], strlen(self->typed->item[i])});
    if (o->top_k != unset.top_k)
        fprintf(out, "%s--top-k %lld", between, (long long)o->top_k);
    if ((int)self->catalog.missing != (int)KIN_MISSING_RENORM)
        fprintf(out, "%s--missing %s", between, kin_missing_names[self->catalog.missing]);
    if (o->seed != unset.index.seed)
        fprintf(out, "%s--seed %lld", between, (long long)o->seed);
}

char *kin_sweep_command(const sweep *self, const sweep_point *point, const char *between)
{
    const sweep_options *o = self->options;
    const kin_build_options unset = KIN_BUILD_OPTIONS_INIT;
    char *text = NULL, options[SWEEP_TEXT];
    size_t bytes;
    FILE *out = kin_text_stream(&text, &bytes);
    if (!out)
        return NULL;
    fprintf(out, "kin build %s", kin_sweep_point_options(point, options));
    if (point->engine == KIN_ENGINE_HNSW && o->target_recall != unset.target_recall)
        fprintf(out, " --target-recall %.10g", o->target_recall); /* of its evaluation */
    write_catalog(out, self, between);
    fprintf(out, "%s--out graph", between);
    fclose(out); /* leaves NULL where memory was refused */
    return text;
}
