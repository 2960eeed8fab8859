#include "compare/compatible.h"
#include "core/half.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char hint_same[] = "compare graphs that were built from the same files with the same "
                                "weights and --top-k, or go on all the same with --force";

/* Adds one difference; a refusal needs no more of them than fit. */
static void __attribute__((format(printf, 2, 3)))
add_mismatch(kin_mismatches *self, const char *format, ...)
{
    va_list arguments;
    if (self->count == KIN_MISMATCHES_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(self->text[self->count++], KIN_MESSAGE_MAX, format, arguments);
    va_end(arguments);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "none";
}

static const json_t *find_modality(const json_t *manifest, const char *name)
{
    size_t i;
    const json_t *entry;
    json_array_foreach(json_object_get(manifest, "modalities"), i, entry)
    {
        if (strcmp(text_of(entry, "name"), name) == 0)
            return entry;
    }
    return NULL;
}

static double weight_of(const json_t *modality)
{
    return json_number_value(json_object_get(modality, "weight"));
}

/* Scores lie on a common scale when vectors, weights and the treatment of gaps are the same. */
static void check_scores(kin_mismatches *out, const kin_graph *graph, const kin_graph *reference)
{
    if (graph->modality_count != reference->modality_count)
        add_mismatch(out, "%s has %zu modalities, %s has %zu", graph->directory,
                     graph->modality_count, reference->directory, reference->modality_count);
    for (size_t m = 0; m < graph->modality_count; m++) {
        const char *name = graph->modality[m];
        const json_t *a = find_modality(graph->manifest, name);
        const json_t *b = find_modality(reference->manifest, name);
        if (!b) {
            add_mismatch(out, "%s has a modality '%s', %s has none", graph->directory, name,
                         reference->directory);
            continue;
        }
        if (strcmp(text_of(a, "xxh3_128"), text_of(b, "xxh3_128")) != 0)
            add_mismatch(out, "'%s' was made from other vectors: fingerprint %s in %s, %s in %s",
                         name, text_of(a, "xxh3_128"), graph->directory, text_of(b, "xxh3_128"),
                         reference->directory);
        if (weight_of(a) != weight_of(b))
            add_mismatch(out, "'%s' has weight %g in %s, %g in %s", name, weight_of(a),
                         graph->directory, weight_of(b), reference->directory);
    }
    const char *missing_a = text_of(json_object_get(graph->manifest, "options"), "missing");
    const char *missing_b = text_of(json_object_get(reference->manifest, "options"), "missing");
    if (strcmp(missing_a, missing_b) != 0)
        add_mismatch(out, "--missing was %s for %s, %s for %s", missing_a, graph->directory,
                     missing_b, reference->directory);
}

static void check_ids(kin_mismatches *out, const kin_graph *graph, const kin_graph *reference)
{
    for (size_t i = 0; i < graph->n && i < reference->n; i++) {
        kin_span a = kin_lines_at(&graph->ids, i);
        kin_span b = kin_lines_at(&reference->ids, i);
        if (kin_span_equal(a, b))
            continue;
        add_mismatch(out, "row %zu is item '%.*s' in %s, '%.*s' in %s", i,
                     (int)(a.length < 64 ? a.length : 64), a.text, graph->directory,
                     (int)(b.length < 64 ? b.length : 64), b.text, reference->directory);
        return;
    }
}

static size_t cut_to(size_t k, size_t top_k)
{
    return top_k > 0 && top_k < k ? top_k : k;
}

int kin_graph_check_compatible(kin_mismatches *out, const kin_graph *graph,
                               const kin_graph *reference, size_t top_k, kin_error *err)
{
    bool imported = kin_graph_is_imported(graph) || kin_graph_is_imported(reference);
    *out = (kin_mismatches){0};
    if (graph->n != reference->n)
        add_mismatch(out, "%s has %zu items, %s has %zu", graph->directory, graph->n,
                     reference->directory, reference->n);
    if (!imported && cut_to(graph->k, top_k) != cut_to(reference->k, top_k))
        add_mismatch(out, "%s has top-k %zu, %s has %zu", graph->directory, graph->k,
                     reference->directory, reference->k);
    /* with ids an imported file may have its rows in any order, but not beside vectors of those
     * rows */
    bool scored = graph->data && reference->data;
    if (!imported || scored)
        check_ids(out, graph, reference);
    if (scored)
        check_scores(out, graph, reference);
    if (out->count == 0)
        return 0;
    return kin_fail(err, KIN_E_DATA, hint_same, "%s", out->text[0]);
}

double kin_graph_weight_sum(const kin_graph *graph)
{
    double sum = 0;
    size_t i;
    const json_t *entry;
    json_array_foreach(json_object_get(graph->manifest, "modalities"), i, entry)
    {
        sum += weight_of(entry);
    }
    return sum > 0 ? sum : 1;
}

float kin_graph_cosine(const kin_graph *graph, double weight_sum, size_t m, size_t entry)
{
    return graph->modality_count == 1 && graph->data
               ? (float)((double)graph->data[entry] / weight_sum)
               : kin_half_to_float(graph->cosine[m][entry]);
}

bool kin_graph_is_imported(const kin_graph *graph)
{
    return strcmp(text_of(graph->manifest, "engine"), "imported") == 0;
}

bool kin_graph_is_exact(const kin_graph *graph)
{
    const char *engine = json_string_value(json_object_get(graph->manifest, "engine"));
    return engine && (strcmp(engine, "exact") == 0 || strcmp(engine, "stream") == 0);
}
