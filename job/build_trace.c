/*
 * The candidates of some rows, kept beside the graph (docs/FORMATS.md), for kin compare to tell why
 * neighbours were lost.
 *
 * Rows are functions of inputs and options, so they are asked for once more when the last attempt
 * is done: what is kept is of that attempt's effort, and a run that is not traced does nothing for
 * it. Candidates go to the files as they come: memory does not grow with them.
 */
#include "ann/faiss_search_trace.h"
#include "core/counted.h"
#include "core/json.h"
#include "core/npy_writer.h"
#include "job/build_parts.h"

#include <math.h>
#include <stdlib.h>

/* The files of one source. */
typedef struct source_files {
    char name[KIN_NAME_MAX]; /* "trace_<name>.start.npy" ... */
    bool modality;           /* it is a modality's name */
    kin_npy_writer start, item;
    int64_t count; /* items so far */
} source_files;

typedef struct trace {
    int32_t *row; /* [rows] ascending */
    size_t rows;
    size_t source_count;
    source_files source[KIN_MODALITIES_MAX];
    kin_npy_writer probe_sigmas; /* of a join */
} trace;

int kin_build_check_trace(build *self, bool engine_asked, kin_error *err)
{
    kin_build_options *o = &self->options;
    if (o->trace_rows == 0 || kin_build_is_approximate(o))
        return 0;
    const char *engine = kin_engine_names[o->engine];
    if (engine_asked)
        return kin_fail(
            err, KIN_E_USAGE, "leave it out: there is nothing to look for",
            "--trace-rows is nothing to --engine %s, which looks at every pair and loses "
            "none",
            engine);
    build_info(self, "No trace of rows is kept: engine %s looks at every pair and loses none",
               engine);
    o->trace_rows = 0;
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int write_array(const build *self, const char *name, const char *descr, const void *data,
                       size_t count, kin_error *err)
{
    kin_npy_writer writer;
    int rc = kin_npy_writer_open(&writer, self->out.temporary, name, descr, NULL, err);
    if (rc == 0)
        rc = kin_npy_writer_add(&writer, data, count, err);
    if (rc == 0)
        rc = kin_npy_writer_finish(&writer, err);
    kin_npy_writer_release(&writer);
    return rc;
}

static int open_source(const build *self, source_files *source, kin_error *err)
{
    const int64_t none = 0;
    char name[KIN_NAME_MAX + 24];
    snprintf(name, sizeof name, "trace_%s.start.npy", source->name);
    int rc = kin_npy_writer_open(&source->start, self->out.temporary, name, "<i8", NULL, err);
    if (rc == 0)
        rc = kin_npy_writer_add(&source->start, &none, 1, err);
    snprintf(name, sizeof name, "trace_%s.item.npy", source->name);
    if (rc == 0)
        rc = kin_npy_writer_open(&source->item, self->out.temporary, name, "<i4", NULL, err);
    return rc;
}

static int open_files(trace *files, const build *self, kin_error *err)
{
    int rc = 0;
    if (self->join) {
        size_t clusters = kin_join_cluster_count(self->join);
        rc = kin_npy_writer_open(&files->probe_sigmas, self->out.temporary,
                                 "trace.probe_sigmas.npy", "<f4", &clusters, err);
    }
    for (size_t s = 0; s < files->source_count && rc == 0; s++)
        rc = open_source(self, &files->source[s], err);
    return rc;
}

static int finish_files(trace *files, kin_error *err)
{
    int rc = files->probe_sigmas.file ? kin_npy_writer_finish(&files->probe_sigmas, err) : 0;
    for (size_t s = 0; s < files->source_count && rc == 0; s++) {
        rc = kin_npy_writer_finish(&files->source[s].start, err);
        if (rc == 0)
            rc = kin_npy_writer_finish(&files->source[s].item, err);
    }
    return rc;
}

static void release(trace *files)
{
    kin_npy_writer_release(&files->probe_sigmas);
    for (size_t s = 0; s < files->source_count; s++) {
        kin_npy_writer_release(&files->source[s].start);
        kin_npy_writer_release(&files->source[s].item);
    }
    free(files->row);
}

static int keep(void *self, const kin_traced *traced, kin_error *err)
{
    trace *files = self;
    source_files *source = &files->source[traced->source];
    source->count += (int64_t)traced->count;
    int rc = kin_npy_writer_add(&source->item, traced->item, traced->count, err);
    if (rc == 0)
        rc = kin_npy_writer_add(&source->start, &source->count, 1, err);
    if (rc == 0 && traced->probe_sigmas)
        rc = kin_npy_writer_add(&files->probe_sigmas, traced->probe_sigmas, 1, err);
    return rc;
}

/* The cluster of every item. */
static int write_lists(const build *self, kin_error *err)
{
    size_t n = self->catalog.n;
    int32_t *cluster = kin_alloc(n, sizeof *cluster);
    if (!cluster)
        return kin_fail_alloc(err, "the clusters of items", n * sizeof *cluster);
    kin_join_cluster_of(self->join, cluster);
    int rc = write_array(self, "trace.cluster.npy", "<i4", cluster, n, err);
    free(cluster);
    return rc;
}

/* ---- the trace ------------------------------------------------------------------------------- */

static const char *const join_source[KIN_JOIN_SOURCES] = {
    [KIN_JOIN_SCANNED] = "join", [KIN_JOIN_REFINED] = "refinement"};

static void name_sources(trace *files, const build *self)
{
    const kin_catalog *catalog = &self->catalog;
    bool joined = self->join != NULL;
    bool fused = self->index && kin_index_resolved(self->index)->space == KIN_SPACE_FUSED;
    size_t count = joined ? KIN_JOIN_SOURCES : fused ? 1 : catalog->modality_count;
    files->source_count = count;
    for (size_t s = 0; s < count; s++) {
        const char *name = joined ? join_source[s] : fused ? "fused" : catalog->modality[s].name;
        snprintf(files->source[s].name, sizeof files->source[s].name, "%s", name);
        files->source[s].modality = !joined && !fused;
    }
}

static int draw(trace *files, const build *self, kin_error *err)
{
    const kin_build_options *o = &self->options;
    size_t most = kin_row_sample_population(&self->catalog), asked = (size_t)o->trace_rows;
    row_sample_options sample = {.count = asked < most ? asked : most,
                                 .seed = (uint64_t)o->index.seed,
                                 .purpose = ROW_SAMPLE_TRACE};
    kin_memory_plan plan = {.hint = "--trace-rows"};
    kin_memory_plan_add(&plan, "numbers of traced rows", sample.count, sizeof *files->row);
    int rc = kin_memory_plan_check(&plan, o->memory, err);
    if (rc != 0)
        return rc;
    files->row = kin_alloc(sample.count, sizeof *files->row);
    if (!files->row)
        return kin_fail_alloc(err, "numbers of traced rows", plan.total_bytes);
    files->rows = kin_row_sample_draw(files->row, &self->catalog, &sample);
    return 0;
}

static int run(trace *files, build *self, kin_error *err)
{
    kin_traced_sink sink = {.self = files, .write = keep};
    if (self->join)
        return kin_join_trace(self->join, files->row, files->rows, sink, &self->quiet, err);
    return kin_search_trace(self->index, &self->options.search, files->row, files->rows, sink,
                            &self->quiet, err);
}

static json_t *describe(const trace *files, const build *self)
{
    json_t *sources = json_array();
    for (size_t s = 0; s < files->source_count; s++) {
        const source_files *source = &files->source[s];
        json_t *asked =
            self->join ? json_null() : json_integer((json_int_t)self->options.search.candidates);
        kin_json_append(&sources,
                        json_pack("{s:s, s:s?, s:o}", "name", source->name, "modality",
                                  source->modality ? source->name : NULL, "asked", asked));
    }
    json_t *facts = json_pack("{s:I, s:I, s:o}", "rows", (json_int_t)files->rows, "seed",
                              (json_int_t)self->options.index.seed, "sources", sources);
    if (self->join) {
        double probe_sigmas = (double)kin_join_get_effort(self->join)->probe_sigmas;
        kin_json_set(&facts, "clusters",
                     json_integer((json_int_t)kin_join_cluster_count(self->join)));
        kin_json_set(&facts, "probe_sigmas",
                     isinf(probe_sigmas) ? json_null() : json_real(probe_sigmas));
    }
    return facts;
}

static void log_trace(const trace *files, const build *self)
{
    double items = 0;
    for (size_t s = 0; s < files->source_count; s++)
        items += (double)files->source[s].count;
    double each = files->rows > 0 ? items / (double)files->rows : 0;
    build_info(self, "Trace: %s, %s each from %s", kin_count(files->rows, "row").text,
               kin_count((size_t)(each + 0.5), "candidate").text,
               kin_count(files->source_count, "source").text);
}

int kin_build_trace(build *self, kin_error *err)
{
    trace files = {0};
    if (self->options.trace_rows == 0)
        return 0;
    name_sources(&files, self);
    int rc = draw(&files, self, err);
    if (rc == 0)
        rc = write_array(self, "trace.row.npy", "<i4", files.row, files.rows, err);
    if (rc == 0 && self->join)
        rc = write_lists(self, err);
    if (rc == 0)
        rc = open_files(&files, self, err);
    if (rc == 0)
        rc = run(&files, self, err);
    if (rc == 0)
        rc = finish_files(&files, err);
    if (rc == 0) {
        self->trace = describe(&files, self);
        if (!self->trace)
            rc = kin_fail_alloc(err, "trace", 0);
    }
    if (rc == 0)
        log_trace(&files, self);
    release(&files);
    kin_build_stage_done(self, "trace");
    return rc;
}
