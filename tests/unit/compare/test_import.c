/*
 * compare/import, what is read: every format by hand, all types of an .npz, rows in the order of a
 * file's scores, canonical scores against the oracle under every policy, ids, the manifest, and the
 * same for any number of threads. (What is refused is in test_import_damage.c.)
 */
#include "compare/import.h"
#include "core/threads.h"
#include "support/import_files.h"
#include "support/sample.h"
#include "support/test.h"

#include <math.h>

static void open_ok(kin_graph *graph, kin_import_report *report, const char *path,
                    const kin_catalog *catalog)
{
    kin_error err;
    test_ok(kin_import_open(graph, report, path, NULL, catalog, 0, &err), &err);
}

static void assert_report(const kin_import_report *got, kin_import_report wanted)
{
    assert_int_equal(got->entries, wanted.entries);
    assert_int_equal(got->padding, wanted.padding);
    assert_int_equal(got->to_self, wanted.to_self);
    assert_int_equal(got->repeated, wanted.repeated);
    assert_int_equal(got->no_pair, wanted.no_pair);
    assert_int_equal(got->top_k, wanted.top_k);
}

/* A graph without scores whose rows are these, of a file with room for `k` neighbours a row. */
static void assert_rows(const kin_graph *graph, const import_rows *wanted, size_t k)
{
    size_t at = 0;
    assert_int_equal(graph->n, wanted->n);
    assert_int_equal(graph->order, KIN_ORDER_SCORE);
    assert_true(graph->data == NULL && graph->cosine[0] == NULL && graph->modality_count == 0);
    for (size_t i = 0; i < wanted->n; i++) {
        size_t length = (size_t)wanted->length[i];
        assert_int_equal(graph->indptr[i], at);
        assert_int_equal(graph->indptr[i + 1], at + length);
        if (length > 0)
            assert_memory_equal(graph->indices + at, wanted->neighbor + at, 4 * length);
        at += length;
    }
    assert_int_equal(graph->pairs, at);
    assert_int_equal(graph->k, k);
}

/* ---- lists of neighbours --------------------------------------------------------------------- */

/* The item itself, repeats, padding at any place, empty rows, more entries than items. */
static const import_rows lists = {
    .n = 5,
    .length = (const int32_t[]){5, 0, 3, 1, 6},
    .neighbor = (const int32_t[]){1, 2, 0, 2, 4, /**/ -1, 3, -1, /**/ 3, /**/ 4, 3, 1, 2, 0, 3},
};
static const import_rows lists_read = {
    .n = 5,
    .length = (const int32_t[]){3, 0, 1, 0, 4},
    .neighbor = (const int32_t[]){1, 2, 4, /**/ 3, /**/ 3, 1, 2, 0},
};

static void test_lists_by_hand(void **state)
{
    (void)state;
    kin_graph graph;
    kin_import_report report;
    import_write_ivecs(test_path("a.ivecs"), &lists);
    open_ok(&graph, &report, test_path("a.ivecs"), NULL);
    assert_rows(&graph, &lists_read, 6);
    assert_report(&report,
                  (kin_import_report){.entries = 15, .padding = 2, .to_self = 3, .repeated = 2});
    kin_graph_close(&graph);
    for (int scores = 0; scores < 2; scores++) {
        import_write_ibin(test_path("a.ibin"), &lists, scores);
        open_ok(&graph, &report, test_path("a.ibin"), NULL);
        assert_rows(&graph, &lists_read, 6);
        assert_report(&report,
                      (kin_import_report){
                          .entries = 30, .padding = 17, .to_self = 3, .repeated = 2, .top_k = 6});
        kin_graph_close(&graph);
    }
}

static void test_names_of_formats(void **state)
{
    (void)state;
    assert_true(kin_import_is_path("graph.npz") && kin_import_is_path("a.b/c.ivecs"));
    assert_true(kin_import_is_path("/x/y.z.ibin"));
    assert_false(kin_import_is_path("graph") || kin_import_is_path("graph.npy") ||
                 kin_import_is_path("npz"));
    assert_false(kin_import_is_path("folder.npz/graph") || kin_import_is_path("graph.npz/"));
}

/* ---- .npz ------------------------------------------------------------------------------------ */

/* Largest first, of equal ones the smaller row; of a neighbour that stands twice the better score
 * counts. */
static const import_rows matrix = {
    .n = 4,
    .length = (const int32_t[]){3, 4, 0, 5},
    .neighbor = (const int32_t[]){1, 2, 3, /**/ 3, 1, 2, 0, /**/ 0, 2, 2, 1, 0},
    .score = (const double[]){10, 30, 20, /**/ 5, 99, 5, 5, /**/ 7, 1, 9, 8, 0},
};
static const import_rows matrix_read = {
    .n = 4,
    .length = (const int32_t[]){3, 3, 0, 3},
    .neighbor = (const int32_t[]){2, 3, 1, /**/ 0, 2, 3, /**/ 2, 1, 0},
};
static const kin_import_report matrix_report = {.entries = 12, .to_self = 1, .repeated = 2};

static void check_matrix(const npz_member member[NPZ_MEMBERS], bool deflated)
{
    kin_graph graph;
    kin_import_report report;
    import_write_npz(test_path("m.npz"), member, NPZ_MEMBERS, deflated);
    open_ok(&graph, &report, test_path("m.npz"), NULL);
    assert_rows(&graph, &matrix_read, 5);
    assert_report(&report, matrix_report);
    kin_graph_close(&graph);
}

/* The values as a .npy of that type holds them. */
static void encode(unsigned char *out, const char *descr, size_t bytes, const double *value,
                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float f4 = (float)value[i];
        uint16_t f2 = test_half_bits(value[i]);
        uint64_t whole = (uint64_t)value[i];
        const void *from = &whole; /* little-endian: the first bytes serve for every width */
        if (descr[1] == 'f')
            from = bytes == 8 ? (const void *)&value[i] : bytes == 4 ? (const void *)&f4 : &f2;
        memcpy(out + i * bytes, from, bytes);
    }
}

static void test_matrices_of_every_type(void **state)
{
    (void)state;
    static const char *const types[] = {"<f4", "<f8", "<f2", "<i8", "<i4", "<i2",
                                        "|i1", "<u8", "<u4", "<u2", "|u1"};
    npz_member member[NPZ_MEMBERS];
    unsigned char data[12 * 8];
    int64_t indptr[5] = {0}, indices[12];
    int32_t shape[2] = {4, 4};
    for (size_t t = 0; t < TEST_COUNT(types); t++) {
        size_t bytes = (size_t)(types[t][2] - '0');
        encode(data, types[t], bytes, matrix.score, 12);
        import_csr_members(member, &matrix);
        member[NPZ_DATA] = (npz_member){"data.npy", types[t], 1, 12, bytes, data};
        check_matrix(member, t % 2);
    }
    for (size_t i = 0; i < 12; i++)
        indices[i] = matrix.neighbor[i];
    for (size_t i = 0; i < 4; i++)
        indptr[i + 1] = indptr[i] + matrix.length[i];
    member[NPZ_INDICES] = (npz_member){"indices.npy", "<i8", 1, 12, 8, indices};
    check_matrix(member, true);
    member[NPZ_INDPTR] = (npz_member){"indptr.npy", "<i8", 1, 5, 8, indptr};
    check_matrix(member, true);
    member[NPZ_SHAPE] = (npz_member){"shape.npy", "<i4", 1, 2, 4, shape};
    member[NPZ_FORMAT] = (npz_member){"format.npy", "<U3", 0, 1, 12, "c\0\0\0s\0\0\0r\0\0\0"};
    check_matrix(member, false);
}

/* float64 keeps its digits, and infinities are numbers. */
static void test_order_of_close_scores(void **state)
{
    (void)state;
    const double score[] = {0.5, 0.5 + 0x1p-40, (double)INFINITY, -(double)INFINITY};
    const import_rows close = {5, (const int32_t[]){4, 0, 0, 0, 0}, (const int32_t[]){1, 2, 3, 4},
                               score};
    const import_rows wanted = {5, (const int32_t[]){4, 0, 0, 0, 0}, (const int32_t[]){3, 2, 1, 4},
                                NULL};
    npz_member member[NPZ_MEMBERS];
    kin_graph graph;
    kin_import_report report;
    import_csr_members(member, &close);
    member[NPZ_DATA] = (npz_member){"data.npy", "<f8", 1, 4, 8, score};
    import_write_npz(test_path("m.npz"), member, NPZ_MEMBERS, true);
    open_ok(&graph, &report, test_path("m.npz"), NULL);
    assert_rows(&graph, &wanted, 4);
    kin_graph_close(&graph);
}

/* ---- canonical scores ------------------------------------------------------------------------ */

enum { MOST_ITEMS = 60, MOST_ENTRIES = 40 };

/* A random file, and what of it are distinct others, ascending. */
typedef struct drawn {
    int32_t length[MOST_ITEMS];
    int32_t neighbor[MOST_ITEMS * MOST_ENTRIES];
    double score[MOST_ITEMS * MOST_ENTRIES];
    int32_t distinct[MOST_ITEMS][MOST_ITEMS];
    size_t distinct_count[MOST_ITEMS];
    kin_import_report report;
} drawn;

static import_rows draw(drawn *self, size_t n, bool padded, uint64_t *random)
{
    size_t at = 0;
    *self = (drawn){0};
    for (size_t i = 0; i < n; i++) {
        bool seen[MOST_ITEMS] = {false};
        self->length[i] = (int32_t)test_random_below(random, MOST_ENTRIES + 1);
        for (int32_t j = 0; j < self->length[i]; j++, at++) {
            int32_t id = (int32_t)test_random_below(random, n + padded) - padded;
            self->neighbor[at] = id;
            self->score[at] = test_random_unit(random);
            self->report.padding += id < 0;
            self->report.to_self += id == (int32_t)i;
            self->report.repeated += id >= 0 && id != (int32_t)i && seen[id];
            if (id >= 0)
                seen[id] = true;
        }
        for (size_t j = 0; j < n; j++)
            if (seen[j] && j != i)
                self->distinct[i][self->distinct_count[i]++] = (int32_t)j;
    }
    self->report.entries = at;
    return (import_rows){n, self->length, self->neighbor, self->score};
}

static bool same_float(float a, float b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool has_pairs(const drawn *file, const oracle *o)
{
    oracle_pair pair;
    bool found = false;
    for (size_t i = 0; i < o->n; i++)
        for (size_t j = 0; j < file->distinct_count[i]; j++)
            found = found || oracle_score(o, i, (size_t)file->distinct[i][j], &pair);
    return found;
}

/* Every row is the oracle's of the file's candidates, bit for bit. */
static void assert_canonical(const kin_graph *graph, const drawn *file, const oracle *o,
                             size_t *no_pair)
{
    size_t at = 0;
    assert_int_equal(graph->modality_count, o->modality_count);
    for (size_t i = 0; i < o->n; i++) {
        oracle_pair wanted[MOST_ITEMS];
        size_t count = oracle_row(o, i, file->distinct[i], file->distinct_count[i], o->n, wanted);
        *no_pair += file->distinct_count[i] - count;
        assert_int_equal(graph->indptr[i], at);
        assert_int_equal(graph->indptr[i + 1], at + count);
        for (size_t j = 0; j < count; j++, at++) {
            assert_int_equal(graph->indices[at], wanted[j].row);
            assert_true(same_float(graph->data[at], wanted[j].score));
            for (size_t m = 0; m < o->modality_count; m++) {
                double cosine = (double)wanted[j].cosine[m];
                uint16_t got = graph->cosine[m][at];
                assert_true(isnan(cosine) ? isnan(test_half_value(got))
                                          : got == test_half_bits(cosine));
            }
        }
    }
    assert_int_equal(graph->pairs, at);
}

static void write_format(size_t format, const import_rows *rows, const char **path)
{
    npz_member member[NPZ_MEMBERS];
    if (format == 0) {
        import_write_ivecs(*path = test_path("r.ivecs"), rows);
    } else if (format == 1) {
        import_write_ibin(*path = test_path("r.ibin"), rows, false);
    } else {
        import_csr_members(member, rows);
        import_write_npz(*path = test_path("r.npz"), member, NPZ_MEMBERS, true);
    }
}

static void test_scores_are_canonical(void **state)
{
    (void)state;
    static drawn file;
    uint64_t random = 11;
    size_t compared = 0;
    for (size_t set = 0; set < 36; set++) {
        sample s;
        sample_spec spec = {.seed = set + 1,
                            .n = 2 + test_random_below(&random, MOST_ITEMS - 1),
                            .modality_count = 1 + set % 3,
                            .d = {5, 33, 64},
                            .weight = {0.6, 0.4, 2},
                            .dtype = {KIN_F32, KIN_F16, KIN_F64},
                            .kind = (sample_kind)(set % SAMPLE_KINDS),
                            .missing_share = set % 2 ? 0.3 : 0,
                            .missing = (kin_missing)(set / 2 % 3)};
        const char *path;
        kin_graph graph;
        kin_import_report report;
        sample_make(&s, &spec);
        import_rows rows = draw(&file, spec.n, set % 3 != 2, &random);
        write_format(set % 3, &rows, &path);
        kin_threads_set(1 + (int)(set % 4));
        kin_error err = {0};
        int rc = kin_import_open(&graph, &report, path, NULL, &s.catalog, 0, &err);
        if (has_pairs(&file, &s.oracle)) {
            size_t no_pair = 0;
            test_ok(rc, &err);
            assert_canonical(&graph, &file, &s.oracle, &no_pair);
            assert_int_equal(report.to_self, file.report.to_self);
            assert_int_equal(report.repeated, file.report.repeated);
            assert_int_equal(report.no_pair, no_pair);
            assert_int_equal(report.entries - report.padding,
                             file.report.entries - file.report.padding);
            kin_graph_close(&graph);
            compared++;
        } else {
            test_refused(rc, &err, KIN_E_DATA, "no row has a neighbour");
        }
        sample_release(&s);
    }
    kin_threads_set(0);
    assert_true(compared > 30);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void test_ids(void **state)
{
    (void)state;
    kin_graph graph;
    kin_import_report report;
    kin_error err;
    const char *path = test_path("a.ivecs");
    import_write_ivecs(path, &lists);
    open_ok(&graph, &report, path, NULL);
    assert_int_equal(graph.ids.count, 5);
    assert_memory_equal(graph.ids.text, "0\n1\n2\n3\n4\n", 10);
    kin_graph_close(&graph);
    test_write_text(test_path("ids"), "red\ngreen\nblue\nblack\nwhite\n");
    test_ok(kin_import_open(&graph, &report, path, test_path("ids"), NULL, 0, &err), &err);
    assert_int_equal(graph.ids.count, 5);
    assert_memory_equal(kin_lines_at(&graph.ids, 2).text, "blue", 4);
    assert_string_equal(graph.directory, path);
    kin_graph_close(&graph);
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "none";
}

static void test_manifest(void **state)
{
    (void)state;
    sample s;
    sample_spec spec = {.seed = 3,
                        .n = 5,
                        .modality_count = 2,
                        .d = {3, 4},
                        .weight = {0.6, 0.4},
                        .missing = KIN_MISSING_ZERO};
    kin_graph graph;
    kin_import_report report;
    kin_hash hash;
    kin_error err;
    const char *path = test_path("a.ivecs");
    sample_make(&s, &spec);
    import_write_ivecs(path, &lists);
    for (int scored = 0; scored < 2; scored++) {
        open_ok(&graph, &report, path, scored ? &s.catalog : NULL);
        const json_t *options = json_object_get(graph.manifest, "options");
        const json_t *modalities = json_object_get(graph.manifest, "modalities");
        const json_t *file = json_object_get(graph.manifest, "import");
        assert_string_equal(text_at(graph.manifest, "kind"), "graph");
        assert_string_equal(text_at(graph.manifest, "engine"), "imported");
        assert_int_equal(json_integer_value(json_object_get(options, "top_k")), 6);
        assert_string_equal(text_at(options, "missing"), scored ? "zero" : "none");
        assert_int_equal(json_array_size(modalities), scored ? 2 : 0);
        test_ok(kin_hash_file(&hash, NULL, path, &err), &err);
        assert_string_equal(text_at(file, "xxh3_128"), hash.text);
        assert_string_equal(text_at(file, "file"), path);
        assert_string_equal(text_at(file, "format"), "ivecs");
        for (size_t m = 0; m < graph.modality_count; m++) {
            const json_t *entry = json_array_get(modalities, m);
            assert_string_equal(text_at(entry, "name"), s.catalog.modality[m].name);
            assert_string_equal(graph.modality[m], s.catalog.modality[m].name);
            assert_string_equal(text_at(entry, "xxh3_128"), s.catalog.modality[m].fingerprint.text);
            assert_true(json_real_value(json_object_get(entry, "weight")) == spec.weight[m]);
        }
        kin_graph_close(&graph);
    }
    sample_release(&s);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_by_hand),
        cmocka_unit_test(test_names_of_formats),
        cmocka_unit_test(test_matrices_of_every_type),
        cmocka_unit_test(test_order_of_close_scores),
        cmocka_unit_test(test_scores_are_canonical),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_manifest),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
