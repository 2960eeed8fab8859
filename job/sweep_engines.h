#ifndef KIN_JOB_SWEEP_ENGINES_H
#define KIN_JOB_SWEEP_ENGINES_H
/*
 * Each engine of a sweep over its knobs. What refuses the sample is left out with a note.
 */
#include "ann/join.h"
#include "job/sweep.h"

/* The join up to where the target begins to matter, and the seconds that took. *join stays NULL
 * where the engine refuses the sample; else the caller frees it. */
int kin_sweep_prepare_join(sweep *self, kin_join **join, double *seconds, kin_error *err);

/* A point for each target recall; `shared` seconds were taken by the preparation. */
int kin_sweep_join(sweep *self, kin_join *join, double shared, kin_error *err);

/* The point of exact. */
int kin_sweep_exact_engine(sweep *self, kin_error *err);

/* An HNSW index in this space, and a point for each number of candidates. */
int kin_sweep_space(sweep *self, kin_index_space space, kin_error *err);

#endif
