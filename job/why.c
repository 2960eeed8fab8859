#include "job/why.h"
#include "job/graph_catalog.h"
#include "job/option_lines.h"
#include "job/show.h"

#define FIELD(name) offsetof(kin_why_options, name)

const kin_option kin_why_lines[] = {
    OPTION_MODALITY(FIELD(modality), "as the manifest says"),
    KIN_OPTIONS_END,
};

static const kin_why_options defaults = KIN_WHY_OPTIONS_INIT;

const kin_option_table kin_why_table = {
    .group = (const kin_option_group[]){{NULL, kin_why_lines, 0}},
    .count = 1,
    .defaults = &defaults,
    .bytes = sizeof defaults,
};

static int explain(kin_why *out, const kin_graph *graph, const size_t row[2],
                   const kin_why_options *options, const kin_monitor *monitor, kin_error *err)
{
    kin_catalog catalog;
    kin_error reason;
    bool opened;
    int rc = kin_graph_catalog_try(&catalog, &opened, &reason, graph, &options->modality, err);
    if (rc != 0)
        return rc;
    if (!opened)
        kin_monitor_message(monitor, KIN_LEVEL_WARNING,
                            "Only the graph is asked, for want of its vectors: %s", reason.message);
    kin_monitor_stage(monitor, "ranks");
    rc = kin_why_find(out, graph, opened ? &catalog : NULL, row[0], row[1], monitor, err);
    if (rc == 0 && opened)
        rc = kin_catalog_unchanged(&catalog, err);
    if (opened)
        kin_catalog_close(&catalog);
    return rc;
}

int kin_why_run(kin_why *out, const kin_graph *graph, const char *a, const char *b,
                const kin_why_options *options, const kin_monitor *monitor, kin_error *err)
{
    const char *const id[] = {a, b};
    size_t row[2];
    int rc = kin_show_find(row, id, 2, graph, err);
    return rc == 0 ? explain(out, graph, row, options, monitor, err) : rc;
}
