/*
 * The page of `kin compare`: it says the comparison's numbers, it is inert whatever the catalog's
 * texts are, its tags are closed, and any part may be missing.
 */
#include "report/compare_page.h"
#include "support/markup.h"
#include "support/test.h"

#include <math.h>

enum { N = 6, K = 3, BYTES_MAX = 200000 };

/* ---- a comparison made by hand --------------------------------------------------------------- */

static const char ids[] = "a\nb<b>\nc&c\nd\"d\ne'e\nf\n";
static const char table[] = "id\ttitle\tcategory\n"
                            "a\t<script>alert(1)</script>\t<i>x\n"
                            "b<b>\t\"quoted\" & 'single'\t<i>x\n"
                            "c&c\tctrl\x1b[2J\ty\"y\n"
                            "d\"d\t   \ty\"y\n"
                            "e'e\t\"><img src=x onerror=alert(1)>\ty\"y\n"
                            "f\tplain\tz\n";

/* Row 1 has another third neighbour than the reference, as good; row 2 has one that is not. */
static const int32_t graph_rows[N][K] = {{1, 2, 3}, {2, 3, 5}, {3, 4, 1},
                                         {4, 5, 0}, {5, 0, 1}, {0, 1, 2}};
static const float graph_scores[N][K] = {{.9f, .8f, .7f}, {.9f, .8f, .7f}, {.9f, .8f, .2f},
                                         {.9f, .8f, .7f}, {.9f, .8f, .7f}, {.9f, .8f, .7f}};

typedef struct world {
    kin_comparison c;
    int32_t rows[4][N][K];
    float scores[4][N][K];
    int64_t indptr[4][N + 1];
    int32_t other[N]; /* of a reference in reversed order */
    kin_stratum stratum[3];
} world;

static void make_side(world *w, kin_comparison_side *side, size_t at, const char *name,
                      const char *engine)
{
    kin_graph *g = &side->graph;
    side->there = true;
    *g = (kin_graph){.n = N, .k = K, .pairs = N * K, .modality_count = 2};
    for (size_t i = 0; i < N; i++) {
        w->indptr[at][i + 1] = (int64_t)((i + 1) * K);
        for (size_t j = 0; j < K; j++) {
            w->rows[at][i][j] = at ? (int32_t)((i + j + 1) % N) : graph_rows[i][j];
            w->scores[at][i][j] = at ? (float)(9 - (int)j) / 10 : graph_scores[i][j];
        }
    }
    g->indptr = w->indptr[at];
    g->indices = w->rows[at][0];
    g->data = w->scores[at][0];
    strcpy(g->modality[0], "text");
    strcpy(g->modality[1], "image");
    g->directory = strdup(name);
    assert_int_equal(kin_lines_open(&g->ids, test_path("ids.txt"), NULL), 0);
    assert_int_equal(kin_table_open(&g->items, test_path("items.tsv"), NULL), 0);
    g->manifest =
        json_pack("{s:s, s:[{s:s, s:f, s:i, s:s, s:s}], s:{s:i, s:s, s:n, s:f}, s:{s:s, s:s, s:f}}",
                  "engine", engine, "modalities", "name", "text", "weight", 0.6, "dimensions", 512,
                  "dtype", "float16", "xxh3_128", "0123456789abcdef", "options", "links",
                  32 + (int)at, "index", "<u>dir</u>", "project", "target_recall", 0.97, "run",
                  "kin", "0.1.0", "started", "2026-01-02T03:04:05Z", "seconds_total", 12.5);
    assert_non_null(g->manifest);
}

static kin_summary summary(double mean)
{
    kin_summary out = {.mean = mean, .min = 0.25, .p1 = 0.5, .p5 = 0.75, .p50 = 0.975};
    out.below_90 = 0.031;
    out.bin[5] = 1;
    out.bin[19] = 999;
    return out;
}

static kin_recall recall(double mean)
{
    kin_recall out = {.rows = 1001, .evaluated = 1000, .k = K, .scored = true, .cuts = 2};
    out.cut[0] = 1;
    out.cut[1] = K;
    for (size_t i = 0; i < 2; i++) {
        out.strict_at[i] = 0.9701 + (double)i / 1000;
        out.tie_aware_at[i] = 0.9801 + (double)i / 1000;
        out.nearest_found_at[i] = 0.9901 + (double)i / 1000;
        out.nearest_true_at[i] = 1;
    }
    out.epsilon[0] = 0.9911;
    out.epsilon[1] = 0.9922;
    out.score_ratio = 0.9933;
    out.score_loss = 0.000456;
    out.strict = summary(mean - 0.01);
    out.tie_aware = summary(mean);
    out.tie_aware_interval = (kin_interval){.lower = 0.9794, .low = 0.979, .high = 0.9831};
    out.strict_interval = (kin_interval){.lower = 0.9694, .low = 0.969, .high = 0.9731};
    out.rows_for_half = 3;
    out.worst_count = 2;
    out.worst[0] = (kin_worst){2, 0.6667};
    out.worst[1] = (kin_worst){1, 0.8888};
    out.fill = 0.9995;
    out.short_rows = 11;
    out.short_by_rule = 12;
    out.empty_rows = 13;
    out.empty_by_rule = 1;
    return out;
}

static kin_structure structure(void)
{
    kin_structure out = {.items = N, .pairs = N * K, .full_rows = N, .in_degree_max = 5};
    out.never = 1;
    out.in_degree_mean = 3;
    out.in_degree_skewness = 1.25;
    out.degree_bin[0] = 1;
    out.degree_bin[2] = 3;
    out.degree_bin[3] = 2;
    out.hub_count = 2;
    out.hub[0] = (kin_hub){4, 5};
    out.hub[1] = (kin_hub){0, 4};
    out.reciprocity = 0.4321;
    out.components = 1;
    out.largest_component = N;
    out.categories = 3;
    out.within_category = 0.625;
    out.within_by_chance = 0.125;
    out.contribution[0] = 0.7;
    out.contribution[1] = 0.3;
    return out;
}

static kin_loss loss(void)
{
    kin_loss out = {.rows = 200, .entries = 600, .lost = 60, .modality_count = 2};
    out.reason[KIN_LOSS_DEPTH] = 45;
    out.reason[KIN_LOSS_SEARCH] = 15;
    out.depth_by[0] = 45;
    out.search_by[1] = 15;
    out.advice_count = 1;
    kin_loss_advice *advice = out.advice;
    *advice = (kin_loss_advice){KIN_LOSS_DEPTH, "--candidates", 400, 0.61, 2.5, ""};
    strcpy(advice->text, "--candidates 400 would have had 61 % of <them>");
    return out;
}

static kin_drift drift(void)
{
    kin_drift out = {.items = N, .previous_items = N, .common = 5, .new_items = 2, .gone_items = 1};
    out.item_change = 0.375;
    out.k = K;
    out.cuts = 1;
    out.cut[0] = K;
    out.jaccard_at[0] = 0.8125;
    out.jaccard = summary(0.8125);
    out.drift = 0.1875;
    out.changed = 4;
    out.nearest_changed = 1;
    out.worst_count = 1;
    out.worst[0] = (kin_worst){5, 0.2};
    out.example_new_count = 1;
    out.example_new[0] = 4;
    out.example_gone_count = 1;
    out.example_gone[0] = 1;
    out.input_count = 1;
    kin_input_drift *input = out.input;
    *input = (kin_input_drift){"text", true, {0.6, 0.5}, {0, 0}, {NAN, NAN}, {0.1, NAN}, {1, 1}};
    return out;
}

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);
    kin_comparison *c = &w->c;
    assert_non_null(w);
    *c = (kin_comparison){.start_seconds = 0};
    c->stratify = "cat<egory>";
    make_side(w, &c->graph, 0, "graphs/<b>&co", "hnsw");
    make_side(w, &c->reference, 1, "exact", "exact");
    make_side(w, &c->other, 2, "other", "join");
    make_side(w, &c->previous, 3, "yesterday", "join");
    c->to_reference = (kin_id_map){.n = N, .other_n = N, .common = N};
    c->row = w->other;
    c->row_count = 1001;
    c->has_recall = c->has_difference = c->has_loss = c->has_drift = true;
    c->recall = recall(0.9812);
    c->other_recall = recall(0.9512);
    c->difference = (kin_recall_difference){
        .rows = 1000, .mean = 0.03, .better = 600, .worse = 150, .interval = {0, 0, 0.021, 0.039}};
    c->structure = structure();
    c->loss = loss();
    c->drift = drift();
    c->strata.count = 3;
    c->stratum = w->stratum;
    for (size_t i = 0; i < 3; i++)
        w->stratum[i] = (kin_stratum){.items = 10 + i,
                                      .evaluated = 5,
                                      .mean = 0.9 - (double)i / 10,
                                      .interval = {0, 1, .4, .95}};
    w->stratum[0].name = (kin_span){"<i>x", 4};
    w->stratum[1] = (kin_stratum){.name = {"y\"y", 3}, .items = 7, .mean = NAN};
    c->gate[0] = (kin_gate){"min-recall", "recall, lower bound", 0.97, 0.9794, true, true};
    c->gate[1] = (kin_gate){"max-drift", "drift", 0.1, 0.1875, false, false};
    c->gate_count = 2;
    strcpy(c->warning[0], "made from <other> vectors");
    c->warning_count = 1;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    enum { SIDES = 4 };
    kin_comparison_side *const side[SIDES] = {&w->c.graph, &w->c.reference, &w->c.other,
                                              &w->c.previous};
    for (size_t i = 0; i < SIDES; i++) {
        free(side[i]->graph.directory);
        json_decref(side[i]->graph.manifest);
        kin_lines_close(&side[i]->graph.ids);
        kin_table_close(&side[i]->graph.items);
    }
    free(w);
    return 0;
}

/* ---- what holds of every page ---------------------------------------------------------------- */

static char *make_page(const kin_comparison *c, size_t *drawings)
{
    static const char *const never[] = {"<script>",    "<img src=x", "<i>x",  "<b>&co", "<u>dir",
                                        "<other>",     "<them>",     "http",  "url(",   "@import",
                                        "javascript:", "\x1b",       "(null)"};
    char *page = NULL;
    size_t bytes = 0, count;
    kin_error err;
    test_ok(kin_comparison_page(&page, &bytes, c, NULL, &err), &err);
    assert_int_equal(strlen(page), bytes);
    assert_true(bytes < BYTES_MAX);
    for (size_t i = 0; i < TEST_COUNT(never); i++)
        if (strstr(page, never[i]))
            fail_msg("the page has %s", never[i]);
    assert_null(strcasestr(page, "nan"));
    assert_null(strstr(page, "inf "));
    assert_null(strstr(page, "inf<"));
    assert_null(strstr(page, "inf%"));
    count = test_markup(page);
    if (drawings)
        *drawings = count;
    return page;
}

#define assert_has(page, text)                                                                     \
    do {                                                                                           \
        if (!strstr((page), (text)))                                                               \
            fail_msg("the page lacks %s", (text));                                                 \
    } while (0)
#define assert_lacks(page, text)                                                                   \
    do {                                                                                           \
        if (strstr((page), (text)))                                                                \
            fail_msg("the page has %s", (text));                                                   \
    } while (0)

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_numbers(void **state)
{
    static const char *const wanted[] = {
        "<p class=\"number\">0.9812</p>", "<b>0.9790</b> and <b>0.9831</b>", "1,000 random rows",
        "About 3 rows would halve", "1 of 2 gates failed",
        "<b>passed</b> <span>recall, lower bound", "must be at least 0.970000",
        "<b>failed</b> <span>drift <b>0.187500</b>", "--max-drift",
        /* beside the other graph */
        "<b>0.0300</b> more on average, between 0.0210 and 0.0390", "0.9512", "<td>250</td>",
        /* rows and cuts */
        "one in twenty has a recall of 0.7500 or less",
        "<b>3.1\xc2\xa0%</b> of all rows are below 0.9", "0.25 to 0.30</th><td>1</td>",
        "<td>0.9811</td><td>0.9711</td><td>0.9911</td>", "0.9922", "0.9933", "0.000456",
        /* loss */
        "lacks <b>60</b>", "75.0\xc2\xa0%", "depth 45, search 0", "61.0\xc2\xa0%", "2.50 times",
        /* the graph by itself */
        "4 to 7</th><td>2</td>", "1 item<", "43.2\xc2\xa0%",
        "by chance 12.5\xc2\xa0%, 3 categories", "in 5 rows, 83.3\xc2\xa0%", "70.0\xc2\xa0%",
        /* drift */
        "<b>80.0\xc2\xa0%</b> of 5 common items", "0.8125", "37.5\xc2\xa0%",
        "<td>0.6</td><td>0.5</td>", "and 1 more", "overlap 0.2000",
        /* how they were made */
        "weight 0.6, 512 dimensions, float16, fingerprint 01234567",
        "<tr class=\"differs\"><th scope=\"row\">links</th>", "2026-01-02T03:04:05Z", "12.5"};
    world *w = *state;
    size_t drawings;
    char *page = make_page(&w->c, &drawings);
    for (size_t i = 0; i < TEST_COUNT(wanted); i++)
        assert_has(page, wanted[i]);
    assert_true(drawings > 12);
    free(page);
}

static void test_hostile_texts(void **state)
{
    static const char *const wanted[] = {"&lt;b&gt;&amp;co",
                                         "&quot;quoted&quot; &amp; &#39;single&#39;",
                                         "e&#39;e",
                                         "y&quot;y",
                                         "cat&lt;egory&gt;",
                                         "made from &lt;other&gt; vectors",
                                         "&lt;u&gt;dir&lt;/u&gt;",
                                         "61 % of &lt;them&gt;",
                                         "&lt;i&gt;x",
                                         "b&lt;b&gt;",
                                         "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;"};
    world *w = *state;
    char *page = make_page(&w->c, NULL);
    for (size_t i = 0; i < TEST_COUNT(wanted); i++)
        assert_has(page, wanted[i]);
    free(page);
}

/* What stands between two texts, in new memory. */
static char *part_of(const char *page, const char *from, const char *to)
{
    const char *start = strstr(page, from), *end = start ? strstr(start, to) : NULL;
    if (!end) {
        fail_msg("the page lacks %s and then %s", from, to);
        return NULL;
    }
    return strndup(start, (size_t)(end - start));
}

static void test_worst_rows(void **state)
{
    world *w = *state;
    char *page = make_page(&w->c, NULL);
    char *first = part_of(page, "recall <b>0.6667", "</article>");
    char *second = part_of(page, "recall <b>0.8888", "</article>");
    /* row 2 has 1 where the reference has 5; row 1 has 5, as good, where the reference has 4 */
    assert_has(first, "0.2000 <em>not in the reference</em>");
    assert_has(first,
               "plain</bdi></b><small><bdi>f</bdi></small></p><span>0.7000 <em>missing</em>");
    assert_has(second,
               "plain</bdi></b><small><bdi>f</bdi></small></p><span>0.7000 <em>as good</em>");
    assert_has(second, "0.7000 <em>missing</em>");
    assert_lacks(second, "not in the reference");
    free(first);
    free(second);
    free(page);
    w->c.recall.scored = false; /* then nothing tells what is as good */
    page = make_page(&w->c, NULL);
    assert_lacks(page, "as good</em>");
    assert_has(page, "Mean strict recall@3");
    assert_has(page, "<p class=\"number\">0.9712</p>");
    free(page);
}

/* The reference's rows are numbered backwards, and it alone has a table. */
static void test_paired_rows(void **state)
{
    world *w = *state;
    kin_table kept = w->c.graph.graph.items, other = w->c.reference.graph.items;
    w->c.graph.graph.items = (kin_table){0};
    for (int32_t i = 0; i < N; i++) {
        w->other[i] = N - 1 - i;
        for (size_t j = 0; j < K; j++)
            w->rows[1][N - 1 - i][j] = N - 1 - graph_rows[i][j];
    }
    w->c.to_reference.other = w->other;
    w->c.to_reference.back = w->other;
    char *page = make_page(&w->c, NULL);
    assert_lacks(page, "missing</em></span>");
    assert_lacks(page, "not in the reference</em></span>");
    /* the hub in row 4 of the graph is row 1 of the reference */
    assert_has(page,
               "single&#39;</bdi></b><small><bdi>b&lt;b&gt;</bdi></small></p><span>in 5 rows");
    /* row 1 of the reference lost much: row 4 of the graph */
    assert_has(page, "<h3><bdi>&quot;quoted&quot;");
    free(page);
    /* the graph alone has a table: it calls the same item otherwise */
    w->c.graph.graph.items = kept;
    w->c.reference.graph.items = (kin_table){0};
    page = make_page(&w->c, NULL);
    assert_has(page, "<h3><bdi>&quot;&gt;&lt;img");
    free(page);
    w->c.reference.graph.items = other;
}

static void test_computed_reference(void **state)
{
    world *w = *state;
    w->c.computed = true;
    w->c.seed = 77;
    char *page = make_page(&w->c, NULL);
    assert_has(page, "<span>against</span> exact rows</h1>");
    assert_has(page, "computed now for a sample");
    assert_has(page, "1,001 random items (seed 77)");
    assert_has(page, "<td class=\"text\">stream, computed now</td>");
    free(page);
}

/* Every bar once, those below 0.9 in a colour of their own. */
static void test_histogram(void **state)
{
    world *w = *state;
    char *page = make_page(&w->c, NULL);
    char *drawing = part_of(page, "<title id=\"rows-plot-wide-title\">", "</svg>");
    const char *low = strstr(drawing, "var(--m1)"), *high = strstr(drawing, "var(--m0)");
    const char *first = strstr(drawing, "0.25 to 0.30: 1 row<");
    const char *last = strstr(drawing, "0.95 to 1.00: 999 rows");
    assert_true(low && first && high && last);
    assert_true(low < first && first < high && high < last);
    assert_null(strstr(first + 1, "0.25 to 0.30"));
    assert_null(strstr(last + 1, "0.95 to 1.00"));
    free(drawing);
    free(page);
}

static void test_gates(void **state)
{
    world *w = *state;
    w->c.gate[1].met = true;
    char *page = make_page(&w->c, NULL);
    assert_has(page, "All gates are passed");
    free(page);
    w->c.gate_count = 1;
    page = make_page(&w->c, NULL);
    assert_has(page, "The gate is passed");
    free(page);
    w->c.gate[0].met = false; /* 0.9794 would do */
    w->c.forced = true;
    page = make_page(&w->c, NULL);
    assert_has(page, "The gate failed");
    assert_has(page, "must be at least 0.970000, by a reference that fits");
    assert_has(page, "The reference does not fit");
    free(page);
}

static void test_parts_may_be_missing(void **state)
{
    world *w = *state;
    for (unsigned left_out = 0; left_out < 1u << 8; left_out++) {
        kin_comparison c = w->c;
        c.has_recall = c.reference.there = !(left_out & 1);
        c.has_difference = c.other.there = c.has_recall && !(left_out & 2);
        c.has_loss = !(left_out & 4);
        c.has_drift = c.previous.there = !(left_out & 8);
        c.strata.count = left_out & 16 ? 0 : 3;
        c.recall.scored = !(left_out & 32);
        c.recall.evaluated = left_out & 64 ? 0 : 1000;
        c.recall.exhaustive = left_out & 128;
        c.computed = c.recall.exhaustive;
        free(make_page(&c, NULL));
    }
}

static void test_nothing_known(void **state)
{
    world *w = *state;
    kin_comparison c = {.graph = w->c.graph};
    c.graph.graph.items = (kin_table){0};
    c.graph.graph.manifest = NULL;
    char *page = make_page(&c, NULL);
    assert_lacks(page, "0.9812");
    assert_has(page, "No gates");
    free(page);
    c = w->c; /* no row in common, nothing lost */
    c.difference = (kin_recall_difference){0};
    c.loss = (kin_loss){0};
    page = make_page(&c, NULL);
    assert_lacks(page, "has the better row");
    free(page);
    c = (kin_comparison){.graph = w->c.graph};
    c.graph.graph.items = (kin_table){0};
    c.graph.graph.manifest = NULL;
    c.has_recall = c.has_drift = c.reference.there = c.previous.there = true;
    c.reference.graph = w->c.reference.graph;
    c.previous.graph = w->c.previous.graph;
    page = make_page(&c, NULL);
    assert_has(page, "No row could be evaluated");
    free(page);
}

static void fill_with_nan(void *values, size_t bytes)
{
    double *value = values;
    for (size_t i = 0; i < bytes / sizeof *value; i++)
        value[i] = NAN;
}
#define FILL_WITH_NAN(field) fill_with_nan(&(field), sizeof(field))

static void test_no_number_is_one(void **state)
{
    world *w = *state;
    for (int other = 0; other < 2; other++) {
        kin_recall *r = other ? &w->c.other_recall : &w->c.recall;
        FILL_WITH_NAN(r->strict_at);
        FILL_WITH_NAN(r->tie_aware_at);
        FILL_WITH_NAN(r->nearest_found_at);
        FILL_WITH_NAN(r->nearest_true_at);
        FILL_WITH_NAN(r->epsilon);
        FILL_WITH_NAN(r->score_ratio);
        FILL_WITH_NAN(r->score_loss);
        FILL_WITH_NAN(r->fill);
        FILL_WITH_NAN(r->tie_aware_interval);
        r->tie_aware.mean = r->tie_aware.min = r->tie_aware.p1 = r->tie_aware.p5 = NAN;
        r->tie_aware.p50 = r->tie_aware.below_90 = r->worst[0].value = NAN;
    }
    w->c.difference.mean = w->c.difference.interval.low = w->c.difference.interval.high = NAN;
    FILL_WITH_NAN(w->c.structure.contribution);
    w->c.structure.in_degree_mean = w->c.structure.in_degree_skewness = NAN;
    w->c.structure.reciprocity = w->c.structure.within_category = NAN;
    w->c.structure.within_by_chance = NAN;
    w->c.loss.advice[0].value = w->c.loss.advice[0].regained = w->c.loss.advice[0].price = NAN;
    w->c.drift.item_change = w->c.drift.drift = w->c.drift.jaccard_at[0] = NAN;
    w->c.drift.jaccard.mean = w->c.drift.jaccard.p5 = w->c.drift.jaccard.p50 = NAN;
    w->c.drift.input[0].weight = (kin_now_then){NAN, NAN};
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < K; j++)
            w->scores[0][i][j] = w->scores[1][i][j] = NAN;
    for (size_t i = 0; i < 3; i++)
        w->stratum[i].mean = w->stratum[i].interval.low = w->stratum[i].interval.high = NAN;
    for (size_t i = 0; i < w->c.gate_count; i++)
        w->c.gate[i].value = w->c.gate[i].limit = NAN;
    free(make_page(&w->c, NULL));
}

static void test_many_strata(void **state)
{
    enum { MANY = 300 };
    world *w = *state;
    kin_stratum *many = calloc(MANY, sizeof *many);
    char name[MANY][8];
    assert_non_null(many);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(name[i], sizeof name[i], "s%03zu", i);
        many[i] = (kin_stratum){.name = {name[i], 4}, .items = 1, .evaluated = 1};
        many[i].mean = (double)(i * 7 % MANY) / MANY;
    }
    w->c.stratum = many;
    w->c.strata.count = MANY;
    char *page = make_page(&w->c, NULL);
    assert_has(page, "the worst of 300 values");
    assert_has(page, "The 200 worst");
    assert_has(page, "<bdi>s157</bdi>");   /* the 200th: 157 * 7 % 300 = 199 */
    assert_lacks(page, "<bdi>s200</bdi>"); /* the next: 200 * 7 % 300 = 200 */
    free(page);
    free(many);
}

static void test_labels(void **state)
{
    (void)state;
    assert_string_equal(kin_page_count(0).text, "0");
    assert_string_equal(kin_page_count(999).text, "999");
    assert_string_equal(kin_page_count(1234567).text, "1,234,567");
    assert_string_equal(kin_page_count(SIZE_MAX).text, "18,446,744,073,709,551,615");
    assert_string_equal(kin_page_share(0.98124).text, "0.9812");
    assert_string_equal(kin_page_share(1).text, "1.0000");
    assert_string_equal(kin_page_share(0.999987).text, "0.99999");
    assert_string_equal(kin_page_share(0.00001).text, "0.00001");
    assert_string_equal(kin_page_share(NAN).text, "\xe2\x80\x93");
    assert_string_equal(kin_page_share(INFINITY).text, "\xe2\x80\x93");
    assert_string_equal(kin_page_percent(0).text, "0\xc2\xa0%");
    assert_string_equal(kin_page_percent(1).text, "100\xc2\xa0%");
    assert_string_equal(kin_page_percent(0.0312).text, "3.1\xc2\xa0%");
    assert_string_equal(kin_page_percent(0.0001).text, "under 0.1\xc2\xa0%");
    assert_string_equal(kin_page_percent(0.9999).text, "over 99.9\xc2\xa0%");
    assert_string_equal(kin_page_percent(NAN).text, "\xe2\x80\x93");
}

static int make_files(void **state)
{
    int rc = test_folder_make(state);
    test_write_text(test_path("ids.txt"), ids);
    test_write_text(test_path("items.tsv"), table);
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_worst_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_paired_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_computed_reference, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_histogram, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parts_may_be_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_number_is_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_strata, set_up, tear_down),
        cmocka_unit_test(test_labels),
    };

    return cmocka_run_group_tests(tests, make_files, test_folder_remove);
}
