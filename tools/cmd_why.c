/*
 * kin why: everything that is known about one pair of items, and what became of it.
 */
#include "compare/why.h"
#include "core/counted.h"
#include "core/json.h"
#include "core/plain.h"
#include "job/show_catalog.h"
#include "job/show_data.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/outputs.h"
#include "tools/shared_options.h"
#include "tools/signals.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct why_options {
    command_common common;
    kin_text_list modality;
    const char *json;
} why_options;

static const why_options defaults = {0};

#define FIELD(name) offsetof(why_options, name)

static const kin_option options[] = {
    OPTION_MODALITY(FIELD(modality), "as the manifest says"),
    {.name = "json",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(json),
     .unit = "FILE",
     .run_only = true,
     .help = "write the facts as JSON; - prints them instead of the text"},
    KIN_OPTIONS_END,
};

/* ---- as text ---------------------------------------------------------------------------------- */

enum { LABEL = 18 };

static void print_label(const char *label)
{
    printf("%-*s ", LABEL, plain(label).text);
}

static void print_item(const char *letter, const kin_graph *graph, size_t row)
{
    kin_span title = show_cell(graph, row, "title");
    kin_span category = show_cell(graph, row, "category");
    print_label(letter);
    plain_write(stdout, kin_lines_at(&graph->ids, row));
    printf(title.length ? "  " : "");
    plain_write(stdout, title);
    printf(category.length ? "  [" : "");
    plain_write(stdout, category);
    printf(category.length ? "]\n" : "\n");
}

static void print_value(double value, int digits)
{
    if (isnan(value))
        printf(" %12s", "-");
    else
        printf(" %12.*f", digits, value);
}

static void print_rank(const why_rank *rank)
{
    if (rank->place > 0)
        printf(" %9zu %9zu", rank->place, rank->distinct);
    else
        printf(" %9s %9s", "-", "-");
}

static void print_scores(const why_facts *w)
{
    const kin_graph *graph = w->graph;
    int digits = w->vectors || graph->modality_count == 1 ? 6 : 3; /* stored: float16 */
    print_label("");
    printf(" %12s %12s %12s %9s %9s\n", "weight", "cosine", "contribution", "rank", "depth");
    for (size_t m = 0; m < graph->modality_count; m++) {
        print_label(graph->modality[m]);
        printf(" %12g", w->weight[m]);
        print_value((double)w->cosine[m], digits);
        print_value(w->contribution[m], digits);
        print_rank(&w->there.by[m]);
        putchar('\n');
    }
    print_label("fused score");
    printf(" %12s %12s", "", "");
    print_value((double)w->score, 6);
    print_rank(&w->there.fused);
    putchar('\n');
    if (w->there.others > 0)
        printf("rank: of B among the %s that A has a score with; depth: how many distinct "
               "vectors an "
               "index\nhas to be asked for until B's is among them, A's own counted\n",
               kin_count(w->there.others, "item").text);
    putchar('\n');
}

/* "B is at place 3 of 200", with the last score. */
static void print_stored(const why_facts *w)
{
    const why_side *there = &w->there;
    print_label("in A's row");
    if (there->place > 0)
        printf("B is at place %zu of %zu", there->place, there->stored);
    else
        printf("B is not among its %zu", there->stored);
    if (there->stored > 0)
        printf("; place %zu has %.6f", there->stored, (double)there->last);
    printf("\n");
}

static void print_back(const why_facts *w)
{
    const why_side *back = &w->back;
    print_label("the other way");
    if (back->place > 0)
        printf("A is at place %zu of %zu in B's row", back->place, back->stored);
    else
        printf("A is not among the %zu of B's row", back->stored);
    if (back->fused.place > 0)
        printf("; its exact rank for B is %zu of %zu", back->fused.place, back->others);
    printf("\n");
}

static void print_sources(const why_facts *w)
{
    const why_trace *trace = &w->trace;
    if (trace->source_count == 0)
        print_label("candidates");
    if (trace->rows > 0 && !trace->traced)
        printf("A is not among the rows that were traced, %zu in number\n", trace->rows);
    else if (why_is_exact(w->graph))
        printf("all items: the engine is exact\n");
    else if (!trace->traced)
        printf("none were noted: build with --trace-rows\n");
    for (size_t s = 0; s < trace->source_count; s++) {
        const why_source *source = &trace->source[s];
        print_label(s == 0 ? "candidates" : "");
        printf("%s %s it", plain(source->name).text,
               source->proposed ? "proposed" : "did not propose");
        printf(source->asked > 0 ? " (asked for %zu)\n" : "\n", source->asked);
    }
    if (!trace->join)
        return;
    print_label("");
    if (trace->reach == -INFINITY)
        printf("A looked at B's list\n");
    else if (isinf(trace->reach))
        printf("A did not look at B's list, and no reach would let it\n");
    else
        printf("A did not look at B's list, which needs reach %.2f; %.2f was used\n",
               (double)trace->reach, trace->reach_used);
}

static void print_text(const why_facts *w)
{
    signals_release(); /* a reader of stdout may be waited for */
    print_item("A", w->graph, w->a);
    print_item("B", w->graph, w->b);
    if (w->code != WHY_SAME_ITEM) {
        putchar('\n');
        print_scores(w);
        print_stored(w);
        print_back(w);
        print_sources(w);
    }
    putchar('\n');
    print_label("verdict");
    printf("%s\n", plain(w->verdict).text);
}

/* ---- as JSON ---------------------------------------------------------------------------------- */

/* Counts from 1; null where there is none. */
static json_t *count_or_null(size_t value)
{
    return value > 0 ? json_integer((json_int_t)value) : json_null();
}

static json_t *item_json(const kin_graph *graph, size_t row)
{
    kin_span id = kin_lines_at(&graph->ids, row);
    return json_pack("{s:s%, s:I}", "id", id.text, id.length, "row", (json_int_t)row);
}

static void add_rank(json_t **out, const why_rank *rank)
{
    kin_json_set(out, "rank", count_or_null(rank->place));
    kin_json_set(out, "distinct_rank", count_or_null(rank->distinct));
}

static json_t *side_json(const why_side *side)
{
    json_t *out = json_object();
    kin_json_set(&out, "place", count_or_null(side->place));
    kin_json_set(&out, "stored", json_integer((json_int_t)side->stored));
    kin_json_set(&out, "last_score", kin_json_real((double)side->last));
    add_rank(&out, &side->fused);
    kin_json_set(&out, "of", count_or_null(side->others));
    return out;
}

static json_t *modalities_json(const why_facts *w)
{
    json_t *out = json_array();
    for (size_t m = 0; m < w->graph->modality_count; m++) {
        json_t *entry = json_object();
        kin_json_set(&entry, "name", json_string(w->graph->modality[m]));
        kin_json_set(&entry, "weight", json_real(w->weight[m]));
        kin_json_set(&entry, "cosine", kin_json_real((double)w->cosine[m]));
        kin_json_set(&entry, "contribution", kin_json_real(w->contribution[m]));
        add_rank(&entry, &w->there.by[m]);
        kin_json_append(&out, entry);
    }
    return out;
}

static json_t *trace_json(const why_trace *trace)
{
    if (trace->rows == 0)
        return json_null();
    json_t *sources = json_array();
    for (size_t s = 0; s < trace->source_count; s++) {
        const why_source *source = &trace->source[s];
        kin_json_append(&sources,
                        json_pack("{s:s, s:o, s:b}", "name", source->name, "asked",
                                  count_or_null(source->asked), "proposed", source->proposed));
    }
    json_t *out = json_pack("{s:I, s:b, s:o}", "rows", (json_int_t)trace->rows, "traced",
                            trace->traced, "sources", sources);
    if (trace->join) {
        kin_json_set(&out, "looked_at", json_boolean(trace->reach == -INFINITY));
        kin_json_set(&out, "reach", kin_json_real((double)trace->reach));
        kin_json_set(&out, "reach_used", kin_json_real(trace->reach_used));
    }
    return out;
}

static json_t *graph_json(const kin_graph *graph)
{
    json_t *engine = json_object_get(graph->manifest, "engine");
    json_t *out = json_object();
    kin_json_set(&out, "path", kin_json_text(graph->directory));
    if (engine)
        kin_json_set(&out, "engine", json_incref(engine));
    kin_json_set(&out, "top_k", json_integer((json_int_t)graph->k));
    return out;
}

static json_t *make_document(const why_facts *w)
{
    const kin_graph *graph = w->graph;
    json_t *out = json_object();
    kin_json_set(&out, "schema", json_string("kin-why/1"));
    kin_json_set(&out, "graph", graph_json(graph));
    kin_json_set(&out, "a", item_json(graph, w->a));
    kin_json_set(&out, "b", item_json(graph, w->b));
    kin_json_set(&out, "vectors", json_boolean(w->vectors));
    kin_json_set(&out, "score", kin_json_real((double)w->score));
    kin_json_set(&out, "modalities", modalities_json(w));
    kin_json_set(&out, "b_for_a", side_json(&w->there));
    kin_json_set(&out, "a_for_b", side_json(&w->back));
    kin_json_set(&out, "trace", trace_json(&w->trace));
    kin_json_set(&out, "verdict",
                 json_pack("{s:s, s:s}", "code", why_code_names[w->code], "text", w->verdict));
    return out;
}

/* ---- both ------------------------------------------------------------------------------------- */

/* The graph's vectors. Files that the user named must be right; without those of the manifest the graph alone
 * can be asked. */
static int open_vectors(kin_catalog *catalog, bool *opened, const kin_graph *graph,
                        const kin_text_list *given, kin_error *err)
{
    kin_error fault = {0};
    int rc = show_catalog_open(catalog, graph, given, &fault);
    *opened = rc == 0;
    if ((rc == KIN_E_NOINPUT || rc == KIN_E_DATA) && given->count == 0) {
        console_warn("Only the graph is asked, for want of its vectors: %s", fault.message);
        return 0;
    }
    if (rc != 0 && err)
        *err = fault;
    return rc;
}

static int explain(const kin_graph *graph, size_t a, size_t b, const why_options *o, kin_error *err)
{
    kin_catalog catalog;
    why_facts facts;
    bool opened;
    int rc = open_vectors(&catalog, &opened, graph, &o->modality, err);
    if (rc != 0)
        return rc;
    signals_catch(); /* until now there is nothing to leave behind or to stop */
    kin_monitor monitor = console_monitor_quiet();
    rc = why_find(&facts, graph, opened ? &catalog : NULL, a, b, &monitor, err);
    if (rc == 0 && opened)
        rc = kin_catalog_unchanged(&catalog, err);
    if (rc == 0 && o->json) {
        json_t *document = make_document(&facts);
        rc = command_write_json(o->json, document, err);
        json_decref(document);
    }
    if (rc == 0 && (!o->json || strcmp(o->json, "-") != 0))
        print_text(&facts);
    if (opened)
        kin_catalog_close(&catalog);
    return rc == 0 ? command_flush_stdout(err) : rc;
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    const why_options *o = values;
    kin_graph graph;
    size_t row[2];
    int rc = outputs_check(&(outputs){.json = o->json}, err);
    if (rc == 0)
        rc = kin_graph_open(&graph, operands->item[0], err);
    if (rc != 0)
        return rc;
    rc = show_find(row, operands->item + 1, 2, &graph, err);
    if (rc == 0)
        rc = explain(&graph, row[0], row[1], o, err);
    kin_graph_close(&graph);
    return rc;
}

const kin_command command_why = {
    .name = "why",
    .summary = "why one item is another's neighbour, or why it is not",
    .operands = "GRAPH A B",
    .operands_min = 3,
    .operands_max = 3,
    .example = "kin why graph 4711 4712\n"
               "kin why graph-join 4711 4712 --json why.json",
    .options = COMMAND_OPTIONS(options, defaults),
    .run = run,
};
