/*
 * The model (job/predict.h).
 *
 * n items in all, s in the sample, K neighbours. Constants were fitted on the catalogs of
 * docs/PLAN.md: fashion, `kin gen` of 100,000 and of a million items, isotropic rows.
 */
#include "job/predict.h"
#include "ann/faiss_plan.h"
#include "ann/join.h"
#include "core/memory.h"
#include "core/threads.h"
#include "exact/exact.h"
#include "exact/stream.h"
#include "job/build_parts.h"
#include "job/calibrate_clock.h"
#include "scan/kmeans.h"
#include "scan/rotation.h"

#include <math.h>

/* Starting the process, its threads and BLAS; closing files, the manifest. */
static const double start_seconds = 0.05;

/* Bytes that no plan counts: buffers of BLAS and stacks, once all threads have worked. */
static const size_t uncounted_bytes = (size_t)16 << 20;

/* To touch a byte of memory for the first time. */
static const double touched_seconds = 0.25e-9;

/* Where rows do not fit the caches as the sample's do, candidates cost more: fashion 1.2, kin
 * gen 1.2. */
static const double finished_far = 1.2;

/* To pack a byte of the graph and to unpack it, seconds. */
static const double laid_out = 0.5e-9;

double kin_prediction_seconds(const prediction *self)
{
    return self->seconds.read + self->seconds.prepare + self->seconds.neighbors +
           self->seconds.recall + self->seconds.write;
}

static double count_of(const predict_input *in)
{
    return (double)in->catalog->n;
}

static double top_k(const predict_input *in)
{
    return (double)in->options->top_k;
}

/* ---- what engines share ---------------------------------------------------------------------- */

/* Inputs are read, and their fingerprints taken again in the end; finished rows are packed, laid
 * out, written and synced, checksums being taken on the way. */
static void set_common(prediction *out, const predict_input *in)
{
    double inputs = (double)in->input_bytes, graph = (double)in->graph_bytes;
    out->seconds.read = start_seconds + in->read_seconds;
    out->seconds.write = 2 * inputs * in->files.hashed + graph * (in->files.written + laid_out) +
                         (double)in->log_bytes * in->files.written;
    out->memory_bytes = in->base_bytes + uncounted_bytes + in->writer_bytes;
    out->mapped_bytes = in->input_bytes;
}

/* Ordering rows beyond what the calibration saw of it: every row looks at a centroid for every 344
 * rows, and the centroids are learnt in ten rounds from 64 rows each (scan/clustering.c), 32
 * coordinates a row. */
static double ordering_pairs(double n)
{
    double lists = n / 344;
    return n * lists + 10 * fmin(64 * lists, n) * lists;
}

/* A product of two such coordinates costs as much as this many of a tile's. */
static const double order_product = 8;

static double encode_seconds(const predict_input *in, double n)
{
    const scan_rates *scan = &in->scan;
    double s = (double)scan->rows;
    double product = scan->lead > 0 ? scan->pair / (double)scan->lead : 0;
    double more = ordering_pairs(n) - ordering_pairs(s) * n / (s > 0 ? s : 1);
    return n * scan->encoded + 32 * order_product * product * fmax(more, 0);
}

static int calibrate_scan_once(predict_input *in, size_t lead, kin_error *err)
{
    if (in->scan.rows > 0)
        return 0;
    return kin_calibrate_scan(&in->scan, &in->sample.catalog, in->catalog->n,
                              (size_t)in->options->top_k, lead, err);
}

/* What kin build compares with --memory. */
static void note_plan(prediction *out, size_t bytes)
{
    out->planned_bytes = bytes > out->planned_bytes ? bytes : out->planned_bytes;
}

/* A plan of its own that has to fit as well. */
static bool fits(prediction *out, const kin_memory_plan *plan, const predict_input *in)
{
    note_plan(out, plan->total_bytes);
    return kin_memory_plan_check(plan, in->options->memory, &out->refused) == 0;
}

/* ---- exact ----------------------------------------------------------------------------------- */

/* Pairs that are refined before thresholds have their height, of K a row: fashion 1.7, kin gen 3.2.
 * Where no group holds more of a row's neighbours than any other, all candidates of a stream in no
 * order: 1 + ln(n / K); isotropic 7.0 where this gives 6.5. */
static const double early_pairs = 2.5;

/* Threads wait for each other at the end of each round. */
static const double waiting = 1.1;

/* Candidates scored in full, of K: 1.11 to 1.14, and where codes are coarse 1.4. */
static const double finished_share = 1.15;

/* A row's pairs that are refined while its threshold rises. */
static double early_of(const predict_input *in, bool structured)
{
    double k = top_k(in);
    return k * (structured ? early_pairs : 1 + log(count_of(in) / k));
}

static int predict_exact(prediction *out, predict_input *in, kin_error *err)
{
    kin_exact *engine = NULL;
    kin_exact_options options = KIN_EXACT_OPTIONS_INIT;
    options.top_k = (size_t)in->options->top_k;
    options.memory_bytes = in->options->memory;
    double start = kin_calibrate_thread_seconds();
    if (kin_exact_new(&engine, in->catalog, &options, &out->refused) != 0)
        return 0;
    double planned = kin_calibrate_thread_seconds() - start;
    kin_exact_plan plan = *kin_exact_get_plan(engine);
    kin_exact_free(engine);
    note_plan(out, plan.total_bytes);
    int rc = calibrate_scan_once(in, plan.tail > 0 ? plan.lead : 0, err);
    const scan_rates *scan = &in->scan;
    double n = (double)plan.distinct, blocks = (double)plan.blocks;
    double pairs = n * n / 2 * (2 * blocks / (blocks + 1));
    double early = fmin(n * early_of(in, plan.tail > 0), pairs);
    double early_seconds = plan.tail > 0 ? scan->refined_early : scan->refined;
    out->seconds.prepare = planned + encode_seconds(in, n);
    out->seconds.neighbors =
        waiting *
            (pairs * scan->pair + pairs * scan->possible * scan->refined + early * early_seconds) +
        n * top_k(in) * finished_share * finished_far * scan->finished +
        (double)plan.total_bytes * touched_seconds;
    out->memory_bytes += plan.total_bytes;
    return rc;
}

/* ---- evaluated engines ----------------------------------------------------------------------- */

/* A query of a larger micro-batch costs as much, to a twentieth. */
enum { STREAM_ROWS = 512 };

/* Micro-batches of this size, unless those of the same size were calibrated last. */
static int calibrate_stream_once(predict_input *in, size_t micro_batch, kin_error *err)
{
    micro_batch = micro_batch < STREAM_ROWS ? micro_batch : STREAM_ROWS;
    if (in->stream.micro_batch == micro_batch)
        return 0;
    return kin_calibrate_stream(&in->stream, &in->sample.catalog, (size_t)in->options->top_k,
                                micro_batch, err);
}

/* So many queries among all items. */
static double stream_seconds(const predict_input *in, double queries)
{
    return queries * (in->stream.row + in->stream.pair * count_of(in));
}

/* The evaluation's exact rows (job/evaluation.h), for one attempt. */
static int add_evaluation(prediction *out, predict_input *in, kin_error *err)
{
    const kin_build_options *o = in->options;
    size_t items = kin_row_sample_population(in->catalog),
           rows = kin_evaluation_rows(items, o->target_recall);
    kin_memory_plan plan;
    kin_row_sample_make_plan(&plan, in->catalog, (size_t)o->top_k, rows, o->memory);
    if (!fits(out, &plan, in))
        return 0;
    kin_stream_options options = kin_row_sample_stream(in->catalog, (size_t)o->top_k, o->memory);
    int rc = calibrate_stream_once(in, kin_stream_micro_batch(&options, rows), err);
    out->seconds.recall =
        stream_seconds(in, (double)rows) + (double)plan.total_bytes * touched_seconds;
    out->memory_bytes += plan.total_bytes;
    return rc;
}

/* ---- join ------------------------------------------------------------------------------------ */

/* Of all rows, those in clusters that a row looks at at a target of .97: this / sqrt(n), fashion
 * 12, kin gen of 100,000 and of 250,000 22; all, where no dimension says more than another. Of what
 * a target allows to lose it goes down by the power: fashion 7, 12 and 20 at .9, .97 and .99. */
static const double looked_at = 18, loss_there = 0.03, loss_power = 0.42, loss_least = 1e-4;

/* Pairs refined a row, of K: fashion 3.4, kin gen 4.1. */
static const double join_refined = 4;

/* The refinement of a row costs as much as so many candidates scored: to read it back, some 50
 * pairs estimated, few scored (fashion: 5 % of the build's time, where 201 candidates take 15 %).
 * Half of the rows gain neighbours, and are in the log twice. */
static const double refinement = 60, written_again = 0.5;

static double share_looked_at(double n, double target)
{
    double loss = fmax(1 - target, loss_least);
    return fmin(looked_at / sqrt(n) * pow(loss_there / loss, loss_power), 1);
}

/* The effort is tuned on a hundredth of the rows, 256 to 1,000, which look at all lists. */
static double tuned_rows(double n)
{
    return fmin(fmax(n / 100, 256), fmin(n, 1000));
}

static int predict_join(prediction *out, predict_input *in, kin_error *err)
{
    const kin_build_options *o = in->options;
    kin_join *join = NULL;
    kin_join_options options = KIN_JOIN_OPTIONS_INIT;
    options.top_k = (size_t)o->top_k;
    options.target = o->target_recall;
    options.memory_bytes = o->memory;
    options.trace = o->trace_rows > 0;
    if (kin_build_check_join_options(o, &out->refused) != 0)
        return 0;
    double start = kin_calibrate_thread_seconds();
    if (kin_join_new(&join, in->catalog, &options, &out->refused) != 0)
        return 0;
    double planned = kin_calibrate_thread_seconds() - start;
    kin_join_plan plan = *kin_join_get_plan(join);
    kin_join_free(join);
    note_plan(out, plan.total_bytes);
    int rc = calibrate_scan_once(in, plan.tail > 0 ? plan.lead : 0, err);
    const scan_rates *scan = &in->scan;
    double n = (double)plan.distinct, k = top_k(in), sampled = tuned_rows(n);
    /* few dimensions may all lead for being few */
    bool structured = plan.tail > 0 || plan.lead <= KIN_LEAD_MAX;
    double share = structured ? share_looked_at(n, o->target_recall) : 1;
    double pair = scan->pair * (double)plan.lead / (double)(scan->lead ? scan->lead : 1);
    out->seconds.prepare = planned + encode_seconds(in, n) + sampled * n * pair +
                           sampled * n * scan->possible * scan->refined;
    double refined = structured ? join_refined * k : early_of(in, false);
    out->seconds.neighbors = n * n * share * pair + n * refined * scan->refined +
                             n * (k + 1 + refinement) * finished_far * scan->finished +
                             (double)plan.total_bytes * touched_seconds;
    out->seconds.write += written_again * (double)in->log_bytes * in->files.written;
    out->memory_bytes += plan.total_bytes;
    return rc == 0 ? add_evaluation(out, in, err) : rc;
}

/* ---- stream ---------------------------------------------------------------------------------- */

static int predict_stream(prediction *out, predict_input *in, kin_error *err)
{
    const kin_build_options *o = in->options;
    kin_stream_options options = {.top_k = (size_t)o->top_k,
                                  .micro_batch = (size_t)o->micro_batch,
                                  .memory_bytes = o->memory};
    size_t n = in->catalog->n, micro_batch = kin_stream_micro_batch(&options, n);
    kin_memory_plan plan;
    kin_stream_make_plan(&plan, in->catalog, n, &options);
    if (!fits(out, &plan, in))
        return 0;
    int rc = calibrate_stream_once(in, micro_batch, err);
    out->seconds.neighbors = stream_seconds(in, count_of(in));
    out->memory_bytes += plan.total_bytes;
    return rc;
}

/* ---- hnsw and ivf ---------------------------------------------------------------------------- */

/* A search of a small graph sees nearly all of it and no more; in a large one this many times as
 * much, on top of the logarithm. Fashion and kin gen, from 1,024 rows; from fewer, which see as
 * much less, as much more. */
static const double hnsw_growth_build = 2, hnsw_growth_search = 3;

/* Rows of the sample that are indexed: one of so many items, within these numbers. */
enum { HNSW_SHARE = 64, HNSW_ROWS_LEAST = 256, HNSW_ROWS = 1024 };

static size_t hnsw_rows(size_t items, size_t project)
{
    size_t rows = items / HNSW_SHARE;
    rows = rows > HNSW_ROWS_LEAST ? rows : HNSW_ROWS_LEAST;
    rows = rows < HNSW_ROWS ? rows : HNSW_ROWS;
    return rows > 2 * project ? rows : 2 * project;
}

/* Its depth is tuned on as many rows as are evaluated, in about so many searches of them. */
static const double tuning_steps = 3;

static void grow_hnsw(prediction *out, const hnsw_rates *rates, double n, double s)
{
    double more = n * log(n) / (s * log(s)) * fmax(HNSW_ROWS / s, 1);
    out->seconds.prepare = rates->build * more * (n > s ? hnsw_growth_build : 1);
    out->seconds.neighbors = rates->search * more * (n > s ? hnsw_growth_search : 1);
}

/* k-means passes over 64 rows a list, and what an exact score takes beside one of a list. */
static const double kmeans_passes = 10, rescored = 2;

/* A sample's few lists lie in the cache: in all vectors a score takes this many times as long.
 * Fashion. */
static const double ivf_growth_search = 3;

/* The scores that n searches compute: of the lists, of their vectors, and of the candidates. */
static double ivf_searching(const kin_search_options *search, double n, double lists)
{
    double probes = search->probes > 0 ? (double)search->probes : fmax(16, 2 * sqrt(lists));
    double candidates =
        search->candidates > 0 ? (double)search->candidates : 4 * (double)search->top_k;
    return n * (lists + n * fmin(probes / lists, 1) + rescored * 2 * fmin(candidates, n));
}

/* Clustering and adding multiply matrices, as stream does; its rates are known by then. */
static void grow_ivf(prediction *out, const predict_input *in, const hnsw_rates *rates,
                     const kin_index_options *index, const kin_search_options *search, double s)
{
    const kin_index_options by_size = KIN_INDEX_OPTIONS_INIT;
    double n = count_of(in), lists = (double)kin_index_lists(index, (size_t)n);
    double few = (double)kin_index_lists(&by_size, (size_t)s);
    double trained = kmeans_passes * fmin(KIN_KMEANS_ROWS_PER_CLUSTER * lists, n);
    out->seconds.prepare = (n + trained) * lists * in->stream.pair;
    out->seconds.neighbors = rates->search * ivf_searching(search, n, lists) /
                             ivf_searching(search, s, few) * (n > s ? ivf_growth_search : 1);
}

/* What indexing and searching a sample took, as the whole would. */
static int calibrate_faiss_once(prediction *out, const predict_input *in, kin_index_options index,
                                kin_search_options search, size_t index_bytes, kin_error *err)
{
    plan_sample few;
    hnsw_rates rates;
    size_t rows = hnsw_rows(in->catalog->n, (size_t)index.project);
    int rc = kin_plan_sample_init(&few, &in->sample.catalog, rows, SIZE_MAX, err);
    if (rc != 0)
        return rc;
    index.memory_bytes = search.memory_bytes = 0; /* the sample's are not the budget's */
    kin_index_options asked = index;
    asked.lists = 0; /* by the sample's size */
    rc = kin_calibrate_hnsw(&rates, &few.catalog, &asked, &search, err);
    kin_plan_sample_release(&few);
    double n = count_of(in), s = (double)(rates.rows > 1 ? rates.rows : 2);
    if (index.type == KIN_INDEX_IVF)
        grow_ivf(out, in, &rates, &index, &search, s);
    else
        grow_hnsw(out, &rates, n, s);
    if (in->options->index_dir) /* it is there: its files are read */
        out->seconds.prepare = (double)index_bytes * 2 * in->files.hashed;
    return rc;
}

/* The evaluation, and the rows that depth is tuned on, which take as long each. */
static int add_faiss_evaluation(prediction *out, predict_input *in, kin_error *err)
{
    const kin_build_options *o = in->options;
    int rc = add_evaluation(out, in, err);
    bool ivf = out->engine == KIN_ENGINE_IVF;
    if (o->search.candidates > 0 || (ivf ? o->search.probes : o->search.ef_search) > 0)
        return rc;
    double rows = fmin((double)kin_evaluation_rows(in->catalog->n, o->target_recall), 1000);
    out->seconds.prepare +=
        out->seconds.recall + out->seconds.neighbors * tuning_steps * rows / count_of(in);
    return rc;
}

static int predict_faiss(prediction *out, predict_input *in, kin_error *err)
{
    const kin_build_options *o = in->options;
    kin_index_options index = o->index;
    kin_search_options search = o->search;
    kin_index_plan plan;
    index.type = out->engine == KIN_ENGINE_IVF ? KIN_INDEX_IVF : KIN_INDEX_HNSW;
    index.memory_bytes = search.memory_bytes = o->memory;
    search.top_k = (size_t)o->top_k;
    if (out->engine == KIN_ENGINE_IVF && kin_build_check_ivf_options(o, &out->refused) != 0)
        return 0;
    if (kin_index_make_plan(&plan, in->catalog, &index, &search, &out->refused) != 0 ||
        !fits(out, &plan.building, in) ||
        kin_index_plan_lists(in->catalog, &index, &out->refused) != 0 ||
        !fits(out, &plan.searching, in))
        return 0;
    int rc = calibrate_faiss_once(out, in, index, search, plan.index_bytes, err);
    size_t before = out->memory_bytes, building = plan.building.total_bytes;
    size_t searching = kin_size_add(plan.index_bytes, plan.searching.total_bytes);
    out->memory_bytes = before + plan.index_bytes;
    if (rc == 0)
        rc = add_faiss_evaluation(out, in, err);
    before += building > searching ? building : searching;
    out->memory_bytes = out->memory_bytes > before ? out->memory_bytes : before;
    return rc;
}

int kin_predict(prediction *out, predict_input *in, kin_engine engine, kin_error *err)
{
    *out = (prediction){.engine = engine};
    set_common(out, in);
    switch (engine) {
    case KIN_ENGINE_EXACT:
        return predict_exact(out, in, err);
    case KIN_ENGINE_JOIN:
        return predict_join(out, in, err);
    case KIN_ENGINE_STREAM:
        return predict_stream(out, in, err);
    default:
        return predict_faiss(out, in, err);
    }
}
