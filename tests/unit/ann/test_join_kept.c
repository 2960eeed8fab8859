/*
 * ann/join_file, there and back: an order and an effort that were saved give the same rows; an
 * effort is not taken for another question, an order is. Damage is for test_join_file.c.
 */
#include "support/join_kept.h"
#include "support/test.h"

#include <math.h>
#include <sys/stat.h>

static void check_same_effort(const kin_join *a, const kin_join *b)
{
    const kin_join_effort *x = kin_join_get_effort(a), *y = kin_join_get_effort(b);
    assert_true(x->probe_sigmas == y->probe_sigmas && x->tail_fraction == y->tail_fraction);
    assert_true(x->sampled == y->sampled && x->recall == y->recall && x->scanned == y->scanned);
}

static void check_round_trip(kept *self)
{
    kin_error err = {0};
    bool tuned = false;
    taker wanted, found;
    kin_join_report first = join_take(self->join, &self->s, KEPT_K, &wanted);
    kin_join *join = kept_load(self, &self->s, &kept_asked, &tuned);
    assert_true(tuned);
    check_same_effort(join, self->join);
    test_ok(kin_join_encode(join, NULL, &err), &err);
    kin_join_report second = join_take(join, &self->s, KEPT_K, &found);
    join_assert_same(&found.rows, &wanted.rows, "loaded");
    assert_memory_equal(&first, &second, sizeof first);
    kin_join_finish(join); /* what is said of a join outlasts its codes */
    assert_memory_equal(&first, kin_join_get_report(join), sizeof first);
    json_t *facts = kin_join_facts(join);
    assert_true(json_equal(facts, json_object_get(self->manifest, "join")));
    json_decref(facts);
    taker_release(&wanted);
    taker_release(&found);
    kin_join_free(join);
}

/* As tuned, escalated once, and escalated to the end. */
static void test_round_trip(void **state)
{
    (void)state;
    kept k;
    sample_spec spec = kept_spec(0.5);
    kept_make(&k, &spec, "index");
    assert_true(isfinite(kin_join_get_effort(k.join)->probe_sigmas));
    check_round_trip(&k);
    assert_true(join_escalate(k.join));
    kept_save(&k);
    check_round_trip(&k);
    while (join_escalate(k.join))
        ;
    kept_save(&k);
    check_round_trip(&k);
    kept_release(&k);
}

static void rename_fact(json_t *facts, const char *name, const char *older)
{
    json_object_set(facts, older, json_object_get(facts, name));
    json_object_del(facts, name);
}

/* Indexes of before have other names for the same. */
static void test_older_names(void **state)
{
    (void)state;
    kept k;
    bool tuned = false;
    sample_spec spec = kept_spec(0.5);
    kept_make(&k, &spec, "index");
    json_t *facts = json_object_get(k.manifest, "join");
    rename_fact(facts, "clusters", "lists");
    rename_fact(facts, "probe_sigmas", "reach");
    rename_fact(facts, "tail_fraction", "tail_share");
    kin_join *join = kept_load(&k, &k.s, &kept_asked, &tuned);
    assert_true(tuned);
    check_same_effort(join, k.join);
    kin_join_free(join);
    kept_release(&k);
}

/* A loaded effort has no sample behind it: one is drawn, and in the end there is nothing more to
 * give. */
static void test_escalate_loaded(void **state)
{
    (void)state;
    kept k;
    bool tuned = false;
    sample_spec spec = kept_spec(0.5);
    kept_make(&k, &spec, "index");
    kin_join *join = kept_load(&k, &k.s, &kept_asked, &tuned);
    kin_error err = {0};
    float probe_sigmas = kin_join_get_effort(join)->probe_sigmas;
    test_ok(kin_join_encode(join, NULL, &err), &err);
    assert_true(tuned && isfinite(probe_sigmas) && join_escalate(join));
    assert_true(kin_join_get_effort(join)->probe_sigmas > probe_sigmas);
    while (join_escalate(join))
        ;
    assert_true(isinf(kin_join_get_effort(join)->probe_sigmas));
    kin_join_free(join);
    kept_release(&k);
}

/* The order that was loaded is the join's own. */
static void check_same_order(const kin_join *join)
{
    kin_error err = {0};
    const char *folder = test_path("again");
    json_t *manifest = json_object();
    mkdir(folder, 0777);
    test_ok(kin_join_save(join, folder, &manifest, &err), &err);
    json_decref(manifest);
    assert_true(test_same_files(test_path("again/join.row.npy"), test_path("index/join.row.npy")));
    assert_true(
        test_same_files(test_path("again/join.start.npy"), test_path("index/join.start.npy")));
    test_remove(folder);
}

/* The order serves, the effort does not; a new one does. */
static void check_other(const kept *self, const sample *s, kin_join_options options)
{
    kin_error err = {0};
    bool tuned = true;
    double deviation;
    taker found;
    kin_rows wanted;
    kin_join *join = kept_load(self, s, &options, &tuned);
    assert_false(tuned);
    assert_true(isinf(kin_join_get_effort(join)->probe_sigmas));
    test_ok(kin_join_encode(join, NULL, &err), &err);
    test_ok(kin_join_tune(join, NULL, &err), &err);
    kin_join_report report = join_take(join, s, options.top_k, &found);
    assert_int_equal(report.clusters, self->clusters);
    check_same_order(join);
    join_truth(s, options.top_k, &wanted);
    assert_true(join_recall(s, &found.rows, &wanted, &deviation) >= options.target - 0.02);
    taker_release(&found);
    kin_rows_release(&wanted);
    kin_join_free(join);
}

static void test_other_questions(void **state)
{
    (void)state;
    kept k;
    sample heavier;
    sample_spec heavy = kept_spec(2);
    kin_join_options options = kept_asked;
    sample_spec spec = kept_spec(0.5);
    kept_make(&k, &spec, "index");
    sample_make(&heavier, &heavy);
    check_other(&k, &heavier, options);
    options.top_k++;
    check_other(&k, &k.s, options);
    options = kept_asked;
    options.seed++;
    check_other(&k, &k.s, options);
    options = kept_asked;
    options.target = 0.951;
    check_other(&k, &k.s, options);
    sample_release(&heavier);
    kept_release(&k);
}

/* An index without a join, and one of items that are in no pair. */
static void test_nothing(void **state)
{
    (void)state;
    kept k;
    bool tuned = true;
    sample_spec spec = kept_spec(0.5);
    kept_make(&k, &spec, "index");
    json_object_del(k.manifest, "join");
    kin_join_free(kept_load(&k, &k.s, &kept_asked, &tuned));
    assert_false(tuned);
    kept_release(&k);

    kept none;
    spec.n = 50;
    spec.missing_share = 1;
    kept_make(&none, &spec, "none");
    check_round_trip(&none);
    kept_release(&none);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_older_names),
        cmocka_unit_test(test_escalate_loaded), cmocka_unit_test(test_other_questions),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
