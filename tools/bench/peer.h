#ifndef KIN_TOOLS_BENCH_PEER_H
#define KIN_TOOLS_BENCH_PEER_H
/*
 * What the approximate peers of tools/bench/ann share: fused rows in; the answers of a sample of
 * rows and a JSON line per effort out. Every peer is read, timed and kept by the same lines.
 *
 *     PROGRAM ... K ROWS OUT EFFORT[,EFFORT...] NAME=FILE[:WEIGHT]...
 *
 * ROWS is a text file of row numbers, ascending, one a line. What was found for them goes to
 * OUT/ids-EFFORT.npy, int64 [rows][K], -1 where nothing was found.
 *
 * Plain C in plain types, because one peer is written in C++.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PEER_EFFORTS_MAX = 32 };

typedef struct peer {
    size_t n, d, k;
    float *x;    /* [n][d] sqrt(w_m / W) x_m / |x_m| side by side; the peer's index may copy it */
    size_t *row; /* [row_count] the sample, ascending */
    size_t row_count;
    int64_t *found; /* [row_count][k] */
    size_t effort[PEER_EFFORTS_MAX];
    size_t effort_count;
    const char *out;
    double load_seconds, build_seconds;
} peer;

/* What is searched, and how. The functions end the program when they fail. */
typedef struct peer_index {
    void *self;
    void (*set_effort)(void *self, size_t effort);
    /* The `asked` best of `count` queries by all threads: id [count][asked], -1 behind them. */
    void (*search)(void *self, const float *x, size_t count, size_t asked, int64_t *id);
} peer_index;

/* Reads arguments, sample and catalog, and makes the fused rows. argv[0] is K. */
void peer_open(peer *self, int argc, char **argv);

/* Searches all rows once per effort and reports each. build_seconds is set by then. */
void peer_measure(peer *self, const peer_index *index);

void peer_close(peer *self);

/* Prints what the peer is and how it was built: {"peer": ..., "build": ...}. */
void peer_about(const char *name, const char *build);

/* Seconds of wall clock since some fixed time. */
double peer_seconds(void);

void peer_die(const char *message);

#ifdef __cplusplus
}
#endif

#endif
