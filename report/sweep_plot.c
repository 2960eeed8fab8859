/*
 * The plot of a sweep: recall by seconds, a line per engine and space (job/sweep.h, report/plot.h).
 *
 * Recalls near 1 are what matters, so they are spread by what is lost. Whiskers reach down to the lower
 * bounds, by which the target is judged. Points of the front are filled, and a broad band runs along it.
 */
#include "report/sweep_plot.h"
#include "job/sweep_front.h"
#include "job/sweep_points.h"
#include "report/plot.h"

#include <string.h>

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
    return strcmp(sweep_point_series(point), of->name) == 0;
}

/* ---- axes ------------------------------------------------------------------------------------- */

static void fit_axes(plot *p, const sweep *self)
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
    plot_fit(&p->x, x, self->count + !wide);
    plot_fit(&p->y, y, 2 * self->count + 1);
}

/* ---- points ----------------------------------------------------------------------------------- */

static void draw_front(const plot *p, const sweep *self)
{
    double x[SWEEP_POINTS_MAX], y[SWEEP_POINTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++) /* by recall: those of the front by time too */
        if (self->point[i].pareto) {
            x[count] = self->point[i].seconds;
            y[count++] = self->point[i].recall;
        }
    plot_series_begin(p, "fused");
    plot_steps(p, x, y, count);
    plot_series_end(p);
}

/* The setting that makes points of one line differ. */
static double knob_of(const sweep_point *point)
{
    return point->engine == ENGINE_JOIN ? point->target : (double)point->candidates;
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
    plot_series_begin(p, s->color);
    plot_line(p, x, y, count);
    for (size_t i = 0; i < count; i++) {
        char title[2 * SWEEP_TEXT], options[SWEEP_TEXT];
        snprintf(title, sizeof title, "%s: %.2f s, recall %.4f, at least %.4f",
                 sweep_point_options(of[i], options), of[i]->seconds, sweep_floor4(of[i]->recall),
                 sweep_floor4(of[i]->lower));
        if (of[i]->lower < of[i]->recall)
            plot_whisker(p, x[i], of[i]->lower, y[i]);
        plot_marker(p, s->shape, of[i]->pareto, x[i], y[i], title);
    }
    plot_series_end(p);
}

/* A ring around the cheapest point for the target. */
static void mark_answer(plot *p, const sweep *self)
{
    const sweep_point *answer = sweep_answer(self);
    if (!answer)
        return;
    plot_series_begin(p, "ink");
    plot_marker(p, PLOT_RING, false, answer->seconds, answer->recall, NULL);
    plot_series_end(p);
}

/* Labels of the answer and the front first, as not all may find room. */
static void label_points(plot *p, const sweep *self, const series *s)
{
    const sweep_point *answer = sweep_answer(self);
    char text[SWEEP_TEXT];
    plot_series_begin(p, s->color);
    for (int rank = 0; rank < 3; rank++)
        for (size_t i = 0; i < self->count; i++) {
            const sweep_point *point = &self->point[i];
            int own = point == answer ? 0 : point->pareto ? 1 : 2;
            if (!is_of(point, s) || own != rank)
                continue;
            snprintf(text, sizeof text, "%.10g", knob_of(point));
            plot_label(p, point->seconds, point->recall,
                       point->engine == ENGINE_EXACT ? "exact" : text);
        }
    plot_series_end(p);
}

enum { KEY_HEIGHT = 20 };

static void draw_keys(const plot *p, const sweep *self, bool narrow)
{
    double left = 0, base = 14;
    for (size_t s = 0; s < SERIES; s++) {
        const sweep_point *of[SWEEP_POINTS_MAX];
        if (collect(of, self, &all_series[s]) == 0)
            continue;
        plot_series_begin(p, all_series[s].color);
        double width = plot_key(p, all_series[s].shape, left, base, all_series[s].what);
        plot_series_end(p);
        if (narrow)
            base += KEY_HEIGHT;
        else
            left += width + 20;
    }
}

static size_t count_series(const sweep *self)
{
    const sweep_point *of[SWEEP_POINTS_MAX];
    size_t count = 0;
    for (size_t s = 0; s < SERIES; s++)
        count += collect(of, self, &all_series[s]) > 0;
    return count;
}

static void draw(FILE *out, const sweep *self, bool narrow)
{
    double keys = KEY_HEIGHT * (narrow ? (double)count_series(self) : 1);
    plot p = {.out = out,
              .id = narrow ? "sweep-narrow" : "sweep-wide",
              .css_class = narrow ? "narrow" : "wide",
              .width = narrow ? 380 : 960,
              .height = (narrow ? 440 : 540) + keys,
              .left = 64,
              .right = 20,
              .top = 46 + keys,
              .bottom = 52,
              .y = {.scale = PLOT_MISSES, .label = "recall, on a log scale of what is lost"}};
    char target[32];
    snprintf(target, sizeof target, "target %.10g", self->options->target_recall);
    fit_axes(&p, self);
    plot_begin(
        &p, "Recall by seconds",
        "A point for each setting of each engine. Higher is more recall, farther left is less "
        "time. Filled points are on the Pareto front. The table below has the numbers.");
    draw_keys(&p, self, narrow);
    draw_front(&p, self);
    plot_series_begin(&p, "ink");
    plot_rule_y(&p, self->options->target_recall, target);
    plot_series_end(&p);
    for (size_t s = 0; s < SERIES; s++)
        draw_series(&p, self, &all_series[s]);
    mark_answer(&p, self);
    for (size_t s = 0; s < SERIES; s++)
        label_points(&p, self, &all_series[s]);
    plot_end(&p);
}

void sweep_plot(FILE *out, const sweep *self)
{
    draw(out, self, false);
    draw(out, self, true);
}
