/*
 * A graph's vectors (job/graph_catalog.h). Cost: one pass over the files, which kin_catalog_open
 * checks and fingerprints: so it is known that these are still the vectors of this graph.
 */
#include "job/graph_catalog.h"
#include "core/counted.h"
#include "core/memory.h"
#include "job/sources.h"

#include <stdlib.h>
#include <string.h>

static const json_t *manifest_modality(const kin_graph *graph, size_t m)
{
    return json_array_get(json_object_get(graph->manifest, "modalities"), m);
}

static kin_missing manifest_missing(const kin_graph *graph)
{
    const json_t *options = json_object_get(graph->manifest, "options");
    const char *name = json_string_value(json_object_get(options, "missing"));
    for (int i = KIN_MISSING_RENORM; name && i <= KIN_MISSING_ERROR; i++)
        if (strcmp(name, kin_missing_names[i]) == 0)
            return (kin_missing)i;
    return KIN_MISSING_RENORM;
}

/* Puts the sources into the manifest's order and gives them its weights. */
static int arrange(kin_source *source, size_t count, const kin_graph *graph, kin_error *err)
{
    static const char hint[] = "give each modality of the graph once: kin info shows their names";
    if (count != graph->modality_count)
        return kin_fail(err, KIN_E_DATA, hint, "--modality is given %s, %s has %s",
                        kin_count(count, "time").text, graph->directory,
                        kin_count(graph->modality_count, "modality").text);
    for (size_t m = 0; m < count; m++) {
        size_t at = m;
        while (at < count && strcmp(source[at].name, graph->modality[m]) != 0)
            at++;
        if (at == count)
            return kin_fail(err, KIN_E_DATA, hint,
                            "%s has a modality '%s', none of that name is "
                            "given",
                            graph->directory, graph->modality[m]);
        kin_source found = source[at];
        source[at] = source[m];
        source[m] = found;
        double weight = json_number_value(json_object_get(manifest_modality(graph, m), "weight"));
        if (source[m].weight != 1 && source[m].weight != weight)
            return kin_fail(err, KIN_E_DATA, "leave the weight out: the manifest's counts",
                            "'%s' is given weight %g, %s was made with %g", source[m].name,
                            source[m].weight, graph->directory, weight);
        source[m].weight = weight;
    }
    return 0;
}

static int check_same(const kin_catalog *catalog, const kin_graph *graph, kin_error *err)
{
    static const char hint[] = "name the files the graph was made from with --modality, or build "
                               "the graph again";
    if (catalog->n != graph->n)
        return kin_fail(err, KIN_E_DATA, hint, "%s has %s, %s has %zu",
                        catalog->modality[0].matrix.file.path, kin_count(catalog->n, "item").text,
                        graph->directory, graph->n);
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const char *wanted =
            json_string_value(json_object_get(manifest_modality(graph, m), "xxh3_128"));
        const char *found = catalog->modality[m].fingerprint.text;
        if (!wanted || strcmp(wanted, found) != 0)
            return kin_fail(err, KIN_E_DATA, hint,
                            "%s is not what %s was made from: fingerprint %s, the manifest has %s",
                            catalog->modality[m].matrix.file.path, graph->directory, found,
                            wanted ? wanted : "none");
    }
    return 0;
}

int kin_graph_catalog_open_sources(kin_catalog *out, const kin_graph *graph,
                                   const kin_source *given, size_t count, kin_error *err)
{
    kin_source source[KIN_MODALITIES_MAX];
    for (size_t m = 0; m < count && m < KIN_MODALITIES_MAX; m++)
        source[m] = given[m];
    int rc = arrange(source, count, graph, err);
    if (rc == 0) {
        kin_catalog_options options = {
            .source = source, .source_count = count, .missing = manifest_missing(graph)};
        rc = kin_catalog_open(out, &options, err);
    }
    if (rc == 0) {
        rc = check_same(out, graph, err);
        if (rc != 0)
            kin_catalog_close(out);
    }
    return rc;
}

int kin_graph_catalog_open(kin_catalog *out, const kin_graph *graph, const kin_text_list *given,
                           kin_error *err)
{
    kin_source source[KIN_MODALITIES_MAX];
    size_t count = 0;
    int rc = given->count ? kin_sources_parse(source, &count, given, err)
                          : kin_sources_from_manifest(source, &count, graph->manifest, err);
    if (rc == 0)
        rc = kin_graph_catalog_open_sources(out, graph, source, count, err);
    kin_sources_release(source, count);
    return rc;
}

int kin_graph_catalog_try(kin_catalog *out, bool *opened, kin_error *reason, const kin_graph *graph,
                          const kin_text_list *given, kin_error *err)
{
    *reason = (kin_error){0};
    int rc = kin_graph_catalog_open(out, graph, given, reason);
    *opened = rc == 0;
    if (rc == 0 || ((rc == KIN_E_NOINPUT || rc == KIN_E_DATA) && given->count == 0))
        return 0;
    if (err)
        *err = *reason;
    return rc;
}

int kin_catalog_view_init(kin_catalog *out, const kin_catalog *catalog, size_t m, kin_error *err)
{
    *out = (kin_catalog){.n = catalog->n, .modality_count = 1, .missing = KIN_MISSING_RENORM};
    out->modality[0] = catalog->modality[m];
    out->modality[0].weight = 1;
    out->present = kin_alloc(catalog->n, sizeof *out->present);
    if (!out->present)
        return kin_fail_alloc(err, "items of a modality", catalog->n);
    for (size_t i = 0; i < catalog->n; i++)
        out->present[i] = catalog->modality[m].inverse_norm[i] > 0;
    return 0;
}

void kin_catalog_view_release(kin_catalog *self)
{
    free(self->present);
    *self = (kin_catalog){0};
}
