/*
 * compare/import, what is refused: lists and matrices that are cut, too long, or say what cannot
 * be; names that do not belong; too little memory, also in the middle; and every byte of a file
 * altered, every length.
 */
#include "compare/import.h"
#include "support/import_files.h"
#include "support/refusal.h"
#include "support/sample.h"
#include "support/test.h"

#include <math.h>

static void refused_as(const char *path, const char *ids, const kin_catalog *catalog, kin_code code,
                       const char *text)
{
    kin_graph graph;
    kin_import_report report;
    kin_error err = {0};
    test_refused(kin_import_open(&graph, &report, path, ids, catalog, 0, &err), &err, code, text);
    assert_null(graph.indptr);
}

static void refused(const char *path, const char *text)
{
    refused_as(path, NULL, NULL, KIN_E_DATA, text);
}

/* ---- lists ----------------------------------------------------------------------------------- */

typedef struct bad_list {
    const char *name;
    size_t bytes;
    int32_t word[8];
    const char *text;
} bad_list;

static void test_bad_lists(void **state)
{
    (void)state;
    static const bad_list bad[] = {
        {"a.ivecs", 0, {0}, "a.ivecs: 0 rows, must be 1 to 2147483647"},
        {"a.ivecs", 2, {1}, "row 0 needs 4 bytes for its length, 2 are left"},
        {"a.ivecs", 4, {1}, "row 0 claims 1 neighbours, 0 bytes are left"},
        {"a.ivecs", 19, {1, 1, 2, 0, 0}, "row 1 claims 2 neighbours, 7 bytes are left"},
        {"a.ivecs", 18, {1, 1, 1, 0, 9}, "row 2 needs 4 bytes for its length, 2 are left"},
        {"a.ivecs", 16, {1, 1, -1, 0}, "row 1 claims -1 neighbours"},
        {"a.ivecs", 16, {1, 1, INT32_MAX, 0}, "row 1 claims 2147483647 neighbours"},
        {"a.ivecs", 20, {1, 1, 2, 0, 2}, "row 1: entry 1 is 2, must be 0 to 1, or -1 for none"},
        {"a.ivecs", 16, {1, -2, 1, 9}, "row 0: entry 0 is -2, must be 0 to 1"},
        {"a.ivecs", 20, {1, 0, 2, -1, 1}, "of 3 entries 1 are padding, 2 the item itself, 0"},
        {"a.ibin", 0, {0}, "0 bytes are too few for a header"},
        {"a.ibin", 7, {2, 1}, "7 bytes are too few for a header"},
        {"a.ibin", 8, {0, 3}, "a.ibin: 0 rows, must be 1"},
        {"a.ibin", 8, {INT32_MAX, 0}, "2147483647 rows of 0 neighbours"},
        {"a.ibin",
         15,
         {2, 1, 1, 0},
         "2 x 1 neighbours, which is 16 bytes, 24 with scores; the file"},
        {"a.ibin", 17, {2, 1, 1, 0, 0}, "the file has 17"},
        {"a.ibin", 20, {2, 1, 1, 0, 0}, "the file has 20"},
        {"a.ibin", 28, {2, 1, 1, 0}, "the file has 28"},
        {"a.ibin", 16, {-1, -1, 1, 0}, "4294967295 x 4294967295 neighbours"},
        {"a.ibin", 16, {2, 1, 1, 2}, "row 1: entry 0 is 2, must be 0 to 1, or -1 for none"},
        {"a.ibin", 24, {2, 1, 1, INT32_MIN}, "row 1: entry 0 is -2147483648"},
        {"a.ibin", 16, {2, 1, -1, 1}, "no row has a neighbour: of 2 entries 1 are padding, 1 the"},
    };
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        test_write(test_path("%s", bad[i].name), bad[i].word, bad[i].bytes);
        refused(test_path("%s", bad[i].name), bad[i].text);
    }
}

/* ---- matrices -------------------------------------------------------------------------------- */

static const import_rows matrix = {
    .n = 4,
    .length = (const int32_t[]){3, 1, 0, 2},
    .neighbor = (const int32_t[]){1, 2, 3, /**/ 0, /**/ 3, 2},
    .score = (const double[]){1, 3, 2, 5, 7, 1},
};

/* A member that takes the place of one that SciPy wrote. */
typedef struct bad_member {
    size_t which;
    npz_member member;
    const char *text;
} bad_member;

#define I4(...) ((const int32_t[]){__VA_ARGS__})
#define I8(...) ((const int64_t[]){__VA_ARGS__})
#define F4(...) ((const float[]){__VA_ARGS__})

static void refuse_members(const bad_member *bad, size_t count)
{
    npz_member member[NPZ_MEMBERS];
    for (size_t i = 0; i < count; i++)
        for (int deflated = 0; deflated < 2; deflated++) {
            import_csr_members(member, &matrix);
            member[bad[i].which] = bad[i].member;
            import_write_npz(test_path("m.npz"), member, NPZ_MEMBERS, deflated);
            refused(test_path("m.npz"), bad[i].text);
        }
}

static void test_matrices_of_another_kind(void **state)
{
    (void)state;
    const bad_member bad[] = {
        {NPZ_FORMAT,
         {"format.npy", "|S3", 0, 1, 3, "csc"},
         "format 'csc', needs 'csr' (see .tocsr"},
        {NPZ_FORMAT,
         {"format.npy", "|S3", 0, 1, 3, "coo"},
         "format 'coo', needs 'csr' (see .tocsr"},
        {NPZ_FORMAT, {"format.npy", "|S3", 0, 1, 3, "\1\2\n"}, "format '?"},
        {NPZ_FORMAT, {"format.npy", "|S9", 0, 1, 9, "csrcsrcsr"}, "format 'csrcsrc'"},
        {NPZ_FORMAT, {"format.npy", "|S3", 0, 0, 0, ""}, "format '', needs"},
        {NPZ_FORMAT, {"other.npy", "|S3", 0, 1, 3, "csr"}, "m.npz has no member format.npy"},
        {NPZ_SHAPE, {"shape.npy", "<i8", 1, 2, 8, I8(4, 5)}, "a matrix of 4 x 5"},
        {NPZ_SHAPE, {"shape.npy", "<i8", 1, 3, 8, I8(4, 4, 1)}, "shape.npy has 3 numbers, needs 2"},
        {NPZ_SHAPE, {"shape.npy", "<i8", 1, 2, 8, I8(-4, -4)}, "a matrix of -4 x -4"},
        {NPZ_SHAPE, {"shape.npy", "<i8", 1, 2, 8, I8(5, 5)}, "indptr.npy has 5 values, the shape"},
        {NPZ_SHAPE,
         {"shape.npy", "<i8", 1, 2, 8, I8(INT64_MAX, INT64_MAX)},
         "indptr.npy has 5 values, the shape needs 9223372036854775808"},
        {NPZ_SHAPE, {"shape.npy", "<f8", 1, 2, 8, I8(4, 4)}, "shape.npy holds <f8 in 1 dimensions"},
        {NPZ_SHAPE, {"shape.npy", "<i8", 0, 1, 8, I8(4)}, "shape.npy holds <i8 in 0 dimensions"},
        {NPZ_DATA, {"data.npy", "<c8", 1, 3, 8, I8(4, 4, 4)}, "data.npy holds <c8 in 1 dimensions"},
        {NPZ_DATA, {"data.npy", ">f4", 1, 6, 4, I4(0, 0, 0, 0, 0, 0)}, "data.npy holds >f4"},
        {NPZ_DATA, {"data.npy", "<f4", 2, 6, 4, I4(0, 0, 0, 0, 0, 0)}, "holds <f4 in 2 dimensions"},
        {NPZ_DATA,
         {"data.npy", "|O", 1, 6, 4, I4(0, 0, 0, 0, 0, 0)},
         "object arrays cannot be read"},
        {NPZ_INDICES,
         {"indices.npy", "<u4", 1, 6, 4, I4(0, 0, 0, 0, 0, 0)},
         "indices.npy holds <u4 in 1"},
    };
    refuse_members(bad, TEST_COUNT(bad));
}

static void test_matrices_that_do_not_fit(void **state)
{
    (void)state;
    const bad_member bad[] = {
        {NPZ_INDPTR, {"indptr.npy", "<i4", 1, 4, 4, I4(0, 3, 4, 6)}, "indptr.npy has 4 values"},
        {NPZ_INDPTR,
         {"indptr.npy", "<i4", 1, 5, 4, I4(0, 3, 2, 4, 6)},
         "indptr.npy: value 2 is 2, must be 3 to 6"},
        {NPZ_INDPTR,
         {"indptr.npy", "<i8", 1, 5, 8, I8(0, 3, 4, 4, INT64_MAX)},
         "value 4 is 9223372036854775807, must be 4 to 6"},
        {NPZ_INDPTR, {"indptr.npy", "<i4", 1, 5, 4, I4(-1, 3, 4, 4, 6)}, "value 0 is -1"},
        {NPZ_INDPTR, {"indptr.npy", "<i4", 1, 5, 4, I4(1, 3, 4, 4, 6)}, "runs from 1 to 6, must"},
        {NPZ_INDPTR, {"indptr.npy", "<i4", 1, 5, 4, I4(0, 3, 4, 4, 5)}, "runs from 0 to 5, must"},
        {NPZ_INDICES,
         {"indices.npy", "<i4", 1, 6, 4, I4(1, 2, 3, 4, 3, 2)},
         "row 1: entry 0 is 4, must be 0 to 3"},
        {NPZ_INDICES,
         {"indices.npy", "<i8", 1, 6, 8, I8(1, 2, 3, 0, 3, -1)},
         "row 3: entry 1 is -1, must be 0 to 3"},
        {NPZ_INDICES,
         {"indices.npy", "<i8", 1, 6, 8, I8(1, 2, (int64_t)1 << 32, 0, 3, 2)},
         "row 0: entry 2 is 4294967296"},
        {NPZ_INDICES,
         {"indices.npy", "<i4", 1, 5, 4, I4(1, 2, 3, 0, 3)},
         "data.npy has 6 values, indices.npy needs 5"},
        {NPZ_DATA,
         {"data.npy", "<f4", 1, 0, 4, NULL},
         "data.npy has 0 values, indices.npy needs 6"},
        {NPZ_DATA,
         {"data.npy", "<f4", 1, 6, 4, F4(1, 2, 3, 4, NAN, NAN)},
         "row 3: the score of entry 0 (neighbour 3) is NaN"},
        {NPZ_DATA,
         {"data.npy", "<f4", 1, 6, 2, I4(1, 2, 3)},
         "data.npy says 6 values of <f4, which"},
    };
    refuse_members(bad, TEST_COUNT(bad));
    npz_member member[NPZ_MEMBERS];
    const import_rows empty = {.n = 0}, no_entries = {.n = 2, .length = I4(0, 0)};
    import_csr_members(member, &empty);
    import_write_npz(test_path("m.npz"), member, NPZ_MEMBERS, true);
    refused(test_path("m.npz"), "m.npz: 0 rows, must be 1");
    import_csr_members(member, &no_entries);
    import_write_npz(test_path("m.npz"), member, NPZ_MEMBERS, true);
    refused(test_path("m.npz"), "no row has a neighbour: of 0 entries");
    for (size_t m = 0; m < NPZ_MEMBERS; m++) {
        char text[64];
        import_csr_members(member, &matrix);
        snprintf(text, sizeof text, "m.npz has no member %s", member[m].name);
        member[m].name = "absent.npy";
        import_write_npz(test_path("m.npz"), member, NPZ_MEMBERS, true);
        refused(test_path("m.npz"), text);
    }
}

/* ---- names ----------------------------------------------------------------------------------- */

static void make_sample(sample *s, size_t n)
{
    sample_spec spec = {.seed = 5, .n = n, .modality_count = 2, .d = {3, 4}, .weight = {0.6, 0.4}};
    sample_make(s, &spec);
}

static void test_names_and_counts(void **state)
{
    (void)state;
    sample s;
    const char *path = test_path("a.ivecs");
    import_write_ivecs(path, &matrix);
    refused_as(test_path("none.npz"), NULL, NULL, KIN_E_NOINPUT, "none.npz: No such file");
    test_write_text(test_path("a.txt"), "1 2 3\n");
    refused(test_path("a.txt"), "a.txt: unknown file format");
    test_write_text(test_path("a.npz"), "1 2 3\n");
    refused(test_path("a.npz"), "a.npz: no zip archive");
    refused_as(path, test_path("none"), NULL, KIN_E_NOINPUT, "none: No such file");
    test_write_text(test_path("ids"), "a\nb\nc\n");
    refused_as(path, test_path("ids"), NULL, KIN_E_DATA, "ids has 3 ids, ");
    test_write_text(test_path("ids"), "a\nb\nc\nb\n");
    refused_as(path, test_path("ids"), NULL, KIN_E_DATA,
               "id 'b' of line 4 stands in line 2 already");
    make_sample(&s, 5);
    refused_as(path, NULL, &s.catalog, KIN_E_DATA, "a.ivecs has 4 rows, the catalog has 5 items");
    sample_release(&s);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void write_all(const char *path[3])
{
    npz_member member[NPZ_MEMBERS];
    import_csr_members(member, &matrix);
    import_write_npz(path[0] = test_path("a.npz"), member, NPZ_MEMBERS, true);
    import_write_ivecs(path[1] = test_path("a.ivecs"), &matrix);
    import_write_ibin(path[2] = test_path("a.ibin"), &matrix, false);
}

/* Every budget up to the least that serves is refused as such. */
static void test_budgets(void **state)
{
    (void)state;
    sample s;
    const char *path[3];
    kin_graph graph;
    kin_import_report report;
    make_sample(&s, matrix.n);
    write_all(path);
    for (size_t f = 0; f < 3; f++) {
        kin_error err = {0};
        size_t budget = 1;
        int rc;
        while ((rc = kin_import_open(&graph, &report, path[f], NULL, &s.catalog, budget, &err)) !=
               0) {
            test_refused(rc, &err, KIN_E_MEMORY, "--memory allows");
            budget += 13;
        }
        kin_graph_close(&graph);
        assert_in_range(budget, 600, 20000);
    }
    sample_release(&s);
}

/* Every allocation of the project's own fails once; nothing is left behind (the sanitizer
 * looks). */
static void test_every_allocation_fails(void **state)
{
    (void)state;
    sample s;
    const char *path[3];
    kin_graph graph;
    kin_import_report report;
    make_sample(&s, matrix.n);
    write_all(path);
    for (size_t way = 0; way < 6; way++) {
        size_t at = 0;
        bool failed = true;
        while (failed) {
            kin_error err = {0};
            refusal_arm(++at);
            int rc = kin_import_open(&graph, &report, path[way / 2], NULL,
                                     way % 2 ? &s.catalog : NULL, 0, &err);
            failed = refusal_disarm();
            if (failed)
                test_refused(rc, &err, KIN_E_MEMORY, "the system refused");
            else
                test_ok(rc, &err);
        }
        kin_graph_close(&graph);
        assert_true(at > 6);
    }
    sample_release(&s);
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* Whatever was in the file, the graph is one: the invariants of core/graph.h, rows of distinct
 * others. */
static void assert_sound(const kin_graph *graph, bool scored)
{
    assert_int_equal(graph->indptr[0], 0);
    assert_int_equal(graph->indptr[graph->n], graph->pairs);
    assert_int_equal(graph->ids.count, graph->n);
    assert_true(graph->pairs > 0 && scored == (graph->data != NULL));
    for (size_t i = 0; i < graph->n; i++) {
        int64_t first = graph->indptr[i], end = graph->indptr[i + 1];
        assert_true(first <= end && end - first <= (int64_t)graph->k);
        for (int64_t e = first; e < end; e++) {
            int32_t id = graph->indices[e];
            assert_true(id >= 0 && (size_t)id < graph->n && (size_t)id != i);
            for (int64_t other = first; other < e; other++)
                assert_true(graph->indices[other] != id);
            if (scored && e > first)
                assert_true(graph->data[e - 1] >= graph->data[e]);
        }
    }
}

static void try_file(const char *path, const kin_catalog *catalog, size_t *read)
{
    kin_graph graph;
    kin_import_report report;
    kin_error err = {0};
    int rc = kin_import_open(&graph, &report, path, NULL, catalog, 0, &err);
    if (rc != 0) {
        test_refused(rc, &err, KIN_E_DATA, kin_path_base(path));
        return;
    }
    assert_sound(&graph, catalog != NULL);
    kin_graph_close(&graph);
    ++*read;
}

static void damage(const char *path, const char *to, const kin_catalog *catalog)
{
    static const unsigned char flip[] = {0xff, 0x01, 0x80};
    size_t bytes, read = 0;
    unsigned char *file = test_read(path, &bytes);
    for (size_t at = 0; at < bytes; at++)
        for (size_t way = 0; way < TEST_COUNT(flip); way++) {
            unsigned char kept = file[at];
            file[at] ^= flip[way];
            test_write(to, file, bytes);
            file[at] = kept;
            try_file(to, catalog, &read);
            try_file(to, NULL, &read);
        }
    assert_true(read < 6 * bytes); /* some of it is noticed */
    for (size_t cut = 0; cut < bytes; cut++) {
        test_write(to, file, cut);
        try_file(to, catalog, &read);
        try_file(to, NULL, &read);
    }
    free(file);
}

static void test_every_byte_and_every_length(void **state)
{
    (void)state;
    sample s;
    const char *path[3];
    npz_member member[NPZ_MEMBERS];
    make_sample(&s, matrix.n);
    write_all(path);
    damage(path[0], test_path("b.npz"), &s.catalog);
    damage(path[1], test_path("b.ivecs"), &s.catalog);
    damage(path[2], test_path("b.ibin"), &s.catalog);
    import_csr_members(member, &matrix);
    import_write_npz(test_path("stored.npz"), member, NPZ_MEMBERS, false);
    damage(test_path("stored.npz"), test_path("b.npz"), &s.catalog);
    sample_release(&s);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_matrices_of_another_kind),
        cmocka_unit_test(test_matrices_that_do_not_fit),
        cmocka_unit_test(test_names_and_counts),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_every_allocation_fails),
        cmocka_unit_test(test_every_byte_and_every_length),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
