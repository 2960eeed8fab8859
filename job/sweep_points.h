#ifndef KIN_JOB_SWEEP_POINTS_H
#define KIN_JOB_SWEEP_POINTS_H
/*
 * The points of a sweep: the rows that they are evaluated on, their recall, and their names.
 */
#include "ann/join.h"
#include "job/sweep.h"

enum { SWEEP_TEXT = 96 };

/* The point's setting as it is typed for kin build: "--engine hnsw --candidates 600 --ef-search
 * 600". */
const char *kin_sweep_point_options(const sweep_point *self, char text[SWEEP_TEXT]);

/* Its knob alone: "--candidates 600", "" of exact. */
const char *kin_sweep_point_knob(const sweep_point *self, char text[SWEEP_TEXT]);

/* "join", "hnsw fused", ...: points of one name lie on one line. */
const char *kin_sweep_point_series(const sweep_point *self);

/* Rounded towards 0 to four digits: recall must not seem to reach what it misses. */
double kin_sweep_floor4(double recall);

/* Sends a note to the monitor as a warning, and stores it for the reports. */
void kin_sweep_note(sweep *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Turns the refusal of an engine (KIN_E_MEMORY, KIN_E_DATA in *fault) into a note and 0; returns
 * any other rc with *err = *fault. */
int kin_sweep_unless_refused(sweep *self, const char *engine, int rc, const kin_error *fault,
                             kin_error *err);

/* Draws the evaluated rows, beside those that the join tunes on (NULL: none), and computes them
 * exactly. */
int kin_sweep_draw(sweep *self, const kin_join *join, kin_error *err);

/* A sink for a run's rows: stores those that are evaluated. */
kin_row_sink kin_sweep_sink(sweep *self);

/* Ends a run: measures its recall, reports it, and appends the point. */
int kin_sweep_add_point(sweep *self, sweep_point point, kin_error *err);

#endif
