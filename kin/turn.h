#ifndef KIN_KIN_TURN_H
#define KIN_KIN_TURN_H
/*
 * Whose turn it is: one call of a process computes at a time.
 *
 * Two at once would ask for the same memory and the same processors, each as if it were alone. The
 * one that waits can be stopped. A child that is forked meanwhile starts with a free turn: the
 * thread that has it is not there.
 */
#include "core/monitor.h"

/* Waits for the turn and takes it. KIN_E_STOPPED where the monitor says so first. */
int kin_turn_take(const kin_monitor *monitor, kin_error *err);
void kin_turn_leave(void);

#endif
