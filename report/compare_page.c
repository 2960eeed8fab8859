/*
 * The page of `kin compare --out FILE.html` (declared in compare/comparison.h): what a team looks at before it swaps
 * engines. First the one number with how sure it is, the gates, and what makes the numbers mean less; then a section
 * per question (report/compare_page.h). It is put together in memory, as pictures are capped
 * (report/show_picture.h).
 */
#include "report/compare_page.h"
#include "core/text.h"
#include "report/assets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the head line -------------------------------------------------------------------------------- */

/* Whether there is a recall to speak of: some row was evaluated. */
static bool has_recall(const kin_comparison *c)
{
    return c->has_recall && c->recall.evaluated > 0;
}

/* With its engine, unless that is what it is called. */
static void write_name(FILE *out, const kin_graph *graph)
{
    fputs("<b>", out);
    page_text(out, page_graph_name(graph));
    fputs("</b>", out);
    if (strcmp(page_graph_name(graph), page_engine(graph)) == 0)
        return;
    fputs(" (", out);
    page_text(out, page_engine(graph));
    fputs(")", out);
}

static void write_lead(FILE *out, const kin_comparison *c)
{
    fputs("<p class=\"lead\">", out);
    if (c->has_recall) {
        fprintf(out, "Of the %s that each item has in ",
                page_counted(c->recall.k, "nearest neighbour").text);
        if (c->computed)
            fputs("<b>exact rows</b>, computed now for a sample", out);
        else
            write_name(out, &c->reference.graph);
        fputs(c->other.there ? ", how many do " : ", how many does ", out);
        write_name(out, &c->graph.graph);
        if (c->other.there) {
            fputs(" and ", out);
            write_name(out, &c->other.graph);
        }
        fputs(" have?", out);
    } else {
        fputs("The similarity graph ", out);
        write_name(out, &c->graph.graph);
        fputs(c->previous.there ? ", by itself and beside the previous one, " : ", by itself", out);
        if (c->previous.there)
            write_name(out, &c->previous.graph);
        fputs(".", out);
    }
    fputs("</p>\n", out);
}

static void write_heading(FILE *out, const kin_comparison *c)
{
    fputs("<h1>", out);
    page_text(out, page_graph_name(&c->graph.graph));
    if (c->has_recall) {
        fputs(" <span>against</span> ", out);
        page_text(out, page_reference_name(c));
    } else if (c->previous.there) {
        fputs(" <span>since</span> ", out);
        page_text(out, page_graph_name(&c->previous.graph));
    }
    fputs("</h1>\n", out);
}

/* ---- the one number --------------------------------------------------------------------------------- */

/* How sure the mean is, in words. */
static void write_certainty(FILE *out, const kin_comparison *c)
{
    const kin_recall *r = &c->recall;
    const kin_interval *interval = page_recall_interval(r);
    fputs("<p>", out);
    if (r->exhaustive) {
        fprintf(out,
                "Every row was compared, %s of them: this is the mean itself, not an estimate.",
                page_count(r->rows).text);
    } else {
        fprintf(out, "Between <b>%s</b> and <b>%s</b> with 95&nbsp;%% confidence, from %s%s.",
                page_share(interval->low).text, page_share(interval->high).text,
                page_counted(r->evaluated, c->row ? "random row" : "row").text,
                c->row ? "" : " that both have, if they are like the others");
        if (r->rows_for_half > 0 && r->rows_for_half < c->graph.graph.n)
            fprintf(out, " About %s rows would halve the interval.",
                    page_count(r->rows_for_half).text);
        else
            fputs(" Only a comparison of every row would tell much more.", out);
    }
    if (!r->scored)
        fputs(" Not all graphs have scores, so neighbours that are equally good count as missed "
              "where they are not the same.",
              out);
    fputs("</p>\n", out);
}

static void write_number(FILE *out, const char *what, page_label value)
{
    fprintf(out, "<p class=\"what\">%s</p>\n<p class=\"number\">%s</p>\n", what, value.text);
}

static void write_hero(FILE *out, const kin_comparison *c)
{
    char what[96];
    if (has_recall(c)) {
        snprintf(what, sizeof what, "Mean %s recall@%zu", c->recall.scored ? "tie-aware" : "strict",
                 c->recall.k);
        write_number(out, what, page_share(page_recall(&c->recall)->mean));
        write_certainty(out, c);
    } else if (c->has_recall) {
        write_number(out, "Mean recall", page_number(NAN, 0));
        fputs("<p>No row could be evaluated: the reference has no neighbours in any row that both "
              "have.</p>\n",
              out);
    } else if (c->has_drift) {
        write_number(out, "Drift: 1 less the mean overlap of an item's neighbours",
                     page_share(c->drift.drift));
        fprintf(out, "<p>Over %s that both nights have.</p>\n",
                page_counted(c->drift.common, "item").text);
    } else {
        write_number(out, "Items", page_count(c->structure.items));
    }
}

/* ---- gates and warnings ----------------------------------------------------------------------------- */

/* A gate may fail although its value is good enough: where the reference does not fit. */
static void write_gate(FILE *out, const kin_gate *gate)
{
    bool enough = gate->at_least ? gate->value >= gate->limit : gate->value <= gate->limit;
    fprintf(out, "<li class=\"%s\"><b>%s</b> <span>", gate->met ? "met" : "missed",
            gate->met ? "passed" : "failed");
    page_text(out, gate->what);
    fprintf(out, " <b>%s</b></span><small>must be %s %s", page_number(kin_gate_shown(gate), 6).text,
            gate->at_least ? "at least" : "at most", page_number(gate->limit, 6).text);
    fputs(enough && !gate->met ? ", by a reference that fits <code>--" : " <code>--", out);
    page_text(out, gate->name);
    fputs("</code></small></li>\n", out);
}

static void write_gates_heading(FILE *out, size_t gates, size_t missed)
{
    if (gates == 0)
        fputs("No gates", out);
    else if (gates == 1)
        fputs(missed ? "The gate failed" : "The gate is passed", out);
    else if (missed == 0)
        fputs("All gates are passed", out);
    else
        fprintf(out, "%zu of %zu gates failed", missed, gates);
}

static void write_gates(FILE *out, const kin_comparison *c)
{
    size_t missed = 0;
    for (size_t i = 0; i < c->gate_count; i++)
        missed += !c->gate[i].met;
    fputs("<section class=\"gates\" aria-labelledby=\"gates-title\">\n<h2 id=\"gates-title\">",
          out);
    write_gates_heading(out, c->gate_count, missed);
    fputs("</h2>\n", out);
    if (c->gate_count == 0)
        fputs("<p>Nothing was asked to hold: see <code>--min-recall</code> and the other gates in "
              "<code>kin compare --help</code>.</p>\n",
              out);
    else
        fputs("<ul>\n", out);
    for (size_t i = 0; i < c->gate_count; i++)
        write_gate(out, &c->gate[i]);
    fputs(c->gate_count ? "</ul>\n</section>\n" : "</section>\n", out);
}

static void write_warnings(FILE *out, const kin_comparison *c)
{
    if (c->warning_count == 0 && !c->forced)
        return;
    fputs("<section class=\"warnings\" aria-labelledby=\"warnings-title\">\n"
          "<h2 id=\"warnings-title\">Read with care</h2>\n<ul>\n",
          out);
    if (c->forced)
        fputs("<li>The reference does not fit this graph; the comparison was made all the same "
              "(<code>--force</code>), and no gate of recall is passed by it.</li>\n",
              out);
    for (size_t i = 0; i < c->warning_count; i++) {
        fputs("<li>", out);
        page_text(out, c->warning[i]);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n</section>\n", out);
}

/* ---- facts ------------------------------------------------------------------------------------------ */

static void write_facts(FILE *out, const kin_comparison *c)
{
    fputs("<dl class=\"facts\">\n", out);
    part_fact(out, "Items", page_count(c->graph.graph.n), NULL);
    part_fact(out, "Neighbours per item", page_count(c->graph.graph.k), NULL);
    if (has_recall(c)) {
        const kin_summary *s = page_recall(&c->recall);
        part_fact(out, "Rows evaluated", page_count(c->recall.evaluated), NULL);
        part_fact(out, "Median row", page_share(s->p50), NULL);
        part_fact(out, "Worst row", page_share(s->min), NULL);
        part_fact(out, "Rows below 0.9", page_percent(s->below_90), NULL);
        part_fact(out, "Places filled", page_percent(c->recall.fill), NULL);
    }
    part_fact(out, "Rows without neighbours", page_count(c->structure.empty_rows), NULL);
    if (c->has_drift)
        part_fact(out, "Drift since the previous", page_share(c->drift.drift), NULL);
    fputs("</dl>\n", out);
}

/* ---- sections --------------------------------------------------------------------------------------- */

static bool has_difference(const kin_comparison *c)
{
    return has_recall(c) && c->has_difference;
}

static bool has_strata(const kin_comparison *c)
{
    return has_recall(c) && c->strata.count > 0;
}

static bool has_loss(const kin_comparison *c)
{
    return c->has_loss || (has_recall(c) && page_recall(&c->recall)->mean < 1);
}

static bool has_worst(const kin_comparison *c)
{
    return has_recall(c) && c->reference.there && c->recall.worst_count > 0;
}

static bool has_structure(const kin_comparison *c)
{
    return c->structure.items > 0;
}

static bool has_drift(const kin_comparison *c)
{
    return c->has_drift;
}

static bool always(const kin_comparison *c)
{
    return c != NULL;
}

/* A question each, in the order in which they come up. */
static const struct {
    const char *id, *heading;
    bool (*there)(const kin_comparison *);
    void (*write)(compare_page *);
} section[] = {
    {"difference", "Graph beside graph", has_difference, compare_page_difference},
    {"rows", "How recall is spread over rows", has_recall, compare_page_rows},
    {"cuts", "How recall depends on what is counted", has_recall, compare_page_cuts},
    {"strata", "Which items fare worse", has_strata, compare_page_strata},
    {"loss", "Where the missing neighbours went", has_loss, compare_page_loss},
    {"worst", "The rows that lost most", has_worst, compare_page_worst},
    {"structure", "The graph by itself", has_structure, compare_page_structure},
    {"drift", "What changed since the previous graph", has_drift, compare_page_drift},
    {"setup", "How they were made", always, compare_page_setup},
};

enum { SECTIONS = sizeof section / sizeof *section };

static void write_links(FILE *out, const kin_comparison *c)
{
    fputs("<nav aria-label=\"Sections of this page\"><ul>\n", out);
    for (size_t i = 0; i < SECTIONS; i++)
        if (section[i].there(c))
            fprintf(out, "<li><a href=\"#%s\">%s</a></li>\n", section[i].id, section[i].heading);
    fputs("</ul></nav>\n", out);
}

/* ---- the page --------------------------------------------------------------------------------------- */

static void write_section(compare_page *page, size_t i)
{
    fprintf(page->out,
            "<section class=\"card\" id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 "
            "id=\"%s-title\">%s</h2>\n",
            section[i].id, section[i].id, section[i].id, section[i].heading);
    section[i].write(page);
    fputs("</section>\n", page->out);
}

static const kin_graph *whose_names(const kin_comparison *c)
{
    bool borrow = c->graph.graph.items.lines.count == 0 && c->reference.there &&
                  c->reference.graph.items.lines.count > 0;
    return borrow ? &c->reference.graph : &c->graph.graph;
}

static void write_top(FILE *out, const kin_comparison *c)
{
    fputs("<header>\n", out);
    write_heading(out, c);
    write_lead(out, c);
    fputs("<div class=\"hero\">\n<div>\n", out);
    write_hero(out, c);
    fputs("</div>\n", out);
    write_gates(out, c);
    fputs("</div>\n", out);
    write_warnings(out, c);
    write_facts(out, c);
    write_links(out, c);
    fputs("</header>\n", out);
}

static void write_page(compare_page *page)
{
    FILE *out = page->out;
    const kin_comparison *c = page->compared;
    page_begin(out, "kin compare", page_graph_name(&c->graph.graph),
               (const char *const[]){plot_css, compare_css, NULL});
    write_top(out, c);
    fputs("<main>\n", out);
    for (size_t i = 0; i < SECTIONS && page->rc == 0; i++)
        if (section[i].there(c))
            write_section(page, i);
    fputs("</main>\n<footer><p>Written by kin compare. One file, no scripts; it loads nothing.",
          out);
    if (page->pictures.left_out)
        fprintf(out, " Pictures that are missing, too large or of a kind that is not shown: %zu.",
                page->pictures.left_out);
    if (page->pictures.outside)
        fprintf(out, " Pictures that are not in the catalog&rsquo;s folder: %zu.",
                page->pictures.outside);
    fputs("</p></footer>\n", out);
}

int kin_comparison_page(char **text, size_t *bytes, const kin_comparison *self,
                        const char *pictures, kin_error *err)
{
    static const char hint[] = "leave --out away";
    compare_page page = {.compared = self, .named = whose_names(self), .err = err};
    *text = NULL;
    int rc = show_pictures_init(&page.pictures, page.named, pictures, err);
    if (rc != 0)
        return rc;
    page.out = kin_text_stream(text, bytes);
    if (!page.out) {
        show_pictures_release(&page.pictures);
        return kin_fail_errno(err, KIN_E_MEMORY, hint, "the page");
    }
    write_page(&page);
    if (page.rc == 0 && page.pictures.no_memory)
        page.rc = kin_fail(err, KIN_E_MEMORY, hint, "no memory for the page's pictures");
    show_pictures_release(&page.pictures);
    rc = page_end(page.out, hint, page.rc == 0 ? err : NULL);
    if (page.rc == 0)
        return rc;
    free(*text);
    *text = NULL;
    return page.rc;
}
