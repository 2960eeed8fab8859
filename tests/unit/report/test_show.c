/*
 * report/show_page and tile, job/show_choose: texts are escaped wherever they come from, pictures
 * are embedded or replaced, items are chosen the same way every time, lanes rank as they say.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/half.h"
#include "report/page.h"
#include "report/show_page.h"
#include "support/markup.h"

enum { N = 6, K = 2 };

static const char table[] = "id\ttitle\tcategory\timage\n"
                            "a\t<script>alert(1)</script>\tx\tok.PNG\n"
                            "b\t\"quoted\" & 'single'\tx\tnote.txt\n"
                            "c\tctrl\x1b[2J\ty\tmissing.png\n"
                            "d\t   \ty\thttp://host/ok.png\n"
                            "e\t\"><img src=x onerror=alert(1)>\tx\tlarge.png\n"
                            "f\t&lt;b&gt;\tz\t\n";

/* Row i has the neighbours i + 1 (the better by score and text) and i + 2 (by image), row 5
 * none. */
typedef struct world {
    char folder[64];
    kin_graph graph;
    int32_t indices[(N - 1) * K];
    float data[(N - 1) * K];
    uint16_t cosine[2][(N - 1) * K];
} world;

static void put(const char *folder, const char *name, const void *bytes, size_t count)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void fill_rows(world *w)
{
    for (size_t i = 0; i < N - 1; i++) {
        for (size_t j = 0; j < K; j++) {
            size_t p = i * K + j;
            w->indices[p] = (int32_t)((i + j + 1) % N);
            w->data[p] = j ? 0.5f : 0.75f;
            w->cosine[0][p] = kin_half_from_float(j ? 0.25f : 1.0f);
            w->cosine[1][p] = kin_half_from_float(j ? 0.75f : 0.5f);
        }
        w->graph.indptr[i + 1] = (int64_t)((i + 1) * K);
    }
    w->graph.indptr[N] = w->graph.indptr[N - 1];
}

static int set_up(void **state)
{
    static const char large[SHOW_PICTURE_MAX_BYTES + 1] = "large";
    world *w = calloc(1, sizeof *w);
    char path[128];

    assert_non_null(w);
    strcpy(w->folder, "/tmp/kin-show-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    put(w->folder, "items.tsv", table, sizeof table - 1);
    put(w->folder, "ok.PNG", "\x89PNG\r\n\x1a\n", 8);
    put(w->folder, "note.txt", "hello", 5);
    put(w->folder, "large.png", large, sizeof large);
    kin_graph *g = &w->graph;
    *g = (kin_graph){.n = N, .k = K, .pairs = (N - 1) * K, .modality_count = 2};
    g->directory = strdup("graphs/<b>&co");
    g->indptr = calloc(N + 1, sizeof *g->indptr);
    assert_true(g->directory && g->indptr);
    fill_rows(w);
    g->indices = w->indices;
    g->data = w->data;
    g->cosine[0] = w->cosine[0];
    g->cosine[1] = w->cosine[1];
    strcpy(g->modality[0], "text");
    strcpy(g->modality[1], "image");
    snprintf(path, sizeof path, "%s/items.tsv", w->folder);
    assert_int_equal(kin_table_open(&g->items, path, NULL), 0);
    assert_int_equal(kin_lines_number(&g->ids, N, NULL), 0);
    g->manifest = json_pack("{s:s, s:[{s:f}, {s:f}], s:{s:s, s:s}}", "engine", "exact",
                            "modalities", "weight", 0.5, "weight", 0.5, "run", "started",
                            "2026-01-02T03:04:05Z", "items_source", w->folder);
    assert_non_null(g->manifest);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"items.tsv", "ok.PNG", "note.txt", "large.png"};
    world *w = *state;
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", w->folder, names[i]);
        unlink(path);
    }
    rmdir(w->folder);
    kin_table_close(&w->graph.items);
    kin_lines_close(&w->graph.ids);
    json_decref(w->graph.manifest);
    free(w->graph.directory);
    free(w->graph.indptr);
    free(w);
    return 0;
}

/* The page of all six rows. */
static char *make_page(const world *w, show_pictures *pictures)
{
    static const size_t rows[] = {0, 1, 2, 3, 4, 5};
    kin_show data;
    char *page = NULL;
    size_t bytes = 0;

    assert_int_equal(kin_show_init(&data, &w->graph, NULL, rows, N, 8, NULL, NULL), 0);
    strcpy(data.why_not_exact, "<i>gone</i>");
    assert_int_equal(kin_show_pictures_init(pictures, &w->graph, NULL, NULL), 0);
    assert_int_equal(kin_show_page(&page, &bytes, &data, pictures, NULL), 0);
    assert_int_equal(strlen(page), bytes);
    assert_int_equal(test_markup(page), 0); /* no drawings */
    kin_show_release(&data);
    return page;
}

static void test_escape(void **state)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    (void)state;
    assert_non_null(out);
    kin_page_escape(out, (kin_span){"<a b=\"'&\x01\xc3\xa9", 11});
    fclose(out);
    assert_string_equal(text, "&lt;a b=&quot;&#39;&amp;\xef\xbf\xbd\xc3\xa9");
    free(text);
}

static void test_page_is_inert(void **state)
{
    world *w = *state;
    show_pictures pictures;
    char *page = make_page(w, &pictures);

    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<img src=x"));
    assert_null(strstr(page, "<i>gone"));
    assert_null(strstr(page, "<b>&co"));
    assert_null(strchr(page, 0x1b));
    assert_null(strstr(page, "http"));
    assert_non_null(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_non_null(strstr(page, "alt=\"&lt;script&gt;"));
    assert_non_null(strstr(page, "&quot;quoted&quot; &amp; &#39;single&#39;"));
    assert_non_null(strstr(page, "&amp;lt;b&amp;gt;"));
    assert_non_null(strstr(page, "<html lang=\"en\">"));
    assert_non_null(strstr(page, "<dd>2026-01-02</dd>"));
    kin_show_pictures_release(&pictures);
    free(page);
}

/* ok.PNG is row 0's and no other row's neighbour but by wrap-around: rows 4 (0 is its second). */
static void test_pictures(void **state)
{
    world *w = *state;
    show_pictures pictures;
    char *page = make_page(w, &pictures);
    size_t tiles = 0;

    assert_non_null(strstr(page, "src=\"data:image/png;base64,iVBORw0KGgo=\""));
    for (const char *at = page; (at = strstr(at, "no picture")) != NULL; at++)
        tiles++;
    assert_int_equal(pictures.embedded, 4); /* itself, and in the three lanes of row 4 */
    assert_int_equal(tiles, N + 3 * (N - 1) * K - 4);
    assert_int_equal(pictures.bytes, 32);
    kin_show_pictures_release(&pictures);
    free(page);
}

static void test_stored_lanes(void **state)
{
    world *w = *state;
    static const size_t rows[] = {1, 5};
    kin_show data;

    assert_int_equal(kin_show_init(&data, &w->graph, NULL, rows, 2, 1, NULL, NULL), 0);
    assert_int_equal(data.lanes, 3);
    assert_false(data.exact);
    assert_int_equal(data.item[0].lane[0].neighbor[0].row, 2);
    assert_true(data.item[0].lane[0].neighbor[0].also_fused);
    assert_int_equal(data.item[0].lane[1].neighbor[0].row, 3);
    assert_false(data.item[0].lane[1].neighbor[0].also_fused);
    assert_int_equal(data.item[0].lane[2].neighbor[0].row, 2);
    assert_float_equal(data.item[0].lane[1].neighbor[0].cosine[1], 0.75, 0);
    assert_float_equal(data.item[0].lane[1].neighbor[0].score, 0.5, 0);
    for (size_t l = 0; l < 3; l++)
        assert_int_equal(data.item[1].lane[l].count, 0);
    kin_show_release(&data);
}

static void test_choice(void **state)
{
    world *w = *state;
    size_t row[10], count;

    /* x has rows 0 1 4, y 2 3; z's only row has no neighbours */
    assert_int_equal(kin_show_choose(row, &count, 2, &w->graph, NULL), 0);
    assert_int_equal(count, 2);
    assert_int_equal(row[0], 1);
    assert_int_equal(row[1], 3);
    assert_int_equal(kin_show_choose(row, &count, 10, &w->graph, NULL), 0);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(row[i], i);
}

static void test_titles_and_ids(void **state)
{
    world *w = *state;
    static const char *const ids[] = {"4", "0"}, *const wrong[] = {"6"};
    size_t row[2];
    kin_error err;

    assert_true(kin_span_equal(kin_show_title(&w->graph, 3), (kin_span){"3", 1})); /* blank title */
    assert_int_equal(kin_show_find(row, ids, 2, &w->graph, NULL), 0);
    assert_int_equal(row[0], 4);
    assert_int_equal(row[1], 0);
    assert_int_equal(kin_show_find(row, wrong, 1, &w->graph, &err), KIN_E_DATA);
    assert_non_null(strstr(err.message, "no item '6'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape),
        cmocka_unit_test_setup_teardown(test_page_is_inert, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pictures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stored_lanes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_choice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_titles_and_ids, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
