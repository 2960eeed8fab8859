/*
 * kin_build, kin_plan_build and kin_build_index: the input and the pairs become the options of the
 * function in job/ that the command calls too.
 *
 * A graph without a folder of its own is written to a temporary one, mapped, and loses its name:
 * nothing stays behind however the process ends, its pages are the page cache's, and no second way
 * of making a graph is needed.
 */
#include "job/plan.h"
#include "kin/call.h"
#include "kin/graph.h"
#include "kin/input.h"
#include "kin/pairs.h"
#include "kin/temporary.h"
#include "kin/texts.h"
#include "report/plan_report.h"

/* What the three are called with. */
typedef struct building {
    const kin_input *input;
    const char *const *pairs;
    const char *directory; /* of kin_build */
    kin_graph **graph;     /* its result, or NULL */
    char **json;           /* that of kin_plan_build */
} building;

static int read_arguments(const building *self, kin_build_call *call, kin_error *err)
{
    int rc = kin_pairs_read(&kin_build_call_table, call, self->pairs, err);
    if (rc == 0)
        rc = kin_input_put(self->input, &call->catalog, err);
    return rc == 0 ? kin_call_threads(call->threads, err) : rc;
}

/* ---- a graph --------------------------------------------------------------------------------- */

/* What is written beside the graph's own files needs a folder that keeps its name. */
static int check_nameless(const kin_build_options *o, kin_error *err)
{
    const char *name = o->arrays ? "arrays" : o->trace_rows ? "trace-rows" : o->force ? "force" : 0;
    if (!name)
        return 0;
    return kin_fail(err, KIN_E_USAGE, "give out=DIR too, or leave it away",
                    "%s is about files in a folder, and no out is given", name);
}

static int build_nameless(const building *self, kin_build_call *call, const kin_monitor *monitor,
                          kin_error *err)
{
    kin_temporary temporary;
    if (!self->graph)
        return kin_fail(err, KIN_E_USAGE, "give out=DIR, or a place for the graph",
                        "the graph would go nowhere");
    int rc = check_nameless(&call->build, err);
    if (rc == 0)
        rc = kin_temporary_make(&temporary, self->directory ? self->directory : "/tmp", err);
    if (rc != 0)
        return rc;
    call->build.out = temporary.path;
    rc = kin_build_run(&call->catalog, &call->build, monitor, NULL, err);
    if (rc == 0)
        rc = kin_graph_open_new(self->graph, temporary.path, true, err);
    kin_temporary_remove(&temporary);
    return rc;
}

static int run_build(void *work, const kin_monitor *monitor, kin_error *err)
{
    const building *self = work;
    kin_build_call call;
    int rc = read_arguments(self, &call, err);
    if (rc != 0)
        return rc;
    if (!call.build.out)
        return build_nameless(self, &call, monitor, err);
    rc = kin_build_run(&call.catalog, &call.build, monitor, NULL, err);
    return rc == 0 && self->graph ? kin_graph_open_new(self->graph, call.build.out, false, err)
                                  : rc;
}

int kin_build(kin_graph **graph, const kin_input *input, const char *const *options,
              const char *directory, kin_callback *callback, void *self, kin_error *err)
{
    building work = {.input = input, .pairs = options, .directory = directory, .graph = graph};
    const kin_call call = {run_build, &work, true, callback, self};
    return kin_call_run(&call, err);
}

/* ---- a plan ---------------------------------------------------------------------------------- */

static int run_plan(void *work, const kin_monitor *monitor, kin_error *err)
{
    const building *self = work;
    kin_build_call call;
    kin_plan_report found;
    int rc = read_arguments(self, &call, err);
    if (rc == 0)
        rc = kin_plan_run(&call.catalog, &call.build, monitor, &found, err);
    if (rc != 0)
        return rc;
    rc = kin_json_text_new(self->json, kin_plan_report_json(&found), err);
    return rc == 0 ? kin_plan_refused(&found, err) : rc;
}

int kin_plan_build(char **json, const kin_input *input, const char *const *options,
                   kin_callback *callback, void *self, kin_error *err)
{
    building work = {.input = input, .pairs = options, .json = json};
    const kin_call call = {run_plan, &work, true, callback, self};
    return kin_call_run(&call, err);
}

/* ---- an index -------------------------------------------------------------------------------- */

static int run_index(void *work, const kin_monitor *monitor, kin_error *err)
{
    const building *self = work;
    kin_index_call call;
    kin_catalog_options inputs = {0};
    int rc = kin_pairs_read(&kin_index_call_table, &call, self->pairs, err);
    if (rc == 0)
        rc = kin_input_put(self->input, &inputs, err);
    if (rc == 0)
        rc = kin_call_threads(call.threads, err);
    call.index.inputs = &inputs;
    return rc == 0 ? kin_index_run(&call.index, monitor, NULL, err) : rc;
}

int kin_build_index(const kin_input *input, const char *const *options, kin_callback *callback,
                    void *self, kin_error *err)
{
    building work = {.input = input, .pairs = options};
    const kin_call call = {run_index, &work, true, callback, self};
    return kin_call_run(&call, err);
}
