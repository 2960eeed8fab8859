/*
 * kin query: the most similar items of given items, as a graph stores them or by an index that kin
 * index wrote, and by an index those of vectors from outside.
 */
#include "core/json.h"
#include "job/engine_options.h"
#include "report/query_report.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/outputs.h"
#include "tools/shared_options.h"

#include <stdio.h>

typedef struct query_options {
    command_common common;
    kin_query_options query;
    const char *json;
} query_options;

static const query_options defaults = {.query = KIN_QUERY_OPTIONS_INIT};

#define FIELD(name) offsetof(query_options, name)

static const kin_option options[] = {
    OPTION_JSON(FIELD(json), "the answers"),
    KIN_OPTIONS_END,
};

static const kin_option_group groups[] = {
    {NULL, kin_query_lines, FIELD(query)},
    {NULL, kin_search_lines, FIELD(query.search)},
    {NULL, options, 0},
    {NULL, command_common_lines, 0},
};

/* Where answers go: to stdout one by one, or into a document. */
typedef struct answers {
    const char *json; /* the option */
    FILE *text;       /* these two: once the first has come */
    const char *kind; /* "index" or "graph" */
    size_t top_k;
    json_t *document; /* an array */
} answers;

static int write_answer(void *to, const kin_answer *answer, kin_error *err)
{
    answers *self = to;
    (void)err;
    self->kind = answer->kind;
    self->top_k = answer->rows->k;
    if (self->json) {
        kin_json_append(&self->document, kin_answer_json(answer));
        return 0;
    }
    if (!self->text) { /* above the first answer: a query that fails prints nothing */
        self->text = command_text(self->json);
        kin_answer_print_header(answer, self->text);
    }
    kin_answer_print(answer, self->text);
    return 0;
}

static int end_answers(void *to, kin_error *err)
{
    const answers *self = to;
    return self->json ? 0 : command_flush_stdout(err);
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    const query_options *o = values;
    const kin_monitor monitor = console_monitor_opening();
    answers all = {.json = o->json, .kind = "index", .document = json_array()};
    const kin_answer_sink sink = {.self = &all, .write = write_answer, .end = end_answers};
    kin_query_options query = o->query;
    query.folder = operands->item[0];
    int rc = outputs_check(&(outputs){.json = o->json}, err);
    if (rc == 0)
        rc = kin_query_run(&query, &sink, &monitor, err);
    if (rc == 0 && o->json) {
        json_t *document = json_pack("{s:o, s:I, s:o}", all.kind, kin_json_text(query.folder),
                                     "top_k", (json_int_t)all.top_k, "queries", all.document);
        return command_end(o->json, document, err);
    }
    json_decref(all.document);
    return rc;
}

const kin_command command_query = {
    .name = "query",
    .summary = "the most similar items of an item, or of vectors from outside",
    .operands = "GRAPH|INDEX",
    .operands_min = 1,
    .operands_max = 1,
    .example = "kin query graph --item B0012345 --top-k 10\n"
               "kin query index --item B0012345 --top-k 10 --candidates 200\n"
               "kin query index --query text=q.npy --query image=r.npy --json -",
    .options = COMMAND_GROUPS(groups, defaults),
    .uses_blas = true,
    .run = run,
};
