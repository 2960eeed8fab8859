/*
 * kin compare: what an approximate graph loses, where, and which knob gets it back; how it differs
 * from last night's; and whether it may be published.
 */
#include "core/memory.h"
#include "core/outdir.h"
#include "core/outfile.h"
#include "core/text.h"
#include "job/compare.h"
#include "job/show_picture.h"
#include "report/compare_json.h"
#include "report/compare_page.h"
#include "report/compare_prom.h"
#include "report/compare_table.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/outputs.h"
#include "tools/shared_options.h"
#include "tools/signals.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

typedef struct compare_command_options {
    command_common common;
    kin_compare_options compare;
    const char *json, *out, *prom, *pictures;
} compare_command_options;

static const compare_command_options defaults = {.compare = KIN_COMPARE_OPTIONS_INIT};

#define FIELD(name) offsetof(compare_command_options, name)

static const kin_option options[] = {
    OPTION_JSON(FIELD(json), "the numbers"),
    OPTION_PAGE(FIELD(out), NULL, "write one self-contained page"),
    OPTION_PICTURES(FIELD(pictures)),
    {.name = "prom",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(prom),
     .unit = "FILE",
     .run_only = true,
     .help = "write a textfile for Prometheus"},
    {.name = "force",
     .type = KIN_OPTION_FLAG,
     .offset = FIELD(compare.force),
     .run_only = true,
     .help = "compare with a reference that does not fit, which meets no gate; replace a page at "
             "--out"},
    KIN_OPTIONS_END,
};

static const kin_option_group groups[] = {
    {NULL, kin_compare_lines, FIELD(compare)},
    {NULL, options, 0},
    {NULL, command_common_lines, 0},
};

static int write_page(const kin_comparison *self, const compare_command_options *o, kin_error *err)
{
    char *page = NULL;
    size_t bytes = 0;
    int rc = kin_comparison_page(&page, &bytes, self, o->pictures, err);
    if (rc == 0)
        rc = kin_outfile_write(o->out, page, bytes, o->compare.force, err);
    if (rc == 0)
        console_info("Wrote %s: %.1f MiB", o->out, (double)bytes / 0x1p20);
    free(page);
    return rc;
}

static int write_result(const kin_comparison *self, const char *json, kin_error *err)
{
    FILE *text = command_text(json);
    if (text)
        kin_comparison_print(self, text);
    return command_end(json, text ? NULL : kin_comparison_json(self), err);
}

/* When all gates were last met: now, or as the file that is there says. */
static int last_success(double *when, const kin_comparison *self, const char *path, bool now,
                        kin_error *err)
{
    *when = (double)time(NULL);
    if (now)
        return 0;
    FILE *earlier = fopen(path, "re");
    *when = NAN;
    if (!earlier)
        return errno == ENOMEM ? kin_fail_alloc(err, path, 0) : 0;
    int rc = kin_comparison_prom_success(when, self, earlier, err);
    fclose(earlier);
    return rc;
}

/* In one rename, so that a scrape never sees half of it. */
static int write_prom(const kin_comparison *self, const char *path, bool success, kin_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    double when;
    int rc = last_success(&when, self, path, success, err);
    FILE *out = rc == 0 ? kin_text_stream(&text, &bytes) : NULL;
    if (rc == 0 && !out)
        rc = kin_fail_alloc(err, "the textfile", 0);
    if (rc != 0)
        return rc;
    kin_comparison_prom(self, when, out);
    rc = fclose(out) == 0 ? kin_outfile_write(path, text, bytes, true, err)
                          : kin_fail_alloc(err, "the textfile", bytes);
    free(text);
    return rc;
}

/* Everything that was asked for is written, whether the gates are met or not. */
static int report(const kin_comparison *self, const compare_command_options *o, kin_error *err)
{
    int rc = o->out ? write_page(self, o, err) : 0;
    bool met = kin_comparison_gates_error(self, NULL) == 0;
    if (rc == 0 && o->prom)
        rc = write_prom(self, o->prom, met && !self->forced, err);
    if (rc == 0)
        rc = write_result(self, o->json, err);
    return rc == 0 ? kin_comparison_gates_error(self, err) : rc;
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    const compare_command_options *o = values;
    kin_compare_options compare = o->compare;
    const outputs files = {.json = o->json,
                           .out = o->out,
                           .prom = o->prom,
                           .force = compare.force,
                           .input = {compare.ids, compare.reference_ids}};
    console_monitor progress;
    kin_comparison found;
    int rc = outputs_check(&files, err);
    if (rc == 0)
        rc = kin_show_pictures_check(o->pictures, err);
    if (rc != 0)
        return rc;
    compare.graph = operands->item[0];
    compare.other = operands->count > 1 ? operands->item[1] : NULL;
    signals_catch();
    const kin_monitor monitor = console_monitor_start(&progress, (size_t)compare.sample);
    rc = kin_compare_run(&found, &compare, &monitor, err);
    console_monitor_end(&progress);
    if (rc != 0)
        return rc;
    rc = report(&found, o, err);
    kin_comparison_release(&found);
    return rc;
}

const kin_command command_compare = {
    .name = "compare",
    .summary = "what a graph loses against exact ones, how it drifts, and whether it may go live",
    .operands = "GRAPH [OTHER]",
    .operands_min = 1,
    .operands_max = 2,
    .example =
        "kin compare graph --sample 1000\n"
        "kin compare graph --sample 2000 --min-recall 0.95 --previous yesterday --max-drift 0.3\n"
        "kin compare graph-join graph-hnsw --reference graph-exact --out report.html\n"
        "kin compare faiss.ivecs --reference graph-exact --modality text=text.npy:0.6",
    .options = COMMAND_GROUPS(groups, defaults),
    .uses_blas = true,
    .run = run,
};
