/*
 * kin pairs: the pairs of a graph as training rows for a model that ranks them. kin export: all of
 * them as lines of text, for a database or another store. Both write one file, whole or not at all.
 */
#include "core/counted.h"
#include "core/outfile.h"
#include "core/plain.h"
#include "job/pairs_npz.h"
#include "report/pairs_text.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/shared_options.h"
#include "tools/signals.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

typedef enum pair_format { PAIR_NPZ, PAIR_TSV, PAIR_JSONL } pair_format;

typedef struct pair_file {
    const char *out;
    bool force; /* a file at `out` may be replaced, an .npz if it holds pairs */
    kin_pairs_options pairs;
} pair_file;

/* Of both commands; kin export has no options of samples. */
typedef struct pair_options {
    command_common common;
    pair_file file;
} pair_options;

static const pair_options defaults = {.file = {.pairs = KIN_PAIRS_OPTIONS_INIT}};

#define FIELD(name) offsetof(pair_options, name)

/* ---- the file -------------------------------------------------------------------------------- */

static int write_npz(const pair_file *self, const kin_outfile *file, const kin_graph *graph,
                     const kin_monitor *monitor, kin_error *err)
{
    kin_pairs_npz npz;
    size_t rows = kin_pairs_count(graph, &self->pairs);
    const kin_pair_sink sink = kin_pairs_npz_sink(&npz);
    int rc = kin_pairs_npz_init(&npz, file->fd, self->out, graph, rows, err);
    if (rc == 0)
        rc = kin_pairs_run(graph, &self->pairs, &sink, monitor, err);
    return rc == 0 ? kin_npz_writer_finish(&npz.writer, err) : rc;
}

static int write_text(const pair_file *self, const kin_outfile *file, const kin_graph *graph,
                      kin_pairs_format format, const kin_monitor *monitor, kin_error *err)
{
    kin_pairs_text text = {.graph = graph, .path = self->out, .format = format};
    const kin_pair_sink sink = kin_pairs_text_sink(&text);
    text.out = kin_outfile_stream(file);
    if (!text.out)
        return kin_fail_errno(err, KIN_E_CANTOUT, kin_disk_hint, "%s cannot be written", self->out);
    kin_pairs_text_begin(&text);
    int rc = kin_pairs_run(graph, &self->pairs, &sink, monitor, err);
    bool failed = ferror(text.out) != 0;
    if ((fclose(text.out) != 0 || failed) && rc == 0)
        rc = kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", self->out);
    kin_pairs_text_release(&text);
    return rc;
}

static int write_pairs(const pair_file *self, pair_format format, const kin_outfile *file,
                       const kin_graph *graph, kin_error *err)
{
    console_monitor progress;
    const kin_monitor monitor = console_monitor_start(&progress, graph->n);
    int rc = format == PAIR_NPZ
                 ? write_npz(self, file, graph, &monitor, err)
                 : write_text(self, file, graph,
                              format == PAIR_TSV ? KIN_PAIRS_TSV : KIN_PAIRS_JSONL, &monitor, err);
    console_monitor_end(&progress);
    return rc;
}

static void print_summary(const pair_file *self, const kin_graph *graph)
{
    struct stat status = {0};
    char of[40] = "";
    size_t rows = kin_pairs_count(graph, &self->pairs);
    stat(self->out, &status);
    if (rows < graph->pairs)
        snprintf(of, sizeof of, ", a sample of %zu", graph->pairs);
    json_t *fields = json_pack("{s:s, s:I, s:I, s:I}", "file", kin_plain(self->out).text, "rows",
                               (json_int_t)rows, "pairs", (json_int_t)graph->pairs, "bytes",
                               (json_int_t)status.st_size);
    console_result(fields, "Wrote %s: %s%s, %.1f MiB", self->out, kin_count(rows, "pair").text, of,
                   (double)status.st_size / 0x1p20);
}

static int write_file(const pair_file *self, pair_format format, const char *graph, kin_error *err)
{
    kin_outfile file;
    kin_graph opened;
    signals_catch();
    int rc = kin_outfile_open(&file, self->out, self->force,
                              format == PAIR_NPZ ? kin_pairs_npz_is : NULL, err);
    if (rc == 0)
        rc = kin_graph_open(&opened, graph, err);
    if (rc != 0)
        goto done;
    rc = write_pairs(self, format, &file, &opened, err);
    if (rc == 0)
        rc = kin_outfile_commit(&file, err);
    if (rc == 0)
        print_summary(self, &opened);
    kin_graph_close(&opened);
done:
    kin_outfile_release(&file);
    return rc;
}

/* Whether a path has this ending, in letters of any case. */
static bool ends_in(const char *path, const char *ending)
{
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcasecmp(path + length - tail, ending) == 0;
}

/* ---- kin pairs ------------------------------------------------------------------------------- */

static const kin_option pairs_lines[] = {
    {.name = "out",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(file.out),
     .unit = "FILE.npz|FILE.tsv",
     .run_only = true,
     .help = "the file to write: .npz has row numbers, .tsv has ids"},
    OPTION_FORCE_FILE(FIELD(file.force)),
    KIN_OPTIONS_END,
};

static const kin_option_group pairs_groups[] = {
    {NULL, pairs_lines, 0},
    {NULL, kin_pairs_lines, FIELD(file.pairs)},
    {NULL, command_common_lines, 0},
};

static int run_pairs(const void *values, const kin_operands *operands, kin_error *err)
{
    const pair_file *file = &((const pair_options *)values)->file;
    static const char hint[] = "give --out FILE.npz for row numbers, --out FILE.tsv for ids";
    if (!file->out)
        return kin_fail(err, KIN_E_USAGE, hint, "--out is missing");
    bool npz = ends_in(file->out, ".npz");
    if (!npz && !ends_in(file->out, ".tsv"))
        return kin_fail(err, KIN_E_USAGE, hint, "--out %s: must end in .npz or .tsv", file->out);
    return write_file(file, npz ? PAIR_NPZ : PAIR_TSV, operands->item[0], err);
}

const kin_command command_pairs = {
    .name = "pairs",
    .summary = "training rows for a ranking model: pairs with scores, all or a sample",
    .operands = "GRAPH",
    .operands_min = 1,
    .operands_max = 1,
    .example = "kin pairs graph --out pairs.npz --max-rows 5000000\n"
               "kin pairs graph --out pairs.tsv --max-rows 1000 --seed 7",
    .options = COMMAND_GROUPS(pairs_groups, defaults),
    .run = run_pairs,
};

/* ---- kin export ------------------------------------------------------------------------------ */

static const kin_option export_lines[] = {
    {.name = "out",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(file.out),
     .unit = "FILE.tsv|FILE.jsonl",
     .run_only = true,
     .help = "the file to write, a line a pair: .tsv is what COPY of PostgreSQL reads, .jsonl an "
             "object a line"},
    OPTION_FORCE_FILE(FIELD(file.force)),
    KIN_OPTIONS_END,
};

static int run_export(const void *values, const kin_operands *operands, kin_error *err)
{
    const pair_file *file = &((const pair_options *)values)->file;
    static const char hint[] = "give --out FILE.tsv or --out FILE.jsonl";
    if (!file->out)
        return kin_fail(err, KIN_E_USAGE, hint, "--out is missing");
    if (ends_in(file->out, ".parquet"))
        return kin_fail(
            err, KIN_E_USAGE, "in Python: graph = kin.load(folder); graph.to_parquet(file)",
            "--out %s: Parquet is written by the Python package, graph.to_parquet", file->out);
    bool tsv = ends_in(file->out, ".tsv");
    if (!tsv && !ends_in(file->out, ".jsonl"))
        return kin_fail(err, KIN_E_USAGE, hint, "--out %s: must end in .tsv or .jsonl", file->out);
    return write_file(file, tsv ? PAIR_TSV : PAIR_JSONL, operands->item[0], err);
}

const kin_command command_export = {
    .name = "export",
    .summary = "a graph as lines of text, for a database or another store",
    .operands = "GRAPH",
    .operands_min = 1,
    .operands_max = 1,
    .example = "kin export graph --out similar.tsv\n"
               "kin export graph --out similar.jsonl --force",
    .options = COMMAND_OPTIONS(export_lines, defaults),
    .run = run_export,
};
