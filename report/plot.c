/*
 * Drawing a plot (report/plot.h); its axes are those of report/plot_axis.c.
 */
#include "report/plot.h"
#include "report/page.h"

#include <math.h>

static double frame_right(const plot *self)
{
    return self->width - self->right;
}

static double frame_bottom(const plot *self)
{
    return self->height - self->bottom;
}

double kin_plot_x(const plot *self, double value)
{
    return self->left + kin_plot_place(&self->x, value) * (frame_right(self) - self->left);
}

double kin_plot_y(const plot *self, double value)
{
    return self->top + (1 - kin_plot_place(&self->y, value)) * (frame_bottom(self) - self->top);
}

/* ---- the element and its axes ---------------------------------------------------------------- */

static const char *const anchor_name[] = {"start", "middle", "end"};

static void write_text(const plot *self, double left, double base, plot_anchor anchor,
                       const char *text)
{
    kin_page_format(self->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", left,
                    base, anchor_name[anchor], text);
}

/* What an axis measures. */
static void write_unit(const plot *self, double left, double base, plot_anchor anchor,
                       const char *text)
{
    if (text)
        kin_page_format(self->out,
                        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"unit\">%s</text>\n",
                        left, base, anchor_name[anchor], text);
}

void kin_plot_text(const plot *self, double left, double base, plot_anchor anchor, const char *text)
{
    write_text(self, left, base, anchor, text);
}

/* Room that a tick's text takes on its axis. */
enum { TICK_ROOM_X = 64, TICK_ROOM_Y = 34 };

static void draw_x_axis(const plot *self)
{
    plot_tick tick[PLOT_TICKS_MAX];
    double bottom = frame_bottom(self), length = frame_right(self) - self->left;
    size_t count = kin_plot_ticks(tick, &self->x, (size_t)(length / TICK_ROOM_X));
    for (size_t i = 0; i < count; i++) {
        double at = kin_plot_x(self, tick[i].value);
        fprintf(self->out, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>\n", at, self->top,
                bottom + 5);
        write_text(self, at, bottom + 20, PLOT_MIDDLE, tick[i].text);
    }
    write_unit(self, frame_right(self), bottom + 42, PLOT_END, self->x.label);
}

static void draw_y_axis(const plot *self)
{
    plot_tick tick[PLOT_TICKS_MAX];
    double length = frame_bottom(self) - self->top;
    size_t count = kin_plot_ticks(tick, &self->y, (size_t)(length / TICK_ROOM_Y));
    for (size_t i = 0; i < count; i++) {
        double at = kin_plot_y(self, tick[i].value);
        fprintf(self->out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>\n", self->left - 5, at,
                frame_right(self));
        write_text(self, self->left - 10, at + 4, PLOT_END, tick[i].text);
    }
    write_unit(self, 0, self->top - 16, PLOT_START, self->y.label);
}

void kin_plot_begin(const plot *self, const char *title, const char *description)
{
    kin_page_format(self->out,
                    "<svg class=\"plot%s%s\" viewBox=\"0 0 %g %g\" role=\"img\" "
                    "aria-labelledby=\"%s-title %s-desc\">\n"
                    "<title id=\"%s-title\">%s</title>\n<desc id=\"%s-desc\">%s</desc>\n",
                    self->css_class ? " " : "", self->css_class ? self->css_class : "", self->width,
                    self->height, self->id, self->id, self->id, title, self->id, description);
    draw_x_axis(self);
    draw_y_axis(self);
}

void kin_plot_end(const plot *self)
{
    fputs("</svg>\n", self->out);
}

/* ---- series ---------------------------------------------------------------------------------- */

void kin_plot_series_begin(const plot *self, const char *color)
{
    fprintf(self->out, "<g class=\"series\" style=\"--c:var(--%s)\">\n", color);
}

void kin_plot_series_end(const plot *self)
{
    fputs("</g>\n", self->out);
}

void kin_plot_line(const plot *self, const double *x, const double *y, size_t count)
{
    if (count == 0)
        return;
    fputs("<path class=\"line\" d=\"", self->out);
    for (size_t i = 0; i < count; i++)
        fprintf(self->out, "%s%.1f %.1f", i ? "L" : "M", kin_plot_x(self, x[i]),
                kin_plot_y(self, y[i]));
    fputs("\"/>\n", self->out);
}

void kin_plot_steps(const plot *self, const double *x, const double *y, size_t count)
{
    if (count == 0)
        return;
    fprintf(self->out, "<path class=\"steps\" d=\"M%.1f %.1f", kin_plot_x(self, x[0]),
            kin_plot_y(self, y[0]));
    for (size_t i = 1; i < count; i++)
        fprintf(self->out, "H%.1fV%.1f", kin_plot_x(self, x[i]), kin_plot_y(self, y[i]));
    fputs("h0\"/>\n", self->out); /* a single point is a dot */
}

void kin_plot_whisker(const plot *self, double x, double from, double to)
{
    fprintf(self->out, "<path class=\"whisker\" d=\"M%.1f %.1fV%.1f\"/>\n", kin_plot_x(self, x),
            kin_plot_y(self, from), kin_plot_y(self, to));
}

/* Ends an element that was left open: "<path ..." */
static void close_titled(const plot *self, const char *element, const char *title)
{
    if (title)
        kin_page_format(self->out, "><title>%s</title></%s>\n", title, element);
    else
        fputs("/>\n", self->out);
}

void kin_plot_bar(const plot *self, double from, double to, double y, const char *title)
{
    double left = kin_plot_x(self, from), top = kin_plot_y(self, y);
    fprintf(self->out, "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"",
            left, top, kin_plot_x(self, to) - left, frame_bottom(self) - top);
    close_titled(self, "rect", title);
}

/* ---- markers and labels ---------------------------------------------------------------------- */

static const double marker_radius = 5;

/* A letter of a label is about so wide, its line so high. */
static const double letter_width = 7, letter_height = 12;

static void take(plot *self, plot_box box)
{
    if (self->box_count < PLOT_BOXES_MAX)
        self->box[self->box_count++] = box;
}

/* Corners on the unit circle, first at the top, so that shapes look equally large at 1.1 of a
 * radius. */
static void write_polygon(const plot *self, double x, double y, double radius, int corners,
                          double turn, double waist)
{
    int points = waist < 1 ? 2 * corners : corners;
    for (int i = 0; i < points; i++) {
        double angle = turn + 2 * M_PI * i / points,
               r = i % 2 && waist < 1 ? waist * radius : radius;
        fprintf(self->out, "%s%.1f %.1f", i ? "L" : "M", x + r * sin(angle), y - r * cos(angle));
    }
    fputs("Z", self->out);
}

static double radius_of(plot_shape shape)
{
    return shape == PLOT_RING ? 2 * marker_radius : marker_radius;
}

static void draw_marker(const plot *self, plot_shape shape, bool filled, double x, double y,
                        const char *title)
{
    double r = radius_of(shape);
    const char *fill = shape == PLOT_RING ? " ring" : filled ? "" : " hollow";
    fprintf(self->out, "<path class=\"mark%s\" d=\"", fill);
    switch (shape) {
    case PLOT_SQUARE:
        write_polygon(self, x, y, 1.25 * r, 4, M_PI / 4, 1);
        break;
    case PLOT_TRIANGLE:
        write_polygon(self, x, y, 1.35 * r, 3, 0, 1);
        break;
    case PLOT_DIAMOND:
        write_polygon(self, x, y, 1.35 * r, 4, 0, 1);
        break;
    case PLOT_STAR:
        write_polygon(self, x, y, 1.6 * r, 5, 0, 0.45);
        break;
    default:
        fprintf(self->out, "M%.1f %.1fa%g %g 0 1 0 %g 0a%g %g 0 1 0 %g 0Z", x - r, y, r, r, 2 * r,
                r, r, -2 * r);
    }
    fputs("\"", self->out);
    close_titled(self, "path", title);
}

void kin_plot_marker(plot *self, plot_shape shape, bool filled, double x, double y,
                     const char *title)
{
    double left = kin_plot_x(self, x), top = kin_plot_y(self, y);
    double r = radius_of(shape);
    draw_marker(self, shape, filled, left, top, title);
    take(self, (plot_box){left - r, top - r, left + r, top + r});
}

/* Letters, not bytes: those of UTF-8 that begin one. */
static double text_width(const char *text)
{
    size_t letters = 0;
    for (; *text; text++)
        letters += ((unsigned char)*text & 0xc0) != 0x80;
    return letter_width * (double)letters;
}

void kin_plot_key(const plot *self, plot_legend *legend, plot_shape shape, const char *text)
{
    double indent = 3.5 * marker_radius;
    if (legend->left + legend->room > self->width) {
        legend->left = legend->first;
        legend->base += 20;
    }
    draw_marker(self, shape, true, legend->left + marker_radius, legend->base - marker_radius + 1,
                NULL);
    write_text(self, legend->left + indent, legend->base, PLOT_START, text);
    legend->left += indent + text_width(text) + 20;
}

static bool is_free(const plot *self, plot_box box)
{
    if (box.left < 0 || box.right > self->width || box.top < 0 || box.bottom > frame_bottom(self))
        return false;
    for (size_t i = 0; i < self->box_count; i++) {
        const plot_box *other = &self->box[i];
        if (box.left < other->right && other->left < box.right && box.top < other->bottom &&
            other->top < box.bottom)
            return false;
    }
    return true;
}

/* Where the middle of a label lies: to the right below first, as lines rise to the right. */
static const struct {
    int right, down;
} side[] = {{1, 1}, {1, 0}, {0, 1}, {-1, -1}, {0, -1}, {-1, 0}, {1, -1}, {-1, 1}};

static bool place_label(plot *self, double x, double y, double away, const char *text)
{
    double width = text_width(text);
    for (size_t i = 0; i < sizeof side / sizeof *side; i++) {
        bool corner = side[i].right && side[i].down;
        double reach = corner ? away - 2 : away;
        double middle = x + side[i].right * (width / 2 + reach);
        double level = y + side[i].down * (letter_height / 2 + reach);
        plot_box box = {middle - width / 2, level - letter_height / 2, middle + width / 2,
                        level + letter_height / 2};
        if (!is_free(self, box))
            continue;
        write_text(self, middle, level + 4, PLOT_MIDDLE, text);
        take(self, box);
        return true;
    }
    return false;
}

bool kin_plot_label(plot *self, double x, double y, const char *text)
{
    double left = kin_plot_x(self, x), top = kin_plot_y(self, y);
    return place_label(self, left, top, marker_radius + 3, text) ||
           place_label(self, left, top, radius_of(PLOT_RING) + 4, text);
}

/* ---- rules ----------------------------------------------------------------------------------- */

void kin_plot_rule_y(plot *self, double y, const char *text)
{
    double at = kin_plot_y(self, y), right = frame_right(self);
    fprintf(self->out, "<path class=\"rule\" d=\"M%.1f %.1fH%.1f\"/>\n", self->left, at, right);
    write_text(self, right - 2, at - 5, PLOT_END, text);
    take(self, (plot_box){right - 2 - text_width(text), at - 5 - letter_height, right, at});
}

void kin_plot_rule_x(plot *self, double x, const char *text)
{
    double at = kin_plot_x(self, x), top = self->top, away = 5, width = text_width(text);
    bool room = at + away + width <= self->width;
    double left = room ? at + away : at - away - width;
    fprintf(self->out, "<path class=\"rule\" d=\"M%.1f %.1fV%.1f\"/>\n", at, top,
            frame_bottom(self));
    write_text(self, room ? left : at - away, top + 10, room ? PLOT_START : PLOT_END, text);
    take(self, (plot_box){fmin(at, left), top, fmax(at, left + width), top + letter_height});
}

/* ---- both forms ------------------------------------------------------------------------------ */

static void write_form(FILE *out, const plot_drawing *self, const plot_form *form,
                       const char *css_class)
{
    char id[64];
    snprintf(id, sizeof id, "%s-%s", self->id, css_class);
    plot drawing = {.out = out,
                    .id = id,
                    .css_class = css_class,
                    .width = form->width,
                    .height = form->height,
                    .left = form->left,
                    .right = form->right,
                    .top = form->top,
                    .bottom = form->bottom,
                    .x = self->x,
                    .y = self->y};
    kin_plot_begin(&drawing, self->title, self->description);
    self->draw(&drawing, self->data);
    kin_plot_end(&drawing);
}

void kin_plot_write(FILE *out, const plot_drawing *self)
{
    write_form(out, self, &self->wide, "wide");
    write_form(out, self, &self->narrow, "narrow");
}
