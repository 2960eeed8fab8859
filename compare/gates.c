#include "compare/gates.h"

#include <stdio.h>
#include <string.h>

const char *const kin_gate_bound_names[] = {"lower", "mean", NULL};

/* Gates under way. */
typedef struct gates {
    kin_gate *gate;
    size_t count;
    bool incompatible;
} gates;

static void add(gates *self, const char *name, const char *what, double limit, double value,
                bool at_least)
{
    if (isnan(limit))
        return;
    bool met = at_least ? value >= limit : value <= limit;
    self->gate[self->count++] = (kin_gate){.name = name,
                                           .what = what,
                                           .limit = limit,
                                           .value = value,
                                           .at_least = at_least,
                                           .met = met && !self->incompatible};
}

/* Where no row was evaluated nothing is proven: a catalog that lost all its vectors meets no
 * gate. */
static double recall_value(const kin_recall *recall, bool lower)
{
    const kin_interval *interval =
        recall->scored ? &recall->tie_aware_interval : &recall->strict_interval;
    double mean = recall->scored ? recall->tie_aware.mean : recall->strict.mean;
    if (recall->evaluated == 0)
        return 0;
    return lower ? interval->lower : mean;
}

/* Of the rows that have something to find; where that is not known, or none has, of all rows. */
static double empty_share(const kin_gate_facts *facts)
{
    if (facts->recall && facts->recall->evaluated > 0)
        return (double)facts->recall->empty_rows / (double)facts->recall->evaluated;
    return (double)facts->structure->empty_rows / (double)facts->structure->items;
}

size_t kin_gates_check(kin_gate out[KIN_GATES_MAX], const kin_gate_limits *limits,
                       const kin_gate_facts *facts)
{
    const kin_recall *recall = facts->recall;
    const kin_drift *drift = facts->drift;
    bool lower = limits->bound == KIN_GATE_BOUND_LOWER;
    bool scored = recall && recall->scored;
    gates all = {.gate = out, .incompatible = facts->incompatible};
    add(&all, "min-recall",
        scored ? (lower ? "recall, lower bound" : "recall, mean")
               : (lower ? "strict recall, lower bound" : "strict recall, mean"),
        limits->min_recall, recall ? recall_value(recall, lower) : NAN, true);
    add(&all, "min-fill", "fill", limits->min_fill, recall && recall->evaluated ? recall->fill : 0,
        true);
    add(&all, "max-empty", "share of empty rows", limits->max_empty, empty_share(facts), false);
    add(&all, "max-drift", "drift", limits->max_drift, drift ? drift->drift : NAN, false);
    add(&all, "max-item-change", "share of items that came or went", limits->max_item_change,
        drift ? drift->item_change : NAN, false);
    return all.count;
}

double kin_gate_shown(const kin_gate *gate)
{
    return gate->at_least ? floor(gate->value * 1e6) / 1e6 : ceil(gate->value * 1e6) / 1e6;
}

int kin_gates_error(const kin_gate *gate, size_t count, bool incompatible, kin_error *err)
{
    char text[KIN_MESSAGE_MAX] = "";
    for (size_t g = 0; g < count; g++) {
        size_t used = strlen(text);
        if (!gate[g].met)
            snprintf(text + used, sizeof text - used, "%s%s is %.10g, --%s asks for %s %.10g",
                     used ? "; " : "", gate[g].what, kin_gate_shown(&gate[g]), gate[g].name,
                     gate[g].at_least ? "at least" : "at most", gate[g].limit);
    }
    if (text[0] == '\0')
        return 0;
    return kin_fail(err, KIN_E_GATE,
                    incompatible ? "no gate is met by a reference that does not fit (--force)"
                                 : "do not publish this graph; the report says where it lost",
                    "%s", text);
}
