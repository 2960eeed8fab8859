#include "compare/recall_row.h"

#include <math.h>

const double kin_epsilons[KIN_EPSILONS] = {0.01, 0.1};

kin_recall_rule kin_recall_rule_make(size_t k, bool scored, double weight_sum)
{
    kin_recall_rule rule = {.k = k, .scored = scored, .weight_sum = weight_sum};
    rule.cuts = kin_cuts(rule.cut, k);
    return rule;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The first cut that a place below k is in. Most are only in the last. */
static size_t cut_of(const kin_recall_rule *rule, size_t place)
{
    size_t c = rule->cuts - 1;
    while (c > 0 && place < rule->cut[c - 1])
        c--;
    return c;
}

/* Shared ids: one at place i here and p there is shared by the first k of both from k = max(i, p) +
 * 1 on. */
static void count_shared(kin_recall_row *out, const kin_recall_rule *rule, const kin_neighbor *got,
                         size_t got_count, size_t wanted_count, const kin_id_set *place)
{
    size_t from[KIN_CUTS_MAX] = {0}; /* shared from this cut on */
    size_t found = SIZE_MAX, right = SIZE_MAX, shared = 0;
    for (size_t i = 0; i < got_count; i++) {
        uint32_t p = kin_id_set_find(place, got[i].row);
        if (p >= wanted_count)
            continue;
        from[cut_of(rule, i > p ? i : p)]++;
        found = p == 0 ? i : found;
        right = i == 0 ? p : right;
    }
    for (size_t c = 0; c < rule->cuts; c++) {
        shared += from[c];
        out->strict[c] = (double)shared / (double)least(rule->cut[c], wanted_count);
        out->nearest_found[c] = found < rule->cut[c];
        out->nearest_true[c] = right < rule->cut[c];
    }
}

/* How many of the first `count` score at least `threshold`: they are best first. */
static size_t reaching(const kin_neighbor *got, size_t count, double threshold)
{
    size_t good = 0;
    while (good < count && (double)got[good].score >= threshold)
        good++;
    return good;
}

static void count_good(kin_recall_row *out, const kin_recall_rule *rule, const kin_neighbor *got,
                       size_t got_count, const kin_neighbor *wanted, size_t wanted_count)
{
    for (size_t c = 0; c < rule->cuts; c++) {
        size_t r = least(rule->cut[c], wanted_count);
        double threshold = (double)wanted[r - 1].score - KIN_RECALL_TIE;
        size_t good = reaching(got, least(rule->cut[c], got_count), threshold);
        out->tie_aware[c] = (double)least(good, r) / (double)r;
    }
    double distance = rule->weight_sum - (double)wanted[wanted_count - 1].score;
    for (size_t e = 0; e < KIN_EPSILONS; e++) {
        double threshold = rule->weight_sum - (1 + kin_epsilons[e]) * distance - KIN_RECALL_TIE;
        size_t good = reaching(got, got_count, threshold);
        out->epsilon[e] = (double)least(good, wanted_count) / (double)wanted_count;
    }
}

static void weigh_scores(kin_recall_row *out, const kin_neighbor *got, size_t got_count,
                         const kin_neighbor *wanted, size_t wanted_count)
{
    double have = 0, best = 0, loss = 0;
    size_t both = least(got_count, wanted_count);
    for (size_t i = 0; i < wanted_count; i++)
        best += (double)wanted[i].score;
    for (size_t i = 0; i < both; i++) {
        have += (double)got[i].score;
        loss += (double)wanted[i].score - (double)got[i].score;
    }
    out->with_ratio = best > 0;
    out->with_loss = both > 0;
    out->score_ratio = best > 0 ? have / best : 0;
    out->score_loss = both > 0 ? loss / (double)both : 0;
}

kin_recall_row kin_recall_row_of(const kin_recall_rule *rule, const kin_neighbor *got,
                                 size_t got_count, const kin_neighbor *wanted, size_t wanted_count,
                                 const kin_id_set *place)
{
    kin_recall_row out = {0};
    got_count = least(got_count, rule->k);
    wanted_count = least(wanted_count, rule->k);
    out.truth_short = wanted_count < rule->k;
    if (wanted_count == 0) {
        out.empty_by_rule = 1;
        return out;
    }
    out.evaluated = 1;
    out.filled = least(got_count, wanted_count);
    out.entries = wanted_count;
    out.empty_rows = got_count == 0;
    out.short_rows = got_count < wanted_count;
    out.short_by_rule = wanted_count < rule->k && got_count >= wanted_count;
    count_shared(&out, rule, got, got_count, wanted_count, place);
    if (rule->scored) {
        count_good(&out, rule, got, got_count, wanted, wanted_count);
        weigh_scores(&out, got, got_count, wanted, wanted_count);
    }
    return out;
}

void kin_recall_row_add(kin_recall_row *sum, const kin_recall_row *one)
{
    for (size_t c = 0; c < KIN_CUTS_MAX; c++) {
        sum->strict[c] += one->strict[c];
        sum->tie_aware[c] += one->tie_aware[c];
        sum->nearest_found[c] += one->nearest_found[c];
        sum->nearest_true[c] += one->nearest_true[c];
    }
    for (size_t e = 0; e < KIN_EPSILONS; e++)
        sum->epsilon[e] += one->epsilon[e];
    sum->score_ratio += one->score_ratio;
    sum->score_loss += one->score_loss;
    sum->with_ratio += one->with_ratio;
    sum->with_loss += one->with_loss;
    sum->evaluated += one->evaluated;
    sum->filled += one->filled;
    sum->entries += one->entries;
    sum->short_rows += one->short_rows;
    sum->short_by_rule += one->short_by_rule;
    sum->empty_rows += one->empty_rows;
    sum->empty_by_rule += one->empty_by_rule;
    sum->truth_short += one->truth_short;
}
