/*
 * The gates of kin compare: what stands between a nightly build and production.
 */
#include "job/comparison.h"

#include <math.h>
#include <string.h>

const char *const compare_bound_names[] = {"lower", "mean", NULL};

static void add(comparison *self, const char *name, const char *what, double limit, double value,
                bool at_least)
{
    if (isnan(limit))
        return;
    bool met = at_least ? value >= limit : value <= limit; /* a value that is NaN meets nothing */
    self->gate[self->gate_count++] = (compare_gate){.name = name,
                                                    .what = what,
                                                    .limit = limit,
                                                    .value = value,
                                                    .at_least = at_least,
                                                    .met = met && !self->forced};
}

/* Where nothing was judged nothing is proven: a catalog that lost all its vectors meets no gate. */
static double recall_value(const kin_recall *recall, bool lower)
{
    const kin_interval *interval =
        recall->scored ? &recall->tie_aware_interval : &recall->strict_interval;
    double mean = recall->scored ? recall->tie_aware.mean : recall->strict.mean;
    if (recall->judged == 0)
        return 0;
    return lower ? interval->lower : mean;
}

/* Of the rows that have something to find; where that is not known, or none has, of all rows. */
static double empty_share(const comparison *self)
{
    if (self->recall.judged > 0)
        return (double)self->recall.empty_rows / (double)self->recall.judged;
    return (double)self->structure.empty_rows / (double)self->structure.items;
}

void comparison_judge_gates(comparison *self)
{
    const compare_options *o = self->options;
    bool lower = o->bound == COMPARE_BOUND_LOWER;
    add(self, "min-recall",
        self->recall.scored ? (lower ? "recall, lower bound" : "recall, mean")
                            : (lower ? "strict recall, lower bound" : "strict recall, mean"),
        o->min_recall, self->has_recall ? recall_value(&self->recall, lower) : NAN, true);
    add(self, "min-fill", "fill", o->min_fill, self->recall.judged ? self->recall.fill : 0, true);
    add(self, "max-empty", "share of empty rows", o->max_empty, empty_share(self), false);
    add(self, "max-drift", "drift", o->max_drift, self->has_drift ? self->drift.drift : NAN, false);
    add(self, "max-item-change", "share of items that came or went", o->max_item_change,
        self->has_drift ? self->drift.item_change : NAN, false);
}

double comparison_gate_shown(const compare_gate *gate)
{
    return gate->at_least ? floor(gate->value * 1e6) / 1e6 : ceil(gate->value * 1e6) / 1e6;
}

int comparison_gate_error(const comparison *self, kin_error *err)
{
    char text[KIN_MESSAGE_MAX] = "";
    for (size_t g = 0; g < self->gate_count; g++) {
        const compare_gate *gate = &self->gate[g];
        size_t used = strlen(text);
        if (!gate->met)
            snprintf(text + used, sizeof text - used, "%s%s is %.10g, --%s asks for %s %.10g",
                     used ? "; " : "", gate->what, comparison_gate_shown(gate), gate->name,
                     gate->at_least ? "at least" : "at most", gate->limit);
    }
    if (text[0] == '\0')
        return 0;
    return kin_fail(err, KIN_E_GATE,
                    self->forced ? "no gate is met by a reference that does not fit (--force)"
                                 : "do not publish this graph; the report says where it lost",
                    "%s", text);
}
