/*
 * Runs of the self-join (declared in join_run.h).
 */
#include "join_run.h"
#include "core/threads.h"
#include "exact/stream.h"
#include "test.h"

#include <math.h>

kin_join *join_make(const sample *s, const kin_join_options *options, int threads)
{
    kin_error err = {0};
    kin_join *join = NULL;
    kin_threads_set(threads);
    test_ok(kin_join_new(&join, &s->catalog, options, &err), &err);
    test_ok(kin_join_encode(join, NULL, &err), &err);
    return join;
}

kin_join_report join_take(kin_join *join, const sample *s, size_t k, taker *t)
{
    kin_error err = {0};
    taker_init(t, s, k);
    test_ok(kin_join_run(join, taker_sink(t), NULL, &err), &err);
    assert_int_equal(t->taken_count, s->oracle.n);
    t->rows.count = s->oracle.n;
    return *kin_join_get_report(join);
}

void join_truth(const sample *s, size_t k, kin_rows *out)
{
    kin_error err = {0};
    kin_stream_options options = {.top_k = k};
    test_ok(kin_rows_init(out, s->oracle.n, k, s->catalog.modality_count, &err), &err);
    test_ok(kin_stream_run(&s->catalog, NULL, &options, kin_rows_sink(out), NULL, &err), &err);
}

static bool same_row(const kin_rows *a, const kin_rows *b, size_t i)
{
    size_t at = i * a->k, count = a->filled[i];
    bool same = count == b->filled[i] &&
                memcmp(a->neighbor + at, b->neighbor + at, count * sizeof *a->neighbor) == 0 &&
                memcmp(a->score + at, b->score + at, count * sizeof *a->score) == 0;
    for (size_t m = 0; m < a->modality_count && same; m++)
        same = memcmp(a->cosine[m] + at, b->cosine[m] + at, count * sizeof *a->score) == 0;
    return same;
}

size_t join_count_different(const kin_rows *found, const kin_rows *wanted)
{
    size_t different = 0;
    assert_int_equal(found->count, wanted->count);
    for (size_t i = 0; i < wanted->count; i++)
        different += !same_row(found, wanted, i);
    return different;
}

void join_assert_same(const kin_rows *found, const kin_rows *wanted, const char *what)
{
    assert_int_equal(found->count, wanted->count);
    for (size_t i = 0; i < wanted->count; i++) {
        size_t at = i * wanted->k, c = 0;
        if (same_row(found, wanted, i))
            continue;
        while (c < wanted->filled[i] && found->neighbor[at + c] == wanted->neighbor[at + c] &&
               found->score[at + c] == wanted->score[at + c])
            c++;
        fail_msg(
            "%s: row %zu of %u, wanted %u; neighbour %zu is %d with %.9g, wanted %d with %.9g; "
            "%zu rows differ",
            what, i, found->filled[i], wanted->filled[i], c, found->neighbor[at + c],
            (double)found->score[at + c], wanted->neighbor[at + c], (double)wanted->score[at + c],
            join_count_different(found, wanted));
    }
}

/* A row's neighbours are scored canonically, best first, none twice and not the row itself. */
static void check_scores(const sample *s, const kin_rows *rows, size_t i)
{
    for (size_t c = 0; c < rows->filled[i]; c++) {
        size_t at = i * rows->k + c;
        oracle_pair pair;
        assert_true(oracle_score(&s->oracle, i, (size_t)rows->neighbor[at], &pair));
        assert_true(rows->score[at] == pair.score && rows->neighbor[at] != (int32_t)i);
        if (c > 0)
            assert_true(rows->score[at] < rows->score[at - 1] ||
                        (rows->score[at] == rows->score[at - 1] &&
                         rows->neighbor[at] > rows->neighbor[at - 1]));
    }
}

double join_recall(const sample *s, const kin_rows *found, const kin_rows *wanted,
                   double *deviation)
{
    double sum = 0, square = 0, rows = 0;
    for (size_t i = 0; i < wanted->count; i++) {
        const float *score = wanted->score + i * wanted->k;
        size_t count = wanted->filled[i], hits = 0;
        check_scores(s, found, i);
        for (size_t c = 0; c < found->filled[i]; c++)
            hits += found->score[i * found->k + c] >= score[count - 1];
        if (count == 0)
            continue;
        double recall = (double)hits / (double)count;
        sum += recall;
        square += recall * recall;
        rows++;
    }
    *deviation = sqrt(fmax(square / rows - sum / rows * sum / rows, 0));
    return sum / rows;
}

bool join_escalate(kin_join *join)
{
    kin_error err = {0};
    bool escalated;
    test_ok(kin_join_escalate(join, &escalated, NULL, &err), &err);
    return escalated;
}
