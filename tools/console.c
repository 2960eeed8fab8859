/*
 * The log and the progress on stderr. One thread speaks: the one that runs the command.
 *
 * A bar is one line redrawn in place, at most ten times a second, cut to the terminal's width and
 * taken off before a log line. Lines are a contract that others parse. With --log json everything
 * is one object a line, so a bar becomes lines.
 */
#include "tools/console.h"
#include "core/json.h"
#include "core/plain.h"
#include "tools/signals.h"

#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, TIME_MAX = 24, WIDTH_DEFAULT = 80, BAR_MAX = 40 };

static const double redraw_seconds = 0.1;
static const double line_seconds = 30;
static const size_t never = SIZE_MAX; /* last_done before the first line */

static console_log log_as = CONSOLE_LOG_TEXT;
static bool log_times; /* in front of lines of text */
static bool draw_bar;
static bool write_lines = true;
static volatile sig_atomic_t bar_shown;

/* ---- the log --------------------------------------------------------------------------------- */

void console_init(console_log log, bool times, console_progress progress)
{
    const char *terminal = getenv("TERM");
    bool capable = isatty(STDERR_FILENO) && (!terminal || strcmp(terminal, "dumb") != 0);
    log_as = log;
    log_times = times;
    draw_bar = log == CONSOLE_LOG_TEXT &&
               (progress == CONSOLE_PROGRESS_BAR || (progress == CONSOLE_PROGRESS_AUTO && capable));
    write_lines = !draw_bar && progress != CONSOLE_PROGRESS_NONE;
}

static void clear_bar(void)
{
    if (bar_shown)
        fputs("\r\x1b[K", stderr);
    bar_shown = 0;
}

/* "2024-05-06T07:08:09Z" */
static void utc_now(char out[TIME_MAX])
{
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(out, TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

/* "2024-05-06T07:08:09Z " in front of a line of text, with --log-time. */
static void print_time(void)
{
    char now[TIME_MAX];
    if (!log_times)
        return;
    utc_now(now);
    fprintf(stderr, "%s ", now);
}

/* One line of the log. `extra` (stolen, may be NULL) holds further keys of the JSON object. */
static void say(const char *level, char *message, json_t *extra)
{
    clear_bar();
    kin_plain_in_place(message);
    if (log_as == CONSOLE_LOG_TEXT) {
        const char *word = strcmp(level, "info") == 0      ? "INFO"
                           : strcmp(level, "warning") == 0 ? "WARNING"
                                                           : "ERROR";
        print_time();
        fprintf(stderr, "%s %s\n", word, message);
    } else {
        char now[TIME_MAX];
        utc_now(now);
        json_t *line = json_pack("{s:s, s:s, s:o}", "time", now, "level", level, "message",
                                 kin_json_text(message));
        if (extra)
            kin_json_merge(&line, extra);
        char *text = kin_json_dump(line, JSON_COMPACT | JSON_REAL_PRECISION(15));
        if (text)
            fprintf(stderr, "%s\n", text);
        else
            fprintf(stderr, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"(no memory)\"}\n", now,
                    level);
        free(text);
        json_decref(line);
    }
    fflush(stderr);
}

static void say_format(const char *level, json_t *extra, const char *format, va_list args)
{
    char message[LINE_MAX_BYTES];
    char *whole = NULL; /* a longer line: a command with paths must not be cut */
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(message, sizeof message, format, args);
    if (length >= LINE_MAX_BYTES && vasprintf(&whole, format, again) < 0)
        whole = NULL;
    va_end(again);
    say(level, whole ? whole : message, extra);
    free(whole);
}

void console_info(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_format("info", NULL, format, args);
    va_end(args);
}

void console_result(json_t *fields, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_format("info", log_as == CONSOLE_LOG_JSON ? json_incref(fields) : NULL, format, args);
    va_end(args);
    json_decref(fields);
}

void console_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_format("warning", NULL, format, args);
    va_end(args);
}

void console_error(const kin_error *err)
{
    kin_error copy = *err;
    kin_plain_in_place(copy.hint);
    if (log_as == CONSOLE_LOG_JSON) {
        say("error", copy.message,
            json_pack("{s:o, s:i}", "hint", kin_json_text(copy.hint), "exit_status",
                      -(int)copy.code));
        return;
    }
    say("error", copy.message, NULL);
    if (!copy.hint[0])
        return;
    print_time();
    fprintf(stderr, "hint: %s\n", copy.hint);
}

/* ---- a mapped input that shrank -------------------------------------------------------------- */

/* write(2) of a text, as far as it goes: a handler can do nothing about a failure. */
static void write_text(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

/* utc_now by arithmetic alone, as a signal handler has to (days to civil date, Gregorian). */
static void utc_in_handler(char out[TIME_MAX])
{
    static const char pattern[TIME_MAX] = "YYYY-MM-DDTHH:MM:SSZ";
    static const int place[] = {0, 5, 8, 11, 14, 17};
    static const int digits[] = {4, 2, 2, 2, 2, 2};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    long second = now.tv_sec % 86400;
    long day = now.tv_sec / 86400 + 719468; /* since 0000-03-01 */
    long era_day = day % 146097;
    long era_year = (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
    long year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
    long month = (5 * year_day + 2) / 153; /* from March */
    long part[] = {era_year + day / 146097 * 400 + (month >= 10),
                   month < 10 ? month + 3 : month - 9,
                   year_day - (153 * month + 2) / 5 + 1,
                   second / 3600,
                   second / 60 % 60,
                   second % 60};
    memcpy(out, pattern, TIME_MAX);
    for (int i = 0; i < 6; i++)
        for (int digit = digits[i] - 1; digit >= 0; digit--, part[i] /= 10)
            out[place[i] + digit] = (char)('0' + part[i] % 10);
}

/* The page behind a mapping is gone: its file was cut short. Only write(2) is allowed here. */
static void die_of_bus_error(int number, siginfo_t *info, void *context)
{
    static char told;
    (void)context;
    if (info->si_code != BUS_ADRERR) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    while (__atomic_test_and_set(&told, __ATOMIC_RELAXED))
        pause(); /* another thread is about to end the process */
    if (bar_shown)
        write_text("\r\x1b[K");
    char now[TIME_MAX];
    utc_in_handler(now);
    if (log_as == CONSOLE_LOG_JSON) {
        write_text("{\"time\":\"");
        write_text(now);
        write_text("\",\"level\":\"error\",\"message\":\"an input file became shorter while it "
                   "was read\",\"hint\":\"run it again when nothing writes to the inputs\","
                   "\"exit_status\":75}\n");
    } else {
        const char *time = log_times ? now : "", *blank = log_times ? " " : "";
        const char *line[] = {
            time, blank, "ERROR an input file became shorter while it was read\n",
            time, blank, "hint: run it again when nothing writes to the inputs\n"};
        for (size_t i = 0; i < sizeof line / sizeof *line; i++)
            write_text(line[i]);
    }
    _exit(-KIN_E_AGAIN);
}

void console_catch_bus_error(void)
{
    struct sigaction bus = {.sa_sigaction = die_of_bus_error, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &bus, NULL);
}

/* ---- progress -------------------------------------------------------------------------------- */

/* "06:25", "1:06:25", "--:--" where it is not known. */
static void eta_text(double seconds, char out[32])
{
    if (!(seconds >= 0 && seconds < 1e7)) {
        snprintf(out, 32, "--:--");
        return;
    }
    long whole = (long)(seconds + 0.5);
    if (whole >= 3600)
        snprintf(out, 32, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(out, 32, "%02ld:%02ld", whole / 60, whole % 60);
}

static double rate_of(const console_monitor *monitor, size_t done, double now)
{
    double seconds = now - monitor->start_seconds;
    return seconds > 0 ? (double)done / seconds : 0;
}

static double percent_of(size_t done, size_t total)
{
    return total ? 100.0 * (double)done / (double)total : 100.0;
}

static void print_line(const console_monitor *monitor, size_t done, size_t total, double now)
{
    char message[LINE_MAX_BYTES];
    double rate = rate_of(monitor, done, now);
    int used = snprintf(message, sizeof message, "Progress: %zu/%zu items (%.1f%%)", done, total,
                        percent_of(done, total));
    if (done > 0) {
        char eta[32];
        eta_text((double)(total - done) / rate, eta);
        snprintf(message + used, sizeof message - (size_t)used, ", %.0f items/s, ETA %s", rate,
                 eta);
    }
    json_t *extra = log_as == CONSOLE_LOG_JSON ? json_pack("{s:I, s:I}", "done", (json_int_t)done,
                                                           "total", (json_int_t)total)
                                               : NULL;
    say("info", message, extra);
}

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return WIDTH_DEFAULT;
}

/* " 45.2% [=========>          ] 12345/50000 items, 1234 items/s, ETA 06:25" */
static void print_bar(const console_monitor *monitor, size_t done, size_t total, double now)
{
    char tail[160];
    char bar[BAR_MAX + 1];
    char line[256];
    char eta[32];
    double rate = rate_of(monitor, done, now);
    eta_text(rate > 0 ? (double)(total - done) / rate : -1, eta);
    snprintf(tail, sizeof tail, "%zu/%zu items, %.0f items/s, ETA %s", done, total, rate, eta);
    size_t width = terminal_width() - 1; /* the last column would wrap on some terminals */
    size_t fixed = strlen(tail) + sizeof "100.0% [] " - 1;
    size_t cells = width > fixed ? width - fixed : 0;
    cells = cells > BAR_MAX ? BAR_MAX : cells;
    size_t full = total ? (size_t)((double)cells * (double)done / (double)total) : cells;
    memset(bar, ' ', cells);
    memset(bar, '=', full);
    if (full < cells)
        bar[full] = '>';
    bar[cells] = '\0';
    if (cells >= 4)
        snprintf(line, sizeof line, "%5.1f%% [%s] %s", percent_of(done, total), bar, tail);
    else
        snprintf(line, sizeof line, "%5.1f%% %s", percent_of(done, total), tail);
    if (width < sizeof line)
        line[width] = '\0';
    fprintf(stderr, "\r\x1b[K%s", line);
    fflush(stderr);
    bar_shown = 1;
}

/* Whether a line is due: the first, the last, at every 5 % and after 30 s. */
static bool line_due(const console_monitor *monitor, size_t done, size_t total, double now)
{
    if (done == monitor->last_done)
        return false;
    if (done >= total || now - monitor->last_seconds >= line_seconds)
        return true;
    return (int)(percent_of(done, total) / 5) > (int)(percent_of(monitor->last_done, total) / 5);
}

static void monitor_progress(void *self, size_t done, size_t total)
{
    console_monitor *monitor = self;
    double now = kin_clock_seconds();
    if (monitor->last_done == never || done < monitor->last_done) {
        monitor->start_seconds = monitor->last_seconds = now;
        monitor->last_done = 0;
        if (write_lines)
            print_line(monitor, 0, total, now);
    }
    if (monitor->bar && (done >= total || now - monitor->last_seconds >= redraw_seconds)) {
        print_bar(monitor, done, total, now);
    } else if (!write_lines || !line_due(monitor, done, total, now)) {
        return;
    } else {
        print_line(monitor, done, total, now);
    }
    monitor->last_done = done;
    monitor->last_seconds = now;
}

static void monitor_stage(void *self, const char *name)
{
    (void)self;
    console_info("Stage: %s", name);
}

static bool monitor_stopped(void *self)
{
    (void)self;
    return signals_noted() != 0;
}

static void monitor_message(void *self, kin_level level, const char *text)
{
    (void)self;
    if (level == KIN_LEVEL_WARNING)
        console_warn("%s", text);
    else
        console_info("%s", text);
}

kin_monitor console_monitor_start(console_monitor *self, size_t total)
{
    double now = kin_clock_seconds();
    *self = (console_monitor){.total = total,
                              .last_done = never,
                              .start_seconds = now,
                              .last_seconds = now,
                              .bar = draw_bar};
    return (kin_monitor){self, monitor_progress, monitor_stage, monitor_stopped, monitor_message};
}

kin_monitor console_monitor_quiet(void)
{
    return (kin_monitor){.stopped = monitor_stopped, .message = monitor_message};
}

static void monitor_opened(void *self, const char *stage)
{
    (void)self;
    (void)stage;
    signals_catch();
}

kin_monitor console_monitor_opening(void)
{
    kin_monitor monitor = console_monitor_quiet();
    monitor.stage = monitor_opened;
    return monitor;
}

void console_monitor_end(console_monitor *self)
{
    (void)self;
    clear_bar();
    fflush(stderr);
}
