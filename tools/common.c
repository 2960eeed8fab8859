/*
 * What several commands do alike: modalities from options and manifests, JSON results.
 */
#include "core/json.h"
#include "core/outdir.h"
#include "core/outfile.h"
#include "core/text.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- modalities ------------------------------------------------------------------------------ */

void command_sources_release(kin_source *source, size_t count)
{
    for (size_t i = 0; i < count; i++)
        kin_source_release(&source[i]);
}

int command_sources(kin_source *out, size_t *count, const kin_text_list *list, kin_error *err)
{
    *count = 0;
    if (list->count == 0 || list->count > KIN_MODALITIES_MAX)
        return kin_fail(err, KIN_E_USAGE,
                        "give --modality NAME=FILE[:WEIGHT] for each file of vectors",
                        "%zu modalities, needs 1 to %d", list->count, KIN_MODALITIES_MAX);
    int rc = 0;
    for (size_t i = 0; i < list->count && rc == 0; i++) {
        rc = kin_source_parse(&out[i], list->item[i], err);
        if (rc == 0)
            ++*count;
    }
    if (rc != 0) {
        command_sources_release(out, *count);
        *count = 0;
    }
    return rc;
}

static const char name_files[] = "name the files yourself with --modality NAME=FILE";

int command_modalities_check(const json_t *manifest, const char *hint, kin_error *err)
{
    const json_t *modalities = json_object_get(manifest, "modalities");
    const char *seen[KIN_MODALITIES_MAX];
    size_t count = json_array_size(modalities);
    if (count == 0 || count > KIN_MODALITIES_MAX)
        return kin_fail(err, KIN_E_DATA, hint, "the manifest names %zu modalities, needs 1 to %d",
                        count, KIN_MODALITIES_MAX);
    for (size_t m = 0; m < count; m++) {
        seen[m] = json_string_value(json_object_get(json_array_get(modalities, m), "name"));
        if (!seen[m] || seen[m][0] == '\0' || strlen(seen[m]) >= KIN_NAME_MAX)
            return kin_fail(err, KIN_E_DATA, hint,
                            "the manifest's modality %zu has no name of 1 to %d bytes", m,
                            KIN_NAME_MAX - 1);
        for (size_t other = 0; other < m; other++)
            if (strcmp(seen[other], seen[m]) == 0)
                return kin_fail(err, KIN_E_DATA, hint, "the manifest names two modalities '%s'",
                                seen[m]);
    }
    return 0;
}

/* One entry of "modalities", whose name was looked at. `sources` is run.sources, or NULL. */
static int source_from_json(kin_source *out, const json_t *entry, const json_t *sources,
                            kin_error *err)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    const char *file = json_string_value(json_object_get(entry, "file"));
    const json_t *weight = json_object_get(entry, "weight");
    const char *absolute = json_string_value(json_object_get(sources, name));
    double number = json_is_number(weight) ? json_number_value(weight) : 1.0;
    if (!file && !absolute)
        return kin_fail(err, KIN_E_DATA, name_files, "the manifest names no file of modality %s",
                        name);
    if (!(number >= KIN_WEIGHT_MIN && number <= KIN_WEIGHT_MAX))
        return kin_fail(err, KIN_E_DATA, name_files,
                        "the manifest's weight of modality %s is %g, must be %g to %g", name,
                        number, KIN_WEIGHT_MIN, KIN_WEIGHT_MAX);
    /* the absolute path first: where the command runs now, another file may have the name */
    const char *path = absolute && access(absolute, R_OK) == 0 ? absolute : file ? file : absolute;
    *out = (kin_source){.path = strdup(path), .weight = number};
    if (!out->path)
        return kin_fail_alloc(err, "path", strlen(path));
    snprintf(out->name, sizeof out->name, "%s", name);
    return 0;
}

int command_sources_from_manifest(kin_source *out, size_t *count, const json_t *manifest,
                                  kin_error *err)
{
    const json_t *modalities = json_object_get(manifest, "modalities");
    const json_t *sources = json_object_get(json_object_get(manifest, "run"), "sources");
    size_t wanted = json_array_size(modalities);
    *count = 0;
    int rc = command_modalities_check(manifest, name_files, err);
    for (size_t i = 0; i < wanted && rc == 0; i++) {
        rc = source_from_json(&out[i], json_array_get(modalities, i), sources, err);
        if (rc == 0)
            ++*count;
    }
    if (rc != 0) {
        command_sources_release(out, *count);
        *count = 0;
    }
    return rc;
}

/* ---- results --------------------------------------------------------------------------------- */

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

/* To what is no regular file (a pipe, a device; "-" is stdout): written as it is, never replaced. A pipe waits for its
 * reader, who may never come. */
static int write_stream(const char *path, const char *text, size_t length, kin_error *err)
{
    bool caught = signals_release();
    int rc =
        strcmp(path, "-") == 0 ? write_stdout(text, err) : write_opened(path, text, length, err);
    if (caught)
        signals_catch();
    return rc;
}

/* jansson leaves DEL and C1 in strings as they are, and a document on stdout may be looked at: they become escapes,
 * which a reader takes for the same characters. New memory, NULL when it is refused. */
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

int command_write_json(const char *path, const json_t *document, kin_error *err)
{
    if (!path)
        return 0;
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
