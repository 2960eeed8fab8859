/*
 * Names and small numbers in reports of a comparison (declared in report/compare_names.h).
 */
#include "report/compare_names.h"

#include <math.h>

const kin_summary *kin_compare_recall(const kin_recall *recall)
{
    return recall->scored ? &recall->tie_aware : &recall->strict;
}

const kin_interval *kin_compare_recall_interval(const kin_recall *recall)
{
    return recall->scored ? &recall->tie_aware_interval : &recall->strict_interval;
}

const char *kin_compare_graph_name(const kin_graph *graph)
{
    return graph->directory ? kin_path_base(graph->directory) : "graph";
}

const char *kin_compare_reference_name(const kin_comparison *compared)
{
    return compared->computed ? "exact rows" : kin_compare_graph_name(&compared->reference.graph);
}

const char *kin_compare_engine(const kin_graph *graph)
{
    const char *engine = json_string_value(json_object_get(graph->manifest, "engine"));
    return engine ? engine : "unknown";
}

const char *kin_compare_modality_color(size_t m)
{
    static const char *const color[KIN_MODALITIES_MAX] = {"m0", "m1", "m2", "m3",
                                                          "m4", "m5", "m6", "m7"};
    return color[m];
}

double kin_compare_ratio(size_t a, size_t b)
{
    return b > 0 ? (double)a / (double)b : NAN;
}
