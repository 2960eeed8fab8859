/*
 * report/plot: ends and ticks are round numbers that hold the values, values lie where the scale
 * says, texts are escaped, and labels keep clear of markers and of each other.
 */
#include "report/plot.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* cmocka's own comparison is of floats. */
static void assert_near(double got, double wanted)
{
    if (fabs(got - wanted) > 1e-9 * (1 + fabs(wanted)))
        fail_msg("%.17g is not %.17g", got, wanted);
}

/* The axis's ticks, in one text. */
static const char *ticks(plot_axis axis, size_t most)
{
    static char text[PLOT_TICKS_MAX * (PLOT_TICK_TEXT + 1)];
    plot_tick tick[PLOT_TICKS_MAX];
    size_t count = kin_plot_ticks(tick, &axis, most);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || tick[i].value > tick[i - 1].value);
        assert_true(tick[i].value >= axis.low - 1e-9 && tick[i].value <= 1e9);
        strcat(strcat(text, i ? " " : ""), tick[i].text);
    }
    return text;
}

static void test_linear_ticks(void **state)
{
    (void)state;
    assert_string_equal(ticks((plot_axis){PLOT_LINEAR, 0, 1, false, NULL}, 5),
                        "0.0 0.2 0.4 0.6 0.8 1.0");
    assert_string_equal(ticks((plot_axis){PLOT_LINEAR, -7, 13, false, NULL}, 5), "-5 0 5 10");
    assert_string_equal(ticks((plot_axis){PLOT_LINEAR, 0, 22026, false, NULL}, 3),
                        "0 10,000 20,000");
    assert_string_equal(ticks((plot_axis){PLOT_LINEAR, 0, 3e6, false, NULL}, 3),
                        "0 1,000,000 2,000,000 3,000,000");
    assert_string_equal(ticks((plot_axis){PLOT_LINEAR, .1, .3, false, NULL}, 4),
                        "0.10 0.15 0.20 0.25 0.30");
}

static void test_log_ticks(void **state)
{
    (void)state;
    assert_string_equal(ticks((plot_axis){PLOT_LOG, 1, 10, false, NULL}, 10),
                        "1 2 3 4 5 6 7 8 9 10");
    assert_string_equal(ticks((plot_axis){PLOT_LOG, 1, 100, false, NULL}, 8), "1 2 5 10 20 50 100");
    assert_string_equal(ticks((plot_axis){PLOT_LOG, .05, 2000, false, NULL}, 5),
                        "0.1 1 10 100 1,000");
    assert_string_equal(ticks((plot_axis){PLOT_LOG, 1e-3, 1e9, false, NULL}, 5),
                        "0.001 1 1,000 1,000,000 1,000,000,000");
    assert_string_equal(ticks((plot_axis){PLOT_LOG, 20, 50, false, NULL}, 5), "20 30 40 50");
}

static void test_miss_ticks(void **state)
{
    (void)state;
    assert_string_equal(ticks((plot_axis){PLOT_MISSES, .9, .999, false, NULL}, 8),
                        "0.9 0.95 0.98 0.99 0.995 0.998 0.999");
    assert_string_equal(ticks((plot_axis){PLOT_MISSES, 0, .999, true, NULL}, 5),
                        "0 0.9 0.99 0.999 1");
    assert_string_equal(ticks((plot_axis){PLOT_MISSES, .5, .9, false, NULL}, 5),
                        "0.5 0.6 0.7 0.8 0.9");
}

static void check_ends(plot_scale scale, const double *value, size_t count, double low, double high)
{
    plot_axis axis = {.scale = scale};
    kin_plot_fit(&axis, value, count);
    assert_near(axis.low, low);
    assert_near(axis.high, high);
}

static void test_fit(void **state)
{
    (void)state;
    const double seconds[] = {3.1, 47, NAN, 12}, small[] = {.23, .41};
    const double recall[] = {.913, 1, .9962, .97}, whole[] = {1, 1};
    check_ends(PLOT_LINEAR, seconds, 4, 0, 50);
    check_ends(PLOT_LINEAR, small, 2, .2, .45);
    check_ends(PLOT_LINEAR, seconds, 1, 1, 5);
    check_ends(PLOT_LOG, seconds, 4, 2, 50);
    check_ends(PLOT_LOG, (double[]){5}, 1, 2, 10);
    check_ends(PLOT_MISSES, recall, 4, .9, .998);
    plot_axis axis = {.scale = PLOT_MISSES};
    kin_plot_fit(&axis, recall, 4);
    assert_true(axis.one);
    kin_plot_fit(&axis, recall + 2, 2);
    assert_false(axis.one);
    kin_plot_fit(&axis, whole, 2);
    assert_true(axis.one && axis.low < axis.high && axis.high < 1);
    kin_plot_fit(&axis, NULL, 0);
    assert_true(axis.low < axis.high && axis.high < 1);
}

/* Whatever the values are, the frame holds them and there are ticks to read. */
static void test_fit_holds_values(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        double a = pow(10, -6 + (double)(i % 97) / 8), b = a * (1 + pow(10, -4 + i % 11));
        plot p = {
            .width = 100, .height = 100, .x = {.scale = PLOT_LOG}, .y = {.scale = PLOT_LINEAR}};
        plot_tick tick[PLOT_TICKS_MAX];
        if (i % 2)
            p.y.scale = PLOT_MISSES;
        double y[] = {i % 2 ? 1 - fmin(a / 1e7, .9) : a, i % 2 ? 1 - fmin(b / 1e17, .95) : -b};
        kin_plot_fit(&p.x, (double[]){a, b}, 2);
        kin_plot_fit(&p.y, y, 2);
        assert_true(kin_plot_x(&p, a) >= -1e-6 && kin_plot_x(&p, b) <= 100 + 1e-6);
        for (size_t j = 0; j < 2; j++)
            assert_true(kin_plot_y(&p, y[j]) >= -1e-6 && kin_plot_y(&p, y[j]) <= 100 + 1e-6);
        for (size_t most = 2; most < 12; most++) {
            size_t x_ticks = kin_plot_ticks(tick, &p.x, most);
            assert_true(x_ticks >= 1 && x_ticks <= most + 1);
            size_t y_ticks = kin_plot_ticks(tick, &p.y, most);
            assert_true(y_ticks >= 1 && y_ticks <= most + 1);
        }
    }
}

static void test_places(void **state)
{
    (void)state;
    plot p = {.width = 220,
              .height = 120,
              .left = 10,
              .right = 10,
              .top = 10,
              .bottom = 10,
              .x = {.scale = PLOT_LOG, .low = 1, .high = 100},
              .y = {.scale = PLOT_MISSES, .low = .9, .high = .999}};
    assert_near(kin_plot_x(&p, 10), 110);
    assert_near(kin_plot_y(&p, .9), 110);
    assert_near(kin_plot_y(&p, .99), 60);
    assert_near(kin_plot_y(&p, .999), 10);
    p.y.one = true;
    assert_near(kin_plot_y(&p, 1), 10);
    assert_true(kin_plot_y(&p, .999) > 15);
}

static void test_drawing(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes;
    plot p = {.out = open_memstream(&text, &bytes),
              .id = "p",
              .width = 300,
              .height = 200,
              .left = 40,
              .right = 10,
              .top = 30,
              .bottom = 50,
              .x = {.low = 0, .high = 1, .label = "<x>"},
              .y = {.low = 0, .high = 1, .label = "y & z"}};
    const double x[] = {.1, .5}, y[] = {.2, .8};
    assert_non_null(p.out);
    kin_plot_begin(&p, "a < b", "\"c\"");
    kin_plot_series_begin(&p, "m0");
    kin_plot_line(&p, x, y, 2);
    kin_plot_marker(&p, PLOT_STAR, true, .5, .8, "<script>");
    kin_plot_marker(&p, PLOT_RING, false, .5, .8, NULL);
    kin_plot_whisker(&p, .5, .6, .8);
    kin_plot_steps(&p, x, y, 1);
    size_t labels = 0;
    while (labels < 100 && kin_plot_label(&p, .5, .8, "label"))
        labels++;
    kin_plot_series_end(&p);
    kin_plot_end(&p);
    fclose(p.out);
    assert_in_range(labels, 3, 8); /* outside of the ring, and then there is no side left */
    for (size_t i = 2; i < p.box_count; i++)
        for (size_t j = 0; j < i; j++)
            assert_false(p.box[i].left < p.box[j].right && p.box[j].left < p.box[i].right &&
                         p.box[i].top < p.box[j].bottom && p.box[j].top < p.box[i].bottom);
    assert_non_null(strstr(text, "aria-labelledby=\"p-title p-desc\""));
    assert_non_null(strstr(text, "<title id=\"p-title\">a &lt; b</title>"));
    assert_non_null(strstr(text, "<desc id=\"p-desc\">&quot;c&quot;</desc>"));
    assert_non_null(strstr(text, "<title>&lt;script&gt;</title>"));
    assert_non_null(strstr(text, "y &amp; z"));
    assert_non_null(strstr(text, "M65.0 126.0L165.0 54.0"));
    assert_non_null(strstr(text, "class=\"whisker\" d=\"M165.0 78.0V54.0\""));
    assert_non_null(strstr(text, "class=\"steps\" d=\"M65.0 126.0h0\""));
    assert_null(strstr(text, "<script"));
    free(text);
}

/* The name of an upright rule stays on the drawing. */
static void test_rules(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes;
    plot p = {.out = open_memstream(&text, &bytes),
              .width = 300,
              .height = 200,
              .right = 10,
              .top = 30,
              .x = {.low = 0, .high = 1},
              .y = {.low = 0, .high = 1}};
    assert_non_null(p.out);
    kin_plot_rule_x(&p, .5, "middle");
    kin_plot_rule_x(&p, 1, "at the end");
    fclose(p.out);
    assert_non_null(strstr(text, "x=\"150.0\" y=\"40.0\" text-anchor=\"start\">middle"));
    assert_non_null(strstr(text, "x=\"285.0\" y=\"40.0\" text-anchor=\"end\">at the end"));
    for (size_t i = 0; i < p.box_count; i++)
        assert_true(p.box[i].left >= 0 && p.box[i].right <= p.width);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_ticks),     cmocka_unit_test(test_log_ticks),
        cmocka_unit_test(test_miss_ticks),       cmocka_unit_test(test_fit),
        cmocka_unit_test(test_fit_holds_values), cmocka_unit_test(test_places),
        cmocka_unit_test(test_drawing),          cmocka_unit_test(test_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
