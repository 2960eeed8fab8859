/*
 * The section on missing neighbours of the page of `kin compare` (declared in report/compare_page.h): by reason, by
 * modality, and what would get them back.
 */
#include "report/compare_page.h"

#include <math.h>

static const struct {
    const char *name, *meaning, *color;
} reason_look[KIN_LOSS_REASONS] = {
    [KIN_LOSS_RANKED_OUT] = {"ranked out", "proposed, then dropped by a rule or the last selection",
                             "m2"},
    [KIN_LOSS_DEPTH] = {"depth", "no index was asked deep enough to meet it", "m0"},
    [KIN_LOSS_SEARCH] = {"search", "near enough, but its index did not come across it", "m1"},
    [KIN_LOSS_NOT_LOOKED_AT] = {"list not looked at", "the row did not look at the list it is in",
                                "m4"},
    [KIN_LOSS_ESTIMATE] = {"estimate", "looked at, but the estimate of its score was too low",
                           "m6"},
};

static void write_reasons(FILE *out, const kin_loss *loss)
{
    part_share share[KIN_LOSS_REASONS];
    size_t count = 0;
    for (size_t r = 0; r < KIN_LOSS_REASONS; r++)
        if (loss->reason[r])
            share[count++] =
                (part_share){reason_look[r].name, reason_look[r].color, reason_look[r].meaning,
                             (double)loss->reason[r], page_count(loss->reason[r])};
    fputs("<h3>By reason</h3>\n", out);
    part_stack(out, "Missing neighbours by reason", share, count);
}

static void write_modalities(FILE *out, const kin_graph *graph, const kin_loss *loss)
{
    part_share share[KIN_MODALITIES_MAX];
    char note[KIN_MODALITIES_MAX][96];
    size_t all = 0;
    for (size_t m = 0; m < loss->modality_count; m++) {
        size_t depth = loss->depth_by[m], search = loss->search_by[m];
        snprintf(note[m], sizeof note[m], "depth %s, search %s", page_count(depth).text,
                 page_count(search).text);
        share[m] = (part_share){graph->modality[m], page_modality_color(m), note[m],
                                (double)(depth + search), page_count(depth + search)};
        all += depth + search;
    }
    if (all == 0)
        return;
    fputs("<h3>By modality, where depth or search lost them</h3>\n", out);
    part_stack(out, "Missing neighbours by modality", share, loss->modality_count);
}

static void write_advice(FILE *out, const kin_loss *loss)
{
    static const char *const head[] = {"<Option", "Value", "Regained", "Work of the search"};
    if (loss->advice_count == 0)
        return;
    fputs("<h3>What would get them back</h3>\n<ol class=\"advice\">\n", out);
    for (size_t i = 0; i < loss->advice_count; i++) {
        fputs("<li>", out);
        page_text(out, loss->advice[i].text);
        fputs("</li>\n", out);
    }
    fputs("</ol>\n", out);
    part_folded_begin(out, "The advice as a table", head, sizeof head / sizeof *head);
    for (size_t i = 0; i < loss->advice_count; i++) {
        const kin_loss_advice *advice = &loss->advice[i];
        bool whole = advice->value == floor(advice->value);
        fputs("<tr><th scope=\"row\"><code>", out);
        page_text(out, advice->option);
        fprintf(out, "</code></th><td>%s</td><td>%s</td><td>%s times</td></tr>\n",
                page_number(advice->value, whole ? 0 : 4).text, page_percent(advice->regained).text,
                page_number(advice->price, 2).text);
    }
    part_folded_end(out);
}

/* Without a trace there is nothing to split. */
static void write_how_to(const compare_page *page)
{
    fputs(
        "<p class=\"says\">It cannot be said where they were lost: nothing was kept of the way to "
        "these neighbours. Build the graph with <code>kin build --trace-rows 200</code> and "
        "compare again to see it here, with what would get them back.</p>\n",
        page->out);
}

void compare_page_loss(compare_page *page)
{
    const kin_comparison *c = page->compared;
    const kin_loss *loss = &c->loss;
    FILE *out = page->out;
    if (!c->has_loss) {
        write_how_to(page);
    } else {
        fprintf(out,
                "<p class=\"says\">Of %s the build kept the candidates. There the graph lacks "
                "<b>%s</b> of the reference&rsquo;s %s, %s.</p>\n",
                page_counted(loss->rows, "row").text, page_count(loss->lost).text,
                page_counted(loss->entries, "neighbour").text,
                page_percent(page_ratio(loss->lost, loss->entries)).text);
        write_reasons(out, loss);
        write_modalities(out, &c->graph.graph, loss);
        write_advice(out, loss);
    }
}
