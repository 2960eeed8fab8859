/*
 * One run of queries from its options (job/query.h). Leaves out: serving many queries; opening
 * reads every vector and every index file once.
 */
#include "job/query.h"
#include "core/manifest.h"
#include "job/query_graph.h"

#include <string.h>

/* The rows of the items asked for: all are found before the first is answered. */
static int find_items(const kin_query_session *session, const kin_text_list *list,
                      int64_t row[KIN_LIST_MAX], kin_error *err)
{
    kin_line_index ids;
    int rc = kin_line_index_init(&ids, &session->catalog.ids, session->catalog.ids_path, 1, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < list->count; i++) {
        const char *id = list->item[i];
        row[i] = kin_line_index_find(&ids, (kin_span){id, strlen(id)});
        if (row[i] < 0)
            rc = kin_fail(err, KIN_E_DATA, "the folder's ids.txt lists all of them",
                          "%s has no item '%s'", session->dir.path, id);
    }
    kin_line_index_release(&ids);
    return rc;
}

/* One --query NAME=FILE. */
static int add_outside(kin_questions *questions, const kin_query_session *session, const char *text,
                       kin_error *err)
{
    kin_source source;
    int rc = kin_source_parse(&source, text, err);
    if (rc != 0)
        return rc;
    rc = source.weight == 1
             ? kin_questions_add(questions, session, &source, text, err)
             : kin_fail(err, KIN_E_USAGE, "give --query NAME=FILE once for a modality of the index",
                        "--query %s: weights go with --modality %s", text, source.name);
    kin_source_release(&source);
    return rc;
}

static int ask(kin_query_session *session, const kin_query_options *options,
               const kin_answer_sink *sink, const kin_monitor *monitor, kin_error *err)
{
    int64_t row[KIN_LIST_MAX];
    bool items = options->item.count > 0;
    kin_questions questions = {.row = items ? row : NULL,
                               .label = options->item.item,
                               .row_count = options->item.count,
                               .top_k =
                                   options->top_k > 0 ? (size_t)options->top_k : KIN_QUERY_TOP_K,
                               .search = options->search};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < options->query.count; i++)
        rc = add_outside(&questions, session, options->query.item[i], err);
    if (rc == 0)
        kin_monitor_stage(monitor, "answers");
    if (rc == 0 && items)
        rc = find_items(session, &options->item, row, err);
    if (rc == 0)
        rc = kin_query_session_answer(session, &questions, sink, monitor, err);
    kin_questions_release(&questions);
    return rc;
}

/* By an index, whose folder is open. */
static int query_index(const kin_query_options *options, const kin_dir *dir,
                       const kin_answer_sink *sink, const kin_monitor *monitor, kin_error *err)
{
    kin_query_session session;
    int rc = kin_query_session_open(&session, dir, &options->modality, NULL, monitor, err);
    if (rc != 0)
        return rc;
    rc = ask(&session, options, sink, monitor, err);
    kin_query_session_close(&session);
    return rc;
}

/* Whether the folder is a graph. What is neither is refused when it is opened as an index. */
static int find_kind(bool *graph, const kin_dir *dir, kin_error *err)
{
    json_t *manifest;
    int rc = kin_manifest_read_in(&manifest, dir, NULL, err);
    if (rc != 0)
        return rc;
    const char *kind = json_string_value(json_object_get(manifest, "kind"));
    *graph = kind && strcmp(kind, "graph") == 0;
    json_decref(manifest);
    return 0;
}

int kin_query_run(const kin_query_options *options, const kin_answer_sink *sink,
                  const kin_monitor *monitor, kin_error *err)
{
    kin_dir dir = {0};
    bool graph = false, outside = options->query.count > 0;
    int rc = kin_options_check(&kin_query_table, options, err);
    if (rc == 0)
        rc = kin_dir_open(&dir, options->folder, err);
    if (rc == 0)
        rc = find_kind(&graph, &dir, err);
    if (rc != 0)
        goto done;
    if (graph && options->item.count == 0 && !outside)
        rc = kin_fail(err, KIN_E_USAGE, "give --item ID", "nothing to look for: no --item");
    else if (!graph && (options->item.count > 0) == outside)
        rc = kin_fail(err, KIN_E_USAGE, "give either --item ID or --query NAME=FILE",
                      outside ? "--item and --query exclude each other"
                              : "nothing to look for: neither --item nor --query");
    else
        rc = graph ? kin_query_graph(options, &dir, sink, monitor, err)
                   : query_index(options, &dir, sink, monitor, err);
done:
    kin_dir_close(&dir);
    return rc;
}
