/*
 * What several commands have alike: options, flushed results and JSON documents.
 */
#include "core/json.h"
#include "core/outdir.h"
#include "core/outfile.h"
#include "core/text.h"
#include "job/option_lines.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const command_log_names[] = {"text", "json", NULL};
const char *const command_progress_names[] = {"auto", "bar", "lines", "none", NULL};

const kin_option command_common_lines[] = {
    OPTION_THREADS(offsetof(command_common, threads)),
    {.name = "log",
     .type = KIN_OPTION_CHOICE,
     .offset = offsetof(command_common, log),
     .choices = command_log_names,
     .run_only = true,
     .help = "how the log on stderr is written"},
    {.name = "log-time",
     .type = KIN_OPTION_FLAG,
     .offset = offsetof(command_common, log_time),
     .run_only = true,
     .help = "begin each line of the text log with its time in UTC, as the JSON log does"},
    {.name = "progress",
     .type = KIN_OPTION_CHOICE,
     .offset = offsetof(command_common, progress),
     .choices = command_progress_names,
     .run_only = true,
     .help = "how progress on stderr is shown; auto is a bar only on a terminal"},
    KIN_OPTIONS_END,
};

int command_flush_stdout(kin_error *err)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return kin_fail_errno(err, KIN_E_IO, "did its reader go away?",
                              "standard output cannot be written");
    return 0;
}

static int write_opened(const char *path, const char *text, size_t length, kin_error *err)
{
    FILE *stream = fopen(path, "we");
    if (!stream)
        return kin_fail_errno(err, KIN_E_CANTOUT, "check the path", "%s", path);
    int failed = fwrite(text, 1, length, stream) != length;
    failed |= fclose(stream) != 0;
    return failed ? kin_fail_errno(err, KIN_E_IO, "did its reader go away?",
                                   "%s: cannot be written", path)
                  : 0;
}

static int write_stdout(const char *text, kin_error *err)
{
    fputs(text, stdout);
    return command_flush_stdout(err);
}

/* To what is no regular file (a pipe, a device; "-" is stdout): written as it is, never replaced. A
 * pipe waits for its reader, who may never come. */
static int write_stream(const char *path, const char *text, size_t length, kin_error *err)
{
    bool caught = signals_release();
    int rc =
        strcmp(path, "-") == 0 ? write_stdout(text, err) : write_opened(path, text, length, err);
    if (caught)
        signals_catch();
    return rc;
}

/* jansson leaves DEL and C1 in strings as they are, and a document on stdout may be looked at: they
 * become escapes, which a reader takes for the same characters. New memory, NULL when it is
 * refused. */
static char *escape_controls(const char *json)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = kin_text_stream(&text, &bytes);
    if (!out)
        return NULL;
    for (const unsigned char *c = (const unsigned char *)json; *c; c++) {
        bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;
        if (c1 || *c == 0x7f)
            fprintf(out, "\\u%04x", c1 ? *++c : *c);
        else
            putc(*c, out);
    }
    putc('\n', out);
    fclose(out); /* leaves NULL where memory was refused */
    return text;
}

static int write_json(const char *path, const json_t *document, kin_error *err)
{
    int rc = 0;
    struct stat status;
    char *body = kin_json_dump(document, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    char *text = body ? escape_controls(body) : NULL;
    if (!text)
        rc = kin_fail_alloc(err, "JSON document", 0);
    else if (strcmp(path, "-") == 0 || (stat(path, &status) == 0 && !S_ISREG(status.st_mode)))
        rc = write_stream(path, text, strlen(text), err);
    else { /* not every command that writes one catches signals */
        bool held = signals_hold();
        rc = signals_unhold(held, kin_outfile_write(path, text, strlen(text), true, err));
    }
    free(text);
    free(body);
    return rc;
}

FILE *command_text(const char *json)
{
    if (json)
        return NULL;
    signals_release();
    return stdout;
}

int command_end(const char *json, json_t *document, kin_error *err)
{
    int rc = json ? write_json(json, document, err) : command_flush_stdout(err);
    json_decref(document);
    return rc;
}

json_t *command_result(const char *kind, const char *path, const json_t *run)
{
    static const char *const key[][2] = {{"seconds", "seconds_total"},
                                         {"peak_memory_bytes", "peak_memory_bytes"},
                                         {"peak_rss_bytes", "peak_rss_bytes"}};
    json_t *out = json_object();
    kin_json_set(&out, kind, kin_json_text(path));
    for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
        json_t *value = json_object_get(run, key[i][1]);
        kin_json_set(&out, key[i][0], value ? json_incref(value) : NULL);
    }
    return out;
}

int command_print_config(const kin_option_table *table, const void *values, kin_error *err)
{
    return command_end("-", kin_options_json(table, values, true), err);
}
