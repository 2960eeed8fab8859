#ifndef KIN_TOOLS_SIGNALS_H
#define KIN_TOOLS_SIGNALS_H
/*
 * SIGINT, SIGTERM and SIGHUP: for commands that could leave something half-done. A signal that the
 * parent ignores (nohup, a background job) stays ignored.
 */
#include <stdbool.h>

/* From now on a signal is recorded instead of ending the process; a second one ends it at once. */
void signals_catch(void);

/* For a wait without an end: signals end the process again, one that was recorded right now.
 * Returns whether they were caught before. */
bool signals_release(void);

/* For a short step that would leave something behind: catches signals where they are not caught
 * yet. Returns whether it did. */
bool signals_hold(void);

/* Ends signals_hold, whose result is `held`. Returns the outcome `rc` of the step, or KIN_E_STOPPED
 * in place of 0 where a signal was recorded. */
int signals_unhold(bool held, int rc);

/* The recorded signal, 0: none. */
int signals_noted(void);

#endif
