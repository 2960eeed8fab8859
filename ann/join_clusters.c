/*
 * Statistics of clusters, gates and the cluster order (ann/join_clusters.h).
 *
 * Leading coordinates are those of the high codes, which lie in memory: vectors are not read again.
 * Cost: n * lead operations for the statistics, clusters^2 * lead for the order; lead + 3 floats a
 * cluster.
 */
#include "ann/join_clusters.h"
#include "core/gemm.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t kin_cluster_stats_bytes(size_t count, size_t lead)
{
    size_t width = lead + KIN_CLUSTER_SPREADS, packed = kin_gemm_packed_floats(width, count);
    size_t floats = kin_size_add(kin_size_mul(count, width + 2), packed);
    return kin_size_add(kin_size_mul(floats, sizeof(float)), count);
}

/* The leading coordinates of a row, from its high codes. */
static float load_lead(const kin_codes *codes, size_t at, float *out)
{
    const uint8_t *code = codes->row + at * codes->stride;
    float square = 0;
    for (size_t k = 0; k < codes->rotation.lead; k++) {
        out[k] = codes->lead_step * (float)(int8_t)(code[k] ^ codes->row_bias);
        square += out[k] * out[k];
    }
    return square;
}

/* Mean and spread of one cluster. `x` [lead] is the workspace of a row. */
static void describe(const kin_codes *codes, size_t h, float *x, float *out)
{
    size_t first = codes->clustering.start[h], last = codes->clustering.start[h + 1];
    size_t lead = codes->rotation.lead, tail = codes->rotation.tail;
    float share = 1 / (float)(last - first), square = 0, tail_square = 0, bias = 0, mean_square = 0;
    memset(out, 0, (lead + KIN_CLUSTER_SPREADS) * sizeof *out);
    for (size_t at = first; at < last; at++) {
        const kin_code_terms *terms = &codes->terms[at];
        square += share * load_lead(codes, at, x);
        tail_square += share * terms->tail_norm * terms->tail_norm;
        bias += share * terms->bias;
        for (size_t k = 0; k < lead; k++)
            out[k] += share * x[k];
    }
    for (size_t k = 0; k < lead; k++)
        mean_square += out[k] * out[k];
    out[lead] = sqrtf(fmaxf(square - mean_square, 0) / (float)lead);
    out[lead + 1] = tail > 0 ? sqrtf(tail_square / (float)tail) : 0;
    out[lead + 2] = bias;
}

/* Marks the clusters without the modality mask that most rows have. */
static void mark_rare(kin_cluster_stats *self, const kin_clustering *clustering)
{
    size_t rows[1 << KIN_MODALITIES_MAX] = {0};
    unsigned common = 0;
    for (size_t h = 0; h < self->count; h++)
        rows[clustering->modality_mask[h]] += clustering->start[h + 1] - clustering->start[h];
    for (unsigned p = 1; p < 1 << KIN_MODALITIES_MAX; p++)
        common = rows[p] > rows[common] ? p : common;
    for (size_t h = 0; h < self->count; h++) {
        self->rare[h] = clustering->modality_mask[h] != common;
        self->rares += self->rare[h];
    }
    self->rare_share = 1 - (double)rows[common] / (double)clustering->count;
}

static void pack(kin_cluster_stats *self)
{
    kin_gemm_pack(self->width, self->count, (kin_gemm_side){self->value, self->width, true},
                  self->packed);
}

void kin_cluster_stats_widen(kin_cluster_stats *self, float widening)
{
    if (widening == self->widening || self->rares == 0)
        return;
    self->widening = widening;
    for (size_t h = 0; h < self->count; h++)
        for (size_t i = 0; i < 2 && self->rare[h]; i++)
            self->value[h * self->width + self->lead + i] = widening * self->spread[2 * h + i];
    pack(self);
}

int kin_cluster_stats_init(kin_cluster_stats *self, const kin_codes *codes, kin_error *err)
{
    size_t count = codes->clustering.clusters, lead = codes->rotation.lead;
    bool refused = false;
    *self = (kin_cluster_stats){.count = count,
                                .lead = lead,
                                .tail = codes->rotation.tail,
                                .width = lead + KIN_CLUSTER_SPREADS,
                                .widening = 1};
    self->value = kin_alloc(kin_size_mul(count, self->width), sizeof *self->value);
    self->packed = kin_alloc(kin_gemm_packed_floats(self->width, count), sizeof *self->packed);
    self->rare = kin_alloc(count, 1);
    self->spread = kin_alloc(count, 2 * sizeof *self->spread);
    if (!self->value || !self->packed || !self->rare || !self->spread)
        return kin_fail_alloc(err, "lists", kin_cluster_stats_bytes(count, lead));
#pragma omp parallel reduction(|| : refused)
    {
        float *x = kin_alloc(lead, sizeof *x);
        refused = x == NULL;
#pragma omp for schedule(dynamic)
        for (size_t h = 0; h < count; h++)
            if (x)
                describe(codes, h, x, self->value + h * self->width);
        free(x);
    }
    if (refused)
        return kin_fail_alloc(err, "lists", lead * sizeof(float));
    for (size_t h = 0; h < count; h++)
        memcpy(self->spread + 2 * h, self->value + h * self->width + lead,
               2 * sizeof *self->spread);
    mark_rare(self, &codes->clustering);
    pack(self);
    return 0;
}

void kin_cluster_stats_release(kin_cluster_stats *self)
{
    free(self->value);
    free(self->packed);
    free(self->rare);
    free(self->spread);
    *self = (kin_cluster_stats){0};
}

void kin_cluster_stats_row(const kin_cluster_stats *self, const kin_codes *codes, size_t at,
                           float probe_sigmas, float *out)
{
    const kin_code_terms *terms = &codes->terms[at];
    float square = load_lead(codes, at, out);
    out[self->lead] = probe_sigmas * sqrtf(square);
    out[self->lead + 1] = probe_sigmas * terms->tail_norm;
    out[self->lead + 2] = 1;
}

void kin_cluster_stats_mean(const kin_cluster_stats *self, size_t h, float probe_sigmas, float *out)
{
    const float *cluster = self->value + h * self->width, *spread = self->spread + 2 * h;
    float square = (float)self->lead * spread[0] * spread[0];
    for (size_t k = 0; k < self->lead; k++)
        square += cluster[k] * cluster[k];
    memcpy(out, cluster, self->lead * sizeof *out);
    out[self->lead] = probe_sigmas * sqrtf(square);
    out[self->lead + 1] = probe_sigmas * spread[1] * sqrtf((float)self->tail);
    out[self->lead + 2] = 1;
}

void kin_cluster_stats_expect(const kin_cluster_stats *self, size_t h, const float *row, float bias,
                              float *mean, float *sigma)
{
    const float *cluster = self->value + h * self->width;
    size_t lead = self->lead;
    *mean = cluster[lead + 2] + bias;
    *sigma = row[lead] * cluster[lead] + row[lead + 1] * cluster[lead + 1];
    for (size_t k = 0; k < lead; k++)
        *mean += row[k] * cluster[k];
}

void kin_cluster_stats_rank(const kin_cluster_stats *self, const float *row, float *out)
{
    kin_gemm_packed(1, self->count, self->width, (kin_gemm_side){row, self->width, false},
                    self->packed, KIN_GEMM_SET, out, self->count);
}

/* ---- cluster order -------------------------------------------------------------------------- */

int kin_cluster_stats_order(const kin_cluster_stats *self, int32_t *out, kin_error *err)
{
    size_t count = self->count;
    float *near = kin_alloc(count, sizeof *near);
    float *mean = kin_alloc_zero(self->width, sizeof *mean); /* its spreads stay 0 */
    uint8_t *seen = kin_alloc_zero(count, 1);
    if (!near || !mean || !seen) {
        free(near);
        free(mean);
        free(seen);
        return kin_fail_alloc(err, "the order of clusters", count * sizeof *near);
    }
    size_t here = 0;
    for (size_t i = 0; i < count; i++) {
        out[i] = (int32_t)here;
        seen[here] = 1;
        size_t next = count;
        memcpy(mean, self->value + here * self->width, self->lead * sizeof *mean);
        kin_cluster_stats_rank(self, mean, near);
        for (size_t h = 0; h < count; h++)
            if (!seen[h] && (next == count || near[h] > near[next]))
                next = h;
        here = next;
    }
    free(near);
    free(mean);
    free(seen);
    return 0;
}
