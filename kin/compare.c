/*
 * kin_compare: the function of job/ that the command calls, with graphs that are open already.
 */
#include "kin/call.h"
#include "kin/graph.h"
#include "kin/input.h"
#include "kin/pairs.h"
#include "kin/texts.h"
#include "report/compare_json.h"

typedef struct comparing {
    char **json;
    const kin_graph *graph, *reference;
    const kin_input *input;
    const char *const *pairs;
} comparing;

static int run_compare(void *work, const kin_monitor *monitor, kin_error *err)
{
    const comparing *self = work;
    kin_compare_call call;
    kin_catalog_options inputs = {0};
    kin_comparison found;
    int rc = kin_pairs_read(&kin_compare_call_table, &call, self->pairs, err);
    if (rc == 0 && self->input)
        rc = kin_input_put(self->input, &inputs, err);
    if (rc == 0)
        rc = kin_call_threads(call.threads, err);
    if (rc != 0)
        return rc;
    call.compare.open_graph = self->graph;
    call.compare.open_reference = self->reference;
    call.compare.inputs = self->input ? &inputs : NULL;
    rc = kin_compare_run(&found, &call.compare, monitor, err);
    if (rc != 0)
        return rc;
    rc = kin_json_text_new(self->json, kin_comparison_json(&found), err);
    if (rc == 0)
        rc = kin_comparison_gates_error(&found, err);
    kin_comparison_release(&found);
    return rc;
}

int kin_compare(char **json, const kin_graph *graph, const kin_graph *reference,
                const kin_input *input, const char *const *options, kin_callback *callback,
                void *self, kin_error *err)
{
    comparing work = {json, graph, reference, input, options};
    const kin_call call = {run_compare, &work, true, callback, self};
    return kin_call_run(&call, err);
}
