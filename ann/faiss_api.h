#ifndef KIN_ANN_FAISS_API_H
#define KIN_ANN_FAISS_API_H
/*
 * One FAISS index, in terms of our own. No other file of the project knows FAISS.
 *
 * Metric: inner product. Vectors are numbered 0, 1, 2, ... in the order they are added, must be
 * finite, and should not repeat. FAISS's failures become KIN_E_INTERNAL with its words, KIN_E_IO
 * for files.
 */
#include "core/dir.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kin_faiss kin_faiss;

/* IVF-Flat over `lists` given unit centroids (copied): nothing is trained. */
int kin_faiss_ivf_new(kin_faiss **out, const float *centroid /* [lists][d] */, size_t lists,
                      size_t d, kin_error *err);

/* HNSW over full vectors: `links` = M (2 M at the bottom), `ef_construction` the beam of adding. */
int kin_faiss_hnsw_new(kin_faiss **out, size_t d, size_t links, size_t ef_construction,
                       kin_error *err);

/* A plain scan over full vectors: no engine uses it, benchmarks measure themselves against it. */
int kin_faiss_flat_new(kin_faiss **out, size_t d, kin_error *err);

void kin_faiss_free(kin_faiss *self);

/* Adds vectors by all threads. `list` is each one's list in an IVF, NULL for HNSW. An IVF comes
 * out the same for any number of threads, HNSW for one. */
int kin_faiss_add(kin_faiss *self, const float *x /* [count][d] */,
                  const int64_t *list /* [count] or NULL */, size_t count, kin_error *err);

/* How hard searches try from now on: lists probed, or efSearch (FAISS takes max(efSearch, k)). */
int kin_faiss_set_effort(kin_faiss *self, size_t effort, kin_error *err);

/* The most queries of one kin_faiss_search call. FAISS multiplies queries of up to 19 with the
 * centroids one by one and larger sets by sgemm, whose rounding depends on the set: below, a
 * query's answer depends on the query alone. */
enum { KIN_FAISS_QUERIES_MAX = 16 };

/* The k best of each query, best first; -1 in id where there are fewer. Uses the calling thread
 * alone if that has called omp_set_num_threads(1) in its task: search from a team that way. */
int kin_faiss_search(const kin_faiss *self, const float *x /* [count][d] */, size_t count, size_t k,
                     float *score /* [count][k] */, int64_t *id /* [count][k] */, kin_error *err);

size_t kin_faiss_lists(const kin_faiss *self); /* 0 for HNSW */

int kin_faiss_write(const kin_faiss *self, const char *path, kin_error *err);

/* Reads the file `name` of a folder, which has passed its checksum: FAISS does not defend itself
 * against others. KIN_E_DATA when it is not an inner-product index of the type, d and count
 * expected. */
int kin_faiss_read(kin_faiss **out, const kin_dir *dir, const char *name, bool ivf, size_t d,
                   size_t count, kin_error *err);

#endif
