/*
 * Why a pair of items is stored or not, as text and as JSON (report/why_report.h).
 */
#include "report/why_report.h"
#include "compare/compatible.h"
#include "core/counted.h"
#include "core/json.h"
#include "core/plain.h"
#include "report/show_text.h"

#include <math.h>

/* ---- as text --------------------------------------------------------------------------------- */

enum { LABEL = 18 };

static void print_label(FILE *out, const char *label)
{
    fprintf(out, "%-*s ", LABEL, kin_plain(label).text);
}

static void print_value(FILE *out, double value, int digits)
{
    if (isnan(value))
        fprintf(out, " %12s", "-");
    else
        fprintf(out, " %12.*f", digits, value);
}

static void print_rank(FILE *out, const kin_why_rank *rank)
{
    if (rank->place > 0)
        fprintf(out, " %9zu %9zu", rank->place, rank->distinct);
    else
        fprintf(out, " %9s %9s", "-", "-");
}

static void print_scores(FILE *out, const kin_why *w)
{
    const kin_graph *graph = w->graph;
    int digits = w->vectors || graph->modality_count == 1 ? 6 : 3; /* stored: float16 */
    print_label(out, "");
    fprintf(out, " %12s %12s %12s %9s %9s\n", "weight", "cosine", "contribution", "rank", "depth");
    for (size_t m = 0; m < graph->modality_count; m++) {
        print_label(out, graph->modality[m]);
        fprintf(out, " %12g", w->weight[m]);
        print_value(out, (double)w->cosine[m], digits);
        print_value(out, w->contribution[m], digits);
        print_rank(out, &w->there.by[m]);
        putc('\n', out);
    }
    print_label(out, "fused score");
    fprintf(out, " %12s %12s", "", "");
    print_value(out, (double)w->score, 6);
    print_rank(out, &w->there.fused);
    putc('\n', out);
    if (w->there.others > 0)
        fprintf(out,
                "rank: of B among the %s that A has a score with; depth: how many distinct "
                "vectors an "
                "index\nhas to be asked for until B's is among them, A's own counted\n",
                kin_count(w->there.others, "item").text);
    putc('\n', out);
}

/* "B is at place 3 of 200", with the last score. */
static void print_stored(FILE *out, const kin_why *w)
{
    const kin_why_side *there = &w->there;
    print_label(out, "in A's row");
    if (there->place > 0)
        fprintf(out, "B is at place %zu of %zu", there->place, there->stored);
    else
        fprintf(out, "B is not among its %zu", there->stored);
    if (there->stored > 0)
        fprintf(out, "; place %zu has %.6f", there->stored, (double)there->last);
    fputs("\n", out);
}

static void print_back(FILE *out, const kin_why *w)
{
    const kin_why_side *back = &w->back;
    print_label(out, "the other way");
    if (back->place > 0)
        fprintf(out, "A is at place %zu of %zu in B's row", back->place, back->stored);
    else
        fprintf(out, "A is not among the %zu of B's row", back->stored);
    if (back->fused.place > 0)
        fprintf(out, "; its exact rank for B is %zu of %zu", back->fused.place, back->others);
    fputs("\n", out);
}

static void print_sources(FILE *out, const kin_why *w)
{
    const kin_why_trace *trace = &w->trace;
    if (trace->source_count == 0)
        print_label(out, "candidates");
    if (trace->rows > 0 && !trace->traced)
        fprintf(out, "A is not among the rows that were traced, %zu in number\n", trace->rows);
    else if (kin_graph_is_exact(w->graph))
        fputs("all items: the engine is exact\n", out);
    else if (!trace->traced)
        fputs("none were recorded: build with --trace-rows\n", out);
    for (size_t s = 0; s < trace->source_count; s++) {
        const kin_why_source *source = &trace->source[s];
        print_label(out, s == 0 ? "candidates" : "");
        fprintf(out, "%s %s it", kin_plain(source->name).text,
                source->proposed ? "proposed" : "did not propose");
        fprintf(out, source->asked > 0 ? " (asked for %zu)\n" : "\n", source->asked);
    }
    if (!trace->join)
        return;
    print_label(out, "");
    if (trace->probe_sigmas == -INFINITY)
        fputs("A looked at B's cluster\n", out);
    else if (isinf(trace->probe_sigmas))
        fputs("A did not look at B's cluster, and no effort would let it\n", out);
    else
        fprintf(out, "A did not look at B's cluster, which needs %.2f sigmas; %.2f were used\n",
                (double)trace->probe_sigmas, trace->sigmas_used);
}

void kin_why_print(const kin_why *w, FILE *out)
{
    print_label(out, "A");
    kin_item_print(w->graph, w->a, out);
    print_label(out, "B");
    kin_item_print(w->graph, w->b, out);
    if (w->code != KIN_WHY_SAME_ITEM) {
        putc('\n', out);
        print_scores(out, w);
        print_stored(out, w);
        print_back(out, w);
        print_sources(out, w);
    }
    putc('\n', out);
    print_label(out, "result");
    fprintf(out, "%s\n", kin_plain(w->result).text);
}

/* ---- as JSON --------------------------------------------------------------------------------- */

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

static void add_rank(json_t **out, const kin_why_rank *rank)
{
    kin_json_set(out, "rank", count_or_null(rank->place));
    kin_json_set(out, "distinct_rank", count_or_null(rank->distinct));
}

static json_t *side_json(const kin_why_side *side)
{
    json_t *out = json_object();
    kin_json_set(&out, "place", count_or_null(side->place));
    kin_json_set(&out, "stored", json_integer((json_int_t)side->stored));
    kin_json_set(&out, "last_score", kin_json_real((double)side->last));
    add_rank(&out, &side->fused);
    kin_json_set(&out, "of", count_or_null(side->others));
    return out;
}

static json_t *modalities_json(const kin_why *w)
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

static json_t *trace_json(const kin_why_trace *trace)
{
    if (trace->rows == 0)
        return json_null();
    json_t *sources = json_array();
    for (size_t s = 0; s < trace->source_count; s++) {
        const kin_why_source *source = &trace->source[s];
        kin_json_append(&sources,
                        json_pack("{s:s, s:o, s:b}", "name", source->name, "asked",
                                  count_or_null(source->asked), "proposed", source->proposed));
    }
    json_t *out = json_pack("{s:I, s:b, s:o}", "rows", (json_int_t)trace->rows, "traced",
                            trace->traced, "sources", sources);
    if (trace->join) {
        kin_json_set(&out, "looked_at", json_boolean(trace->probe_sigmas == -INFINITY));
        kin_json_set(&out, "probe_sigmas", kin_json_real((double)trace->probe_sigmas));
        kin_json_set(&out, "sigmas_used", kin_json_real(trace->sigmas_used));
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

json_t *kin_why_json(const kin_why *w)
{
    const kin_graph *graph = w->graph;
    json_t *out = json_object();
    kin_json_set(&out, "schema", json_string("kin-why/2"));
    kin_json_set(&out, "graph", graph_json(graph));
    kin_json_set(&out, "a", item_json(graph, w->a));
    kin_json_set(&out, "b", item_json(graph, w->b));
    kin_json_set(&out, "vectors", json_boolean(w->vectors));
    kin_json_set(&out, "score", kin_json_real((double)w->score));
    kin_json_set(&out, "modalities", modalities_json(w));
    kin_json_set(&out, "b_for_a", side_json(&w->there));
    kin_json_set(&out, "a_for_b", side_json(&w->back));
    kin_json_set(&out, "trace", trace_json(&w->trace));
    kin_json_set(&out, "result",
                 json_pack("{s:s, s:s}", "code", kin_why_code_names[w->code], "text", w->result));
    return out;
}
