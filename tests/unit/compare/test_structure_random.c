/*
 * compare/structure on random graphs against counting in a matrix, with any number of threads, and
 * however few items are reversed at a time.
 */
#include "compare/structure.h"
#include "compare/structure_parts.h"
#include "support/lists.h"
#include "support/test.h"

#include <math.h>
#include <omp.h>

#define assert_near(a, b) assert_true(fabs((a) - (b)) <= 1e-12) /* cmocka's compares floats */

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

enum { N_MAX = 3000 };

typedef struct sample {
    size_t n, k;
    int (*rows)[LISTS_ROOM];
    double (*cosine[2])[LISTS_ROOM];
    int *category; /* -1: none */
    bool *has;     /* [n][n] */
    kin_graph graph;
} sample;

/* Some rows are short or empty, some have themselves or an id again, and a few items are in
 * many. */
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
        self->rows[i][length] = LISTS_END;
        self->category[i] = (int)test_random_below(random, 5) - 1;
        end +=
            self->category[i] < 0 ? sprintf(end, "\n") : sprintf(end, "c%d\n", self->category[i]);
    }
    lists_make(&self->graph, n, k, self->rows, self->cosine);
    lists_open_items(&self->graph, text);
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
        for (size_t e = 0; self->rows[i][e] != LISTS_END; e++) {
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_any_number_of_threads),
        cmocka_unit_test(test_room_for_the_reverse),
    };
    (void)argc;
    test_calm_threads(argv);
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
