/*
 * Some rows look at clusters (ann/join.h says which).
 *
 * Clusters are taken in the order in which they promise most to the mean of the cluster that the
 * rows are from, so that a row probes the same clusters in the same order whichever rows are with
 * it. Gates are worked out for a block of clusters at a time and compared with the thresholds that
 * rows have when the cluster's turn comes.
 */
#include "ann/join_state.h"
#include "core/gemm.h"
#include "core/memory.h"
#include "core/select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t kin_join_worker_bytes(const kin_join *join, size_t clusters)
{
    const kin_codes *codes = &join->codes;
    size_t width = codes->rotation.lead + KIN_CLUSTER_SPREADS, k = join->options.top_k + 1;
    size_t floats = kin_size_mul(KIN_CLUSTER_MAX + 1 + KIN_JOIN_BLOCK, width) +
                    KIN_JOIN_BLOCK * KIN_CLUSTER_MAX;
    floats = kin_size_add(floats, kin_gemm_packed_floats(width, KIN_CLUSTER_MAX));
    size_t bytes = kin_size_mul(floats, sizeof(float));
    bytes = kin_size_add(bytes, kin_size_mul(clusters, sizeof(float) + sizeof(uint64_t)));
    bytes = kin_size_add(bytes, 2 * KIN_CLUSTER_MAX * sizeof(size_t));
    bytes = kin_size_add(bytes,
                         kin_size_mul(KIN_CLUSTER_MAX, kin_collectors_row_bytes(join->capacity)));
    bytes = kin_size_add(bytes, kin_pairscan_bytes(codes, join->capacity));
    bytes = kin_size_add(
        bytes, kin_reranker_bytes(join->catalog, k, join->capacity, join->plan.rerank_rows));
    return kin_size_add(bytes, kin_expander_bytes(k - 1, join->catalog->modality_count));
}

static int worker_init(kin_join_worker *self, const kin_join *join, kin_error *err)
{
    size_t k = join->options.top_k, clusters = join->stats.count, width = join->stats.width;
    size_t modalities = join->catalog->modality_count;
    *self = (kin_join_worker){.join = join};
    self->scan = (kin_scan){&join->codes, &self->collectors, 0};
    self->row = kin_alloc(kin_size_mul(KIN_CLUSTER_MAX, width), sizeof *self->row);
    self->packed = kin_alloc(kin_gemm_packed_floats(width, KIN_CLUSTER_MAX), sizeof *self->packed);
    self->mean = kin_alloc(width, sizeof *self->mean);
    self->score = kin_alloc(clusters, sizeof *self->score);
    self->key = kin_alloc(clusters, sizeof *self->key);
    self->block = kin_alloc(kin_size_mul(KIN_JOIN_BLOCK, width), sizeof *self->block);
    self->gate = kin_alloc(KIN_JOIN_BLOCK * KIN_CLUSTER_MAX, sizeof *self->gate);
    self->at = kin_alloc(KIN_CLUSTER_MAX, sizeof *self->at);
    self->slot = kin_alloc(KIN_CLUSTER_MAX, sizeof *self->slot);
    int rc = 0;
    if (!self->row || !self->packed || !self->mean || !self->score || !self->key || !self->block ||
        !self->gate || !self->at || !self->slot)
        rc = kin_fail_alloc(err, "a thread", kin_join_worker_bytes(join, clusters));
    if (rc == 0)
        rc = kin_collectors_init(&self->collectors, KIN_CLUSTER_MAX, k + 1, join->capacity, err);
    if (rc == 0)
        rc = kin_pairscan_new(&self->pairscan, &self->scan, err);
    if (rc == 0)
        rc = kin_reranker_new(&self->reranker, join->catalog, k + 1, join->capacity,
                              join->plan.rerank_rows, err);
    if (rc == 0)
        rc = kin_expander_init(&self->expander, &join->duplicates, k, modalities, err);
    return rc;
}

static void worker_release(kin_join_worker *self)
{
    free(self->row);
    free(self->packed);
    free(self->mean);
    free(self->score);
    free(self->key);
    free(self->block);
    free(self->gate);
    free(self->at);
    free(self->slot);
    kin_collectors_release(&self->collectors);
    kin_pairscan_free(self->pairscan);
    kin_reranker_free(self->reranker);
    kin_expander_release(&self->expander);
    *self = (kin_join_worker){0};
}

void kin_join_release_workers(kin_join *self)
{
    for (int t = 0; t < self->threads && self->worker; t++)
        worker_release(&self->worker[t]);
    free(self->worker);
    self->worker = NULL;
}

int kin_join_want_workers(kin_join *self, kin_error *err)
{
    if (self->worker)
        return 0;
    self->worker = calloc((size_t)self->threads, sizeof *self->worker);
    if (!self->worker)
        return kin_fail_alloc(err, "threads", (size_t)self->threads * sizeof *self->worker);
    int rc = 0;
    for (int t = 0; t < self->threads && rc == 0; t++)
        rc = worker_init(&self->worker[t], self, err);
    if (rc != 0)
        kin_join_release_workers(self);
    return rc;
}

/* Empty collectors for the rows, and their side of gates. */
static void load_rows(kin_join_worker *self, const size_t *at, size_t count, float probe_sigmas)
{
    const kin_join *join = self->join;
    for (size_t i = 0; i < count; i++) {
        self->collectors.count[i] = 0;
        self->collectors.threshold[i] = -INFINITY;
        self->collectors.tolerance[i] = join->codes.terms[at[i]].tolerance;
        kin_cluster_stats_row(&join->stats, &join->codes, at[i], probe_sigmas,
                              self->row + i * join->stats.width);
    }
    kin_gemm_pack(join->stats.width, count, (kin_gemm_side){self->row, join->stats.width, true},
                  self->packed);
}

/* Drops clusters behind number clusters_most, but for rare ones: these hold rows of all kinds, and
 * their means say little. For the same reason rows of rare clusters take all. */
static size_t drop_far(kin_join_worker *self, size_t count)
{
    const kin_join *join = self->join;
    size_t kept = count < join->clusters_most ? count : join->clusters_most;
    for (size_t r = kept; r < count; r++)
        if (join->stats.rare[(uint32_t)self->key[r]])
            self->key[kept++] = self->key[r];
    return kept;
}

/* Its own cluster comes first. It may promise a row little (the few rows that lack a modality
 * are of all kinds), but the row is there, and stands for its duplicates. No row has a threshold
 * yet at the first cluster, so none passes it over. */
size_t kin_join_rank(kin_join_worker *self, size_t own, float probe_sigmas)
{
    const kin_cluster_stats *stats = &self->join->stats;
    const kin_codes *codes = &self->join->codes;
    unsigned modality_mask = codes->clustering.modality_mask[own];
    size_t count = 0;
    kin_cluster_stats_mean(stats, own, probe_sigmas, self->mean);
    kin_cluster_stats_rank(stats, self->mean, self->score);
    for (size_t h = 0; h < stats->count; h++) {
        float factor = codes->fused.factor[modality_mask & codes->clustering.modality_mask[h]];
        uint32_t rank = h == own ? 0 : ~kin_score_order(factor * self->score[h]);
        if (factor > 0)
            self->key[count++] = (uint64_t)rank << 32 | (uint32_t)h;
    }
    kin_keys_select(self->key, count, count);
    return stats->rare[own] ? count : drop_far(self, count);
}

/* Gates of clusters first .. first + blocks - 1 in their order with all rows, [clusters][rows]. */
static void open_gates(kin_join_worker *self, size_t first, size_t blocks, size_t count)
{
    const kin_cluster_stats *stats = &self->join->stats;
    size_t width = stats->width;
    for (size_t b = 0; b < blocks; b++)
        memcpy(self->block + b * width, stats->value + (uint32_t)self->key[first + b] * width,
               width * sizeof *self->block);
    kin_gemm_packed(blocks, count, width, (kin_gemm_side){self->block, width, false}, self->packed,
                    KIN_GEMM_SET, self->gate, count);
}

/* A query batch: rows under way, of one modality mask. */
typedef struct query_batch {
    const size_t *at; /* [count] in the order */
    size_t count;
    size_t own;      /* the cluster whose order they take */
    uint8_t *looked; /* [clusters] set where any did; or NULL */
} query_batch;

/* Those that a cluster may have something for; returns how many. */
static size_t choose_rows(kin_join_worker *self, const query_batch *rows, float factor,
                          const float *gate, bool all)
{
    const kin_code_terms *terms = self->join->codes.terms;
    size_t chosen = 0;
    for (size_t i = 0; i < rows->count; i++) {
        size_t at = rows->at[i];
        bool open = all || factor * (gate[i] + terms[at].bias) >= self->collectors.threshold[i];
        self->at[chosen] = at;
        self->slot[chosen] = i;
        chosen += open;
    }
    return chosen;
}

/* Thresholds for rows that have enough candidates and none yet. */
static void set_thresholds(kin_join_worker *self, size_t chosen)
{
    kin_collectors *collectors = &self->collectors;
    for (size_t i = 0; i < chosen; i++) {
        size_t slot = self->slot[i];
        if (isinf(collectors->threshold[slot]) && collectors->count[slot] >= collectors->k)
            kin_collectors_prune(collectors, slot);
    }
}

static void scan(kin_join_worker *self, const query_batch *rows, float probe_sigmas)
{
    const kin_codes *codes = &self->join->codes;
    unsigned modality_mask = codes->clustering.modality_mask[rows->own];
    float finite = isinf(probe_sigmas) ? 0 : probe_sigmas;
    load_rows(self, rows->at, rows->count, finite);
    size_t clusters = kin_join_rank(self, rows->own, finite);
    for (size_t first = 0; first < clusters; first += KIN_JOIN_BLOCK) {
        size_t blocks = clusters - first < KIN_JOIN_BLOCK ? clusters - first : KIN_JOIN_BLOCK;
        open_gates(self, first, blocks, rows->count);
        for (size_t b = 0; b < blocks; b++) {
            size_t h = (uint32_t)self->key[first + b];
            float factor = codes->fused.factor[modality_mask & codes->clustering.modality_mask[h]];
            size_t chosen =
                choose_rows(self, rows, factor, self->gate + b * rows->count, isinf(probe_sigmas));
            kin_pairscan_probe(self->pairscan, modality_mask, self->at, self->slot, chosen, h);
            set_thresholds(self, chosen);
            self->probes += chosen;
            if (rows->looked && chosen > 0)
                rows->looked[h] = 1;
        }
    }
}

void kin_join_scan(kin_join_worker *self, const size_t *at, size_t count, size_t own,
                   float probe_sigmas)
{
    query_batch all = {.at = at, .count = count, .own = own};
    scan(self, &all, probe_sigmas);
}

/* What a row finds does not depend on which rows are with it: neither do the bits of its gates
 * (core/gemm.h), nor what tiles find. */
void kin_join_scan_one(kin_join_worker *self, size_t at, float probe_sigmas, uint8_t *looked)
{
    query_batch one = {.at = &at,
                       .count = 1,
                       .own = kin_clustering_cluster_of(&self->join->codes.clustering, at),
                       .looked = looked};
    scan(self, &one, probe_sigmas);
}
