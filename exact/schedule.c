/*
 * The schedule of cluster pairs (exact/schedule.h): clusters are compared by their mean leading
 * codes, and rounds are filled greedily, the most alike pairs first. Cost: clusters^2 * lead
 * multiply-adds by core/gemm.h; 40 bytes a pair.
 */
#include "exact/schedule.h"
#include "core/gemm.h"
#include "core/memory.h"
#include "core/score.h"
#include "core/select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED = 8, PARTNERS_MAX = 2 * NAMED, BLOCK_CLUSTERS = 256 };

typedef struct edge {
    float score;
    int32_t a, b; /* a < b */
} edge;

/* Mean leading codes of each cluster, times the step, and mean bias. */
static void average(const kin_codes *codes, float *centre, float *bias)
{
    const kin_clustering *clustering = &codes->clustering;
    size_t lead = codes->rotation.lead;
#pragma omp parallel for schedule(dynamic)
    for (size_t g = 0; g < clustering->clusters; g++) {
        size_t rows = clustering->start[g + 1] - clustering->start[g];
        float *mean = centre + g * lead;
        memset(mean, 0, lead * sizeof *mean);
        bias[g] = 0;
        for (size_t at = clustering->start[g]; at < clustering->start[g + 1]; at++) {
            const uint8_t *code = codes->row + at * codes->stride;
            for (size_t k = 0; k < lead; k++)
                mean[k] += (float)(int8_t)(code[k] ^ codes->row_bias);
            bias[g] += codes->terms[at].bias / (float)rows;
        }
        for (size_t k = 0; k < lead && rows > 0; k++)
            mean[k] *= codes->lead_step / (float)rows;
    }
}

/* The up to NAMED best partners of cluster g, best first, as edges; returns how many. */
static size_t name_partners(const kin_clustering *clustering, size_t g, const float *score,
                            const float *bias, uint64_t *key, edge *out)
{
    size_t count = 0;
    for (size_t h = 0; h < clustering->clusters; h++)
        if (h != g && (clustering->modality_mask[g] & clustering->modality_mask[h]))
            key[count++] = (uint64_t)(~kin_score_order(score[h] + bias[h])) << 32 | (uint32_t)h;
    size_t kept = count < NAMED ? count : NAMED;
    kin_keys_select(key, count, kept);
    for (size_t i = 0; i < kept; i++) {
        int32_t h = (int32_t)(uint32_t)key[i];
        int32_t a = (int32_t)g < h ? (int32_t)g : h, b = (int32_t)g < h ? h : (int32_t)g;
        out[i] = (edge){kin_score_from_order(~(uint32_t)(key[i] >> 32)) + bias[g], a, b};
    }
    return kept;
}

static int best_first(const void *x, const void *y)
{
    const edge *p = x, *q = y;
    if (p->score != q->score)
        return p->score > q->score ? -1 : 1;
    if (p->a != q->a)
        return p->a < q->a ? -1 : 1;
    return (p->b > q->b) - (p->b < q->b);
}

static int by_clusters(const void *x, const void *y)
{
    const edge *p = x, *q = y;
    if (p->a != q->a)
        return p->a < q->a ? -1 : 1;
    return p->b != q->b ? (p->b < q->b ? -1 : 1) : (p->score < q->score) - (p->score > q->score);
}

/* All clusters' partners: each pair once, the most alike first. */
static size_t list_edges(const kin_codes *codes, edge *out, float *centre, float *score,
                         float *bias, uint64_t *key, float *workspace)
{
    const kin_clustering *clustering = &codes->clustering;
    size_t clusters = clustering->clusters, lead = codes->rotation.lead, count = 0, kept = 0;
    average(codes, centre, bias);
    for (size_t g = 0; g < clusters; g += BLOCK_CLUSTERS) {
        size_t rows = clusters - g < BLOCK_CLUSTERS ? clusters - g : BLOCK_CLUSTERS;
        kin_gemm(rows, clusters, lead, (kin_gemm_side){centre + g * lead, lead, false},
                 (kin_gemm_side){centre, lead, true}, KIN_GEMM_SET, score, clusters, workspace);
        for (size_t i = 0; i < rows; i++)
            count += name_partners(clustering, g + i, score + i * clusters, bias, key, out + count);
    }
    qsort(out, count, sizeof *out, by_clusters);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || out[i].a != out[i - 1].a || out[i].b != out[i - 1].b)
            out[kept++] = out[i];
    qsort(out, kept, sizeof *out, best_first);
    return kept;
}

/* Lays pairs into rounds; those of clusters that have PARTNERS_MAX already are left to the bulk. */
static void lay_rounds(kin_schedule *self, edge *left, size_t count, int32_t *round,
                       uint8_t *partners)
{
    size_t laid = 0;
    memset(partners, 0, self->clusters);
    for (self->rounds = 0; count > 0; self->rounds++) {
        size_t kept = 0;
        for (size_t i = 0; i < count; i++) {
            edge e = left[i];
            if (partners[e.a] >= PARTNERS_MAX || partners[e.b] >= PARTNERS_MAX)
                continue;
            if (round[e.a] == (int32_t)self->rounds || round[e.b] == (int32_t)self->rounds) {
                left[kept++] = e;
                continue;
            }
            round[e.a] = round[e.b] = (int32_t)self->rounds;
            partners[e.a]++;
            partners[e.b]++;
            self->first[laid] = e.a;
            self->second[laid++] = e.b;
        }
        count = kept;
        self->start[self->rounds + 1] = laid;
    }
}

static int by_number(const void *x, const void *y)
{
    int32_t p = *(const int32_t *)x, q = *(const int32_t *)y;
    return (p > q) - (p < q);
}

/* Each cluster's partners. */
static void list_partners(kin_schedule *self)
{
    size_t pairs = self->start[self->rounds];
    memset(self->partner_start, 0, (self->clusters + 1) * sizeof *self->partner_start);
    for (size_t i = 0; i < pairs; i++) {
        self->partner_start[self->first[i] + 1]++;
        self->partner_start[self->second[i] + 1]++;
    }
    for (size_t g = 0; g < self->clusters; g++)
        self->partner_start[g + 1] += self->partner_start[g];
    for (size_t i = 0; i < pairs; i++) {
        self->partner[self->partner_start[self->first[i]]++] = self->second[i];
        self->partner[self->partner_start[self->second[i]]++] = self->first[i];
    }
    for (size_t g = self->clusters; g > 0;
         g--) /* each start has become the next one's: back by one */
        self->partner_start[g] = self->partner_start[g - 1];
    self->partner_start[0] = 0;
    for (size_t g = 0; g < self->clusters; g++)
        qsort(self->partner + self->partner_start[g],
              self->partner_start[g + 1] - self->partner_start[g], sizeof *self->partner,
              by_number);
}

int kin_schedule_init(kin_schedule *self, const kin_codes *codes, kin_error *err)
{
    size_t clusters = codes->clustering.clusters, most = clusters * NAMED;
    *self = (kin_schedule){.clusters = clusters};
    float *centre = kin_alloc(kin_size_mul(clusters, codes->rotation.lead), sizeof *centre);
    float *score = kin_alloc(kin_size_mul(BLOCK_CLUSTERS, clusters), sizeof *score);
    float *bias = kin_alloc(clusters, sizeof *bias);
    uint64_t *key = kin_alloc(clusters, sizeof *key);
    edge *edges = kin_alloc(most, sizeof *edges);
    int32_t *round = kin_alloc(clusters, sizeof *round);
    uint8_t *partners = kin_alloc(clusters, 1);
    float *workspace = kin_alloc(KIN_GEMM_WORKSPACE, sizeof *workspace);
    self->start = kin_alloc_zero(kin_size_add(most, 2), sizeof *self->start);
    self->first = kin_alloc(most, sizeof *self->first);
    self->second = kin_alloc(most, sizeof *self->second);
    self->partner_start = kin_alloc(clusters + 1, sizeof *self->partner_start);
    self->partner = kin_alloc(2 * most, sizeof *self->partner);
    bool refused = !centre || !score || !bias || !key || !edges || !round || !partners ||
                   !workspace || !self->start || !self->first || !self->second ||
                   !self->partner_start || !self->partner;
    if (!refused) {
        memset(round, 0xff, clusters * sizeof *round);
        size_t count = list_edges(codes, edges, centre, score, bias, key, workspace);
        lay_rounds(self, edges, count, round, partners);
        list_partners(self);
    }
    free(centre);
    free(score);
    free(bias);
    free(key);
    free(edges);
    free(round);
    free(partners);
    free(workspace);
    if (!refused)
        return 0;
    kin_schedule_release(self);
    return kin_fail_alloc(err, "the schedule", kin_size_mul(most, 64));
}

void kin_schedule_release(kin_schedule *self)
{
    free(self->start);
    free(self->first);
    free(self->second);
    free(self->partner_start);
    free(self->partner);
    *self = (kin_schedule){0};
}

bool kin_schedule_has(const kin_schedule *self, size_t a, size_t b)
{
    size_t low = self->partner_start[a], high = self->partner_start[a + 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((size_t)self->partner[middle] == b)
            return true;
        if ((size_t)self->partner[middle] < b)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
