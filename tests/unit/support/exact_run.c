/*
 * Runs of the certified engine (declared in exact_run.h).
 */
#include "exact_run.h"
#include "core/threads.h"
#include "scan/distinct.h"
#include "test.h"

exact_way exact_way_of(size_t variant)
{
    static const int threads[] = {1, 2, 3, 7};
    static const size_t leads[] = {0, 64, 128, 192, 256};
    return (exact_way){.threads = threads[variant % TEST_COUNT(threads)],
                       .lead = leads[variant % TEST_COUNT(leads)],
                       .slack = 1};
}

int exact_make(kin_exact **out, const sample *s, size_t k, exact_way way, kin_error *err)
{
    kin_exact_options options = {
        .top_k = k, .memory_bytes = way.memory_bytes, .lead = way.lead, .slack = way.slack};
    kin_threads_set(way.threads);
    return kin_exact_new(out, &s->catalog, &options, err);
}

/* What holds for every report. */
static void check_report(const kin_exact_report *report, const sample *s, const kin_rows *rows)
{
    unsigned long long filled = 0;
    kin_distinct distinct;
    test_ok(kin_distinct_make(&distinct, &s->catalog, (1u << s->catalog.modality_count) - 1, NULL),
            NULL);
    for (size_t i = 0; i < s->oracle.n; i++)
        filled += rows->filled[i];
    assert_int_equal(report->rows, distinct.count);
    assert_true(distinct.count < distinct.start[distinct.count] || report->full >= filled);
    kin_distinct_release(&distinct);
    assert_true(report->scan.refined <= report->scan.pairs &&
                report->scan.tiles_left <= report->scan.tiles);
    assert_true(report->scan.collected <= 2 * report->scan.refined);
}

kin_exact_report exact_run(const sample *s, size_t k, exact_way way, taker *t)
{
    kin_error err = {0};
    kin_exact *engine = NULL;
    taker_init(t, s, k);
    test_ok(exact_make(&engine, s, k, way, &err), &err);
    test_ok(kin_exact_run(engine, taker_sink(t), NULL, &err), &err);
    assert_int_equal(t->taken_count, s->oracle.n);
    kin_exact_report report = *kin_exact_get_report(engine);
    check_report(&report, s, &t->rows);
    kin_exact_free(engine);
    return report;
}

void exact_check_rows(const truth *t, const kin_rows *rows, const char *what)
{
    for (size_t i = 0; i < rows->count; i++) {
        char where[250];
        snprintf(where, sizeof where, "%s, row %zu", what, i);
        sample_assert_row(rows, i, truth_row(t, i), t->count[i], where);
    }
}

kin_exact_report exact_check(const sample *s, const truth *t, exact_way way, const char *what)
{
    taker got;
    char where[200];
    kin_exact_report report = exact_run(s, t->k, way, &got);
    snprintf(where, sizeof where, "%s, %d threads, lead %zu, memory %zu", what, way.threads,
             way.lead, way.memory_bytes);
    exact_check_rows(t, &got.rows, where);
    taker_release(&got);
    return report;
}
