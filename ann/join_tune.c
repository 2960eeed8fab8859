/*
 * The effort of a join, from a sample of rows.
 *
 * Sampled rows scan all clusters; ann/join_sample.c works out what each of their neighbours needs.
 * Then
 *   tail_fraction  the smallest of a few that loses at most a tenth of what may be lost
 *   rare_widening  what neighbours in rare clusters need more than the others, so that they are not
 *                  the ones to be lost
 *   probe_sigmas   the first value by those needs, which is pessimistic: thresholds are lower on
 *                  the way. Then the sampled rows are joined as the run joins them, and the
 *                  value is corrected by what was lost, at most TRIES times
 * The target is met with a margin for two samples, this one and the held-out rows of the evaluation
 * (margin), less what the refinement is going to find (credit). From the default target on the loss
 * of single rows is bounded as well (loss_allowed). Effort is counted in rows scanned, never in
 * seconds.
 * Cost: sample * n * lead products.
 */
#include "ann/join_sample.h"

#include <math.h>

static const float tail_fractions[] = {0.2f, 0.25f, 0.3f, 0.4f, 0.5f, 0.7f, 1};

/* What one scan of the sample gave. */
typedef struct outcome {
    double recall, deviation; /* of rows: mean and standard deviation */
    double poor;              /* rows that found less than poor_below, as a share */
    double first;             /* recall of the first ten */
    double scanned;           /* pairs looked at, as a share of all */
} outcome;

/* The sample's mean recall if every row had its final threshold from the beginning. */
static double pessimistic_recall(const kin_join_sample *self, float probe_sigmas,
                                 float rare_widening, float tail_fraction)
{
    double sum = 0;
    for (size_t i = 0; i < self->rows; i++) {
        size_t found = 0;
        for (size_t c = 0; c < self->found[i]; c++) {
            const kin_join_need *it = &self->need[i * self->k + c];
            float allowed = it->rare ? probe_sigmas * rare_widening : probe_sigmas;
            found += it->probe_sigmas <= allowed && it->tail_fraction <= tail_fraction;
        }
        sum += self->found[i] > 0 ? (double)found / (double)self->found[i] : 1;
    }
    return sum / (double)self->rows;
}

static float choose_tail_fraction(const kin_join_sample *self, double loss)
{
    size_t i = 0;
    while (tail_fractions[i] < 1 &&
           1 - pessimistic_recall(self, INFINITY, 1, tail_fractions[i]) > loss / 10)
        i++;
    return tail_fractions[i];
}

enum { SIGMAS_MOST = 40, SIGMAS_UNIT = 100 }; /* probe_sigmas are chosen to a hundredth */

/* The least probe_sigmas with that pessimistic recall; INFINITY if SIGMAS_MOST have it not. */
static float choose_probe_sigmas(const kin_join_sample *self, float rare_widening,
                                 float tail_fraction, double recall)
{
    int low = 0, high = SIGMAS_MOST * SIGMAS_UNIT;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (pessimistic_recall(self, (float)middle / SIGMAS_UNIT, rare_widening, tail_fraction) >=
            recall)
            high = middle;
        else
            low = middle;
    }
    return high < SIGMAS_MOST * SIGMAS_UNIT ? (float)high / SIGMAS_UNIT : INFINITY;
}

/* The probe_sigmas that all but `loss` of the neighbours in rare clusters, or in the others, need:
 * to a hundredth. `count` is how many neighbours there are. */
static float class_sigmas(const kin_join_sample *self, bool rare, double loss, size_t *count)
{
    size_t needing[SIGMAS_MOST * SIGMAS_UNIT + 1] = {0}, left = 0;
    *count = 0;
    for (size_t i = 0; i < self->rows; i++)
        for (size_t c = 0; c < self->found[i]; c++) {
            const kin_join_need *it = &self->need[i * self->k + c];
            float unit = fminf(ceilf(it->probe_sigmas * SIGMAS_UNIT), SIGMAS_MOST * SIGMAS_UNIT);
            needing[(size_t)unit] += it->rare == rare;
            *count += it->rare == rare;
        }
    size_t u = SIGMAS_MOST * SIGMAS_UNIT;
    while (u > 1 && (double)(left + needing[u]) <= loss * (double)*count)
        left += needing[u--];
    return (float)u / SIGMAS_UNIT;
}

/* What a sample sees of rare neighbours falls short of what there is. */
static const float widening_beyond = 1.5f, widening_unknown = 3, widening_most = 4;
enum { RARE_LEAST = 32 }; /* neighbours, to learn from */

/* By --missing renorm a row that lacks a modality is near to many with little in common, and often
 * the nearest of all. There are few such rows, so that losing all of them would cost little recall
 * of K; and the fewer there are, the cheaper they are found. */
static float choose_rare_widening(const kin_join *join, double loss)
{
    size_t common, rare;
    if (join->stats.rares == 0)
        return 1;
    float wanted = class_sigmas(join->sample, true, loss * join->stats.rare_share, &rare);
    float usual = class_sigmas(join->sample, false, loss, &common);
    if (rare < RARE_LEAST || common == 0)
        return widening_unknown;
    return fminf(fmaxf(widening_beyond * wanted / usual, 1), widening_most);
}

void kin_join_use_effort(kin_join *self, const kin_join_effort *effort)
{
    kin_codes_set_tail_fraction(&self->codes, effort->tail_fraction);
    kin_cluster_stats_widen(&self->stats, effort->rare_widening);
    self->clusters_most = effort->clusters_most;
}

static uint64_t pairs_seen(const kin_join *join)
{
    uint64_t pairs = 0;
    for (int t = 0; t < join->threads; t++)
        pairs += kin_pairscan_counts(join->worker[t].pairscan)->pairs;
    return pairs;
}

/* A row that finds less than this is poor. */
static const double poor_below = 0.9;

/* What a run with this effort is going to do with the sampled rows. */
static int try_effort(kin_join *join, const kin_join_effort *effort, outcome *out, kin_error *err)
{
    const kin_join_sample *self = join->sample;
    double rows = (double)self->rows, square = 0;
    uint64_t before = pairs_seen(join);
    kin_join_use_effort(join, effort);
    int rc = kin_join_sample_try(join, effort->probe_sigmas, err);
    *out = (outcome){0};
    for (size_t i = 0; i < self->rows; i++) {
        out->recall += self->recall[i] / rows;
        square += self->recall[i] * self->recall[i] / rows;
        out->first += self->first_recall[i] / rows;
        out->poor += self->recall[i] < poor_below ? 1 / rows : 0;
    }
    out->deviation = sqrt(fmax(square - out->recall * out->recall, 0));
    out->scanned =
        (double)(pairs_seen(join) - before) / rows / (double)join->codes.clustering.count;
    return rc;
}

enum { CLUSTERS_LEAST = 512 }; /* gates with so many cost next to nothing */

/* Clusters far down in the order of a row's cluster hold next to nothing for it, and gates with all
 * of them would take n^2 time. The sample says how far down is far, with a margin. */
static int choose_depth(kin_join *join, kin_join_effort *effort, double loss, kin_error *err)
{
    size_t depth;
    effort->clusters_most = SIZE_MAX;
    kin_join_use_effort(join, effort);
    int rc = kin_join_sample_depth(join, effort, loss / 100, &depth, err);
    depth += depth / 4;
    effort->clusters_most = depth > CLUSTERS_LEAST ? depth : CLUSTERS_LEAST;
    return rc;
}

static const double standard_errors = 2.6;

/* What the sample's recall has to be above the target. Its mean and the held-out one scatter by
 * their standard errors, of which two and a half leave one build in a hundred to be run twice;
 * and the evaluation cannot exclude that rows of a kind it did not draw were lost whole, which
 * costs its bound ln(1 / alpha) / evaluated, about 4 / evaluated. */
static double margin(const kin_join *join, const outcome *got)
{
    double rows = (double)join->sample->rows, evaluated = (double)join->options.evaluated;
    double spread = got->deviation * got->deviation;
    return evaluated > 0
               ? standard_errors * sqrt(spread / rows + spread / evaluated) + 4 / evaluated
               : standard_errors * sqrt(spread / rows);
}

/* The refinement finds a third of what rows lose, more or less (docs/JOIN.md): a quarter is counted
 * on. It looks at as many candidates whatever K is, so that of longer rows it finds less. */
static double credit(const kin_join *join, double target)
{
    static const double refined = 0.25, long_row = 200;
    double share = refined * fmin(1, long_row / (double)join->options.top_k);
    return (1 - target) * share / (1 - share);
}

/* From the default target on the mean is not all that is asked for: at most one row in a hundred is
 * to be poor in the end, and one in a thousand of the first ten neighbours to be lost. The scan may
 * leave three times as many poor rows and lose ten times as many of the first ten, for that is what
 * the refinement mends (docs/JOIN.md). */
static const double target_of_rows = 0.97, poor_most = 0.025, first_lost_most = 0.01;

/* From here on a scan of everything is hardly more work. */
static const double scanned_most = 0.6;

enum { TRIES = 4, HALVINGS = 8 };

static kin_join_effort everything(size_t sampled)
{
    return (kin_join_effort){.probe_sigmas = INFINITY,
                             .rare_widening = 1,
                             .tail_fraction = 1,
                             .clusters_most = SIZE_MAX,
                             .sampled = sampled,
                             .recall = 1,
                             .scanned = 1};
}

/* What may be lost, so that the mean is held and, from target_of_rows on, what single rows lose.
 * Poor rows grow with the square of the loss, or faster. */
static double loss_allowed(const kin_join *join, double target, const outcome *got)
{
    double lost = 1 - got->recall, first_lost = 1 - got->first;
    double by_mean = 1 - target + credit(join, target) - margin(join, got);
    if (target < target_of_rows)
        return by_mean;
    double by_rows = got->poor > 0 ? lost * sqrt(poor_most / got->poor) : INFINITY;
    double by_first = first_lost > 0 ? lost * first_lost_most / first_lost : INFINITY;
    return fmin(by_mean, fmin(by_rows, by_first));
}

/* The least effort tried that meets the target with its margin; all clusters where none does. */
static int choose_effort(kin_join *join, double target, const kin_monitor *monitor, kin_error *err)
{
    const kin_join_sample *self = join->sample;
    kin_join_effort best = everything(self->rows);
    kin_join_effort next = {.tail_fraction = choose_tail_fraction(self, 1 - target),
                            .rare_widening = choose_rare_widening(join, 1 - target),
                            .sampled = self->rows};
    double loss = 1 - target; /* that pessimistic recall is allowed */
    for (int t = 0; t < TRIES; t++) {
        outcome got;
        next.probe_sigmas =
            choose_probe_sigmas(self, next.rare_widening, next.tail_fraction, 1 - loss);
        if (isinf(next.probe_sigmas))
            break;
        int rc = kin_monitor_check(monitor, err);
        if (rc == 0)
            rc = choose_depth(join, &next, loss, err);
        if (rc == 0)
            rc = try_effort(join, &next, &got, err);
        if (rc != 0)
            return rc;
        double lost = 1 - got.recall, allowed = loss_allowed(join, target, &got);
        next.recall = got.recall;
        next.scanned = got.scanned;
        if (lost <= allowed && got.scanned < best.scanned && got.scanned <= scanned_most)
            best = next;
        if ((allowed <= 0 && lost == 0) || (lost <= allowed && lost > 0.9 * allowed))
            break;
        /* pessimistic and true losses go down together, and with them the margin */
        double wanted = fmax(0.95 * allowed, 0.25 * lost);
        loss = fmin(loss * (wanted + 1e-9) / (lost + 1e-9), 0.5);
        loss = fmax(loss, 0.05 * (1 - target));
    }
    join->effort = best;
    return 0;
}

void kin_join_retarget(kin_join *self, double target, size_t evaluated)
{
    self->options.target = self->target_with_margin = target;
    self->options.evaluated = evaluated;
}

int kin_join_tune(kin_join *self, const kin_monitor *monitor, kin_error *err)
{
    kin_monitor_stage(monitor, "tune");
    kin_join_sample_free(self->sample);
    self->sample = NULL;
    const kin_join_effort all = everything(0);
    kin_join_use_effort(self, &all);
    if (self->codes.clustering.count == 0) /* no row to sample, and none to scan */
        return 0;
    int rc = kin_join_want_workers(self, err);
    if (rc == 0)
        rc = kin_join_sample_draw(self, err);
    if (rc == 0)
        rc = kin_join_sample_find_truth(self, err);
    if (rc == 0)
        rc = choose_effort(self, self->target_with_margin, monitor, err);
    return rc;
}

int kin_join_escalate(kin_join *self, bool *escalated, const kin_monitor *monitor, kin_error *err)
{
    const kin_join_effort before = self->effort;
    *escalated = !isinf(before.probe_sigmas) || before.tail_fraction < 1;
    if (!*escalated)
        return 0;
    int rc = self->sample ? kin_join_want_workers(self, err) : kin_join_tune(self, monitor, err);
    for (int halving = 0; rc == 0 && self->effort.probe_sigmas <= before.probe_sigmas; halving++) {
        self->target_with_margin = 1 - (1 - self->target_with_margin) / 2;
        if (halving < HALVINGS)
            rc = choose_effort(self, self->target_with_margin, monitor, err);
        else /* the sample shows no loss that more effort would mend */
            self->effort = everything(before.sampled);
    }
    return rc;
}
