/*
 * ann/join_file, damage: whatever is wrong with an order or an effort that was saved is refused,
 * and the join makes its own afterwards.
 */
#include "ann/index_folder.h"
#include "scan/clustering.h"
#include "support/join_kept.h"
#include "support/test.h"

#include <math.h>

static void write_array(const char *folder, const char *what, const int32_t *data, size_t count)
{
    kin_error err = {0};
    test_ok(kin_index_array_write(folder, "join", what, "<i4", data, 1, &count, &err), &err);
}

/* What was kept is refused for a reason that contains `text`; then the join makes its own order. */
static void check_refused(const kept *self, const char *text)
{
    kin_error err = {0};
    bool tuned = true;
    taker found;
    kin_join *join = NULL;
    test_ok(kin_join_new(&join, &self->s.catalog, &kept_asked, &err), &err);
    test_refused(kin_join_load(join, test_dir(self->folder), self->manifest, &tuned, &err), &err,
                 KIN_E_DATA, text);
    assert_false(tuned);
    assert_true(isinf(kin_join_get_effort(join)->probe_sigmas));
    test_ok(kin_join_encode(join, NULL, &err), &err);
    join_take(join, &self->s, KEPT_K, &found);
    taker_release(&found);
    kin_join_free(join);
}

/* The row order with one value changed, and back again. */
static void damage_row(const kept *self, size_t at, int32_t value, const char *text)
{
    int32_t before = self->row[at];
    assert_true(before != value);
    self->row[at] = value;
    write_array(self->folder, "row", self->row, self->rows);
    self->row[at] = before;
    check_refused(self, text);
    write_array(self->folder, "row", self->row, self->rows);
}

static void damage_start(const kept *self, size_t at, int32_t value, const char *text)
{
    int32_t before = self->start[at];
    assert_true(before != value);
    self->start[at] = value;
    write_array(self->folder, "start", self->start, self->clusters + 1);
    self->start[at] = before;
    check_refused(self, text);
    write_array(self->folder, "start", self->start, self->clusters + 1);
}

/* An item of no modality, or one that is the same as an earlier one. */
static int32_t find_item(const kept *self, bool empty)
{
    const oracle *o = &self->s.oracle;
    for (size_t i = 0; i < o->n; i++) {
        if (empty && o->present[i] == 0)
            return (int32_t)i;
        for (size_t j = 0; j < i && !empty && o->present[i] != 0; j++) {
            bool same = o->present[i] == o->present[j];
            for (size_t m = 0; m < o->modality_count && same; m++)
                same = memcmp(o->x[m] + i * o->d[m], o->x[m] + j * o->d[m],
                              o->d[m] * sizeof(float)) == 0;
            if (same)
                return (int32_t)i;
        }
    }
    fail_msg("no such item");
    return -1;
}

static void test_damaged_rows(void **state)
{
    (void)state;
    kept k;
    sample_spec spec = kept_spec(0.5);
    kept_make(&k, &spec, "index");
    const char *bad = "a row is missing, repeated or no item's";
    damage_row(&k, 1, k.row[0], bad);
    damage_row(&k, k.rows - 1, k.row[0], bad);
    damage_row(&k, 5, -1, bad);
    damage_row(&k, 5, INT32_MIN, bad);
    damage_row(&k, 5, (int32_t)k.s.oracle.n, bad);
    damage_row(&k, 5, INT32_MAX, bad);
    damage_row(&k, 5, find_item(&k, true), bad);
    damage_row(&k, 5, find_item(&k, false), bad);
    write_array(k.folder, "row", k.row, k.rows - 1);
    check_refused(&k, "join.row.npy: is (");
    /* the last row of one modality mask and the first of the next change places */
    size_t at = k.rows - 1;
    while (k.s.oracle.present[k.row[at]] == k.s.oracle.present[k.row[at - 1]])
        at--;
    int32_t row = k.row[at];
    k.row[at] = k.row[at - 1];
    k.row[at - 1] = row;
    write_array(k.folder, "row", k.row, k.rows);
    check_refused(&k, "a cluster has rows of different modalities");
    kept_release(&k);
}

static void test_damaged_starts(void **state)
{
    (void)state;
    kept k;
    sample_spec spec = kept_spec(0.5);
    kept_make(&k, &spec, "index");
    const char *whole = "clusters do not hold all rows",
               *size = "a cluster has no rows or too many";
    assert_true(k.clusters >= 4);
    damage_start(&k, 0, 1, whole);
    damage_start(&k, 0, -1, whole);
    damage_start(&k, k.clusters, (int32_t)k.rows - 1, whole);
    damage_start(&k, k.clusters, (int32_t)k.rows + 1, whole);
    damage_start(&k, 1, 0, size);
    damage_start(&k, 1, -5, size);
    damage_start(&k, 1, INT32_MIN, size);
    damage_start(&k, 1, k.start[2], size);
    damage_start(&k, 2, k.start[1] - 1, size);
    damage_start(&k, 1, INT32_MAX, size);
    damage_start(&k, k.clusters - 1, (int32_t)k.rows + 7, size);
    damage_start(&k, 1, KIN_CLUSTER_MAX + 1, size);
    write_array(k.folder, "start", k.start, k.clusters);
    check_refused(&k, "join.start.npy: is (");
    test_write(test_path("index/join.start.npy"), "no array", 8);
    check_refused(&k, "join.start.npy");
    kept_release(&k);
}

/* The manifest says `value` (a new reference; NULL: nothing) for a fact. */
static void damage_fact(kept *self, const char *name, json_t *value, const char *text)
{
    json_t *facts = json_object_get(self->manifest, "join");
    json_t *before = json_incref(json_object_get(facts, name));
    if (value)
        json_object_set_new(facts, name, value);
    else
        json_object_del(facts, name);
    check_refused(self, text);
    json_object_set_new(facts, name, before);
}

static void test_damaged_facts(void **state)
{
    (void)state;
    kept k;
    sample_spec spec = kept_spec(0.5);
    kept_make(&k, &spec, "index");
    const char *counts = "manifest.json has ", *effort = "effort of the join is missing";
    json_int_t rows = (json_int_t)k.rows, clusters = (json_int_t)k.clusters;
    damage_fact(&k, "rows", json_integer(rows - 1), counts);
    damage_fact(&k, "rows", json_integer(-1), counts);
    damage_fact(&k, "rows", NULL, counts);
    damage_fact(&k, "clusters", json_integer(0), counts);
    damage_fact(&k, "clusters", json_integer(-1), counts);
    damage_fact(&k, "clusters", json_integer(rows), counts); /* more than an order ever has */
    damage_fact(&k, "clusters", json_integer(clusters + 1), "join.start.npy: is (");
    damage_fact(&k, "probe_sigmas", NULL, effort);
    damage_fact(&k, "probe_sigmas", json_real(-1), effort);
    damage_fact(&k, "probe_sigmas", json_string("3"), effort);
    damage_fact(&k, "tail_fraction", NULL, effort);
    damage_fact(&k, "tail_fraction", json_integer(0), effort);
    damage_fact(&k, "tail_fraction", json_real(1.5), effort);
    damage_fact(&k, "rare_widening", json_real(.5), effort);
    damage_fact(&k, "clusters_most", json_integer(0), effort);
    damage_fact(&k, "sampled", json_integer(-4), effort);
    damage_fact(&k, "sample_recall", json_real(1.01), effort);
    damage_fact(&k, "rows_scanned_share", json_null(), effort);
    kept_release(&k);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_rows),
        cmocka_unit_test(test_damaged_starts),
        cmocka_unit_test(test_damaged_facts),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
