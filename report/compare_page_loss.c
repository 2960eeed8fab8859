/*
 * Where recall is lost, on the page of `kin compare` (declared in report/compare_page.h): the
 * strata that fare worse, and the reasons why neighbours are missing.
 */
#include "core/memory.h"
#include "report/compare_names.h"
#include "report/compare_page.h"
#include "report/figure.h"
#include "report/part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- strata ---------------------------------------------------------------------------------- */

enum { STRATA_PLOTTED = 20, STRATA_LISTED = 200 };

/* Least mean first, then by name; those without a mean last. */
static int worse_first(const void *a, const void *b)
{
    const kin_stratum *x = a;
    const kin_stratum *y = b;
    if (isnan(x->mean) || isnan(y->mean))
        return (isnan(x->mean) ? 1 : 0) - (isnan(y->mean) ? 1 : 0);
    if (x->mean != y->mean)
        return x->mean < y->mean ? -1 : 1;
    size_t length = x->name.length < y->name.length ? x->name.length : y->name.length;
    int order = length ? memcmp(x->name.text, y->name.text, length) : 0;
    return order ? order : (x->name.length > y->name.length) - (x->name.length < y->name.length);
}

/* With a range where there is an axis. */
static void write_stratum(FILE *out, const kin_stratum *s, const part_range *axis)
{
    fputs("<tr><th scope=\"row\">", out);
    if (s->name.length)
        kin_page_isolated(out, s->name);
    else
        fputs("<i>no value</i>", out);
    kin_page_format(out, "</th><td><b>%s</b></td>", kin_page_share(s->mean).text);
    if (axis)
        kin_part_range_cell(out, axis, s->interval.low, s->mean, s->interval.high);
    kin_part_range_words(out, s->interval.low, s->mean, s->interval.high);
    kin_page_format(out, "<td>%s</td><td>%s</td></tr>\n", kin_page_count(s->evaluated).text,
                    kin_page_count(s->items).text);
}

static void write_strata(FILE *out, const kin_stratum *order, size_t count)
{
    size_t plotted = count < STRATA_PLOTTED ? count : STRATA_PLOTTED;
    size_t listed = count < STRATA_LISTED ? count : STRATA_LISTED;
    part_range axis = kin_part_range_begin();
    for (size_t i = 0; i < plotted; i++)
        kin_part_range_include(&axis, order[i].mean);
    kin_part_range_table_begin(out, "Recall by stratum, worst first",
                               "<Value|Mean recall|=|95 % interval|Rows evaluated|Items", &axis);
    for (size_t i = 0; i < plotted; i++)
        write_stratum(out, &order[i], &axis);
    kin_part_table_end(out);
    if (plotted == count)
        return;
    char caption[64];
    snprintf(caption, sizeof caption, listed < count ? "The %zu worst" : "All %zu", listed);
    kin_part_folded_begin(out, caption, "<Value|Mean recall|95 % interval|Rows evaluated|Items");
    for (size_t i = 0; i < listed; i++)
        write_stratum(out, &order[i], NULL);
    kin_part_folded_end(out);
}

void kin_compare_page_strata(FILE *out, compare_page *page)
{
    const kin_comparison *c = page->compared;
    size_t count = c->strata.count;
    kin_stratum *order = kin_alloc(count, sizeof *order);
    if (!order) {
        page->rc = kin_fail_alloc(page->err, "strata in order", kin_size_mul(count, sizeof *order));
        return;
    }
    memcpy(order, c->stratum, count * sizeof *order);
    qsort(order, count, sizeof *order, worse_first);
    kin_page_format(
        out,
        "<p class=\"says\">Mean recall by <b>%s</b>: %s%s values%s, each with the interval "
        "that holds its mean with 95&nbsp;%% confidence. Few rows make a long "
        "interval.</p>\n",
        c->stratify, count > STRATA_PLOTTED ? "the worst of " : "", kin_page_count(count).text,
        count > STRATA_PLOTTED ? "" : ", worst first");
    write_strata(out, order, count);
    free(order);
}

/* ---- where missing neighbours went ----------------------------------------------------------- */

static const struct {
    const char *name, *meaning, *color;
} reason_look[KIN_LOSS_REASONS] = {
    [KIN_LOSS_RANKED_OUT] = {"ranked out", "proposed, then dropped by a rule or the last selection",
                             "m2"},
    [KIN_LOSS_DEPTH] = {"depth", "no index was asked deep enough to meet it", "m0"},
    [KIN_LOSS_SEARCH] = {"search", "near enough, but its index did not come across it", "m1"},
    [KIN_LOSS_NOT_LOOKED_AT] = {"cluster not looked at",
                                "the row did not look at the cluster it is in", "m4"},
    [KIN_LOSS_ESTIMATE] = {"estimate", "looked at, but the estimate of its score was too low",
                           "m6"},
};

static void write_reasons(FILE *out, const kin_loss *loss)
{
    figure_share share[KIN_LOSS_REASONS];
    size_t count = 0;
    for (size_t r = 0; r < KIN_LOSS_REASONS; r++)
        if (loss->reason[r])
            share[count++] =
                (figure_share){reason_look[r].name, reason_look[r].color, reason_look[r].meaning,
                               (double)loss->reason[r], kin_page_count(loss->reason[r])};
    fputs("<h3>By reason</h3>\n", out);
    kin_figure_stack(out, "Missing neighbours by reason", share, count);
}

static void write_modalities(FILE *out, const kin_graph *graph, const kin_loss *loss)
{
    figure_share share[KIN_MODALITIES_MAX];
    char note[KIN_MODALITIES_MAX][96];
    size_t all = 0;
    for (size_t m = 0; m < loss->modality_count; m++) {
        size_t depth = loss->depth_by[m], search = loss->search_by[m];
        snprintf(note[m], sizeof note[m], "depth %s, search %s", kin_page_count(depth).text,
                 kin_page_count(search).text);
        share[m] = (figure_share){graph->modality[m], kin_compare_modality_color(m), note[m],
                                  (double)(depth + search), kin_page_count(depth + search)};
        all += depth + search;
    }
    if (all == 0)
        return;
    fputs("<h3>By modality, where depth or search lost them</h3>\n", out);
    kin_figure_stack(out, "Missing neighbours by modality", share, loss->modality_count);
}

static void write_advice(FILE *out, const kin_loss *loss)
{
    if (loss->advice_count == 0)
        return;
    fputs("<h3>What would get them back</h3>\n<ol class=\"advice\">\n", out);
    for (size_t i = 0; i < loss->advice_count; i++)
        kin_page_format(out, "<li>%s</li>\n", loss->advice[i].text);
    fputs("</ol>\n", out);
    kin_part_folded_begin(out, "The advice as a table",
                          "<Option|Value|Regained|Work of the search");
    for (size_t i = 0; i < loss->advice_count; i++) {
        const kin_loss_advice *advice = &loss->advice[i];
        bool whole = advice->value == floor(advice->value);
        kin_page_format(out,
                        "<tr><th scope=\"row\"><code>%s</code></th><td>%s</td><td>%s</td>"
                        "<td>%s times</td></tr>\n",
                        advice->option, kin_page_number(advice->value, whole ? 0 : 4).text,
                        kin_page_percent(advice->regained).text,
                        kin_page_number(advice->price, 2).text);
    }
    kin_part_folded_end(out);
}

void kin_compare_page_loss(FILE *out, compare_page *page)
{
    const kin_comparison *c = page->compared;
    const kin_loss *loss = &c->loss;
    if (!c->has_loss) { /* without a trace there is nothing to split */
        fputs("<p class=\"says\">It cannot be said where they were lost: nothing was kept of the "
              "way to these neighbours. Build the graph with <code>kin build --trace-rows "
              "200</code> and compare again to see it here, with what would get them back.</p>\n",
              out);
        return;
    }
    kin_page_format(out,
                    "<p class=\"says\">Of %s the build kept the candidates. There the graph lacks "
                    "<b>%s</b> of the reference&rsquo;s %s, %s.</p>\n",
                    kin_page_counted(loss->rows, "row").text, kin_page_count(loss->lost).text,
                    kin_page_counted(loss->entries, "neighbour").text,
                    kin_page_percent(kin_compare_ratio(loss->lost, loss->entries)).text);
    write_reasons(out, loss);
    write_modalities(out, &c->graph.graph, loss);
    write_advice(out, loss);
}
