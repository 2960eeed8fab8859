/*
 * The page of `kin compare --out FILE.html` (declared in report/compare_page.h; skeleton:
 * report/compare.html). First the one number with how sure it is, the gates, and what makes the
 * numbers mean less; then a section per question.
 */
#include "report/compare_page.h"
#include "report/assets.h"
#include "report/compare_names.h"
#include "report/part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const kin_comparison *compared_of(void *page)
{
    return ((const compare_page *)page)->compared;
}

/* ---- the head line --------------------------------------------------------------------------- */

/* Whether there is a recall to speak of: some row was evaluated. */
static bool has_recall(const kin_comparison *c)
{
    return c->has_recall && c->recall.evaluated > 0;
}

static void write_heading(FILE *out, void *page)
{
    const kin_comparison *c = compared_of(page);
    kin_page_text(out, kin_compare_graph_name(&c->graph.graph));
    if (c->has_recall)
        kin_page_format(out, " <span>against</span> %s", kin_compare_reference_name(c));
    else if (c->previous.there)
        kin_page_format(out, " <span>since</span> %s", kin_compare_graph_name(&c->previous.graph));
}

/* With its engine, unless that is what it is called. */
static void write_name(FILE *out, const kin_graph *graph)
{
    const char *name = kin_compare_graph_name(graph), *engine = kin_compare_engine(graph);
    kin_page_format(out, "<b>%s</b>", name);
    if (strcmp(name, engine) != 0)
        kin_page_format(out, " (%s)", engine);
}

static void write_lead(FILE *out, void *page)
{
    const kin_comparison *c = compared_of(page);
    if (c->has_recall) {
        kin_page_format(out, "Of the %s that each item has in ",
                        kin_page_counted(c->recall.k, "nearest neighbour").text);
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
}

/* ---- the one number -------------------------------------------------------------------------- */

/* How sure the mean is, in words. */
static void write_certainty(FILE *out, const kin_comparison *c)
{
    const kin_recall *r = &c->recall;
    const kin_interval *interval = kin_compare_recall_interval(r);
    fputs("<p>", out);
    if (r->exhaustive) {
        kin_page_format(
            out, "Every row was compared, %s of them: this is the mean itself, not an estimate.",
            kin_page_count(r->rows).text);
    } else {
        kin_page_format(out,
                        "Between <b>%s</b> and <b>%s</b> with 95&nbsp;%% confidence, from %s%s.",
                        kin_page_share(interval->low).text, kin_page_share(interval->high).text,
                        kin_page_counted(r->evaluated, c->row ? "random row" : "row").text,
                        c->row ? "" : " that both have, if they are like the others");
        if (r->rows_for_half > 0 && r->rows_for_half < c->graph.graph.n)
            kin_page_format(out, " About %s rows would halve the interval.",
                            kin_page_count(r->rows_for_half).text);
        else
            fputs(" Only a comparison of every row would tell much more.", out);
    }
    if (!r->scored)
        fputs(" Not all graphs have scores, so neighbours that are equally good count as missed "
              "where they are not the same.",
              out);
    fputs("</p>\n", out);
}

static void write_headline(FILE *out, const char *what, const char *value)
{
    kin_page_format(out, "<p class=\"what\">%s</p>\n<p class=\"number\">%s</p>\n", what, value);
}

static void write_number(FILE *out, void *page)
{
    const kin_comparison *c = compared_of(page);
    char what[96];
    if (has_recall(c)) {
        snprintf(what, sizeof what, "Mean %s recall@%zu", c->recall.scored ? "tie-aware" : "strict",
                 c->recall.k);
        write_headline(out, what, kin_page_share(kin_compare_recall(&c->recall)->mean).text);
        write_certainty(out, c);
    } else if (c->has_recall) {
        write_headline(out, "Mean recall", kin_page_number(NAN, 0).text);
        fputs("<p>No row could be evaluated: the reference has no neighbours in any row that both "
              "have.</p>\n",
              out);
    } else if (c->has_drift) {
        write_headline(out, "Drift: 1 less the mean overlap of an item's neighbours",
                       kin_page_share(c->drift.drift).text);
        kin_page_format(out, "<p>Over %s that both nights have.</p>\n",
                        kin_page_counted(c->drift.common, "item").text);
    } else {
        write_headline(out, "Items", kin_page_count(c->structure.items).text);
    }
}

/* ---- gates and warnings ---------------------------------------------------------------------- */

static void write_outcome(FILE *out, void *page)
{
    const kin_comparison *c = compared_of(page);
    size_t missed = 0;
    for (size_t i = 0; i < c->gate_count; i++)
        missed += !c->gate[i].met;
    if (c->gate_count == 0)
        fputs("No gates", out);
    else if (c->gate_count == 1)
        fputs(missed ? "The gate failed" : "The gate is passed", out);
    else if (missed == 0)
        fputs("All gates are passed", out);
    else
        fprintf(out, "%zu of %zu gates failed", missed, c->gate_count);
}

/* A gate may fail although its value is good enough: where the reference does not fit. */
static void write_gate(FILE *out, const kin_gate *gate)
{
    bool enough = gate->at_least ? gate->value >= gate->limit : gate->value <= gate->limit;
    kin_page_format(out,
                    "<li class=\"%s\"><b>%s</b> <span>%s <b>%s</b></span><small>must be %s %s%s "
                    "<code>--%s</code></small></li>\n",
                    gate->met ? "met" : "missed", gate->met ? "passed" : "failed", gate->what,
                    kin_page_number(kin_gate_shown(gate), 6).text,
                    gate->at_least ? "at least" : "at most", kin_page_number(gate->limit, 6).text,
                    enough && !gate->met ? ", by a reference that fits" : "", gate->name);
}

static void write_gates(FILE *out, void *page)
{
    const kin_comparison *c = compared_of(page);
    if (c->gate_count == 0)
        fputs("<p>Nothing was asked to hold: see <code>--min-recall</code> and the other gates in "
              "<code>kin compare --help</code>.</p>\n",
              out);
    else
        fputs("<ul>\n", out);
    for (size_t i = 0; i < c->gate_count; i++)
        write_gate(out, &c->gate[i]);
    if (c->gate_count)
        fputs("</ul>\n", out);
}

static void write_warnings(FILE *out, void *page)
{
    const kin_comparison *c = compared_of(page);
    if (c->warning_count == 0 && !c->forced)
        return;
    fputs("<section class=\"warnings\" aria-labelledby=\"warnings-title\">\n"
          "<h2 id=\"warnings-title\">Read with care</h2>\n<ul>\n",
          out);
    if (c->forced)
        fputs("<li>The reference does not fit this graph; the comparison was made all the same "
              "(<code>--force</code>), and no gate of recall is passed by it.</li>\n",
              out);
    for (size_t i = 0; i < c->warning_count; i++)
        kin_page_format(out, "<li>%s</li>\n", c->warning[i]);
    fputs("</ul>\n</section>\n", out);
}

static void write_facts(FILE *out, void *page)
{
    const kin_comparison *c = compared_of(page);
    kin_part_fact(out, "Items", kin_page_count(c->graph.graph.n).text, NULL);
    kin_part_fact(out, "Neighbours per item", kin_page_count(c->graph.graph.k).text, NULL);
    if (has_recall(c)) {
        const kin_summary *s = kin_compare_recall(&c->recall);
        kin_part_fact(out, "Rows evaluated", kin_page_count(c->recall.evaluated).text, NULL);
        kin_part_fact(out, "Median row", kin_page_share(s->p50).text, NULL);
        kin_part_fact(out, "Worst row", kin_page_share(s->min).text, NULL);
        kin_part_fact(out, "Rows below 0.9", kin_page_percent(s->below_90).text, NULL);
        kin_part_fact(out, "Places filled", kin_page_percent(c->recall.fill).text, NULL);
    }
    kin_part_fact(out, "Rows without neighbours", kin_page_count(c->structure.empty_rows).text,
                  NULL);
    if (c->has_drift)
        kin_part_fact(out, "Drift since the previous", kin_page_share(c->drift.drift).text, NULL);
}

/* ---- sections -------------------------------------------------------------------------------- */

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
    return c->has_loss || (has_recall(c) && kin_compare_recall(&c->recall)->mean < 1);
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
    void (*write)(FILE *, compare_page *);
} section[] = {
    {"difference", "Graph beside graph", has_difference, kin_compare_page_difference},
    {"rows", "How recall is spread over rows", has_recall, kin_compare_page_rows},
    {"cuts", "How recall depends on what is counted", has_recall, kin_compare_page_cuts},
    {"strata", "Which items fare worse", has_strata, kin_compare_page_strata},
    {"loss", "Where the missing neighbours went", has_loss, kin_compare_page_loss},
    {"worst", "The rows that lost most", has_worst, kin_compare_page_worst},
    {"structure", "The graph by itself", has_structure, kin_compare_page_structure},
    {"drift", "What changed since the previous graph", has_drift, kin_compare_page_drift},
    {"setup", "How they were made", always, kin_compare_page_setup},
};

enum { SECTIONS = sizeof section / sizeof *section };

static void write_links(FILE *out, void *page)
{
    for (size_t i = 0; i < SECTIONS; i++)
        if (section[i].there(compared_of(page)))
            fprintf(out, "<li><a href=\"#%s\">%s</a></li>\n", section[i].id, section[i].heading);
}

static void write_sections(FILE *out, void *self)
{
    compare_page *page = self;
    for (size_t i = 0; i < SECTIONS && page->rc == 0; i++) {
        const char *id = section[i].id;
        if (!section[i].there(page->compared))
            continue;
        fprintf(out,
                "<section class=\"card\" id=\"%s\" aria-labelledby=\"%s-title\">\n"
                "<h2 id=\"%s-title\">%s</h2>\n",
                id, id, id, section[i].heading);
        section[i].write(out, page);
        fputs("</section>\n", out);
    }
}

static void write_remarks(FILE *out, void *self)
{
    const show_pictures *pictures = &((const compare_page *)self)->pictures;
    if (pictures->left_out)
        fprintf(out, " Pictures that are missing, too large or of a kind that is not shown: %zu.",
                pictures->left_out);
    if (pictures->outside)
        fprintf(out, " Pictures that are not in the catalog&rsquo;s folder: %zu.",
                pictures->outside);
}

/* ---- the page -------------------------------------------------------------------------------- */

static const kin_graph *whose_names(const kin_comparison *c)
{
    bool borrow = c->graph.graph.items.lines.count == 0 && c->reference.there &&
                  c->reference.graph.items.lines.count > 0;
    return borrow ? &c->reference.graph : &c->graph.graph;
}

int kin_comparison_page(char **text, size_t *bytes, const kin_comparison *self,
                        const char *pictures, kin_error *err)
{
    static const page_place place[] = {
        {"heading", write_heading, NULL},   {"lead", write_lead, NULL},
        {"number", write_number, NULL},     {"outcome", write_outcome, NULL},
        {"gates", write_gates, NULL},       {"warnings", write_warnings, NULL},
        {"facts", write_facts, NULL},       {"links", write_links, NULL},
        {"sections", write_sections, NULL},
    };
    compare_page page = {.compared = self, .named = whose_names(self), .err = err};
    const page_frame frame = {.kind = "kin compare",
                              .name = kin_compare_graph_name(&self->graph.graph),
                              .command = "kin compare",
                              .style = (const char *const[]){plot_css, compare_css, NULL},
                              .skeleton = compare_html,
                              .place = place,
                              .places = sizeof place / sizeof *place,
                              .remarks = write_remarks,
                              .data = &page,
                              .hint = "leave --out away"};
    *text = NULL;
    int rc = kin_show_pictures_init(&page.pictures, page.named, pictures, err);
    if (rc == 0)
        rc = kin_page_write(text, bytes, &frame, err);
    if (rc == 0 && page.rc == 0 && page.pictures.no_memory)
        page.rc = kin_fail(err, KIN_E_MEMORY, frame.hint, "no memory for the page's pictures");
    kin_show_pictures_release(&page.pictures);
    if (rc != 0 || page.rc == 0)
        return rc;
    free(*text);
    *text = NULL;
    return page.rc;
}
