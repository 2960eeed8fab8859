/*
 * kin compare: how much of a reference's neighbours a graph has. The reference is another graph, or
 * exact rows computed here and now for a sample of items.
 *
 * Sampled rows cost one pass over the vectors per micro-batch of `stream`: 1,000 of a million items
 * take about as long as reading the catalog a few times, where an exact graph takes hours.
 */
#include "compare/recall.h"
#include "core/memory.h"
#include "core/random.h"
#include "exact/stream.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/shared_options.h"
#include "tools/show_catalog.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct compare_options {
    command_common common;
    const char *reference;
    int64_t sample;
    kin_text_list modality;
    int64_t seed;
    const char *json;
} compare_options;

static const compare_options defaults = {.seed = 1};

#define FIELD(name) offsetof(compare_options, name)

static const kin_option options[] = {
    {.name = "reference",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(reference),
     .unit = "GRAPH",
     .help = "the graph to compare with, every row"},
    {.name = "sample",
     .type = KIN_OPTION_INT,
     .offset = FIELD(sample),
     .min = 1,
     .max = 1e12,
     .unit = "ROWS",
     .default_text = "none: give this or --reference",
     .help = "compare with exact rows of so many random items, computed now"},
    OPTION_MODALITY(FIELD(modality), "as the manifest says"),
    {.name = "seed",
     .type = KIN_OPTION_INT,
     .offset = FIELD(seed),
     .min = 0,
     .max = 1e15,
     .unit = "S",
     .help = "of the choice of rows"},
    {.name = "json",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(json),
     .unit = "FILE",
     .run_only = true,
     .help = "write the numbers as JSON; - prints them instead of the table"},
    COMMAND_COMMON_OPTIONS,
};

/* ---- exact rows ------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* `count` different rows of n, ascending. */
static void draw_rows(int32_t *row, size_t count, size_t n, uint64_t seed)
{
    enum { STREAM_COMPARE = 0x636d70 }; /* this use of the seed */
    uint64_t key = kin_random_key(seed, STREAM_COMPARE, 0);
    for (size_t i = 0; i < count; i++)
        row[i] = (int32_t)kin_random_place(key, n, i);
    qsort(row, count, sizeof *row, by_number);
}

static int run_exact(kin_rows *exact, const kin_catalog *catalog, const int32_t *row, size_t count,
                     size_t k, kin_error *err)
{
    kin_plan plan = {.hint = "--sample"};
    kin_plan_add(&plan, "exact rows", kin_rows_bytes(count, k, catalog->modality_count), 1);
    int rc = kin_plan_check(&plan, 0, err);
    if (rc == 0)
        rc = kin_rows_init(exact, count, k, catalog->modality_count, err);
    if (rc != 0)
        return rc;
    console_info("Computing exact rows (rows=%zu, total=%zu, top_k=%zu)", count, catalog->n, k);
    kin_stream_options stream = KIN_STREAM_OPTIONS_INIT;
    stream.top_k = k;
    kin_stream_queries queries = {.row = row, .count = count};
    console_watch progress;
    kin_watch watch = console_watch_start(&progress, count);
    rc = kin_stream_run(catalog, &queries, &stream, kin_rows_sink(exact), &watch, err);
    console_watch_end(&progress);
    return rc == 0 ? kin_catalog_unchanged(catalog, err) : rc;
}

static int compare_sample(kin_recall *out, const kin_graph *graph, const compare_options *o,
                          kin_error *err)
{
    size_t count = (size_t)o->sample;
    if (count > graph->n)
        return kin_fail(err, KIN_E_USAGE, "a sample of all items compares every row",
                        "--sample %zu, %s has %zu items", count, graph->directory, graph->n);
    kin_catalog catalog;
    kin_rows exact = {0};
    int rc = show_catalog_open(&catalog, graph, &o->modality, err);
    if (rc != 0)
        return rc;
    int32_t *row = kin_alloc(count, sizeof *row);
    if (!row) {
        rc = kin_fail_alloc(err, "sampled rows", kin_size_mul(count, sizeof *row));
    } else {
        draw_rows(row, count, graph->n, (uint64_t)o->seed);
        rc = run_exact(&exact, &catalog, row, count, graph->k, err);
    }
    if (rc == 0)
        rc = kin_recall_rows(out, graph, row, &exact, err);
    free(row);
    kin_rows_release(&exact);
    kin_catalog_close(&catalog);
    return rc;
}

/* ---- what is printed -------------------------------------------------------------------------- */

static const char *engine_of(const kin_graph *graph)
{
    const char *engine = json_string_value(json_object_get(graph->manifest, "engine"));
    return engine ? engine : "unknown";
}

/* The options that shape an approximate graph, as "candidates 800, probes 24"; 0 is "by size". */
static void print_options(const kin_graph *graph)
{
    static const char *const ivf[] = {"index_space", "candidates", "lists", "probes", NULL};
    static const char *const hnsw[] = {"index_space",     "candidates", "links",
                                       "ef_construction", "ef_search",  NULL};
    const char *engine = engine_of(graph);
    const json_t *all = json_object_get(graph->manifest, "options");
    const char *const *name = strcmp(engine, "ivf") == 0    ? ivf
                              : strcmp(engine, "hnsw") == 0 ? hnsw
                                                            : NULL;
    printf("%s, top-k %zu", engine, graph->k);
    for (; name && *name; name++) {
        const json_t *value = json_object_get(all, *name);
        int length = (int)strcspn(*name, "_");
        if (json_is_string(value))
            printf(", %.*s %s", length, *name, json_string_value(value));
        else if (json_integer_value(value) > 0)
            printf(", %s %lld", *name, (long long)json_integer_value(value));
    }
    printf(" (%s)\n", graph->directory);
}

static void print_summary(const char *name, const kin_recall_summary *s)
{
    printf("%-18s %8.5f %8.5f %8.5f %8.5f", name, s->mean, s->min, s->p5, s->p50);
}

static void print_table(const kin_recall *r, const kin_graph *graph, const kin_graph *reference)
{
    printf("graph              ");
    print_options(graph);
    printf("reference          ");
    if (reference)
        print_options(reference);
    else
        printf("exact rows, computed now\n");
    printf("rows               %zu of %zu\n\n", r->rows, graph->n);
    printf("%-18s %8s %8s %8s %8s %8s\n", "recall", "mean", "min", "p5", "median", "95% >=");
    print_summary("  tie-aware", &r->tie_aware);
    if (isnan(r->lower95))
        printf(" %8s\n", "-");
    else
        printf(" %8.5f\n", r->lower95);
    print_summary("  strict", &r->strict);
    printf(" %8s\n\n", "-");
    printf("fill               %.5f\n", r->fill);
    printf("empty rows         %zu, of the reference %zu\n", r->empty_rows,
           r->reference_empty_rows);
}

static json_t *summary_json(const kin_recall_summary *s)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "mean", s->mean, "min", s->min, "p5", s->p5, "p50",
                     s->p50);
}

static json_t *graph_json(const kin_graph *graph)
{
    json_t *out = json_object();
    json_object_set_new(out, "path", json_string(graph->directory));
    json_object_set_new(out, "engine", json_string(engine_of(graph)));
    json_object_set_new(out, "items", json_integer((json_int_t)graph->n));
    json_object_set_new(out, "pairs", json_integer((json_int_t)graph->pairs));
    json_t *all = json_object_get(graph->manifest, "options");
    json_object_set(out, "options", all ? all : json_null());
    return out;
}

static json_t *make_document(const kin_recall *r, const kin_graph *graph,
                             const kin_graph *reference, const compare_options *o)
{
    json_t *out = json_object();
    json_object_set_new(out, "schema", json_string("kin-compare/1"));
    json_object_set_new(out, "rows", json_integer((json_int_t)r->rows));
    json_object_set_new(out, "rows_judged", json_integer((json_int_t)r->judged));
    json_object_set_new(out, "census", json_boolean(r->census));
    json_object_set_new(out, "k", json_integer((json_int_t)r->k));
    json_t *tie_aware = summary_json(&r->tie_aware);
    json_object_set_new(tie_aware, "lower95",
                        isnan(r->lower95) ? json_null() : json_real(r->lower95));
    json_object_set_new(out, "recall_tie_aware", tie_aware);
    json_object_set_new(out, "recall_strict", summary_json(&r->strict));
    json_object_set_new(out, "fill", json_real(r->fill));
    json_object_set_new(out, "empty_rows",
                        json_pack("{s:I, s:I}", "graph", (json_int_t)r->empty_rows, "reference",
                                  (json_int_t)r->reference_empty_rows));
    json_object_set_new(out, "graph", graph_json(graph));
    json_object_set_new(
        out, "reference",
        reference ? graph_json(reference)
                  : json_pack("{s:s, s:I}", "engine", "stream", "seed", (json_int_t)o->seed));
    return out;
}

static int print_result(const kin_recall *r, const kin_graph *graph, const kin_graph *reference,
                        const compare_options *o, kin_error *err)
{
    if (!o->json || strcmp(o->json, "-") != 0)
        print_table(r, graph, reference);
    json_t *document = make_document(r, graph, reference, o);
    int rc = command_write_json(o->json, document, err);
    json_decref(document);
    return rc == 0 ? command_flush_stdout(err) : rc;
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    const compare_options *o = values;
    if (!o->reference == !o->sample)
        return kin_fail(err, KIN_E_USAGE, "add --reference GRAPH, or --sample 1000",
                        o->sample ? "--reference and --sample are both given"
                                  : "nothing to compare with is given");
    if (o->reference && o->modality.count)
        return kin_fail(err, KIN_E_USAGE, "leave --modality out: two graphs need no vectors",
                        "--modality goes with --sample");
    kin_graph graph;
    kin_graph reference;
    kin_recall recall = {0};
    console_catch_signals();
    int rc = kin_graph_open(&graph, operands->item[0], err);
    if (rc != 0)
        return rc;
    if (o->reference) {
        rc = kin_graph_open(&reference, o->reference, err);
        if (rc == 0) {
            rc = kin_recall_comparable(&graph, &reference, err);
            if (rc == 0)
                rc = kin_recall_graphs(&recall, &graph, &reference, err);
            if (rc == 0)
                rc = print_result(&recall, &graph, &reference, o, err);
            kin_graph_close(&reference);
        }
    } else {
        rc = compare_sample(&recall, &graph, o, err);
        if (rc == 0)
            rc = print_result(&recall, &graph, NULL, o, err);
    }
    kin_graph_close(&graph);
    return rc;
}

const kin_command command_compare = {
    .name = "compare",
    .summary = "recall of a graph against another graph or exact rows",
    .operands = "GRAPH",
    .operands_min = 1,
    .operands_max = 1,
    .example = "kin compare graph --sample 1000\n"
               "kin compare graph-ivf --reference graph-exact --json recall.json",
    .options = {.option = options,
                .count = sizeof options / sizeof *options,
                .defaults = &defaults,
                .bytes = sizeof(compare_options)},
    .run = run,
};
