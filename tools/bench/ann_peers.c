/*
 * The approximate peers of kin from FAISS: HNSW and IVF-Flat over the fused concatenation.
 *
 *     bench-ann-peers hnsw|ivf K ROWS OUT EFFORT[,EFFORT...] NAME=FILE[:WEIGHT]...
 *     bench-ann-peers about
 *
 * The rest is peer.h's. hnsw: M = 32, efConstruction = 100; an effort is efSearch, which may be
 * less than K + 1: FAISS then keeps K + 1 candidates and stops once efSearch of them are nearer
 * than the next one. ivf: 4 sqrt(n) lists; an effort is nprobe. The lists come from kin's own
 * spherical k-means, which works at the speed of sgemm.
 * Every row is added and searched, duplicates included, in calls of many queries: FAISS spreads
 * those over all threads by itself (kin_faiss_search's limit of 16 is for the same bits, not for
 * speed).
 */
#include "ann/faiss_api.h"
#include "core/blas_type.h"
#include "core/memory.h"
#include "core/random.h"
#include "scan/kmeans.h"
#include "tools/bench/peer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINKS = 32, EF_CONSTRUCTION = 100, SEED = 1, RANDOM_SAMPLE = 0x50454552 };

static void check(int status, const kin_error *err)
{
    if (status)
        peer_die(err->message);
}

static void *room(size_t count, size_t item_bytes)
{
    void *memory = kin_alloc(count, item_bytes);
    if (!memory)
        peer_die("out of memory");
    return memory;
}

static kin_faiss *build_hnsw(const peer *self)
{
    kin_error err;
    kin_faiss *index = NULL;
    check(kin_faiss_hnsw_new(&index, self->d, LINKS, EF_CONSTRUCTION, &err), &err);
    check(kin_faiss_add(index, self->x, NULL, self->n, &err), &err);
    return index;
}

/* Centroids from a random sample, as many rows a list as kin takes. */
static float *train(const peer *self, size_t lists)
{
    kin_error err;
    size_t d = self->d, rows = lists * KIN_KMEANS_ROWS_PER_CLUSTER;
    rows = rows < self->n ? rows : self->n;
    uint64_t key = kin_random_key(SEED, RANDOM_SAMPLE, 0);
    float *sample = room(kin_size_mul(rows, d), sizeof *sample);
    float *centroid = room(kin_size_mul(lists, d), sizeof *centroid);
#pragma omp parallel for
    for (size_t i = 0; i < rows; i++)
        memcpy(sample + i * d, self->x + kin_random_place(key, self->n, i) * d, d * sizeof *sample);
    check(kin_kmeans_fit(centroid, lists, sample, rows, d, kin_kmeans_assign, SEED, NULL, &err),
          &err);
    free(sample);
    return centroid;
}

static kin_faiss *build_ivf(const peer *self)
{
    kin_error err;
    kin_faiss *index = NULL;
    size_t lists = (size_t)(4 * sqrt((double)self->n));
    lists = lists < self->n ? lists : self->n;
    float *centroid = train(self, lists);
    int64_t *list = room(self->n, sizeof *list);
    check(kin_faiss_ivf_new(&index, centroid, lists, self->d, &err), &err);
    check(kin_kmeans_assign(list, self->x, self->n, self->d, centroid, lists, &err), &err);
    check(kin_faiss_add(index, self->x, list, self->n, &err), &err);
    free(list);
    free(centroid);
    return index;
}

static void set_effort(void *self, size_t effort)
{
    kin_error err;
    check(kin_faiss_set_effort(self, effort, &err), &err);
}

static void search(void *self, const float *x, size_t count, size_t asked, int64_t *id)
{
    kin_error err;
    float *score = room(kin_size_mul(count, asked), sizeof *score);
    check(kin_faiss_search(self, x, count, asked, score, id, &err), &err);
    free(score);
}

int main(int argc, char **argv)
{
    if (!getenv("OPENBLAS_CORETYPE"))
        kin_blas_type_mend();
    if (argc == 2 && strcmp(argv[1], "about") == 0) {
        peer_about("FAISS " KIN_FAISS_VERSION, KIN_BENCH_FAISS_LIBRARY);
        return 0;
    }
    bool hnsw = argc > 1 && strcmp(argv[1], "hnsw") == 0;
    if (argc < 2 || (!hnsw && strcmp(argv[1], "ivf") != 0)) {
        fprintf(stderr, "usage: bench-ann-peers hnsw|ivf K ROWS OUT EFFORT[,EFFORT...] "
                        "NAME=FILE[:WEIGHT]...\n");
        return 2;
    }
    peer self;
    peer_open(&self, argc - 2, argv + 2);
    double start = peer_seconds();
    kin_faiss *index = hnsw ? build_hnsw(&self) : build_ivf(&self);
    self.build_seconds = peer_seconds() - start;
    peer_measure(&self, &(peer_index){.self = index, .set_effort = set_effort, .search = search});
    kin_faiss_free(index);
    peer_close(&self);
    return 0;
}
