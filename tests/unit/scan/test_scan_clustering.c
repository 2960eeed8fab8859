/*
 * scan/clustering: every row with a modality stands once, in a cluster of its own modality mask;
 * clusters are of the promised size and number; similar rows are neighbours; and threads change
 * nothing.
 */
#include "core/threads.h"
#include "scan/clustering.h"
#include "support/test.h"

#include <math.h>

/* Rows to be ordered: kin_clustering_init asks a catalog for nothing but n and who has what. */
typedef struct rows {
    kin_catalog catalog;
    size_t d;
    float *coordinate; /* [n][d] */
} rows;

typedef enum row_kind {
    NORMAL,
    CLUSTERS,
    EQUAL,
    ZERO,
    COPIES, /* eight different rows, and nothing but copies of them */
    LINE,   /* along one direction, far from the origin */
    ROW_KINDS,
} row_kind;

static void rows_make(rows *self, size_t n, size_t d, row_kind kind, uint64_t seed)
{
    uint64_t random = seed;
    *self = (rows){.catalog = {.n = n, .present = malloc(n + 1)}, .d = d};
    self->coordinate = calloc(n * d + 1, sizeof *self->coordinate);
    memset(self->catalog.present, 1, n);
    for (size_t i = 0; i < n; i++) {
        float *x = self->coordinate + i * d;
        float along = (float)test_random_normal(&random);
        size_t like = i < 8 ? i : test_random_below(&random, 8);
        for (size_t k = 0; k < d; k++) {
            float own = (float)test_random_normal(&random);
            float other = self->coordinate[like * d + k];
            x[k] = kind == ZERO                    ? 0
                   : kind == LINE                  ? 100 + along * (float)(k + 1)
                   : kind == EQUAL && i > 0        ? self->coordinate[k]
                   : kind == COPIES && like != i   ? other
                   : kind == CLUSTERS && like != i ? other + 0.01f * own
                                                   : own;
        }
    }
}

/* Draws who has what: mask p with the p-th share, the last one for what is left. */
static void draw_masks(rows *self, const double share[], size_t masks, uint64_t *random)
{
    for (size_t i = 0; i < self->catalog.n; i++) {
        double at = test_random_unit(random);
        size_t p = 0;
        for (; p + 1 < masks && at >= share[p]; p++)
            at -= share[p];
        self->catalog.present[i] = (uint8_t)p;
    }
}

static void rows_release(rows *self)
{
    free(self->catalog.present);
    free(self->coordinate);
}

/* ---- checking ------------------------------------------------------------------------------- */

static void check_rows(const kin_clustering *clustering, const kin_catalog *catalog)
{
    size_t present = 0;
    uint8_t *seen = calloc(catalog->n + 1, 1);
    for (size_t i = 0; i < catalog->n; i++)
        present += catalog->present[i] != 0;
    assert_int_equal(clustering->count, present);
    assert_int_equal(clustering->start[clustering->clusters], present);
    assert_true(clustering->clusters == 0 || clustering->start[0] == 0);
    for (size_t g = 0; g < clustering->clusters; g++) {
        assert_true(clustering->start[g] < clustering->start[g + 1]);
        assert_true(clustering->start[g + 1] - clustering->start[g] <= KIN_CLUSTER_MAX);
        for (size_t at = clustering->start[g]; at < clustering->start[g + 1]; at++) {
            assert_in_range(clustering->row[at], 0, catalog->n - 1);
            assert_int_equal(seen[clustering->row[at]]++, 0);
            assert_int_equal(catalog->present[clustering->row[at]], clustering->modality_mask[g]);
        }
    }
    free(seen);
}

/* Each modality mask is one run of clusters, and there are no more of them than was promised. */
static void check_clusters(const kin_clustering *clustering, const kin_catalog *catalog)
{
    assert_true(clustering->clusters <= kin_clustering_clusters_most(catalog->n));
    for (size_t g = 1; g < clustering->clusters; g++)
        assert_true(clustering->modality_mask[g - 1] <= clustering->modality_mask[g]);
}

static void check_same(const kin_clustering *a, const kin_clustering *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->clusters, b->clusters);
    assert_memory_equal(a->row, b->row, a->count * sizeof *a->row);
    assert_memory_equal(a->start, b->start, (a->clusters + 1) * sizeof *a->start);
    assert_memory_equal(a->modality_mask, b->modality_mask, a->clusters);
}

/* Orders the rows with several numbers of threads and evaluates the result, which is the
 * caller's. */
static kin_clustering check_clustering(const rows *self)
{
    static const int threads[] = {2, 3, 7};
    kin_error err;
    kin_clustering clustering;
    kin_threads_set(1);
    test_ok(kin_clustering_init(&clustering, &self->catalog, NULL, self->coordinate, self->d, NULL,
                                &err),
            &err);
    check_rows(&clustering, &self->catalog);
    check_clusters(&clustering, &self->catalog);
    for (size_t t = 0; t < TEST_COUNT(threads); t++) {
        kin_clustering again;
        kin_threads_set(threads[t]);
        test_ok(kin_clustering_init(&again, &self->catalog, NULL, self->coordinate, self->d, NULL,
                                    &err),
                &err);
        check_same(&clustering, &again);
        kin_clustering_release(&again);
    }
    return clustering;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {1,    2,    31,   32,   33,   500,  511,  512,
                                   513,  514,  767,  1023, 1024, 1025, 1026, 1500,
                                   2047, 2048, 2049, 4097, 5000, 8191};
    static const size_t dimensions[] = {1, 2, 3, 16, 17, 32};
    for (size_t s = 0; s < TEST_COUNT(sizes); s++)
        for (int kind = 0; kind < ROW_KINDS; kind++) {
            rows r;
            size_t d = dimensions[(s + (size_t)kind) % TEST_COUNT(dimensions)];
            rows_make(&r, sizes[s], d, (row_kind)kind, 100 + s);
            kin_clustering clustering = check_clustering(&r);
            kin_clustering_release(&clustering);
            rows_release(&r);
        }
}

/* Enough rows for many clusters, and clusters too large for a cluster. */
static void test_many_rows(void **state)
{
    (void)state;
    for (int kind = 0; kind < ROW_KINDS; kind += 2) {
        rows r;
        rows_make(&r, 40000, 3, (row_kind)kind, 7);
        kin_clustering clustering = check_clustering(&r);
        kin_clustering_release(&clustering);
        rows_release(&r);
    }
}

/* Masks of very different sizes, rows of no modality among them. */
static void test_masks(void **state)
{
    (void)state;
    static const double share[][8] = {
        {0.1, 0.2, 0.3, 0.4},
        {0.5, 0.5},
        {0.01, 0.01, 0.01, 0.97},
        {0, 0.3, 0, 0.3, 0, 0.2, 0.1, 0.1},
        {0, 0.001, 0.002, 0.004, 0.008, 0.1, 0.3, 0.585},
        {0.98, 0.01, 0.01},
    };
    static const size_t sizes[] = {60, 600, 3000, 9000};
    uint64_t random = 5;
    for (size_t c = 0; c < TEST_COUNT(share); c++)
        for (size_t s = 0; s < TEST_COUNT(sizes); s++) {
            rows r;
            rows_make(&r, sizes[s], 4, CLUSTERS, 30 + s);
            draw_masks(&r, share[c], 8, &random);
            kin_clustering clustering = check_clustering(&r);
            kin_clustering_release(&clustering);
            rows_release(&r);
        }
}

/* All masks that eight modalities can make, number p with p rows: a cluster each. */
static void test_all_masks(void **state)
{
    (void)state;
    rows r;
    size_t at = 0;
    rows_make(&r, 255 * 128, 2, NORMAL, 8);
    for (size_t p = 1; p < 256; p++)
        for (size_t i = 0; i < p; i++)
            r.catalog.present[at++] = (uint8_t)p;
    assert_int_equal(at, r.catalog.n);
    kin_clustering clustering = check_clustering(&r);
    assert_int_equal(clustering.clusters, 255);
    kin_clustering_release(&clustering);
    rows_release(&r);
}

static void test_no_rows(void **state)
{
    (void)state;
    rows r;
    rows_make(&r, 100, 2, NORMAL, 9);
    memset(r.catalog.present, 0, r.catalog.n);
    kin_clustering clustering = check_clustering(&r);
    assert_int_equal(clustering.count, 0);
    assert_int_equal(clustering.clusters, 0);
    kin_clustering_release(&clustering);
    rows_release(&r);
}

/* Along a half-line all rows have one direction: one cluster, which is cut at medians. Every
 * cluster is an interval that no other cluster reaches into, and halves of a half are
 * neighbours. */
static void test_line_is_cut(void **state)
{
    (void)state;
    rows r;
    rows_make(&r, 4000, 1, LINE, 11);
    kin_clustering clustering = check_clustering(&r);
    assert_int_equal(clustering.clusters, 8);
    for (size_t width = 1; width < 8; width *= 2)
        for (size_t g = 0; g < 8; g += 2 * width) {
            float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
            for (size_t at = clustering.start[g]; at < clustering.start[g + 2 * width]; at++) {
                size_t half = at >= clustering.start[g + width];
                float x = r.coordinate[clustering.row[at]];
                low[half] = fminf(low[half], x);
                high[half] = fmaxf(high[half], x);
            }
            assert_true(high[0] <= low[1] || high[1] <= low[0]);
        }
    kin_clustering_release(&clustering);
    rows_release(&r);
}

/* Brings the rows to length one. */
static void make_unit(rows *self)
{
    for (size_t i = 0; i < self->catalog.n; i++) {
        float *x = self->coordinate + i * self->d, square = 0;
        for (size_t k = 0; k < self->d; k++)
            square += x[k] * x[k];
        for (size_t k = 0; k < self->d; k++)
            x[k] /= sqrtf(square);
    }
}

/* Rows of one cluster are more alike than rows are: on a sphere in three dimensions, by far. */
static void test_groups_are_tight(void **state)
{
    (void)state;
    enum { D = 3 };
    rows r;
    double within = 0;
    rows_make(&r, 16000, D, NORMAL, 11);
    make_unit(&r);
    kin_clustering clustering = check_clustering(&r);
    for (size_t g = 0; g < clustering.clusters; g++)
        for (size_t k = 0; k < D; k++) {
            double sum = 0, square = 0;
            double count = (double)(clustering.start[g + 1] - clustering.start[g]);
            for (size_t at = clustering.start[g]; at < clustering.start[g + 1]; at++) {
                double x = (double)r.coordinate[(size_t)clustering.row[at] * D + k];
                sum += x;
                square += x * x;
            }
            within += square - sum * sum / count;
        }
    /* of 16,000 in all: 46 caps of a sphere leave about 1 / 23 */
    assert_true(within < 0.1 * 16000);
    kin_clustering_release(&clustering);
    rows_release(&r);
}

static void test_bytes(void **state)
{
    (void)state;
    for (size_t n = 1; n < 100000; n = 3 * n + 1) {
        assert_true(kin_clustering_bytes(n) >= n * sizeof(int32_t));
        assert_true(kin_clustering_work_bytes(n, 32) >= n * (sizeof(uint64_t) + sizeof(int64_t)));
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_all_masks),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_line_is_cut),
        cmocka_unit_test(test_groups_are_tight),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
