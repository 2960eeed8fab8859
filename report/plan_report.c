/*
 * The table and the JSON document of `kin plan`.
 */
#include "report/plan_report.h"
#include "core/json.h"
#include "core/plain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* "exact", "target 0.97 (measured)": what is known of an engine's rows beforehand. */
static const char *recall_of(const kin_plan_report *self, kin_engine engine, char text[48])
{
    bool proven = engine == KIN_ENGINE_EXACT || engine == KIN_ENGINE_STREAM;
    snprintf(text, 48, "target %.10g, measured", self->target_recall);
    return proven ? "exact" : text;
}

/* "1.7 s", "3.5 min", "2.1 h". */
static const char *time_text(double seconds, char text[32])
{
    if (seconds < 90)
        snprintf(text, 32, "%.1f s", seconds);
    else if (seconds < 90 * 60)
        snprintf(text, 32, "%.1f min", seconds / 60);
    else
        snprintf(text, 32, "%.1f h", seconds / 3600);
    return text;
}

static const char *size_text(size_t bytes, char text[32])
{
    double mib = (double)bytes / 0x1p20;
    if (mib < 10240)
        snprintf(text, 32, "%.0f MiB", mib);
    else
        snprintf(text, 32, "%.1f GiB", mib / 1024);
    return text;
}

/* ---- advice ---------------------------------------------------------------------------------- */

/* Another engine is worth a line when it takes this much less time. */
static const double worth_saying = 1.25;

/* The engine that advice names: the quickest that can run, if that is worth it. Engines whose rows
 * are proven are preferred to quicker ones that are measured. */
static const prediction *advised(const kin_plan_report *self)
{
    const prediction *chosen = kin_plan_chosen(self), *best = NULL;
    double most = chosen->refused.code ? INFINITY : kin_prediction_seconds(chosen) / worth_saying;
    for (size_t proven = 1; best == NULL && proven < 2; proven--)
        for (size_t i = 0; i < PREDICT_ENGINES; i++) {
            const prediction *row = &self->row[i];
            bool is_proven = row->engine == KIN_ENGINE_EXACT || row->engine == KIN_ENGINE_STREAM;
            if (row == chosen || row->refused.code || row->skipped || is_proven != (proven == 1) ||
                kin_prediction_seconds(row) > most)
                continue;
            if (!best || kin_prediction_seconds(row) < kin_prediction_seconds(best))
                best = row;
        }
    return best;
}

static void advice_text(const kin_plan_report *self, char text[160])
{
    const prediction *other = advised(self), *chosen = kin_plan_chosen(self);
    char time[32];
    text[0] = '\0';
    if (!other)
        return;
    bool proven = other->engine == KIN_ENGINE_EXACT || other->engine == KIN_ENGINE_STREAM;
    snprintf(text, 160, "--engine %s %s here: about %s%s", kin_engine_names[other->engine],
             chosen->refused.code ? "fits" : "takes less time",
             time_text(kin_prediction_seconds(other), time),
             proven ? "" : ", its recall measured and not proven");
}

/* ---- table ----------------------------------------------------------------------------------- */

static void print_row(FILE *out, const kin_plan_report *self, const prediction *row)
{
    char time[32], memory[32], mapped[32], recall[48];
    fprintf(out, "%c %-7s", row->engine == self->chosen ? '*' : ' ', kin_engine_names[row->engine]);
    if (row->skipped) {
        fprintf(out, " %10s %11s %11s  %-4s  %s\n", "-", "-", "-", "-", row->skipped);
        return;
    }
    if (row->refused.code) {
        const char *reason = row->refused.message; /* up to what is said of its parts */
        kin_span first = {reason, strcspn(reason, ";")};
        fprintf(out, " %10s %11s %11s  %-4s  %s\n", "-", "-", "-", "no",
                kin_plain_span(first).text);
        return;
    }
    fprintf(out, " %10s %11s %11s  %-4s  %s\n", time_text(kin_prediction_seconds(row), time),
            size_text(row->planned_bytes, memory), size_text(row->mapped_bytes, mapped), "yes",
            recall_of(self, row->engine, recall));
}

static void print_chosen(FILE *out, const kin_plan_report *self)
{
    const prediction *row = kin_plan_chosen(self);
    char time[32], planned[32], own[32], mapped[32];
    fprintf(out, "engine  %s\n", kin_engine_names[self->chosen]);
    if (row->refused.code)
        return;
    fprintf(out, "time    about %s (%.2f minutes)\n", time_text(kin_prediction_seconds(row), time),
            kin_prediction_seconds(row) / 60);
    fprintf(out,
            "memory  %s planned, which --memory limits; %s with all that the process holds,\n"
            "        and %s of inputs and graph as mapped pages\n",
            size_text(row->planned_bytes, planned), size_text(row->memory_bytes, own),
            size_text(row->mapped_bytes, mapped));
}

static void print_disk(FILE *out, const kin_plan_report *self)
{
    char graph[32], left[32];
    fprintf(out, "disk    %s for the graph", size_text(self->graph_bytes, graph));
    if (self->free_bytes != SIZE_MAX)
        fprintf(out, ", %s are free", size_text(self->free_bytes, left));
    fprintf(out, "%s\n", self->files.of_folder ? "" : "; its speed was not measured (no --out)");
}

void kin_plan_report_print(const kin_plan_report *self, FILE *out)
{
    char advice[160];
    print_chosen(out, self);
    print_disk(out, self);
    fprintf(out, "\n  %-7s %10s %11s %11s  %-4s  %s\n", "engine", "time", "--memory", "mapped",
            "fits", "recall");
    for (size_t i = 0; i < PREDICT_ENGINES; i++)
        print_row(out, self, &self->row[i]);
    advice_text(self, advice);
    if (advice[0])
        fprintf(out, "\nadvice: %s\n", advice);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *row_json(const kin_plan_report *self, const prediction *row)
{
    char recall[48];
    json_t *out = json_pack("{s:s, s:b, s:b, s:s}", "engine", kin_engine_names[row->engine],
                            "chosen", row->engine == self->chosen, "fits", row->refused.code == 0,
                            "recall", recall_of(self, row->engine, recall));
    if (row->refused.code) {
        kin_json_set(&out, "refused",
                     json_pack("{s:i, s:o, s:o}", "exit_code", -(int)row->refused.code, "message",
                               kin_json_text(row->refused.message), "hint",
                               kin_json_text(row->refused.hint)));
        return out;
    }
    if (row->skipped) {
        kin_json_set(&out, "fits", json_null());
        kin_json_set(&out, "skipped", json_string(row->skipped));
        return out;
    }
    kin_json_set(&out, "seconds", json_real(kin_prediction_seconds(row)));
    kin_json_set(&out, "stages",
                 json_pack("{s:f, s:f, s:f, s:f, s:f}", "read", row->seconds.read, "prepare",
                           row->seconds.prepare, "neighbors", row->seconds.neighbors, "recall",
                           row->seconds.recall, "write", row->seconds.write));
    kin_json_set(&out, "planned_bytes", json_integer((json_int_t)row->planned_bytes));
    kin_json_set(&out, "memory_bytes", json_integer((json_int_t)row->memory_bytes));
    kin_json_set(&out, "mapped_bytes", json_integer((json_int_t)row->mapped_bytes));
    return out;
}

static json_t *rates_json(const kin_plan_report *self)
{
    const scan_rates *scan = &self->scan;
    const stream_rates *stream = &self->stream;
    const file_rates *files = &self->files;
    return json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
                     "sample_rows", (json_int_t)self->sample_rows, "lead_dimensions",
                     (json_int_t)scan->lead, "fit", scan->fit, "encoded_row", scan->encoded, "pair",
                     scan->pair, "refined_pair", scan->refined, "refined_pair_early",
                     scan->refined_early, "finished_candidate", scan->finished, "possible_share",
                     scan->possible, "stream_pair", stream->pair, "stream_row", stream->row,
                     "written_byte", files->written, "hashed_byte", files->hashed);
}

json_t *kin_plan_report_json(const kin_plan_report *self)
{
    char advice[160];
    json_t *rows = json_array();
    for (size_t i = 0; i < PREDICT_ENGINES; i++)
        kin_json_append(&rows, row_json(self, &self->row[i]));
    advice_text(self, advice);
    bool known = self->free_bytes != SIZE_MAX;
    return json_pack("{s:s, s:I, s:I, s:I, s:i, s:s, s:o, s:{s:I, s:o, s:b}, s:o, s:o, s:f}",
                     "kind", "plan", "items", (json_int_t)self->items, "dimensions",
                     (json_int_t)self->dimensions, "top_k", (json_int_t)self->top_k, "threads",
                     self->threads, "engine", kin_engine_names[self->chosen], "engines", rows,
                     "disk", "graph_bytes", (json_int_t)self->graph_bytes, "free_bytes",
                     known ? json_integer((json_int_t)self->free_bytes) : json_null(), "measured",
                     self->files.of_folder, "advice", advice[0] ? json_string(advice) : json_null(),
                     "rates", rates_json(self), "planning_seconds", self->seconds);
}
