/*
 * Recall of a graph against another one or against exact rows (formulas in the header).
 *
 * Both ways fill one ledger, a strict and a tie-aware value per judged row, and are summed up by
 * the same code. Rows are judged one after the other: sorting 2 K entries a row is small beside
 * reading them. Left out: what kind of rows or neighbours is lost.
 * Memory: 16 bytes a row and 32 bytes an entry of one row.
 */
#include "compare/recall.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- may these two be compared? ------------------------------------------------------------- */

static const char hint_same[] = "compare graphs that were built from the same files with the same "
                                "weights and --top-k";

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "none";
}

static const json_t *find_modality(const json_t *manifest, const char *name)
{
    size_t i;
    const json_t *entry;
    json_array_foreach(json_object_get(manifest, "modalities"), i, entry)
    {
        if (strcmp(text_of(entry, "name"), name) == 0)
            return entry;
    }
    return NULL;
}

/* Scores lie on a common scale when vectors, weights and the treatment of gaps are the same. */
static int check_scores(const kin_graph *graph, const kin_graph *reference, kin_error *err)
{
    if (graph->modality_count != reference->modality_count)
        return kin_fail(err, KIN_E_DATA, hint_same, "%s has %zu modalities, %s has %zu",
                        graph->directory, graph->modality_count, reference->directory,
                        reference->modality_count);
    for (size_t m = 0; m < graph->modality_count; m++) {
        const char *name = graph->modality[m];
        const json_t *a = find_modality(graph->manifest, name);
        const json_t *b = find_modality(reference->manifest, name);
        if (!a || !b)
            return kin_fail(err, KIN_E_DATA, hint_same, "%s has a modality '%s', %s has none",
                            a ? graph->directory : reference->directory, name,
                            a ? reference->directory : graph->directory);
        if (strcmp(text_of(a, "xxh3_128"), text_of(b, "xxh3_128")) != 0)
            return kin_fail(err, KIN_E_DATA, hint_same,
                            "'%s' was made from other vectors: fingerprint %s in %s, %s in %s",
                            name, text_of(a, "xxh3_128"), graph->directory, text_of(b, "xxh3_128"),
                            reference->directory);
        double weight_a = json_number_value(json_object_get(a, "weight"));
        double weight_b = json_number_value(json_object_get(b, "weight"));
        if (weight_a != weight_b)
            return kin_fail(err, KIN_E_DATA, hint_same, "'%s' has weight %g in %s, %g in %s", name,
                            weight_a, graph->directory, weight_b, reference->directory);
    }
    const char *missing_a = text_of(json_object_get(graph->manifest, "options"), "missing");
    const char *missing_b = text_of(json_object_get(reference->manifest, "options"), "missing");
    if (strcmp(missing_a, missing_b) != 0)
        return kin_fail(err, KIN_E_DATA, hint_same, "--missing was %s for %s, %s for %s", missing_a,
                        graph->directory, missing_b, reference->directory);
    return 0;
}

static int check_ids(const kin_graph *graph, const kin_graph *reference, kin_error *err)
{
    for (size_t i = 0; i < graph->n; i++) {
        kin_span a = kin_lines_at(&graph->ids, i);
        kin_span b = kin_lines_at(&reference->ids, i);
        if (!kin_span_equal(a, b))
            return kin_fail(err, KIN_E_DATA, hint_same,
                            "row %zu is item '%.*s' in %s, '%.*s' in %s", i,
                            (int)(a.length < 64 ? a.length : 64), a.text, graph->directory,
                            (int)(b.length < 64 ? b.length : 64), b.text, reference->directory);
    }
    return 0;
}

int kin_recall_comparable(const kin_graph *graph, const kin_graph *reference, kin_error *err)
{
    if (graph->n != reference->n)
        return kin_fail(err, KIN_E_DATA, hint_same, "%s has %zu items, %s has %zu",
                        graph->directory, graph->n, reference->directory, reference->n);
    if (graph->k != reference->k)
        return kin_fail(err, KIN_E_DATA, hint_same, "%s has top-k %zu, %s has %zu",
                        graph->directory, graph->k, reference->directory, reference->k);
    int rc = check_ids(graph, reference, err);
    return rc != 0 ? rc : check_scores(graph, reference, err);
}

/* ---- one row -------------------------------------------------------------------------------- */

/* What the rows judged so far amount to. */
typedef struct ledger {
    double *strict;    /* [rows]; owned, as the rest */
    double *tie_aware; /* [rows] */
    kin_neighbor *got; /* [k] */
    kin_neighbor *wanted;
    size_t judged, empty_rows;
    size_t filled, entries; /* sums of min(r, |G|) and of r */
} ledger;

static int ledger_init(ledger *self, size_t rows, size_t k, kin_error *err)
{
    *self = (ledger){0};
    self->strict = kin_alloc(rows, sizeof *self->strict);
    self->tie_aware = kin_alloc(rows, sizeof *self->tie_aware);
    self->got = kin_alloc(k, sizeof *self->got);
    self->wanted = kin_alloc(k, sizeof *self->wanted);
    if (self->strict && self->tie_aware && self->got && self->wanted)
        return 0;
    return kin_fail_alloc(err, "recall", kin_size_mul(rows, 16));
}

static void ledger_release(ledger *self)
{
    free(self->strict);
    free(self->tie_aware);
    free(self->got);
    free(self->wanted);
}

static int by_row_then_score(const void *a, const void *b)
{
    const kin_neighbor *x = a;
    const kin_neighbor *y = b;
    if (x->row != y->row)
        return (x->row > y->row) - (x->row < y->row);
    return (x->score < y->score) - (x->score > y->score);
}

/* Sorts by row and keeps the best entry of each; returns how many stay. */
static size_t distinct(kin_neighbor *entry, size_t count)
{
    size_t kept = 0;
    qsort(entry, count, sizeof *entry, by_row_then_score);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || entry[kept - 1].row != entry[i].row)
            entry[kept++] = entry[i];
    return kept;
}

static size_t count_shared(const kin_neighbor *a, size_t a_count, const kin_neighbor *b,
                           size_t b_count)
{
    size_t shared = 0;
    for (size_t i = 0, j = 0; i < a_count && j < b_count;) {
        shared += a[i].row == b[j].row;
        int32_t row = a[i].row;
        i += row <= b[j].row;
        j += b[j].row <= row;
    }
    return shared;
}

/* Judges one row, whose entries lie in self->got and self->wanted. */
static void ledger_add(ledger *self, size_t got, size_t wanted)
{
    got = distinct(self->got, got);
    wanted = distinct(self->wanted, wanted);
    self->empty_rows += got == 0;
    if (wanted == 0)
        return;
    double threshold = INFINITY;
    for (size_t i = 0; i < wanted; i++)
        threshold = fmin(threshold, (double)self->wanted[i].score);
    size_t good = 0;
    for (size_t i = 0; i < got; i++)
        good += (double)self->got[i].score >= threshold - KIN_RECALL_TIE;
    size_t shared = count_shared(self->got, got, self->wanted, wanted);
    self->strict[self->judged] = (double)shared / (double)wanted;
    self->tie_aware[self->judged] = (double)(good < wanted ? good : wanted) / (double)wanted;
    self->judged++;
    self->filled += got < wanted ? got : wanted;
    self->entries += wanted;
}

/* ---- all rows ------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the values. */
static kin_recall_summary summarize(double *value, size_t s)
{
    kin_recall_summary out = {0};
    if (s == 0)
        return out;
    qsort(value, s, sizeof *value, by_value);
    for (size_t i = 0; i < s; i++)
        out.mean += value[i];
    out.mean /= (double)s;
    out.min = value[0];
    out.p5 = value[(s * 5 + 99) / 100 - 1];
    out.p50 = value[(s + 1) / 2 - 1];
    return out;
}

/* Bets 2^-j with weights 2^-(j+1); the rest of the weight is not staked, which only lowers W. */
enum { BETS = 16, AT_ONCE = 16 };

/* log V(m), the log of sum_j 2^-(j+1) prod_i (1 - 2^-j + 2^-j x_i / m); stops once past `enough`. */
static double log_wealth(const double *value, size_t s, double mean, double enough)
{
    double wealth = -INFINITY;
    for (int j = 0; j < BETS && wealth < enough; j++) {
        double bet = ldexp(1.0, -j);
        double one = -(j + 1) * M_LN2;
        for (size_t i = 0; i < s; i += AT_ONCE) {
            double product = 1; /* of so few factors that it leaves the range of double nowhere */
            for (size_t e = i; e < s && e < i + AT_ONCE; e++)
                product *= 1 + bet * (value[e] / mean - 1);
            one += log(product);
        }
        double larger = fmax(wealth, one);
        if (isfinite(larger))
            wealth = larger + log(exp(wealth - larger) + exp(one - larger));
    }
    return wealth;
}

double kin_recall_lower(const double *value, size_t s, double alpha)
{
    double high = 0;
    double product = 1;
    for (size_t i = 0; i < s; i++) {
        high += value[i] / (double)s;
        product *= value[i];
    }
    high = fmin(high, pow(alpha, 1.0 / (double)s));
    if (product == 1)
        return high;
    /* W(m) = 1 / alpha, multiplied by alpha: product + (alpha - m^s) V(m) = 1. The left side falls in m,
     * is less than 1 at `high` and unbounded towards 0: halve. */
    double low = 0;
    for (int step = 0; step < 40; step++) {
        double middle = (low + high) / 2;
        double enough = log((1 - product) / (alpha - pow(middle, (double)s)));
        if (middle > 0 && log_wealth(value, s, middle, enough) >= enough)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void finish(kin_recall *out, ledger *self, size_t rows, size_t k, bool census)
{
    *out = (kin_recall){.rows = rows, .judged = self->judged, .k = k, .census = census};
    out->strict = summarize(self->strict, self->judged);
    out->tie_aware = summarize(self->tie_aware, self->judged);
    out->lower95 =
        census || self->judged == 0 ? NAN : kin_recall_lower(self->tie_aware, self->judged, 0.05);
    out->fill = self->entries ? (double)self->filled / (double)self->entries : 0;
    out->empty_rows = self->empty_rows;
    out->reference_empty_rows = rows - self->judged;
}

int kin_recall_graphs(kin_recall *out, const kin_graph *graph, const kin_graph *reference,
                      kin_error *err)
{
    ledger rows;
    int rc = ledger_init(&rows, graph->n, graph->k, err);
    if (rc == 0) {
        for (size_t i = 0; i < graph->n; i++)
            ledger_add(&rows, kin_graph_row(graph, i, rows.got),
                       kin_graph_row(reference, i, rows.wanted));
        finish(out, &rows, graph->n, graph->k, true);
    }
    ledger_release(&rows);
    return rc;
}

/* Entries of row q into `entry`; returns how many. */
static size_t copy_row(kin_neighbor *entry, const kin_rows *rows, size_t q)
{
    for (size_t i = 0; i < rows->filled[q]; i++)
        entry[i] = (kin_neighbor){.row = rows->neighbor[q * rows->k + i],
                                  .score = rows->score[q * rows->k + i]};
    return rows->filled[q];
}

int kin_recall_rows(kin_recall *out, const kin_graph *graph, const int32_t *row,
                    const kin_rows *exact, kin_error *err)
{
    ledger rows;
    int rc = ledger_init(&rows, exact->count, graph->k, err);
    if (rc == 0) {
        for (size_t q = 0; q < exact->count; q++)
            ledger_add(&rows, kin_graph_row(graph, (size_t)row[q], rows.got),
                       copy_row(rows.wanted, exact, q));
        finish(out, &rows, exact->count, graph->k, exact->count == graph->n);
    }
    ledger_release(&rows);
    return rc;
}

int kin_recall_kept(kin_recall *out, double *value, const kin_rows *got, const kin_rows *exact,
                    kin_error *err)
{
    ledger rows;
    int rc = ledger_init(&rows, exact->count, exact->k, err);
    if (rc == 0) {
        for (size_t q = 0; q < exact->count; q++)
            ledger_add(&rows, copy_row(rows.got, got, q), copy_row(rows.wanted, exact, q));
        finish(out, &rows, exact->count, exact->k, false);
        memcpy(value, rows.tie_aware, rows.judged * sizeof *value);
    }
    ledger_release(&rows);
    return rc;
}
