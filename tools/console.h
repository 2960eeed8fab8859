#ifndef KIN_TOOLS_CONSOLE_H
#define KIN_TOOLS_CONSOLE_H
/*
 * What the command says on stderr: the log, and progress. The library never speaks.
 */
#include "core/rows.h"
#include <stdbool.h>

typedef enum console_log { CONSOLE_LOG_TEXT, CONSOLE_LOG_JSON } console_log;
typedef enum console_progress {
    CONSOLE_PROGRESS_AUTO, /* bar on a terminal, else lines */
    CONSOLE_PROGRESS_BAR,
    CONSOLE_PROGRESS_LINES,
    CONSOLE_PROGRESS_NONE,
} console_progress;

/* Sets how to speak; before it is called: text and auto. */
void console_init(console_log log, console_progress progress);

/* "INFO ..." and "WARNING ..." on a line of their own, or one JSON object a line
 * {"time": "...Z", "level": "info", "message": "..."}. A bar on screen is cleared first. */
void console_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "ERROR message" and "hint: ..." (in JSON one object with both). */
void console_error(const kin_error *err);

/* For commands that could leave something half-done: from now on SIGINT, SIGTERM and SIGHUP are
 * noted instead of ending the process; a second one ends it at once. */
void console_catch_signals(void);

/* For a wait that may never end: signals end the process again, one that was noted right now. Has whether they were
 * caught before. */
bool console_release_signals(void);

/* For what is short and would leave something behind: catches signals where they are not caught yet.
 * Has whether it did. */
bool console_hold_signals(void);

/* Afterwards, with what console_hold_signals had: the outcome `rc`, or KIN_E_STOPPED in place of 0
 * where a signal was noted. */
int console_unhold_signals(bool held, int rc);

/* For all commands: SIGBUS on a mapped input that shrank ends the process with one line, exit 75. */
void console_catch_bus_error(void);

/* The noted signal, 0 if none. */
int console_signal(void);

/* A monitor for engines: progress goes to the console, a noted signal stops the engine.
 * Lines: "INFO Progress: 25000/500000 items (5.0%), 1234 items/s, ETA 06:25", the first (0) and
 * the last always, otherwise at every 5 % or 30 s. */
typedef struct console_monitor {
    size_t total;
    size_t last_done;
    double start_seconds, last_seconds;
    bool bar;
} console_monitor;

kin_monitor console_monitor_start(console_monitor *self, size_t total);

/* One that shows no progress: messages are logged, a noted signal stops what is under way. */
kin_monitor console_monitor_quiet(void);

/* Takes the bar off the screen. */
void console_monitor_end(console_monitor *self);

#endif
