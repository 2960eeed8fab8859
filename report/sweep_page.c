/*
 * The page of `kin sweep --out FILE.html` (job/sweep.h): what to type, the plot, and the table behind it.
 */
#include "report/sweep_page.h"
#include "core/kernels.h"
#include "core/text.h"
#include "core/threads.h"
#include "job/sweep_front.h"
#include "job/sweep_points.h"
#include "report/assets.h"
#include "report/page.h"
#include "report/plot.h"
#include "report/sweep_command.h"
#include "report/sweep_plot.h"

#include <stdlib.h>
#include <string.h>

/* ---- the header ------------------------------------------------------------------------------- */

static void write_fact(FILE *out, const char *name, const char *value)
{
    fprintf(out, "<div><dt>%s</dt><dd>", name);
    page_text(out, value);
    fputs("</dd></div>\n", out);
}

static void write_facts(FILE *out, const sweep *self)
{
    char text[128];
    fputs("<dl class=\"facts\">\n", out);
    fputs("<div><dt>Items of the sample</dt><dd>", out);
    fputs(page_count(self->sample->n).text, out);
    fputs(" of ", out);
    fputs(page_count(self->catalog.n).text, out);
    fputs("</dd></div>\n", out);
    snprintf(text, sizeof text, "%lld", (long long)self->options->top_k);
    write_fact(out, "Neighbours per item", text);
    snprintf(text, sizeof text, "%s%zu", self->exhaustive ? "all " : "", self->rows);
    write_fact(out, "Rows evaluated", text);
    snprintf(text, sizeof text, "%.10g", self->options->target_recall);
    write_fact(out, "Target", text);
    write_fact(out, "Processor", kin_cpu_name());
    snprintf(text, sizeof text, "%d", kin_threads_used());
    write_fact(out, "Threads", text);
    fputs("<div><dt>Weights</dt><dd>", out);
    for (size_t m = 0; m < self->catalog.modality_count; m++) {
        fputs(m ? " &middot; " : "", out);
        page_text(out, self->catalog.modality[m].name);
        fprintf(out, " %g", self->catalog.modality[m].weight);
    }
    fputs("</dd></div>\n</dl>\n", out);
}

static void write_header(FILE *out, const sweep *self)
{
    page_begin(out, "What recall costs", kin_path_base(self->catalog.modality[0].matrix.file.path),
               (const char *const[]){plot_css, sweep_css, NULL});
    fputs("<header>\n<h1>What recall costs</h1>\n<p class=\"lead\">"
          "Engines of <b>kin build</b>, each over its knob, on a sample of the catalog: how long "
          "they "
          "take, and how many of an item&#39;s true neighbours they find.</p>\n",
          out);
    write_facts(out, self);
    fputs("</header>\n<main>\n", out);
}

/* ---- the answer ------------------------------------------------------------------------------- */

static void write_command(FILE *out, const sweep *self, const sweep_point *point)
{
    char *command = sweep_command(self, point, " \\\n  ");
    fputs("<pre>", out);
    for (const char *line = command; line && *line;) { /* line by line: ends of lines are no text */
        size_t length = strcspn(line, "\n");
        page_escape(out, (kin_span){line, length});
        line += length;
        if (*line)
            putc(*line++, out);
    }
    fputs("</pre>\n", out);
    free(command);
}

static void write_exact(FILE *out, const sweep *self)
{
    const sweep_point *exact = sweep_exact(self);
    fprintf(out, "<p>The exact engine takes <b>%.2f s</b> here%s and loses nothing.",
            exact->seconds, sweep_answer(self) ? ", not seen to be longer than that," : "");
    if (self->sample != &self->catalog) {
        fputs(" But on all ", out);
        fputs(page_count(self->catalog.n).text, out);
        fputs(" items it grows with their square, and join and hnsw do not: <b>kin plan</b> "
              "predicts the "
              "full build.",
              out);
    }
    fputs("</p>\n", out);
    write_command(out, self, exact);
}

static void write_answer(FILE *out, const sweep *self)
{
    const sweep_point *answer = sweep_answer(self);
    fputs("<section class=\"card\">\n", out);
    if (answer) {
        fprintf(out,
                "<h2>The cheapest approximate setting for a recall of %.10g</h2>\n<p><b>%.2f "
                "s</b>, recall "
                "<b>%.4f</b>",
                self->options->target_recall, answer->seconds, sweep_floor4(answer->recall));
        if (!self->exhaustive)
            fprintf(out, ", at least <b>%.4f</b> with %.0f %% confidence",
                    sweep_floor4(answer->lower), 100 * SWEEP_CONFIDENCE);
        fputs(".</p>\n", out);
        write_command(out, self, answer);
        sweep_write_ties(out, self, "<p>By time it cannot be told from ", "</p>\n");
    } else {
        fprintf(out, "<h2>No approximate engine was seen to reach a recall of %.10g</h2>\n",
                self->options->target_recall);
    }
    if (sweep_prefers_exact(self))
        write_exact(out, self);
    fputs("</section>\n", out);
}

/* ---- the plot and its table ------------------------------------------------------------------- */

static void write_plot(FILE *out, const sweep *self)
{
    fputs("<section class=\"card whole\">\n<h2>Recall by time</h2>\n<p>Up is better, left is "
          "cheaper. "
          "Filled points on the broad band are the Pareto front: nothing else has at least their "
          "recall in no more time.",
          out);
    if (!self->exhaustive)
        fprintf(out,
                " A line hangs from each point down to its lower bound at %.0f %% confidence; "
                "the target is reached where that is above the dashed line.",
                100 * SWEEP_CONFIDENCE);
    fputs(" Labels are the values of the knob; the ring is around the cheapest setting for the "
          "target.</p>\n",
          out);
    sweep_plot(out, self);
    fputs("</section>\n", out);
}

static void write_row(FILE *out, const sweep *self, const sweep_point *point)
{
    char options[SWEEP_TEXT];
    bool answer = point == sweep_answer(self);
    fprintf(out, "<tr%s><th scope=\"row\">",
            answer && point->pareto ? " class=\"front answer\""
            : answer                ? " class=\"answer\""
            : point->pareto         ? " class=\"front\""
                                    : "");
    page_text(out, sweep_point_options(point, options));
    fprintf(out, "</th><td>%.2f</td><td>", point->seconds);
    fputs(page_count((size_t)((double)self->sample->n / point->seconds)).text, out);
    fprintf(out, "</td><td>%.4f</td><td>%.4f</td><td>%.0f</td><td>%s%s%s</td></tr>\n",
            sweep_floor4(point->recall), sweep_floor4(point->lower),
            (double)point->memory_bytes / 0x1p20, point->pareto ? "front" : "",
            point->pareto && answer ? ", " : "", answer ? "cheapest" : "");
}

static void write_table(FILE *out, const sweep *self)
{
    fputs(
        "<section class=\"card\">\n<h2>All points</h2>\n<div class=\"scroll\" tabindex=\"0\" "
        "role=\"region\" aria-label=\"All points\">\n<table>\n"
        "<caption>By recall. Options are as typed for kin build.</caption>\n<thead><tr>"
        "<th scope=\"col\">Options</th><th scope=\"col\">Seconds</th><th scope=\"col\">Items/s</th>"
        "<th scope=\"col\">Recall</th><th scope=\"col\">At least</th>"
        "<th scope=\"col\">Memory, MiB</th><th scope=\"col\">Pareto</th></tr></thead>\n<tbody>\n",
        out);
    for (size_t i = 0; i < self->count; i++)
        write_row(out, self, &self->point[i]);
    fputs("</tbody>\n</table>\n</div>\n</section>\n", out);
}

static void write_notes(FILE *out, const sweep *self)
{
    fputs(
        "<section class=\"card\">\n<h2>How to read this</h2>\n<ul class=\"notes\">\n"
        "<li>Times are of this sample on this machine, from the order of rows or the index to the "
        "last row, without reading, judging and writing. They order engines; they are no promise. "
        "What settings share, an index or the codes of join, counts in each of them.</li>\n"
        "<li>Recall at a fixed --candidates falls slowly as items grow. join tunes itself in every "
        "build, so its --target-recall means the same at any size.</li>\n"
        "<li>The exact engine grows with the square of the items, join and hnsw do not: kin plan "
        "predicts a build of the full catalog.</li>\n",
        out);
    for (size_t i = 0; i < self->notes; i++) {
        fputs("<li>", out);
        page_text(out, self->note[i]);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n</section>\n", out);
}

int sweep_page(char **page, size_t *bytes, const sweep *self, kin_error *err)
{
    *page = NULL;
    FILE *out = kin_text_stream(page, bytes);
    if (!out)
        return kin_fail_errno(err, KIN_E_MEMORY, "leave --out out", "the page");
    write_header(out, self);
    write_answer(out, self);
    write_plot(out, self);
    write_table(out, self);
    write_notes(out, self);
    fputs("</main>\n<footer><p>Written by kin sweep. One file, no scripts; it loads nothing.</p>"
          "</footer>\n",
          out);
    return page_end(out, "leave --out out", err);
}
