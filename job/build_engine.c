/*
 * The engine of a build: run once with the effort that the options say, and that effort escalated.
 *
 * An engine whose rows are not proven has both: the loop in build_attempts.c needs no more of it.
 */
#include "ann/faiss_search.h"
#include "exact/stream.h"
#include "job/build_parts.h"

static int run_stream(build *self, kin_row_sink sink, kin_error *err)
{
    const kin_build_options *o = &self->options;
    kin_stream_options stream = {.top_k = (size_t)o->top_k,
                                 .micro_batch = (size_t)o->micro_batch,
                                 .memory_bytes = o->memory};
    build_info(self,
               "Computing similarity in micro-batches (total=%zu, micro_batch_size=%lld, "
               "top_k=%lld)",
               self->catalog.n, (long long)o->micro_batch, (long long)o->top_k);
    return kin_stream_run(&self->catalog, NULL, &stream, sink, self->monitor, err);
}

static void log_exact_plan(const build *self)
{
    const kin_exact_plan *plan = &self->exact_plan;
    build_info(self,
               "Plan: %zu of %zu dimensions lead, %zu %s; memory %.0f MiB (codes %.0f, "
               "collectors %.0f, threads %.0f)",
               plan->lead, plan->lead + plan->tail, plan->blocks,
               plan->blocks == 1 ? "block: every pair serves both items" : "blocks of rows",
               (double)plan->total_bytes / 0x1p20, (double)plan->codes_bytes / 0x1p20,
               (double)plan->collectors_bytes / 0x1p20, (double)plan->work_bytes / 0x1p20);
}

static int run_exact(build *self, kin_row_sink sink, kin_error *err)
{
    const kin_build_options *o = &self->options;
    kin_exact_options options = KIN_EXACT_OPTIONS_INIT;
    kin_exact *engine = NULL;
    options.top_k = (size_t)o->top_k;
    options.memory_bytes = o->memory;
    build_info(self, "Computing similarity (engine=%s, total=%zu, top_k=%lld)",
               kin_engine_names[o->engine], self->catalog.n, (long long)o->top_k);
    int rc = kin_exact_new(&engine, &self->catalog, &options, err);
    if (rc != 0)
        return rc;
    self->exact_plan = *kin_exact_get_plan(engine);
    log_exact_plan(self);
    kin_build_stage_done(self, "plan");
    rc = kin_exact_run(engine, sink, self->monitor, err);
    self->exact_report = *kin_exact_get_report(engine);
    kin_exact_free(engine);
    return rc;
}

static int run_search(build *self, kin_row_sink sink, kin_error *err)
{
    const kin_build_options *o = &self->options;
    build_info(self, "Computing similarity (engine=%s, total=%zu, top_k=%lld)",
               kin_engine_names[o->engine], self->catalog.n, (long long)o->top_k);
    return kin_search_all(self->index, &o->search, sink, self->monitor, err);
}

static int run_join(build *self, kin_row_sink sink, kin_error *err)
{
    const kin_build_options *o = &self->options;
    build_info(self, "Computing similarity (engine=%s, total=%zu, top_k=%lld)",
               kin_engine_names[o->engine], self->catalog.n, (long long)o->top_k);
    return kin_join_run(self->join, sink, self->monitor, err);
}

int kin_build_engine_run(build *self, kin_row_sink sink, kin_error *err)
{
    switch (self->options.engine) {
    case KIN_ENGINE_EXACT:
        return run_exact(self, sink, err);
    case KIN_ENGINE_STREAM:
        return run_stream(self, sink, err);
    case KIN_ENGINE_JOIN:
        return run_join(self, sink, err);
    default:
        return run_search(self, sink, err);
    }
}

static int escalate_join(build *self, bool *escalated, kin_error *err)
{
    int rc = kin_join_escalate(self->join, escalated, &self->quiet, err);
    kin_build_stage_done(self, "tune");
    if (rc == 0 && *escalated)
        kin_build_log_effort(self);
    return rc;
}

int kin_build_engine_escalate(build *self, bool *escalated, kin_error *err)
{
    kin_build_options *o = &self->options;
    if (o->engine == KIN_ENGINE_JOIN)
        return escalate_join(self, escalated, err);
    *escalated = kin_search_escalate(&o->search, self->index);
    if (*escalated && o->engine == KIN_ENGINE_IVF)
        build_info(self, "Effort escalated: candidates %lld, probes %lld",
                   (long long)o->search.candidates, (long long)o->search.probes);
    else if (*escalated)
        build_info(self, "Effort escalated: candidates %lld, efSearch %lld",
                   (long long)o->search.candidates, (long long)o->search.ef_search);
    return 0;
}
