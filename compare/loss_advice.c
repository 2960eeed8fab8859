/*
 * What would have helped (declared in compare/loss_advice.h).
 *
 * A knob is advised at the value that gets back four fifths of what it can get back at all: the
 * last fifth costs as much again, as the needs have long tails.
 */
#include "compare/loss_advice.h"
#include "core/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double worth = 0.8;

/* ---- needs ----------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

/* How many of the sorted needs are met by a value. */
static size_t met(const kin_loss_needs *needs, double value)
{
    size_t count = 0;
    while (count < needs->count && (double)needs->value[count] <= value)
        count++;
    return count;
}

/* What most of the needs that can be met ask for; INFINITY where there is none. */
static double most_need(const kin_loss_needs *needs)
{
    size_t finite = needs->count;
    while (finite > 0 && isinf(needs->value[finite - 1]))
        finite--;
    return finite > 0 ? (double)needs->value[(size_t)ceil(worth * (double)finite) - 1] : INFINITY;
}

/* Up to two leading digits. */
static size_t round_up(size_t value)
{
    size_t unit = 1;
    while (value / unit >= 100)
        unit *= 10;
    return (value + unit - 1) / unit * unit;
}

/* ---- advice ---------------------------------------------------------------------------------- */

/* Keeps the most regained first; what is not known comes last. */
static void add(kin_loss *out, kin_loss_advice advice)
{
    size_t at = out->advice_count++;
    double regained = isnan(advice.regained) ? -1 : advice.regained;
    for (; at > 0; at--) {
        const kin_loss_advice *before = &out->advice[at - 1];
        if (!isnan(before->regained) && before->regained >= regained)
            break;
        out->advice[at] = *before;
    }
    out->advice[at] = advice;
}

#define say(advice, ...) snprintf((advice)->text, sizeof(advice)->text, __VA_ARGS__)

static double percent(size_t part, size_t whole)
{
    return 100 * (double)part / (double)whole;
}

/* The most that an index was asked for. */
static size_t most_asked(const kin_trace *trace)
{
    size_t most = 0;
    for (size_t s = 0; s < trace->source_count; s++)
        most = trace->source[s].asked > most ? trace->source[s].asked : most;
    return most;
}

static void advise_depth(kin_loss *out, const kin_loss_needs *needs, const kin_trace *trace)
{
    double value = most_need(needs);
    size_t now = most_asked(trace);
    if (isinf(value)) {
        kin_loss_advice it = {KIN_LOSS_DEPTH, "--index-space", NAN, NAN, NAN, ""};
        say(&it,
            "no --candidates that was looked at has what depth lost: --index-space fused ranks by "
            "all modalities together");
        add(out, it);
        return;
    }
    size_t candidates = round_up((size_t)value);
    size_t regained = met(needs, (double)candidates);
    kin_loss_advice it = {KIN_LOSS_DEPTH,
                          "--candidates",
                          (double)candidates,
                          (double)regained / (double)out->lost,
                          (double)candidates / (double)now,
                          ""};
    say(&it,
        "--candidates %zu (now %zu) would have had %.0f %% of the lost among its candidates, for "
        "about %.1f times the search's work",
        candidates, now, percent(regained, out->lost), it.price);
    add(out, it);
}

static bool of_ivf(const kin_graph *graph)
{
    const char *engine = json_string_value(json_object_get(graph->manifest, "engine"));
    return engine && strcmp(engine, "ivf") == 0;
}

/* An IVF's effort is its probes, HNSW's efSearch, which is at least the candidates. */
static void advise_search(kin_loss *out, const kin_graph *graph, const kin_trace *trace)
{
    const json_t *options = json_object_get(graph->manifest, "options");
    json_int_t probes = json_integer_value(json_object_get(options, "probes"));
    if (of_ivf(graph) && probes > 0) {
        kin_loss_advice more = {KIN_LOSS_SEARCH, "--probes", 2 * (double)probes, NAN, 2, ""};
        say(&more,
            "--probes %lld (now %lld) looks twice as hard for the %.0f %% that search lost; only a "
            "build can tell how many it finds",
            (long long)(2 * probes), (long long)probes,
            percent(out->reason[KIN_LOSS_SEARCH], out->lost));
        add(out, more);
        return;
    }
    json_int_t given = json_integer_value(json_object_get(options, "ef_search"));
    size_t now = most_asked(trace);
    now = given > 0 && (size_t)given > now ? (size_t)given : now;
    kin_loss_advice it = {KIN_LOSS_SEARCH, "--ef-search", 2 * (double)now, NAN, 2, ""};
    say(&it,
        "--ef-search %zu (now %zu) looks twice as hard for the %.0f %% that search lost; only a "
        "build can tell how many it finds",
        2 * now, now, percent(out->reason[KIN_LOSS_SEARCH], out->lost));
    add(out, it);
}

/* Items of clusters that the traced rows look at up to so many sigmas. */
static double items_within(const kin_trace *trace, const size_t *length, double probe_sigmas)
{
    double items = 0;
    for (size_t t = 0; t < trace->rows; t++)
        for (size_t l = 0; l < trace->clusters; l++)
            if ((double)trace->probe_sigmas[t * trace->clusters + l] <= probe_sigmas)
                items += (double)length[l];
    return items;
}

static int advise_sigmas(kin_loss *out, const kin_loss_needs *needs, const kin_trace *trace,
                         kin_error *err)
{
    double probe_sigmas = ceil(100 * most_need(needs)) / 100;
    if (isinf(probe_sigmas))
        return 0;
    size_t *length = kin_alloc_zero(trace->clusters, sizeof *length);
    if (!length)
        return kin_fail_alloc(err, "sizes of clusters", trace->clusters * sizeof *length);
    for (size_t i = 0; i < trace->n; i++)
        if (trace->cluster[i] >= 0)
            length[trace->cluster[i]]++;
    size_t regained = met(needs, probe_sigmas);
    kin_loss_advice it = {KIN_LOSS_NOT_LOOKED_AT,
                          "--target-recall",
                          NAN,
                          (double)regained / (double)out->lost,
                          items_within(trace, length, probe_sigmas) /
                              items_within(trace, length, -INFINITY),
                          ""};
    say(&it,
        "clusters up to %.2f sigmas (now %.2f) hold %.0f %% of the lost, for %.2f times the items "
        "looked at: a higher --target-recall probes that far",
        probe_sigmas, trace->sigmas_used, percent(regained, out->lost), it.price);
    add(out, it);
    free(length);
    return 0;
}

/* Where most of the loss has no knob, the other engine is one. */
static void advise_exact(kin_loss *out, const kin_loss_needs *needs)
{
    const size_t *reason = out->reason;
    size_t unreachable = reason[KIN_LOSS_NOT_LOOKED_AT] > 0 && isinf(most_need(needs))
                             ? reason[KIN_LOSS_NOT_LOOKED_AT]
                             : 0;
    size_t without = reason[KIN_LOSS_ESTIMATE] + reason[KIN_LOSS_RANKED_OUT] + unreachable;
    if (2 * without <= out->lost)
        return;
    kin_loss_reason most = reason[KIN_LOSS_ESTIMATE] >= reason[KIN_LOSS_RANKED_OUT]
                               ? KIN_LOSS_ESTIMATE
                               : KIN_LOSS_RANKED_OUT;
    most = unreachable > reason[most] ? KIN_LOSS_NOT_LOOKED_AT : most;
    kin_loss_advice it = {most, "--engine", NAN, 1, NAN, ""};
    say(&it,
        "no option of this engine gets back %.0f %% of the lost: --engine exact loses nothing, "
        "kin plan says what it takes",
        percent(without, out->lost));
    add(out, it);
}

int kin_loss_advise(kin_loss *out, kin_loss_needs *needs, const kin_graph *graph,
                    const kin_trace *trace, kin_error *err)
{
    int rc = 0;
    if (out->lost == 0)
        return 0;
    qsort(needs->value, needs->count, sizeof *needs->value, by_value);
    if (out->reason[KIN_LOSS_DEPTH] > 0)
        advise_depth(out, needs, trace);
    if (out->reason[KIN_LOSS_SEARCH] > 0)
        advise_search(out, graph, trace);
    if (out->reason[KIN_LOSS_NOT_LOOKED_AT] > 0)
        rc = advise_sigmas(out, needs, trace, err);
    advise_exact(out, needs);
    return rc;
}
