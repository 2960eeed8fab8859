/*
 * compare/structure on graphs made by hand, where every number was worked out on paper.
 */
#include "compare/structure.h"
#include "support/lists.h"
#include "support/test.h"

#include <math.h>

#define assert_near(a, b) assert_true(fabs((a) - (b)) <= 1e-12) /* cmocka's compares floats */

static kin_structure measured(const kin_graph *g)
{
    kin_structure s;
    kin_error err = {0};
    test_ok(kin_structure_measure(&s, g, NULL, &err), &err);
    return s;
}

/* ---- by hand --------------------------------------------------------------------------------- */

/* Nine pairs: 0-1, 0-2, 0-3, 1-0, 1-2, 2-0, 4-5, 5-4, 6-4. Row 1 repeats 2, and 2 has itself. */
static int small[8][LISTS_ROOM] = {
    {1, 2, 3, LISTS_END}, {0, 2, 2, LISTS_END}, {2, 0, LISTS_END}, {LISTS_END},
    {5, LISTS_END},       {4, LISTS_END},       {4, LISTS_END},    {LISTS_END},
};

/* In-degrees 2 1 2 1 2 1 0 0, mean 9/8. Off the mean, in eighths: -9 twice, -1 and 7 three times;
 * the squares sum to 312 and the cubes to -432, so skewness = (-432/8) / (312/8)^1.5 = -54 /
 * 39^1.5. */
static void test_in_degrees(void **state)
{
    static const kin_hub hubs[] = {{0, 2}, {2, 2}, {4, 2}, {1, 1}, {3, 1}, {5, 1}};
    kin_graph g;

    (void)state;
    lists_make(&g, 8, 3, small, NULL);
    kin_structure s = measured(&g);
    assert_int_equal(s.items, 8);
    assert_int_equal(s.pairs, 9);
    assert_int_equal(s.repeated, 1);
    assert_int_equal(s.to_self, 1);
    assert_int_equal(s.empty_rows, 2); /* 3 and 7 */
    assert_int_equal(s.full_rows, 1);  /* 0: row 1 has three entries, but two pairs */
    assert_int_equal(s.in_degree_max, 2);
    assert_int_equal(s.in_degree_p50, 1); /* the fourth of 0 0 1 1 1 2 2 2 */
    assert_int_equal(s.in_degree_p99, 2); /* the eighth */
    assert_near(s.in_degree_mean, 9.0 / 8);
    assert_near(s.in_degree_skewness, -54 / (39 * sqrt(39)));
    assert_int_equal(s.never, 2); /* 6 and 7 */
    for (size_t b = 0; b < KIN_DEGREE_BINS; b++)
        assert_int_equal(s.degree_bin[b], b == 0 ? 2 : b <= 2 ? 3 : 0);
    assert_int_equal(s.hub_count, TEST_COUNT(hubs));
    for (size_t h = 0; h < TEST_COUNT(hubs); h++) {
        assert_int_equal(s.hub[h].row, hubs[h].row);
        assert_int_equal(s.hub[h].in_degree, hubs[h].in_degree);
    }
    kin_graph_close(&g);
}

/* Both ways: 0-1, 0-2, 4-5, six pairs of nine. Together: 0 1 2 3, then 4 5 6, and 7 alone. */
static void test_directions_and_components(void **state)
{
    kin_graph g;

    (void)state;
    lists_make(&g, 8, 3, small, NULL);
    kin_structure s = measured(&g);
    assert_near(s.reciprocity, 6.0 / 9);
    assert_int_equal(s.components, 3);
    assert_int_equal(s.largest_component, 4);
    kin_graph_close(&g);
}

/* a: 0 1 6 7, b: 2 4 5, none: 3. All pairs but 0-3 have two categories, and 0-1, 1-0, 4-5, 5-4 the
 * same. By chance (4 * 3 + 3 * 2) / (7 * 6). */
static void test_categories(void **state)
{
    kin_graph g;

    (void)state;
    lists_make(&g, 8, 3, small, NULL);
    assert_int_equal(measured(&g).categories, 0);
    lists_open_items(&g, "id\tcategory\tsize\n0\ta\tb\n1\ta\tb\n2\tb\tb\n3\t\tb\n"
                         "4\tb\tb\n5\tb\tb\n6\ta\tb\n7\ta\tb\n");
    kin_structure s = measured(&g);
    assert_int_equal(s.categories, 2);
    assert_near(s.within_category, 4.0 / 8);
    assert_near(s.within_by_chance, 18.0 / 42);
    kin_table_close(&g.items);
    lists_open_items(&g, "id\tcategory\n0\t\n1\t\n2\t\n3\t\n4\t\n5\t\n6\t\n7\t\n");
    s = measured(&g);
    assert_int_equal(s.categories, 0);
    assert_true(isnan(s.within_category) && isnan(s.within_by_chance));
    kin_table_close(&g.items);
    lists_open_items(&g, "id\tcategory\n0\tx\n1\t\n2\t\n3\t\n4\t\n5\t\n6\t\n7\t\n");
    s = measured(&g);
    assert_int_equal(s.categories, 1);
    assert_true(isnan(s.within_category) && isnan(s.within_by_chance));
    kin_table_close(&g.items);
    lists_open_items(&g, "id\ttitle\n0\tx\n1\tx\n2\tx\n3\tx\n4\tx\n5\tx\n6\tx\n7\tx\n");
    s = measured(&g);
    assert_int_equal(s.categories, 0);
    assert_true(isnan(s.within_category) && isnan(s.within_by_chance));
    kin_graph_close(&g);
}

/* More categories than the table starts with: 3,000 items, 1,500 of two items each. Item i has i +
 * 1, which is of its category for even i: half of the pairs. */
static void test_many_categories(void **state)
{
    enum { N = 3000 };
    int(*rows)[LISTS_ROOM] = malloc(N * sizeof *rows);
    char *text = malloc(N * 32);
    char *end = text;
    kin_graph g;

    (void)state;
    assert_true(rows && text);
    end += sprintf(end, "category\n");
    for (int i = 0; i < N; i++) {
        end += sprintf(end, "of %d\n", i / 2);
        rows[i][0] = (i + 1) % N;
        rows[i][1] = LISTS_END;
    }
    lists_make(&g, N, 1, rows, NULL);
    lists_open_items(&g, text);
    kin_structure s = measured(&g);
    assert_int_equal(s.categories, N / 2);
    assert_near(s.within_category, 0.5);
    assert_near(s.within_by_chance, 1.0 / (N - 1)); /* 1,500 * 2 * 1 / (3,000 * 2,999) */
    assert_int_equal(s.components, 1);
    kin_graph_close(&g);
    free(rows);
    free(text);
}

/* text: eight pairs at 0.5, and 6-4 lacks it; image: nine at 0.25. The repeated entry and the one
 * to itself are at 1 and do not count. 0.6 * 4 = 2.4 and 0.4 * 2.25 = 0.9 of 3.3. */
static void test_contributions(void **state)
{
    static double text[8][LISTS_ROOM] = {
        {0.5, 0.5, 0.5}, {0.5, 0.5, 1}, {1, 0.5}, {0}, {0.5}, {0.5}, {NAN}, {0},
    };
    static double image[8][LISTS_ROOM] = {
        {0.25, 0.25, 0.25}, {0.25, 0.25, 1}, {1, 0.25}, {0}, {0.25}, {0.25}, {0.25}, {0},
    };
    double(*both[2])[LISTS_ROOM] = {text, image};
    kin_graph g;

    (void)state;
    lists_make(&g, 8, 3, small, both);
    kin_structure s = measured(&g);
    assert_near(s.contribution[0], 8.0 / 11);
    assert_near(s.contribution[1], 3.0 / 11);
    assert_true(isnan(s.contribution[2]));
    json_decref(g.manifest);
    g.manifest = NULL; /* weights of 1: 4 and 2.25 */
    s = measured(&g);
    assert_near(s.contribution[0], 4 / 6.25);
    g.cosine[0] = NULL;
    s = measured(&g);
    assert_true(isnan(s.contribution[0]));
    assert_near(s.contribution[1], 1);
    kin_graph_close(&g);
}

static void test_no_pairs(void **state)
{
    static int none[5][LISTS_ROOM] = {
        {LISTS_END}, {1, LISTS_END}, {LISTS_END}, {LISTS_END}, {4, 4, LISTS_END}};
    double(*cosines[2])[LISTS_ROOM] = {(double[5][LISTS_ROOM]){{0}}, (double[5][LISTS_ROOM]){{0}}};
    kin_graph g;

    (void)state;
    lists_make(&g, 5, 3, none, cosines);
    lists_open_items(&g, "category\na\na\nb\nb\nb\n");
    kin_structure s = measured(&g);
    assert_int_equal(s.pairs, 0);
    assert_int_equal(s.to_self, 3);
    assert_int_equal(s.empty_rows, 5);
    assert_int_equal(s.never, 5);
    assert_int_equal(s.hub_count, 0);
    assert_int_equal(s.in_degree_max, 0);
    assert_int_equal(s.in_degree_p99, 0);
    assert_int_equal(s.degree_bin[0], 5);
    assert_true(s.in_degree_mean == 0 && s.in_degree_skewness == 0);
    assert_int_equal(s.components, 5);
    assert_int_equal(s.largest_component, 1);
    assert_true(isnan(s.reciprocity) && isnan(s.within_category));
    assert_near(s.within_by_chance, 8.0 / 20); /* (2 + 6) / (5 * 4) */
    assert_true(isnan(s.contribution[0]) && isnan(s.contribution[1]));
    kin_graph_close(&g);
}

/* Rows 25 to 49 have items 0 to 24, and row 0 has 3 and 10: more hubs than are listed, and ties
 * among them. */
static void test_more_hubs_than_are_listed(void **state)
{
    static const int32_t first[] = {3, 10, 0, 1, 2, 4, 5, 6, 7, 8, 9, 11};
    static int rows[50][LISTS_ROOM];
    kin_graph g;

    (void)state;
    for (int i = 0; i < 50; i++) {
        for (int j = 0; j < 25; j++)
            rows[i][j] = i < 25 ? LISTS_END : j;
        rows[i][25] = LISTS_END;
    }
    rows[0][0] = 3;
    rows[0][1] = 10;
    rows[0][2] = LISTS_END;
    lists_make(&g, 50, 25, rows, NULL);
    kin_structure s = measured(&g);
    assert_int_equal(s.pairs, 627);
    assert_int_equal(s.full_rows, 25);
    assert_int_equal(s.empty_rows, 24);
    assert_int_equal(s.hub_count, KIN_HUBS_MAX);
    for (int h = 0; h < KIN_HUBS_MAX; h++) {
        assert_int_equal(s.hub[h].row, h < 12 ? first[h] : h);
        assert_int_equal(s.hub[h].in_degree, h < 2 ? 26 : 25);
    }
    assert_int_equal(s.in_degree_p50, 0); /* the 25th of 25 zeros, 23 times 25, twice 26 */
    assert_int_equal(s.in_degree_p99, 26);
    assert_int_equal(s.never, 25);
    assert_int_equal(s.degree_bin[5], 25); /* 16 to 31 */
    assert_true(s.reciprocity == 0);
    assert_int_equal(s.components, 1);
    kin_graph_close(&g);
}

/* Everyone is in two rows: no spread, no skewness, whatever rounding does. A ring both ways. */
static void test_a_ring(void **state)
{
    static int rows[7][LISTS_ROOM];
    kin_graph g;

    (void)state;
    for (int i = 0; i < 7; i++) {
        rows[i][0] = (i + 1) % 7;
        rows[i][1] = (i + 6) % 7;
        rows[i][2] = LISTS_END;
    }
    lists_make(&g, 7, 2, rows, NULL);
    kin_structure s = measured(&g);
    assert_true(s.in_degree_skewness == 0);
    assert_near(s.reciprocity, 1);
    assert_int_equal(s.components, 1);
    assert_int_equal(s.in_degree_p50, 2);
    kin_graph_close(&g);
}

/* ---- being stopped --------------------------------------------------------------------------- */

static bool count_down(void *self)
{
    size_t *left = self;
    return (*left)-- == 0;
}

/* At each question, one after the other; then it writes nothing. */
static void test_stops_when_asked(void **state)
{
    kin_graph g;
    kin_error err = {0};
    size_t asked = 0;

    (void)state;
    lists_make(&g, 8, 3, small, NULL);
    for (;; asked++) {
        size_t left = asked;
        kin_monitor monitor = {.self = &left, .stopped = count_down};
        kin_structure s = {.items = 123};
        int rc = kin_structure_measure(&s, &g, &monitor, &err);
        if (rc == 0)
            break;
        test_refused(rc, &err, KIN_E_STOPPED, "stopped");
        assert_int_equal(s.items, 123);
    }
    assert_true(asked >= 3); /* the pairs, their reverse, components */
    kin_graph_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_degrees),
        cmocka_unit_test(test_directions_and_components),
        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_many_categories),
        cmocka_unit_test(test_contributions),
        cmocka_unit_test(test_no_pairs),
        cmocka_unit_test(test_more_hubs_than_are_listed),
        cmocka_unit_test(test_a_ring),
        cmocka_unit_test(test_stops_when_asked),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
