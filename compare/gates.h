#ifndef KIN_COMPARE_GATES_H
#define KIN_COMPARE_GATES_H
/*
 * Gates: what must hold of a graph before it may be published.
 */
#include "compare/drift.h"
#include "compare/recall.h"
#include "compare/structure.h"

#include <math.h>

enum { KIN_GATES_MAX = 5 };

/* What --min-recall is held against. */
typedef enum kin_gate_bound { KIN_GATE_BOUND_LOWER, KIN_GATE_BOUND_MEAN } kin_gate_bound;
extern const char *const kin_gate_bound_names[]; /* ended by NULL */

/* The limits, shares of 0 .. 1; NaN: not asked. */
typedef struct kin_gate_limits {
    double min_recall, max_empty, min_fill, max_drift, max_item_change;
    int bound; /* kin_gate_bound */
} kin_gate_limits;

#define KIN_GATE_LIMITS_INIT                                                                       \
    {                                                                                              \
        .min_recall = NAN, .max_empty = NAN, .min_fill = NAN, .max_drift = NAN,                    \
        .max_item_change = NAN                                                                     \
    }

typedef struct kin_gate {
    const char *name; /* "min-recall", ... : the option */
    const char *what; /* "recall, lower bound" */
    double limit, value;
    bool at_least; /* the value must be at least the limit, else at most */
    bool met;
} kin_gate;

/* What the gates are held against. */
typedef struct kin_gate_facts {
    const kin_recall *recall; /* NULL: there is no reference */
    const kin_structure *structure;
    const kin_drift *drift; /* NULL: there is no previous graph */
    bool incompatible;      /* the reference does not fit: no gate is met */
} kin_gate_facts;

/* One gate for each limit that was asked for; returns how many. A value that is NaN meets no
 * limit. */
size_t kin_gates_check(kin_gate out[KIN_GATES_MAX], const kin_gate_limits *limits,
                       const kin_gate_facts *facts);

/* The value for people: six decimals, rounded to where the gate is no better than it is, so that
 * one that is missed is never shown at its limit. */
double kin_gate_shown(const kin_gate *gate);

/* KIN_E_GATE naming every gate that is not met; 0 where all are. */
int kin_gates_error(const kin_gate *gate, size_t count, bool incompatible, kin_error *err);

#endif
