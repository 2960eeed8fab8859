#ifndef KIN_JOB_INFO_H
#define KIN_JOB_INFO_H
/*
 * What lies at a path: a file or folder of vectors, a graph, or another folder that kin wrote.
 */
#include "core/graph.h"
#include "job/health.h"

/* The rows and in-degrees of a graph. */
typedef struct kin_graph_facts {
    size_t empty_rows;
    size_t short_rows; /* fewer than K, at least 1 */
    size_t in_degree_max;
    size_t in_degree_max_row;
    size_t unreached; /* items that are in no row */
} kin_graph_facts;

/* Where facts go, as they are found. What the callbacks get is valid during the call; a failure
 * ends the run and is its result. */
typedef struct kin_info_sink {
    void *self;                  /* the callbacks' first argument */
    void (*catalog)(void *self); /* a folder of vectors begins */
    int (*vectors)(void *self, const kin_matrix *matrix, const health *facts, kin_error *err);
    int (*fault)(void *self, const char *file, const char *fault, kin_error *err); /* no vectors */
    int (*graph)(void *self, const kin_graph *graph, const kin_graph_facts *facts, kin_error *err);
    int (*manifest)(void *self, const char *directory, const json_t *manifest, kin_error *err);
} kin_info_sink;

/* Vectors are read in full and nothing in them is refused; of a graph rows and in-degrees are
 * counted; of an index there is the manifest. KIN_E_DATA where a folder holds no file of
 * vectors. */
int kin_info_run(const char *path, const kin_info_sink *sink, kin_error *err);

#endif
