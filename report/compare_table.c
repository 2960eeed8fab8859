/*
 * What kin compare prints: a terse table, and a line for what else there is to say.
 */
#include "report/compare_table.h"
#include "core/counted.h"
#include "core/plain.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* ---- how a graph was made -------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3))) append(char out[256], const char *format, ...)
{
    size_t used = strlen(out);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out + used, 256 - used, format, arguments);
    va_end(arguments);
}

/* "hnsw, top-k 200, target 0.97, ...": with the options that shape an approximate graph; those that
 * are 0 were chosen by size. */
static void describe(char out[256], const kin_graph *graph)
{
    static const char *const of_hnsw[] = {"index_space",     "candidates", "links",
                                          "ef_construction", "ef_search",  NULL};
    static const char *const of_ivf[] = {"index_space", "lists", "candidates", "probes", NULL};
    static const char *const none[] = {NULL};
    const char *engine = json_string_value(json_object_get(graph->manifest, "engine"));
    const json_t *all = json_object_get(graph->manifest, "options");
    const json_t *target = json_object_get(json_object_get(graph->manifest, "recall"), "target");
    const char *const *name = !engine                       ? none
                              : strcmp(engine, "hnsw") == 0 ? of_hnsw
                              : strcmp(engine, "ivf") == 0  ? of_ivf
                                                            : none;
    out[0] = '\0';
    append(out, "%s, top-k %zu", engine ? engine : "unknown", graph->k);
    if (json_is_number(target))
        append(out, ", target %.10g", json_number_value(target));
    for (; *name; name++) {
        const json_t *value = json_object_get(all, *name);
        int length = (int)strcspn(*name, "_");
        if (json_is_string(value))
            append(out, ", %.*s %s", length, *name, json_string_value(value));
        else if (json_integer_value(value) > 0)
            append(out, ", %s %lld", *name, (long long)json_integer_value(value));
    }
}

static void print_side(FILE *to, const char *name, const kin_comparison_side *side)
{
    char text[256];
    if (!side->there)
        return;
    describe(text, &side->graph);
    fprintf(to, "%-12s %s (%s)\n", name, kin_plain(text).text,
            kin_plain(side->graph.directory).text);
}

/* ---- recall ---------------------------------------------------------------------------------- */

/* A value in a column of 9, - where there is none. */
static void print_value(FILE *to, double value)
{
    if (isnan(value))
        fprintf(to, " %8s", "-");
    else
        fprintf(to, " %8.5f", value);
}

static void print_distribution(FILE *to, const char *name, const kin_summary *s,
                               const kin_interval *interval, const kin_recall *r)
{
    fprintf(to, "  %-10s", name);
    print_value(to, s->mean);
    print_value(to, r->exhaustive ? NAN : interval->low);
    print_value(to, r->exhaustive ? NAN : interval->high);
    print_value(to, r->exhaustive ? NAN : interval->lower);
    print_value(to, s->min);
    print_value(to, s->p1);
    print_value(to, s->p5);
    print_value(to, s->p50);
    fprintf(to, " %8.5f\n", s->below_90);
}

static void print_cuts(FILE *to, const kin_recall *r)
{
    fprintf(to, "\nat k       ");
    for (size_t c = 0; c < r->cuts; c++)
        fprintf(to, " %8zu", r->cut[c]);
    const struct {
        const char *name;
        const double *value;
    } line[] = {{"tie-aware", r->tie_aware_at},
                {"strict", r->strict_at},
                {"1-recall", r->nearest_found_at},
                {"1-true", r->nearest_true_at}};
    for (size_t i = r->scored ? 0 : 1; i < sizeof line / sizeof *line; i++) {
        fprintf(to, "\n  %-9s", line[i].name);
        for (size_t c = 0; c < r->cuts; c++)
            print_value(to, line[i].value[c]);
    }
    putc('\n', to);
}

static void print_recall(FILE *to, const kin_comparison *self)
{
    const kin_recall *r = &self->recall;
    fprintf(to, "rows         %zu of %zu%s, %zu with a reference\n\n", r->rows, self->graph.graph.n,
            r->exhaustive ? ": all" : "", r->evaluated);
    if (r->evaluated == 0)
        return;
    fprintf(to, "recall@%-5zu %8s %8s %8s %8s %8s %8s %8s %8s %8s\n", r->k, "mean", "95% from",
            "to", "95% >=", "min", "p1", "p5", "median", "< 0.9");
    if (r->scored)
        print_distribution(to, "tie-aware", &r->tie_aware, &r->tie_aware_interval, r);
    print_distribution(to, "strict", &r->strict, &r->strict_interval, r);
    print_cuts(to, r);
    putc('\n', to);
    if (r->scored)
        fprintf(to,
                "scores       ratio %.6f, loss %.2g a place, within 1 %% %.5f, within 10 %% %.5f\n",
                r->score_ratio, r->score_loss, r->epsilon[0], r->epsilon[1]);
    fprintf(to, "fill         %.5f, %s, %zu empty; by rule %zu short, %zu empty\n", r->fill,
            kin_count(r->short_rows, "short row").text, r->empty_rows, r->short_by_rule,
            r->empty_by_rule);
    if (!r->exhaustive)
        fprintf(to, "precision    %zu rows like these would halve the interval\n",
                r->rows_for_half);
    if (self->has_difference) {
        const kin_recall_difference *d = &self->difference;
        fprintf(to, "difference   %+.5f", d->mean);
        if (!d->exhaustive)
            fprintf(to, ", from %+.5f to %+.5f", d->interval.low, d->interval.high);
        fprintf(to, "; %s better, %zu worse, of %zu\n", kin_count(d->better, "row").text, d->worse,
                d->rows);
    }
}

/* ---- the rest -------------------------------------------------------------------------------- */

enum { STRATA_SHOWN = 10, NAME_SHOWN = 60 };

/* A value of a column, cut where the line would get too long. */
static void print_name(FILE *to, kin_span name)
{
    size_t length = 0;
    while (length < name.length && length < NAME_SHOWN)
        length += kin_utf8_length(name.text + length, name.length - length);
    kin_plain_write(to, (kin_span){name.text, length});
    if (length < name.length)
        fputs("...", to);
}

/* The strata of the least recall. */
static void print_strata(FILE *to, const kin_comparison *self)
{
    double above = -1;
    size_t shown = 0;
    fprintf(to, "by %-10s", kin_plain(self->stratify).text);
    while (shown < STRATA_SHOWN) {
        double next = INFINITY;
        for (size_t s = 0; s < self->strata.count; s++)
            if (self->stratum[s].mean > above && self->stratum[s].mean < next)
                next = self->stratum[s].mean;
        for (size_t s = 0; s < self->strata.count && shown < STRATA_SHOWN; s++) {
            const kin_stratum *stratum = &self->stratum[s];
            if (stratum->mean != next)
                continue;
            fprintf(to, "%s%.4f ", shown ? "\n             " : "", stratum->mean);
            print_name(to, stratum->name);
            fprintf(to, " (%zu of %zu)", stratum->evaluated, stratum->items);
            shown++;
        }
        if (isinf(next))
            break;
        above = next;
    }
    fprintf(to, "%s\n", shown < self->strata.count ? "\n             ... (--json has all)" : "");
}

static void print_loss(FILE *to, const kin_loss *loss)
{
    fprintf(to, "loss         %zu of %s of %s", loss->lost,
            kin_count(loss->entries, "neighbour").text, kin_count(loss->rows, "traced row").text);
    for (int i = 0; i < KIN_LOSS_REASONS; i++)
        if (loss->reason[i])
            fprintf(to, ", %zu %s", loss->reason[i], kin_loss_reason_names[i]);
    putc('\n', to);
    for (size_t i = 0; i < loss->advice_count; i++)
        fprintf(to, "             %s\n", kin_plain(loss->advice[i].text).text);
}

static void print_structure(FILE *to, const kin_structure *s)
{
    fprintf(to,
            "structure    in-degree skewness %.2f, largest %zu, never recommended %zu (%.2f%%), "
            "components %zu\n",
            s->in_degree_skewness, s->in_degree_max, s->never,
            s->items ? 100 * (double)s->never / (double)s->items : 0, s->components);
    if (!isnan(s->reciprocity))
        fprintf(to, "             reciprocity %.4f", s->reciprocity);
    if (!isnan(s->within_category))
        fprintf(to, ", within category %.4f (by chance %.4f)", s->within_category,
                s->within_by_chance);
    putc('\n', to);
}

/* " missing 0.1 (was 0.2)"; - for what a manifest does not say. */
static void print_change(FILE *to, const char *name, const kin_now_then *value, const char *before)
{
    char text[2][32] = {"-", "-"};
    if (!isnan(value->now))
        snprintf(text[0], sizeof text[0], "%.4g", value->now);
    if (!isnan(value->then))
        snprintf(text[1], sizeof text[1], "%.4g", value->then);
    fprintf(to, "%s %s %s (was %s)", before, name, text[0], text[1]);
}

static void print_drift(FILE *to, const kin_drift *d)
{
    fprintf(to,
            "drift        %.5f (Jaccard@%zu %.5f, p5 %.5f), rows changed %zu of %zu, nearest "
            "changed %zu\n"
            "             items new %zu, gone %zu: change %.5f\n",
            d->drift, d->k, d->jaccard.mean, d->jaccard.p5, d->changed, d->common,
            d->nearest_changed, d->new_items, d->gone_items, d->item_change);
    for (size_t i = 0; i < d->input_count; i++) {
        const kin_input_drift *in = &d->input[i];
        if (in->same_file)
            continue;
        fprintf(to, "             %s:", kin_plain(in->name).text);
        print_change(to, "missing", &in->missing_share, "");
        print_change(to, "repeated", &in->repeated_share, ",");
        print_change(to, "mean cosine", &in->mean_cosine, ",");
        print_change(to, "norm", &in->norm_mean, ",");
        putc('\n', to);
    }
}

void kin_comparison_print(const kin_comparison *self, FILE *to)
{
    print_side(to, "graph", &self->graph);
    print_side(to, "other", &self->other);
    if (self->computed)
        fprintf(to, "%-12s exact rows, computed now%s%s\n", "reference",
                self->strata.count ? ", drawn by " : "",
                self->strata.count ? kin_plain(self->stratify).text : "");
    else
        print_side(to, "reference", &self->reference);
    print_side(to, "previous", &self->previous);
    if (self->has_recall)
        print_recall(to, self);
    if (self->stratum)
        print_strata(to, self);
    if (self->has_loss)
        print_loss(to, &self->loss);
    print_structure(to, &self->structure);
    if (self->has_drift)
        print_drift(to, &self->drift);
    for (size_t g = 0; g < self->gate_count; g++) {
        const kin_gate *gate = &self->gate[g];
        fprintf(to, "%-12s %s: %s %.6f, %s %.10g\n", g ? "" : "gates",
                gate->met ? "met" : "NOT MET", kin_plain(gate->what).text, kin_gate_shown(gate),
                gate->at_least ? "at least" : "at most", gate->limit);
    }
}
