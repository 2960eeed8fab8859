/*
 * The page of `kin sweep --out FILE.html` (declared in report/sweep_page.h; skeleton:
 * report/sweep.html): what to type, the plot, and the table behind it.
 *
 * The plot is recall by seconds, a line per engine and space. Recalls near 1 are what matters, so
 * they are spread by what is lost. Whiskers reach down to the lower bounds, which the target is
 * held against. Points of the front are filled, and a broad band runs along it.
 */
#include "report/sweep_page.h"
#include "core/kernels.h"
#include "core/threads.h"
#include "job/sweep_front.h"
#include "job/sweep_points.h"
#include "report/assets.h"
#include "report/part.h"
#include "report/plot.h"
#include "report/sweep_command.h"

#include <stdlib.h>
#include <string.h>

/* ---- facts and answer ------------------------------------------------------------------------ */

static void write_facts(FILE *out, void *data)
{
    const sweep *self = data;
    char text[128];
    snprintf(text, sizeof text, "%s of %s", kin_page_count(self->sample->n).text,
             kin_page_count(self->catalog.n).text);
    kin_part_fact(out, "Items of the sample", text, NULL);
    snprintf(text, sizeof text, "%lld", (long long)self->options->top_k);
    kin_part_fact(out, "Neighbours per item", text, NULL);
    snprintf(text, sizeof text, "%s%zu", self->exhaustive ? "all " : "", self->rows);
    kin_part_fact(out, "Rows evaluated", text, NULL);
    kin_part_fact(out, "Target", kin_page_general(self->options->target_recall).text, NULL);
    kin_part_fact(out, "Processor", kin_cpu_name(), NULL);
    snprintf(text, sizeof text, "%d", kin_threads_used());
    kin_part_fact(out, "Threads", text, NULL);
    fputs("<div><dt>Weights</dt><dd>", out);
    for (size_t m = 0; m < self->catalog.modality_count; m++) {
        fputs(m ? " &middot; " : "", out);
        kin_page_format(out, "%s %g", self->catalog.modality[m].name,
                        self->catalog.modality[m].weight);
    }
    fputs("</dd></div>\n", out);
}

static void write_command(FILE *out, const sweep *self, const sweep_point *point)
{
    char *command = kin_sweep_command(self, point, " \\\n  ");
    fputs("<pre>", out);
    for (const char *line = command; line && *line;) { /* line by line: ends of lines are no text */
        size_t length = strcspn(line, "\n");
        kin_page_escape(out, (kin_span){line, length});
        line += length;
        if (*line)
            putc(*line++, out);
    }
    fputs("</pre>\n", out);
    free(command);
}

static void write_exact(FILE *out, const sweep *self)
{
    const sweep_point *exact = kin_sweep_exact(self);
    fprintf(out, "<p>The exact engine takes <b>%.2f s</b> here%s and loses nothing.",
            exact->seconds, kin_sweep_answer(self) ? ", not seen to be longer than that," : "");
    if (self->sample != &self->catalog)
        kin_page_format(
            out,
            " But on all %s items it grows with their square, and join and hnsw do not: "
            "<b>kin plan</b> predicts the full build.",
            kin_page_count(self->catalog.n).text);
    fputs("</p>\n", out);
    write_command(out, self, exact);
}

static void write_answer(FILE *out, void *data)
{
    const sweep *self = data;
    const sweep_point *answer = kin_sweep_answer(self);
    if (answer) {
        fprintf(out,
                "<h2>The cheapest approximate setting for a recall of %.10g</h2>\n"
                "<p><b>%.2f s</b>, recall <b>%.4f</b>",
                self->options->target_recall, answer->seconds, kin_sweep_floor4(answer->recall));
        if (!self->exhaustive)
            fprintf(out, ", at least <b>%.4f</b> with %.0f %% confidence",
                    kin_sweep_floor4(answer->lower), 100 * SWEEP_CONFIDENCE);
        fputs(".</p>\n", out);
        write_command(out, self, answer);
        kin_sweep_write_ties(out, self, "<p>By time it cannot be told from ", "</p>\n");
    } else {
        fprintf(out, "<h2>No approximate engine was seen to reach a recall of %.10g</h2>\n",
                self->options->target_recall);
    }
    if (kin_sweep_prefers_exact(self))
        write_exact(out, self);
}

/* ---- points on the plot ---------------------------------------------------------------------- */

/* Points of one name, by time; colours are the page's. */
typedef struct series {
    const char *name, *color, *what;
    plot_shape shape;
} series;

static const series all_series[] = {
    {"join", "m0", "join, by --target-recall", PLOT_CIRCLE},
    {"hnsw", "m1", "hnsw, by --candidates", PLOT_SQUARE},
    {"hnsw fused", "m2", "hnsw in fused space", PLOT_TRIANGLE},
    {"exact", "fused", "exact", PLOT_STAR},
};

enum { SERIES = sizeof all_series / sizeof *all_series };

static bool is_of(const sweep_point *point, const series *of)
{
    return strcmp(kin_sweep_point_series(point), of->name) == 0;
}

/* ---- axes ------------------------------------------------------------------------------------ */

static void fit_axes(plot_drawing *p, const sweep *self)
{
    double x[SWEEP_POINTS_MAX + 1], y[2 * SWEEP_POINTS_MAX + 1];
    double least = self->point[0].seconds, most = least;
    for (size_t i = 0; i < self->count; i++) {
        x[i] = self->point[i].seconds;
        y[2 * i] = self->point[i].recall;
        y[2 * i + 1] = self->point[i].lower;
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    y[2 * self->count] = self->options->target_recall;
    x[self->count] = 0; /* for a linear axis: times begin there */
    bool wide = most > 10 * least;
    p->x.scale = wide ? PLOT_LOG : PLOT_LINEAR;
    p->x.label = wide ? "seconds for the sample, log scale" : "seconds for the sample";
    kin_plot_fit(&p->x, x, self->count + !wide);
    kin_plot_fit(&p->y, y, 2 * self->count + 1);
}

/* ---- points ---------------------------------------------------------------------------------- */

static void draw_front(const plot *p, const sweep *self)
{
    double x[SWEEP_POINTS_MAX], y[SWEEP_POINTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++) /* by recall: those of the front by time too */
        if (self->point[i].pareto) {
            x[count] = self->point[i].seconds;
            y[count++] = self->point[i].recall;
        }
    kin_plot_series_begin(p, "fused");
    kin_plot_steps(p, x, y, count);
    kin_plot_series_end(p);
}

/* The setting that makes points of one line differ. */
static double knob_of(const sweep_point *point)
{
    return point->engine == KIN_ENGINE_JOIN ? point->target : (double)point->candidates;
}

/* Points of a series in the order of their knob. */
static size_t collect(const sweep_point *of[SWEEP_POINTS_MAX], const sweep *self, const series *s)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (!is_of(&self->point[i], s))
            continue;
        size_t at = count++;
        for (; at > 0 && knob_of(of[at - 1]) > knob_of(&self->point[i]); at--)
            of[at] = of[at - 1];
        of[at] = &self->point[i];
    }
    return count;
}

static void draw_series(plot *p, const sweep *self, const series *s)
{
    const sweep_point *of[SWEEP_POINTS_MAX];
    double x[SWEEP_POINTS_MAX], y[SWEEP_POINTS_MAX];
    size_t count = collect(of, self, s);
    for (size_t i = 0; i < count; i++) {
        x[i] = of[i]->seconds;
        y[i] = of[i]->recall;
    }
    kin_plot_series_begin(p, s->color);
    kin_plot_line(p, x, y, count);
    for (size_t i = 0; i < count; i++) {
        char title[2 * SWEEP_TEXT], options[SWEEP_TEXT];
        snprintf(title, sizeof title, "%s: %.2f s, recall %.4f, at least %.4f",
                 kin_sweep_point_options(of[i], options), of[i]->seconds,
                 kin_sweep_floor4(of[i]->recall), kin_sweep_floor4(of[i]->lower));
        if (of[i]->lower < of[i]->recall)
            kin_plot_whisker(p, x[i], of[i]->lower, y[i]);
        kin_plot_marker(p, s->shape, of[i]->pareto, x[i], y[i], title);
    }
    kin_plot_series_end(p);
}

/* A ring around the cheapest point for the target. */
static void mark_answer(plot *p, const sweep *self)
{
    const sweep_point *answer = kin_sweep_answer(self);
    if (!answer)
        return;
    kin_plot_series_begin(p, "ink");
    kin_plot_marker(p, PLOT_RING, false, answer->seconds, answer->recall, NULL);
    kin_plot_series_end(p);
}

/* Labels of the answer and the front first, as not all may find room. */
static void label_points(plot *p, const sweep *self, const series *s)
{
    const sweep_point *answer = kin_sweep_answer(self);
    char text[SWEEP_TEXT];
    kin_plot_series_begin(p, s->color);
    for (int rank = 0; rank < 3; rank++)
        for (size_t i = 0; i < self->count; i++) {
            const sweep_point *point = &self->point[i];
            int own = point == answer ? 0 : point->pareto ? 1 : 2;
            if (!is_of(point, s) || own != rank)
                continue;
            snprintf(text, sizeof text, "%.10g", knob_of(point));
            kin_plot_label(p, point->seconds, point->recall,
                           point->engine == KIN_ENGINE_EXACT ? "exact" : text);
        }
    kin_plot_series_end(p);
}

static size_t count_series(const sweep *self)
{
    const sweep_point *of[SWEEP_POINTS_MAX];
    size_t count = 0;
    for (size_t s = 0; s < SERIES; s++)
        count += collect(of, self, &all_series[s]) > 0;
    return count;
}

static void draw_keys(const plot *p, const sweep *self)
{
    plot_legend legend = {.base = 14, .room = 215}; /* one a line in narrow windows */
    for (size_t s = 0; s < SERIES; s++) {
        const sweep_point *of[SWEEP_POINTS_MAX];
        if (collect(of, self, &all_series[s]) == 0)
            continue;
        kin_plot_series_begin(p, all_series[s].color);
        kin_plot_key(p, &legend, all_series[s].shape, all_series[s].what);
        kin_plot_series_end(p);
    }
}

static void draw_points(plot *p, const void *data)
{
    const sweep *self = data;
    char target[32];
    snprintf(target, sizeof target, "target %.10g", self->options->target_recall);
    draw_keys(p, self);
    draw_front(p, self);
    kin_plot_series_begin(p, "ink");
    kin_plot_rule_y(p, self->options->target_recall, target);
    kin_plot_series_end(p);
    for (size_t s = 0; s < SERIES; s++)
        draw_series(p, self, &all_series[s]);
    mark_answer(p, self);
    for (size_t s = 0; s < SERIES; s++)
        label_points(p, self, &all_series[s]);
}

/* With the legend above the frame: a line where there is room, else a line for each entry. */
static plot_form form_of(double width, double height, double legend)
{
    return (plot_form){.width = width,
                       .height = height + legend,
                       .left = 64,
                       .right = 20,
                       .top = 46 + legend,
                       .bottom = 52};
}

static void write_plot(FILE *out, void *data)
{
    const sweep *self = data;
    plot_drawing drawing = {
        .id = "sweep",
        .title = "Recall by seconds",
        .description =
            "A point for each setting of each engine. Higher is more recall, farther left is less "
            "time. Filled points are on the Pareto front. The table below has the numbers.",
        .wide = form_of(960, 540, 20),
        .narrow = form_of(380, 440, 20 * (double)count_series(self)),
        .y = {.scale = PLOT_MISSES, .label = "recall, on a log scale of what is lost"},
        .draw = draw_points,
        .data = self};
    fit_axes(&drawing, self);
    kin_plot_write(out, &drawing);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void write_bounds(FILE *out, void *data)
{
    const sweep *self = data;
    if (!self->exhaustive)
        fprintf(out,
                " A line hangs from each point down to its lower bound at %.0f %% confidence; "
                "the target is reached where that is above the dashed line.",
                100 * SWEEP_CONFIDENCE);
}

static void write_row(FILE *out, const sweep *self, const sweep_point *point)
{
    char options[SWEEP_TEXT];
    bool answer = point == kin_sweep_answer(self);
    fprintf(out, "<tr%s>",
            answer && point->pareto ? " class=\"front answer\""
            : answer                ? " class=\"answer\""
            : point->pareto         ? " class=\"front\""
                                    : "");
    kin_page_format(out,
                    "<th scope=\"row\">%s</th><td>%.2f</td><td>%s</td><td>%.4f</td><td>%.4f</td>"
                    "<td>%.0f</td><td>%s%s%s</td></tr>\n",
                    kin_sweep_point_options(point, options), point->seconds,
                    kin_page_count((size_t)((double)self->sample->n / point->seconds)).text,
                    kin_sweep_floor4(point->recall), kin_sweep_floor4(point->lower),
                    (double)point->memory_bytes / 0x1p20, point->pareto ? "front" : "",
                    point->pareto && answer ? ", " : "", answer ? "cheapest" : "");
}

static void write_points(FILE *out, void *data)
{
    const sweep *self = data;
    for (size_t i = 0; i < self->count; i++)
        write_row(out, self, &self->point[i]);
}

static void write_notes(FILE *out, void *data)
{
    const sweep *self = data;
    for (size_t i = 0; i < self->notes; i++)
        kin_page_format(out, "<li>%s</li>\n", self->note[i]);
}

int kin_sweep_page(char **page, size_t *bytes, const sweep *self, kin_error *err)
{
    static const page_place place[] = {
        {"facts", write_facts, NULL},   {"answer", write_answer, NULL},
        {"bounds", write_bounds, NULL}, {"plot", write_plot, NULL},
        {"points", write_points, NULL}, {"notes", write_notes, NULL},
    };
    const page_frame frame = {
        .kind = "What recall costs",
        .name = kin_path_base(self->catalog.modality[0].matrix.file.path),
        .command = "kin sweep",
        .style = (const char *const[]){plot_css, sweep_css, NULL},
        .skeleton = sweep_html,
        .place = place,
        .places = sizeof place / sizeof *place,
        .data = (void *)self, /* read alone */
        .hint = "leave --out out",
    };
    return kin_page_write(page, bytes, &frame, err);
}
