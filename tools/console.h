#ifndef KIN_TOOLS_CONSOLE_H
#define KIN_TOOLS_CONSOLE_H
/*
 * What the command writes to stderr: the log, and progress.
 */
#include "core/rows.h"
#include <jansson.h>
#include <stdbool.h>

typedef enum console_log { CONSOLE_LOG_TEXT, CONSOLE_LOG_JSON } console_log;
typedef enum console_progress {
    CONSOLE_PROGRESS_AUTO, /* bar on a terminal, else lines */
    CONSOLE_PROGRESS_BAR,
    CONSOLE_PROGRESS_LINES,
    CONSOLE_PROGRESS_NONE,
} console_progress;

/* Sets how to write; before it is called: text without times, and auto. `times`: each line of text
 * begins with the time in UTC, "2024-05-06T07:08:09Z "; JSON lines have it in any case. */
void console_init(console_log log, bool times, console_progress progress);

/* "INFO ..." and "WARNING ..." on a line of their own, or one JSON object a line
 * {"time": "...Z", "level": "info", "message": "..."}. A bar on screen is cleared first. */
void console_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The line of a result: as console_info; in JSON with the keys of `fields` (stolen; NULL where
 * memory was refused) beside the message. */
void console_result(json_t *fields, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "ERROR message" and "hint: ..." (in JSON one object with both). */
void console_error(const kin_error *err);

/* For all commands: SIGBUS on a mapped input that shrank ends the process with one line, exit
 * 75. */
void console_catch_bus_error(void);

/* A monitor for engines: progress goes to the console, a recorded signal stops the engine.
 * Lines: "INFO Progress: 25000/500000 items (5.0%), 1234 items/s, ETA 06:25", the first (0) and
 * the last always, otherwise at every 5 % or 30 s. */
typedef struct console_monitor {
    size_t total;
    size_t last_done;
    double start_seconds, last_seconds;
    bool bar;
} console_monitor;

kin_monitor console_monitor_start(console_monitor *self, size_t total);

/* One that shows no progress: messages are logged, a recorded signal stops what is under way. */
kin_monitor console_monitor_quiet(void);

/* The same for a command that is ended by any signal while it opens its inputs: signals are caught
 * once the first stage begins. */
kin_monitor console_monitor_opening(void);

/* Takes the bar off the screen. */
void console_monitor_end(console_monitor *self);

#endif
