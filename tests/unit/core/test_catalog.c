/*
 * core/catalog: what is refused and in which words (file, row, column, line), norms, presence under
 * each policy, hashes of rows, what a visitor sees, ids from each place, and inputs that change
 * under way.
 */
#include "core/catalog.h"
#include "support/test.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { N = 600, D = 4 };

/* N rows of ones, with `value` at one place. */
static void write_modality(const char *name, kin_dtype type, size_t row, size_t column,
                           double value)
{
    float narrow[N * D];
    double wide[N * D];
    for (size_t i = 0; i < N * D; i++)
        wide[i] = 1;
    wide[row * D + column] = value;
    for (size_t i = 0; i < N * D; i++)
        narrow[i] = (float)wide[i];
    test_write_npy(test_path("%s", name), type, N, D, type == KIN_F64 ? (void *)wide : narrow);
}

/* Opens NAME, NAME2 (either may be NULL for fewer) with ids and items from the folder. */
static int open_catalog(kin_catalog *catalog, const char *const file[], const char *ids,
                        const char *items, kin_missing missing, kin_error *err)
{
    kin_source source[KIN_MODALITIES_MAX];
    kin_catalog_options options = {.source = source, .missing = missing};
    for (size_t m = 0; m < 2 && file[m]; m++) {
        source[m] = (kin_source){.weight = 1, .path = strdup(test_path("%s", file[m]))};
        snprintf(source[m].name, sizeof source[m].name, "m%zu", m);
        options.source_count++;
    }
    options.ids = ids ? test_path("%s", ids) : NULL;
    options.items = items ? test_path("%s", items) : NULL;
    int rc = kin_catalog_open(catalog, &options, err);
    for (size_t m = 0; m < options.source_count; m++)
        free(source[m].path);
    return rc;
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        kin_dtype type;
        size_t row, column;
        double value;
        const char *message;
    } bad[] = {
        {KIN_F32, 0, 0, NAN, "bad.npy: row 0 is NaN at column 0"},
        {KIN_F32, 520, 3, NAN, "bad.npy: row 520 is NaN at column 3"},
        {KIN_F32, 255, 1, INFINITY, "bad.npy: row 255 is infinite at column 1"},
        {KIN_F32, 256, 2, -INFINITY, "bad.npy: row 256 is infinite at column 2"},
        {KIN_F64, 599, 2, NAN, "bad.npy: row 599 is NaN at column 2"},
        {KIN_F64, 7, 2, INFINITY, "bad.npy: row 7 is infinite at column 2"},
        {KIN_F64, 7, 2, 1e39, "bad.npy: row 7 is 1e+39 at column 2, beyond float32 (3.4e38)"},
        {KIN_F64, 7, 2, -3.5e38, "bad.npy: row 7 is -3.5e+38 at column 2, beyond float32"},
    };
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kin_error err = {0};
        kin_catalog c;
        write_modality("bad.npy", bad[i].type, bad[i].row, bad[i].column, bad[i].value);
        test_refused(open_catalog(&c, (const char *[]){"bad.npy", NULL}, NULL, NULL, 0, &err), &err,
                     KIN_E_DATA, bad[i].message);
        assert_true(c.n == 0 && !c.present);
    }
}

/* float64 rows that rounding to float32 would turn are refused up to the limit; from there on their
 * cosines are those of doubles. Rows of float32 are what they are, however small. */
static void test_faint_rows(void **state)
{
    (void)state;
    static const double scale[] = {1e-46, 1e-44, 1e-40, 1e-38, 0.99 * KIN_ROW_LEAST};
    double row[3][2] = {{1, 0}, {0.6, 0.8}, {-0.28, 0.96}};
    kin_catalog c;
    for (size_t i = 0; i < TEST_COUNT(scale); i++) {
        kin_error err = {0};
        double x[3][2] = {{1, 0}, {0.6 * scale[i], -scale[i]}, {1e-300, 1}};
        test_write_npy(test_path("v.npy"), KIN_F64, 3, 2, x);
        test_refused(open_catalog(&c, (const char *[]){"v.npy", NULL}, NULL, NULL, 0, &err), &err,
                     KIN_E_DATA, "v.npy: the greatest value of row 1 is ");
        float narrow[3][2];
        for (int v = 0; v < 6; v++)
            narrow[v / 2][v % 2] = (float)x[v / 2][v % 2];
        test_write_npy(test_path("v.npy"), KIN_F32, 3, 2, narrow);
        test_ok(open_catalog(&c, (const char *[]){"v.npy", NULL}, NULL, NULL, 0, &err), &err);
        kin_catalog_close(&c);
    }
    for (int v = 0; v < 6; v++)
        row[v / 2][v % 2] *= 1.5 * KIN_ROW_LEAST;
    test_write_npy(test_path("v.npy"), KIN_F64, 3, 2, row);
    test_ok(open_catalog(&c, (const char *[]){"v.npy", NULL}, NULL, NULL, 0, NULL), NULL);
    const double *inverse = c.modality[0].inverse_norm;
    for (int v = 0; v < 3; v++) {
        float first[2], other[2];
        kin_matrix_widen(&c.modality[0].matrix, 0, 1, first);
        kin_matrix_widen(&c.modality[0].matrix, (size_t)v, 1, other);
        double cosine =
            ((double)first[0] * other[0] + (double)first[1] * other[1]) * inverse[0] * inverse[v];
        assert_true(fabs(cosine - (v == 0 ? 1 : v == 1 ? 0.6 : -0.28)) < 0x1p-23);
    }
    kin_catalog_close(&c);
}

/* Of several bad rows the first is named; half precision knows both faults too. */
static void test_first_bad_row(void **state)
{
    (void)state;
    uint16_t half[N * D];
    kin_error err = {0};
    kin_catalog c;
    for (size_t i = 0; i < N * D; i++)
        half[i] = 0x3c00;
    half[590 * D] = 0x7e00;
    half[300 * D + 3] = 0x7c00;
    half[299 * D + 2] = 0x7e00;
    test_write_npy(test_path("bad.npy"), KIN_F16, N, D, half);
    test_refused(open_catalog(&c, (const char *[]){"bad.npy", NULL}, NULL, NULL, 0, &err), &err,
                 KIN_E_DATA, "row 299 is NaN at column 2");
}

/* Norms from the smallest float to the largest. */
static void test_norms(void **state)
{
    (void)state;
    static const float rows[][2] = {{3, 4}, {0, 0}, {-0.0f, 0}, {1e-45f, 0}, {3.4e38f, 3.4e38f},
                                    {0, -2}};
    enum { COUNT = 6 };
    kin_error err = {0};
    kin_catalog c;
    test_write_npy(test_path("norms.npy"), KIN_F32, COUNT, 2, rows);
    test_ok(open_catalog(&c, (const char *[]){"norms.npy", NULL}, NULL, NULL, 0, &err), &err);
    assert_true(c.modality[0].missing == 2 && kin_catalog_incomplete(&c) == 2);
    for (size_t i = 0; i < COUNT; i++) {
        double norm = sqrt((double)rows[i][0] * rows[i][0] + (double)rows[i][1] * rows[i][1]);
        assert_true(c.modality[0].inverse_norm[i] == (norm > 0 ? 1 / norm : 0));
        assert_int_equal(c.present[i], norm > 0);
    }
    kin_catalog_close(&c);
}

static void test_shapes_and_sources(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_catalog c;
    float few[(N - 1) * 2];
    for (size_t i = 0; i < TEST_COUNT(few); i++)
        few[i] = 1;
    write_modality("a.npy", KIN_F32, 0, 0, 1);
    test_write_npy(test_path("few.npy"), KIN_F32, N - 1, 2, few);
    test_refused(open_catalog(&c, (const char *[]){"a.npy", "few.npy"}, NULL, NULL, 0, &err), &err,
                 KIN_E_DATA, "few.npy has 599 rows, ");
    test_refused(open_catalog(&c, (const char *[]){"a.npy", "no.npy"}, NULL, NULL, 0, &err), &err,
                 KIN_E_NOINPUT, "no.npy: No such file");
    test_refused(open_catalog(&c, (const char *[]){NULL}, NULL, NULL, 0, &err), &err, KIN_E_USAGE,
                 "0 modalities, needs 1 to 8");
    kin_source twice[9];
    for (size_t i = 0; i < 9; i++)
        twice[i] = (kin_source){.name = "x", .path = (char *)test_path("a.npy"), .weight = 2};
    kin_catalog_options options = {.source = twice, .source_count = 2};
    test_refused(kin_catalog_open(&c, &options, &err), &err, KIN_E_USAGE,
                 "two modalities are named 'x'");
    options.source_count = 9;
    test_refused(kin_catalog_open(&c, &options, &err), &err, KIN_E_USAGE, "9 modalities");
    options.source_count = 1;
    test_ok(kin_catalog_open(&c, &options, &err), &err);
    assert_true(kin_catalog_weight_sum(&c) == 2 && c.n == N);
    kin_catalog_close(&c);
}

/* ---- missing modalities ---------------------------------------------------------------------- */

static void test_policies(void **state)
{
    (void)state;
    static const float a[4][2] = {{1, 2}, {0, 0}, {3, 4}, {0, 0}};
    static const float b[4][2] = {{1, 2}, {5, 6}, {0, 0}, {0, 0}};
    static const uint8_t present[3][4] = {{3, 2, 1, 0}, {3, 2, 1, 0}, {3, 0, 0, 0}};
    static const char *const files[] = {"a.npy", "b.npy"};
    kin_error err = {0};
    kin_catalog c;
    test_write_npy(test_path("a.npy"), KIN_F32, 4, 2, a);
    test_write_npy(test_path("b.npy"), KIN_F32, 4, 2, b);
    for (kin_missing policy = KIN_MISSING_RENORM; policy < KIN_MISSING_ERROR; policy++) {
        test_ok(open_catalog(&c, files, NULL, NULL, policy, &err), &err);
        assert_memory_equal(c.present, present[policy], 4);
        assert_true(c.modality[0].missing == 2 && c.modality[1].missing == 2);
        assert_int_equal(kin_catalog_incomplete(&c), 3);
        kin_catalog_close(&c);
    }
    test_refused(open_catalog(&c, files, NULL, NULL, KIN_MISSING_ERROR, &err), &err, KIN_E_DATA,
                 "a.npy: row 1 is all zero, which --missing error refuses");
    test_write_npy(test_path("a.npy"), KIN_F32, 4, 2, (float[8]){1, 1, 1, 1, 1, 1, 1, 1});
    test_refused(open_catalog(&c, files, NULL, NULL, KIN_MISSING_ERROR, &err), &err, KIN_E_DATA,
                 "b.npy: row 2 is all zero");
    assert_string_equal(kin_missing_names[KIN_MISSING_DROP], "drop");
    assert_null(kin_missing_names[KIN_MISSING_ERROR + 1]);
}

/* ---- names of items -------------------------------------------------------------------------- */

static void write_three(void)
{
    test_write_npy(test_path("v.npy"), KIN_F32, 3, 1, (float[3]){1, 2, 3});
}

static void test_ids_read(void **state)
{
    (void)state;
    static const struct {
        const char *ids, *items, *first, *last;
    } good[] = {
        {NULL, NULL, "0", "2"},
        {"x\ny\nz\n", NULL, "x", "z"},
        {"\xef\xbb\xbfx\r\ny\r\nz", NULL, "x", "z"},
        {NULL, "title\tid\nA\t7\nB\t8\nC\t9\n", "7", "9"},
        {NULL, "title\nA\nB\nB\n", "0", "2"},
        {"7\n8\n9\n", "id\ttitle\r\n7\tA\r\n8\tB\r\n9\tC\r\n", "7", "9"},
    };
    write_three();
    for (size_t i = 0; i < TEST_COUNT(good); i++) {
        kin_error err = {0};
        kin_catalog c;
        if (good[i].ids)
            test_write_text(test_path("ids"), good[i].ids);
        if (good[i].items)
            test_write_text(test_path("items"), good[i].items);
        test_ok(open_catalog(&c, (const char *[]){"v.npy", NULL}, good[i].ids ? "ids" : NULL,
                             good[i].items ? "items" : NULL, 0, &err),
                &err);
        kin_span first = kin_lines_at(&c.ids, 0);
        kin_span last = kin_lines_at(&c.ids, 2);
        assert_int_equal(c.ids.count, 3);
        assert_true(kin_span_equal(first, (kin_span){good[i].first, strlen(good[i].first)}));
        assert_true(kin_span_equal(last, (kin_span){good[i].last, strlen(good[i].last)}));
        assert_int_equal(c.items.lines.count, good[i].items ? 4 : 0);
        test_ok(kin_catalog_unchanged(&c, &err), &err);
        kin_catalog_close(&c);
    }
}

static void test_ids_refused(void **state)
{
    (void)state;
    static const struct {
        const char *ids, *items, *message;
    } bad[] = {
        {"x\ny\nx\n", NULL, "ids: id 'x' of line 3 stands in line 1 already"},
        {"x\ny\n", NULL, "ids has 2 ids, the catalog has 3 items"},
        {"x\ny\nz\n\n", NULL, "ids has 4 ids, the catalog has 3 items"},
        {"", NULL, "ids has 0 ids"},
        {"x\n\nz\n", NULL, "ids: line 2 has no id"},
        {"x\ny\nz\xe9\n", NULL, "ids: line 3 is not UTF-8"},
        {NULL, "id\n7\n8\n7\n", "items: id '7' of line 4 stands in line 2 already"},
        {NULL, "id\ttitle\n7\tA\n\tB\n9\tC\n", "items: line 3 has no id"},
        {NULL, "id\n7\n8\n", "items has 2 lines of items, the catalog has 3 items"},
        {NULL, "id\ttitle\n7\tA\n8\n9\tC\n", "items: line 3 has 1 cells, the header has 2"},
        {NULL, "", "items: empty file"},
        {"7\n8\n9\n", "id\n7\n88\n9\n", "items: line 3 has the id '88'"},
    };
    write_three();
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kin_error err = {0};
        kin_catalog c;
        if (bad[i].ids)
            test_write_text(test_path("ids"), bad[i].ids);
        if (bad[i].items)
            test_write_text(test_path("items"), bad[i].items);
        test_refused(open_catalog(&c, (const char *[]){"v.npy", NULL}, bad[i].ids ? "ids" : NULL,
                                  bad[i].items ? "items" : NULL, 0, &err),
                     &err, KIN_E_DATA, bad[i].message);
    }
}

/* ---- inputs that change ---------------------------------------------------------------------- */

static void change_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    int old = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(old ^ 1, file);
    fclose(file);
}

static void test_changes_are_noticed(void **state)
{
    (void)state;
    static const char *const names[] = {"v.npy", "ids", "items"};
    for (size_t f = 0; f < TEST_COUNT(names); f++)
        for (int way = 0; way < 4; way++) {
            kin_error err = {0};
            kin_catalog c;
            const char *path = test_path("%s", names[f]);
            write_three();
            test_write_text(test_path("ids"), "1\n2\n3\n");
            test_write_text(test_path("items"), "title\na\nb\nc\n");
            test_ok(open_catalog(&c, (const char *[]){"v.npy", NULL}, "ids", "items", 0, &err),
                    &err);
            test_ok(kin_catalog_unchanged(&c, &err), &err);
            size_t bytes;
            free(test_read(path, &bytes));
            if (way == 0)
                change_byte(path, (long)bytes - 2);
            else if (way < 3)
                assert_int_equal(truncate(path, way == 1 ? 0 : (off_t)bytes - 1), 0);
            else
                remove(path);
            test_refused(kin_catalog_unchanged(&c, &err), &err, KIN_E_AGAIN,
                         "changed while it was read");
            kin_catalog_close(&c);
        }
}

/* ---- the pass over the rows ------------------------------------------------------------------ */

/* What came, by modality. */
typedef struct visits {
    size_t rows[2], begun, ended;
    size_t last[KIN_ROW_RUNS]; /* row + 1 of the modality under way */
    double sum[2];             /* of all values, and squares, as they came */
    int fails_at;              /* modality whose end fails, or -1 */
} visits;

static int visits_begin(void *self, size_t m, const kin_matrix *matrix, kin_error *err)
{
    visits *v = self;
    (void)err;
    assert_true(m == v->begun && m == v->ended && matrix->n == N);
    memset(v->last, 0, sizeof v->last);
    v->begun++;
    return 0;
}

static void visits_row(void *self, size_t run, size_t row, const float *value, double square,
                       uint64_t hash)
{
    visits *v = self;
    assert_true(run < KIN_ROW_RUNS && row >= v->last[run] && hash != 0);
    v->last[run] = row + 1;
    double sum = square;
    for (size_t j = 0; j < D; j++)
        sum += value[j];
#pragma omp critical
    {
        v->rows[v->begun - 1]++;
        v->sum[v->begun - 1] += sum;
    }
}

static int visits_end(void *self, size_t m, kin_error *err)
{
    visits *v = self;
    assert_true(m == v->ended);
    v->ended++;
    return (int)m == v->fails_at ? kin_fail(err, KIN_E_MEMORY, "a hint", "no room") : 0;
}

/* Every row comes once for each modality; an error of the visitor's ends the opening. */
static void test_visitor(void **state)
{
    (void)state;
    write_modality("one.npy", KIN_F32, 3, 1, 5);
    write_modality("two.npy", KIN_F64, 4, 0, -2);
    for (int fails_at = -1; fails_at < 2; fails_at++) {
        kin_error err = {0};
        kin_catalog c;
        visits v = {.fails_at = fails_at};
        kin_row_visitor visitor = {&v, visits_begin, visits_end, visits_row};
        kin_source source[2] = {{.weight = 1, .name = "a"}, {.weight = 1, .name = "b"}};
        kin_catalog_options options = {.source = source, .source_count = 2, .visitor = &visitor};
        source[0].path = strdup(test_path("one.npy"));
        source[1].path = strdup(test_path("two.npy"));
        int rc = kin_catalog_open(&c, &options, &err);
        if (fails_at < 0) {
            test_ok(rc, &err);
            assert_true(v.rows[0] == N && v.rows[1] == N && v.ended == 2);
            assert_true(v.sum[0] == 2 * N * D - 2 + 5 + 25 && v.sum[1] == 2 * N * D - 2 - 2 + 4);
            kin_catalog_close(&c);
        } else {
            test_refused(rc, &err, KIN_E_MEMORY, "no room");
        }
        free(source[0].path);
        free(source[1].path);
    }
}

/* Two items have one hash if they have the same modalities with the same bytes. */
static void test_row_hashes(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_catalog c;
    static const float one[6][1] = {{1}, {1}, {2}, {0}, {-0.0f}, {1}};
    static const float two[6][1] = {{3}, {3}, {3}, {3}, {3}, {0}};
    test_write_npy(test_path("one.npy"), KIN_F32, 6, 1, one);
    test_write_npy(test_path("two.npy"), KIN_F32, 6, 1, two);
    test_ok(open_catalog(&c, (const char *[]){"one.npy", "two.npy"}, NULL, NULL, 0, &err), &err);
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < i; j++) {
            bool same = (i == 1 && j == 0) || (i == 4 && j == 3);
            assert_true((c.row_hash[i] == c.row_hash[j]) == same);
        }
    kin_catalog_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_faint_rows),
        cmocka_unit_test(test_first_bad_row),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_visitor),
        cmocka_unit_test(test_row_hashes),
        cmocka_unit_test(test_shapes_and_sources),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_ids_read),
        cmocka_unit_test(test_ids_refused),
        cmocka_unit_test(test_changes_are_noticed),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
