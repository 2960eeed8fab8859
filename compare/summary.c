#include "compare/summary.h"
#include "core/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Place ceil(percent / 100 s), from 1. */
static double percentile(const double *sorted, size_t s, size_t percent)
{
    return sorted[(s * percent + 99) / 100 - 1];
}

int kin_summary_of(kin_summary *out, const double *value, size_t s, kin_error *err)
{
    *out = (kin_summary){0};
    if (s == 0)
        return 0;
    double *sorted = kin_alloc(s, sizeof *sorted);
    if (!sorted)
        return kin_fail_alloc(err, "values to sort", kin_size_mul(s, sizeof *sorted));
    memcpy(sorted, value, s * sizeof *sorted);
    qsort(sorted, s, sizeof *sorted, by_value);
    size_t below = 0;
    for (size_t i = 0; i < s; i++) {
        size_t bin = (size_t)(sorted[i] * KIN_SUMMARY_BINS);
        out->bin[bin < KIN_SUMMARY_BINS ? bin : KIN_SUMMARY_BINS - 1]++;
        out->mean += sorted[i];
        below += sorted[i] < 0.9;
    }
    out->mean /= (double)s;
    out->min = sorted[0];
    out->p1 = percentile(sorted, s, 1);
    out->p5 = percentile(sorted, s, 5);
    out->p50 = percentile(sorted, s, 50);
    out->below_90 = (double)below / (double)s;
    free(sorted);
    return 0;
}

static bool before(const kin_worst *a, const kin_worst *b)
{
    return a->value != b->value ? a->value < b->value : a->row < b->row;
}

size_t kin_worst_of(kin_worst *out, const double *value, const int32_t *row, size_t s)
{
    size_t count = 0;
    for (size_t i = 0; i < s; i++) {
        kin_worst it = {row[i], value[i]};
        bool full = count == KIN_WORST_MAX;
        if (it.value >= 1 || (full && !before(&it, &out[count - 1])))
            continue;
        size_t at = full ? count - 1 : count++;
        for (; at > 0 && before(&it, &out[at - 1]); at--)
            out[at] = out[at - 1];
        out[at] = it;
    }
    return count;
}

size_t kin_cuts(size_t cut[KIN_CUTS_MAX], size_t k)
{
    static const size_t usual[] = {1, 10, 50, 100};
    size_t count = 0;
    for (size_t i = 0; i < sizeof usual / sizeof *usual && usual[i] < k; i++)
        cut[count++] = usual[i];
    cut[count++] = k;
    return count;
}
