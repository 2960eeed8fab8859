/*
 * compare/structure on graphs made by hand, where every number was worked out on paper, and on random ones
 * against counting in a matrix.
 */
#include "compare/structure.h"
#include "compare/structure_parts.h"
#include "support/test.h"

#include <math.h>
#include <omp.h>

enum {
    ROOM = 32,
    END = -1
}; /* entries that a row of a made graph has room for, and what ends it */

#define assert_near(a, b) assert_true(fabs((a) - (b)) <= 1e-12) /* cmocka's compares floats */

/* ---- graphs in memory ------------------------------------------------------------------------- */

/* rows[i] are the neighbours of item i up to END, at most k of n; cosines[m] of the same entries, NULL: none. */
static void make(kin_graph *g, size_t n, size_t k, int (*rows)[ROOM], double (*cosines[2])[ROOM])
{
    *g = (kin_graph){.n = n, .k = k, .modality_count = 2};
    int32_t *indices = malloc(n * k * sizeof *indices + 1);
    uint16_t *half[2] = {malloc(n * k * 2 + 1), malloc(n * k * 2 + 1)};
    g->indptr = calloc(n + 1, sizeof *g->indptr);
    assert_true(indices && half[0] && half[1] && g->indptr);
    for (size_t i = 0; i < n; i++) {
        for (size_t e = 0; e < k && rows[i][e] != END; e++) {
            for (size_t m = 0; m < 2 && cosines; m++)
                half[m][g->pairs] =
                    isnan(cosines[m][i][e]) ? UINT16_C(0x7e00) : test_half_bits(cosines[m][i][e]);
            indices[g->pairs++] = rows[i][e];
        }
        g->indptr[i + 1] = (int64_t)g->pairs;
    }
    g->indices = g->in_memory[0] = indices;
    for (size_t m = 0; m < 2; m++) {
        g->in_memory[1 + m] = half[m];
        g->cosine[m] = cosines ? half[m] : NULL;
    }
    strcpy(g->modality[0], "text");
    strcpy(g->modality[1], "image");
    g->manifest = json_pack("{s:[{s:s, s:f}, {s:s, s:f}]}", "modalities", "name", "text", "weight",
                            0.6, "name", "image", "weight", 0.4);
    assert_non_null(g->manifest);
}

static void open_items(kin_graph *g, const char *text)
{
    kin_error err = {0};
    test_write_text(test_path("items.tsv"), text);
    test_ok(kin_table_open(&g->items, test_path("items.tsv"), &err), &err);
}

static kin_structure measured(const kin_graph *g)
{
    kin_structure s;
    kin_error err = {0};
    test_ok(kin_structure_measure(&s, g, NULL, &err), &err);
    return s;
}

static void assert_same_number(double a, double b)
{
    assert_true(a == b || (isnan(a) && isnan(b)));
}

/* Everything, to the last bit. */
static void assert_same(const kin_structure *a, const kin_structure *b)
{
    assert_memory_equal(a, b, offsetof(kin_structure, in_degree_mean)); /* all of it counts */
    assert_same_number(a->in_degree_mean, b->in_degree_mean);
    assert_same_number(a->in_degree_skewness, b->in_degree_skewness);
    assert_int_equal(a->never, b->never);
    assert_memory_equal(a->degree_bin, b->degree_bin, sizeof a->degree_bin);
    assert_int_equal(a->hub_count, b->hub_count);
    for (size_t h = 0; h < a->hub_count; h++) {
        assert_int_equal(a->hub[h].row, b->hub[h].row);
        assert_int_equal(a->hub[h].in_degree, b->hub[h].in_degree);
    }
    assert_same_number(a->reciprocity, b->reciprocity);
    assert_int_equal(a->components, b->components);
    assert_int_equal(a->largest_component, b->largest_component);
    assert_int_equal(a->categories, b->categories);
    assert_same_number(a->within_category, b->within_category);
    assert_same_number(a->within_by_chance, b->within_by_chance);
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++)
        assert_same_number(a->contribution[m], b->contribution[m]);
}

/* ---- by hand ---------------------------------------------------------------------------------- */

/* Nine pairs: 0-1, 0-2, 0-3, 1-0, 1-2, 2-0, 4-5, 5-4, 6-4. Row 1 repeats 2, and 2 has itself. */
static int small[8][ROOM] = {
    {1, 2, 3, END}, {0, 2, 2, END}, {2, 0, END}, {END}, {5, END}, {4, END}, {4, END}, {END},
};

/* In-degrees 2 1 2 1 2 1 0 0, mean 9/8. Off the mean, in eighths: -9 twice, -1 and 7 three times; the squares
 * sum to 312 and the cubes to -432, so skewness = (-432/8) / (312/8)^1.5 = -54 / 39^1.5. */
static void test_in_degrees(void **state)
{
    static const kin_hub hubs[] = {{0, 2}, {2, 2}, {4, 2}, {1, 1}, {3, 1}, {5, 1}};
    kin_graph g;

    (void)state;
    make(&g, 8, 3, small, NULL);
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
    make(&g, 8, 3, small, NULL);
    kin_structure s = measured(&g);
    assert_near(s.reciprocity, 6.0 / 9);
    assert_int_equal(s.components, 3);
    assert_int_equal(s.largest_component, 4);
    kin_graph_close(&g);
}

/* a: 0 1 6 7, b: 2 4 5, none: 3. All pairs but 0-3 have two categories, and 0-1, 1-0, 4-5, 5-4 the same. By
 * chance (4 * 3 + 3 * 2) / (7 * 6). */
static void test_categories(void **state)
{
    kin_graph g;

    (void)state;
    make(&g, 8, 3, small, NULL);
    assert_int_equal(measured(&g).categories, 0);
    open_items(&g, "id\tcategory\tsize\n0\ta\tb\n1\ta\tb\n2\tb\tb\n3\t\tb\n"
                   "4\tb\tb\n5\tb\tb\n6\ta\tb\n7\ta\tb\n");
    kin_structure s = measured(&g);
    assert_int_equal(s.categories, 2);
    assert_near(s.within_category, 4.0 / 8);
    assert_near(s.within_by_chance, 18.0 / 42);
    kin_table_close(&g.items);
    open_items(&g, "id\tcategory\n0\t\n1\t\n2\t\n3\t\n4\t\n5\t\n6\t\n7\t\n");
    s = measured(&g);
    assert_int_equal(s.categories, 0);
    assert_true(isnan(s.within_category) && isnan(s.within_by_chance));
    kin_table_close(&g.items);
    open_items(&g, "id\tcategory\n0\tx\n1\t\n2\t\n3\t\n4\t\n5\t\n6\t\n7\t\n");
    s = measured(&g);
    assert_int_equal(s.categories, 1);
    assert_true(isnan(s.within_category) && isnan(s.within_by_chance));
    kin_table_close(&g.items);
    open_items(&g, "id\ttitle\n0\tx\n1\tx\n2\tx\n3\tx\n4\tx\n5\tx\n6\tx\n7\tx\n");
    s = measured(&g);
    assert_int_equal(s.categories, 0);
    assert_true(isnan(s.within_category) && isnan(s.within_by_chance));
    kin_graph_close(&g);
}

/* More categories than the table starts with: 3,000 items, 1,500 of two items each. Item i has i + 1, which
 * is of its category for even i: half of the pairs. */
static void test_many_categories(void **state)
{
    enum { N = 3000 };
    int(*rows)[ROOM] = malloc(N * sizeof *rows);
    char *text = malloc(N * 32);
    char *end = text;
    kin_graph g;

    (void)state;
    assert_true(rows && text);
    end += sprintf(end, "category\n");
    for (int i = 0; i < N; i++) {
        end += sprintf(end, "of %d\n", i / 2);
        rows[i][0] = (i + 1) % N;
        rows[i][1] = END;
    }
    make(&g, N, 1, rows, NULL);
    open_items(&g, text);
    kin_structure s = measured(&g);
    assert_int_equal(s.categories, N / 2);
    assert_near(s.within_category, 0.5);
    assert_near(s.within_by_chance, 1.0 / (N - 1)); /* 1,500 * 2 * 1 / (3,000 * 2,999) */
    assert_int_equal(s.components, 1);
    kin_graph_close(&g);
    free(rows);
    free(text);
}

/* text: eight pairs at 0.5, and 6-4 lacks it; image: nine at 0.25. The repeated entry and the one to itself are at
 * 1 and do not count. 0.6 * 4 = 2.4 and 0.4 * 2.25 = 0.9 of 3.3. */
static void test_contributions(void **state)
{
    static double text[8][ROOM] = {
        {0.5, 0.5, 0.5}, {0.5, 0.5, 1}, {1, 0.5}, {0}, {0.5}, {0.5}, {NAN}, {0},
    };
    static double image[8][ROOM] = {
        {0.25, 0.25, 0.25}, {0.25, 0.25, 1}, {1, 0.25}, {0}, {0.25}, {0.25}, {0.25}, {0},
    };
    double(*both[2])[ROOM] = {text, image};
    kin_graph g;

    (void)state;
    make(&g, 8, 3, small, both);
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
    static int none[5][ROOM] = {{END}, {1, END}, {END}, {END}, {4, 4, END}};
    double(*cosines[2])[ROOM] = {(double[5][ROOM]){{0}}, (double[5][ROOM]){{0}}};
    kin_graph g;

    (void)state;
    make(&g, 5, 3, none, cosines);
    open_items(&g, "category\na\na\nb\nb\nb\n");
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

/* Rows 25 to 49 have items 0 to 24, and row 0 has 3 and 10: more hubs than are listed, and ties among them. */
static void test_more_hubs_than_are_listed(void **state)
{
    static const int32_t first[] = {3, 10, 0, 1, 2, 4, 5, 6, 7, 8, 9, 11};
    static int rows[50][ROOM];
    kin_graph g;

    (void)state;
    for (int i = 0; i < 50; i++) {
        for (int j = 0; j < 25; j++)
            rows[i][j] = i < 25 ? END : j;
        rows[i][25] = END;
    }
    rows[0][0] = 3;
    rows[0][1] = 10;
    rows[0][2] = END;
    make(&g, 50, 25, rows, NULL);
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
    static int rows[7][ROOM];
    kin_graph g;

    (void)state;
    for (int i = 0; i < 7; i++) {
        rows[i][0] = (i + 1) % 7;
        rows[i][1] = (i + 6) % 7;
        rows[i][2] = END;
    }
    make(&g, 7, 2, rows, NULL);
    kin_structure s = measured(&g);
    assert_true(s.in_degree_skewness == 0);
    assert_near(s.reciprocity, 1);
    assert_int_equal(s.components, 1);
    assert_int_equal(s.in_degree_p50, 2);
    kin_graph_close(&g);
}

/* ---- against counting in a matrix --------------------------------------------------------------- */

enum { N_MAX = 3000 };

typedef struct sample {
    size_t n, k;
    int (*rows)[ROOM];
    double (*cosine[2])[ROOM];
    int *category; /* -1: none */
    bool *has;     /* [n][n] */
    kin_graph graph;
} sample;

/* Some rows are short or empty, some have themselves or an id again, and a few items are in many. */
static void sample_make(sample *self, size_t n, size_t k, uint64_t *random)
{
    char *text = malloc(n * 16 + 16);
    char *end = text;
    *self = (sample){.n = n, .k = k};
    self->rows = malloc(n * sizeof *self->rows);
    self->category = malloc(n * sizeof *self->category);
    for (size_t m = 0; m < 2; m++)
        self->cosine[m] = malloc(n * sizeof *self->cosine[m]);
    assert_true(text && self->rows && self->category && self->cosine[0] && self->cosine[1]);
    end += sprintf(end, "category\n");
    for (size_t i = 0; i < n; i++) {
        size_t length = test_random_below(random, 4) ? k : test_random_below(random, k + 1);
        for (size_t e = 0; e < length; e++) {
            size_t among = test_random_below(random, 3) ? n : n < 5 ? n : 5;
            self->rows[i][e] = (int)test_random_below(random, among);
            for (size_t m = 0; m < 2; m++)
                self->cosine[m][i][e] = test_random_below(random, 9)
                                            ? (double)test_random_below(random, 1025) / 1024
                                            : NAN;
        }
        self->rows[i][length] = END;
        self->category[i] = (int)test_random_below(random, 5) - 1;
        end +=
            self->category[i] < 0 ? sprintf(end, "\n") : sprintf(end, "c%d\n", self->category[i]);
    }
    make(&self->graph, n, k, self->rows, self->cosine);
    open_items(&self->graph, text);
    free(text);
}

static void sample_release(sample *self)
{
    kin_graph_close(&self->graph);
    free(self->rows);
    free(self->category);
    free(self->cosine[0]);
    free(self->cosine[1]);
    free(self->has);
}

/* Pairs into the matrix, with the cosines of those that are new. */
static void fill_matrix(sample *self, double sum[2], size_t *left_out)
{
    self->has = calloc(self->n * self->n, 1);
    assert_non_null(self->has);
    for (size_t i = 0; i < self->n; i++)
        for (size_t e = 0; self->rows[i][e] != END; e++) {
            size_t j = (size_t)self->rows[i][e];
            if (j == i || self->has[i * self->n + j]) {
                ++*left_out;
                continue;
            }
            self->has[i * self->n + j] = true;
            for (size_t m = 0; m < 2; m++)
                sum[m] += isnan(self->cosine[m][i][e]) ? 0 : self->cosine[m][i][e];
        }
}

/* Spreads the least row number over pairs, either way, until nothing changes. */
static void check_components(const sample *self, const kin_structure *s)
{
    size_t n = self->n;
    size_t count = 0, most = 0;
    size_t *least = malloc(n * sizeof *least);
    size_t *items = calloc(n, sizeof *items);
    assert_true(least && items);
    for (size_t i = 0; i < n; i++)
        least[i] = i;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                if ((self->has[i * n + j] || self->has[j * n + i]) && least[j] < least[i]) {
                    least[i] = least[j];
                    changed = true;
                }
    }
    for (size_t i = 0; i < n; i++) {
        count += least[i] == i;
        items[least[i]]++;
    }
    for (size_t i = 0; i < n; i++)
        most = items[i] > most ? items[i] : most;
    assert_int_equal(s->components, count);
    assert_int_equal(s->largest_component, most);
    free(least);
    free(items);
}

static void check_categories(const sample *self, const kin_structure *s)
{
    size_t n = self->n;
    double both = 0, same = 0, all = 0, alike = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            if (i == j || self->category[i] < 0 || self->category[j] < 0)
                continue;
            bool equal = self->category[i] == self->category[j];
            all++;
            alike += equal;
            both += self->has[i * n + j];
            same += self->has[i * n + j] && equal;
        }
    assert_true(both > 0 ? fabs(s->within_category - same / both) < 1e-12
                         : isnan(s->within_category));
    assert_true(all > 0 ? fabs(s->within_by_chance - alike / all) < 1e-12
                        : isnan(s->within_by_chance));
}

static int ascending(const void *a, const void *b)
{
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static void check_in_degrees(const sample *self, const kin_structure *s, size_t pairs)
{
    size_t n = self->n;
    size_t *degree = calloc(n, sizeof *degree);
    double square = 0, cube = 0;
    double mean = (double)pairs / (double)n;
    assert_non_null(degree);
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < n; i++)
            degree[j] += self->has[i * n + j];
        square += pow((double)degree[j] - mean, 2) / (double)n;
        cube += pow((double)degree[j] - mean, 3) / (double)n;
    }
    qsort(degree, n, sizeof *degree, ascending);
    assert_int_equal(s->in_degree_max, degree[n - 1]);
    assert_int_equal(s->in_degree_p50, degree[(size_t)ceil(0.5 * (double)n) - 1]);
    assert_int_equal(s->in_degree_p99, degree[(size_t)ceil(0.99 * (double)n) - 1]);
    assert_true(s->never == n || degree[s->never] > 0);
    assert_true(s->never == 0 || degree[s->never - 1] == 0);
    assert_true(fabs(s->in_degree_skewness - (square > 0 ? cube / pow(square, 1.5) : 0)) < 1e-9);
    free(degree);
}

static void check_sample(sample *self, const kin_structure *s)
{
    size_t n = self->n;
    size_t pairs = 0, both = 0, empty = 0, full = 0, left_out = 0;
    double sum[2] = {0, 0};
    fill_matrix(self, sum, &left_out);
    for (size_t i = 0; i < n; i++) {
        size_t length = 0;
        for (size_t j = 0; j < n; j++) {
            length += self->has[i * n + j];
            both += self->has[i * n + j] && self->has[j * n + i];
        }
        pairs += length;
        empty += length == 0;
        full += length == self->k;
    }
    assert_int_equal(s->pairs, pairs);
    assert_int_equal(s->repeated + s->to_self, left_out);
    assert_int_equal(s->empty_rows, empty);
    assert_int_equal(s->full_rows, full);
    assert_true(pairs == 0 || fabs(s->reciprocity - (double)both / (double)pairs) < 1e-12);
    double share = 0.6 * sum[0] / (0.6 * sum[0] + 0.4 * sum[1]);
    assert_true(isnan(share) || fabs(s->contribution[0] - share) < 1e-12);
    check_in_degrees(self, s, pairs);
    check_components(self, s);
    check_categories(self, s);
}

static void test_random_graphs(void **state)
{
    static const int threads[] = {1, 2, 5};
    uint64_t random = 7;

    (void)state;
    for (size_t set = 0; set < 120; set++) {
        sample x;
        kin_structure one;
        size_t n = set == 0 ? N_MAX : set == 1 ? 99 : 2 + test_random_below(&random, 49);

        sample_make(&x, n, 1 + test_random_below(&random, n < 20 ? n - 1 : 20), &random);
        for (size_t t = 0; t < TEST_COUNT(threads); t++) {
            omp_set_num_threads(threads[t]);
            kin_structure s = measured(&x.graph);
            if (t == 0)
                check_sample(&x, &s);
            else
                assert_same(&one, &s);
            one = s;
        }
        sample_release(&x);
    }
}

/* A large graph in parts of thousands of rows: sums of cosines to the last bit. */
static void test_any_number_of_threads(void **state)
{
    enum { N = 70000, K = 6 };
    uint64_t random = 11;
    sample x;

    (void)state;
    sample_make(&x, N, K, &random);
    omp_set_num_threads(1);
    kin_structure one = measured(&x.graph);
    for (int threads = 2; threads <= 5; threads += 3) {
        omp_set_num_threads(threads);
        kin_structure s = measured(&x.graph);
        assert_same(&one, &s);
    }
    sample_release(&x);
}

/* However few items are reversed at a time, and whether repeated ids are known of or not there. */
static void test_room_for_the_reverse(void **state)
{
    static const size_t rooms[] = {0, 1, 5, 17, 100, 1 << 20};
    uint64_t random = 13;

    (void)state;
    omp_set_num_threads(2);
    for (size_t set = 0; set < 40; set++) {
        kin_row_workspace space[2];
        kin_degrees degrees = {.repeats = true};
        size_t n = 2 + test_random_below(&random, 49);
        size_t both = 0;
        sample x;

        sample_make(&x, n, 1 + test_random_below(&random, n < 20 ? n - 1 : 20), &random);
        fill_matrix(&x, (double[2]){0}, &both);
        both = 0;
        degrees.in = calloc(n, sizeof *degrees.in);
        assert_non_null(degrees.in);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                degrees.in[j] += x.has[i * n + j];
                both += i < j && x.has[i * n + j] && x.has[j * n + i];
            }
        for (size_t j = 0; j < n; j++)
            degrees.most = degrees.in[j] > degrees.most ? degrees.in[j] : degrees.most;
        for (size_t t = 0; t < 2; t++) {
            space[t] = (kin_row_workspace){.place = malloc(x.k * sizeof *space[t].place)};
            assert_int_equal(kin_id_set_init(&space[t].seen, x.k, NULL), 0);
            assert_non_null(space[t].place);
        }
        for (size_t r = 0; r < TEST_COUNT(rooms); r++) {
            size_t found = SIZE_MAX;
            assert_int_equal(
                kin_mutual_pairs(&found, &x.graph, &degrees, space, rooms[r], NULL, NULL), 0);
            assert_int_equal(found, both);
        }
        for (size_t t = 0; t < 2; t++) {
            kin_id_set_release(&space[t].seen);
            free(space[t].place);
        }
        free(degrees.in);
        sample_release(&x);
    }
}

/* ---- being stopped ------------------------------------------------------------------------------ */

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
    make(&g, 8, 3, small, NULL);
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

int main(int argc, char **argv)
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
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_any_number_of_threads),
        cmocka_unit_test(test_room_for_the_reverse),
        cmocka_unit_test(test_stops_when_asked),
    };
    (void)argc;
    test_calm_threads(argv);
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
