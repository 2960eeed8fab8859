#ifndef KIN_ANN_JOIN_REFINE_H
#define KIN_ANN_JOIN_REFINE_H
/*
 * Private to ann/join*.c: the refinement, a second pass over finished rows, so that the nearest
 * neighbours are not among those that a row loses with a cluster.
 *
 * A row looks at the nearest rows of its own KIN_NEAR_ASKED nearest, and at the rows that name it
 * among theirs. Neighbours are near each other's neighbours (Dong, Charikar, Li, "Efficient
 * k-nearest neighbor graph construction for generic similarity measures", WWW 2011), and of two
 * near rows it is enough that one found the other. If that changes the row's first KIN_NEAR_STABLE,
 * it asks those that came in, until they stay or KIN_NEAR_ROUNDS have passed.
 *
 * What a row looks at follows from the lists that the first pass left, not from other rows'
 * refinement: a refined row is a function of itself, the codes and the effort, as in the first.
 */
#include "ann/join_near.h"
#include "ann/join_state.h"

enum { KIN_NEAR_ASKED = 16, KIN_NEAR_STABLE = 10, KIN_NEAR_ROUNDS = 4 };

/* One thread's workspace. */
typedef struct kin_refiner kin_refiner;
int kin_refiner_new(kin_refiner **out, const kin_join *join, kin_error *err);
void kin_refiner_free(kin_refiner *self);
size_t kin_refiner_bytes(const kin_join *join);

/* Looks for more neighbours of item `item`, which the row at place `at` stands for. `row` is the
 * item's row, at query 0; true if it gained any: then they are in it. What was scored canonically
 * is listed in kin_refiner_scored. */
bool kin_refiner_run(kin_refiner *self, size_t at, int32_t item, kin_rows *row);

/* The distinct rows scored canonically by the last run, by catalog row; their number. */
size_t kin_refiner_scored(const kin_refiner *self, const int32_t **row);

/* What all runs did. */
typedef struct kin_refine_counts {
    uint64_t rows, added; /* rows that gained neighbours, and how many those are */
} kin_refine_counts;
const kin_refine_counts *kin_refiner_counts(const kin_refiner *self);

#endif
