#include "support/small_graph.h"
#include "core/half.h"
#include "core/manifest.h"
#include "core/outdir.h"
#include "support/test.h"

#include <math.h>

enum { N = SMALL_N, K = SMALL_K, MODALITIES = SMALL_MODALITIES };

/* All that the writer wants of a catalog. */
const kin_catalog small_catalog = {.modality_count = MODALITIES,
                                   .modality = {{.name = "text"}, {.name = "image"}}};

/* How long row i is: 0 .. K, or all K. */
uint32_t small_length_of(size_t i, bool full)
{
    return full ? K : (uint32_t)(i * 7 % (K + 1));
}

/* Entry e of row i: descending scores with a tie, neighbours in no order. */
static kin_neighbor entry_of(size_t i, size_t e)
{
    static const float score[K] = {1.0f, 0.75f, 0.75f, 0.0f, -0.5f};
    static const int32_t step[K] = {9, 2, 4, 1, 7};
    int32_t row = (int32_t)((i + (size_t)step[e]) % N);
    int32_t other = (int32_t)((i + (size_t)step[3 - e % 3]) % N);
    if (e == 1 || e == 2) /* of equal scores the smaller row comes first */
        row = (e == 1) == (row < other) ? row : other;
    return (kin_neighbor){.row = row, .score = score[e]};
}

static float cosine_of(size_t i, size_t e, size_t m)
{
    return m == 1 && (i + e) % 4 == 0 ? NAN : (float)i / 64 - (float)(e + m) / 8;
}

void small_fill(kin_rows *block, size_t first, size_t count, bool full)
{
    block->count = count;
    for (size_t q = 0; q < count; q++) {
        block->filled[q] = small_length_of(first + q, full);
        for (size_t e = 0; e < K; e++) {
            kin_neighbor entry = entry_of(first + q, e);
            block->neighbor[q * K + e] = entry.row;
            block->score[q * K + e] = entry.score;
            for (size_t m = 0; m < MODALITIES; m++)
                block->cosine[m][q * K + e] = cosine_of(first + q, e, m);
        }
    }
}

/* A writer of such rows, with its arrays in files of their own as well. */
int small_writer(kin_graph_writer **out, const char *folder, kin_row_order order, kin_error *err)
{
    kin_graph_writer_options options = {.directory = folder,
                                        .n = N,
                                        .k = K,
                                        .catalog = &small_catalog,
                                        .order = order,
                                        .arrays = true,
                                        .memory_bytes = 1 << 20};
    return kin_graph_writer_new(out, &options, err);
}

/* Writes rows in blocks of 4, the odd blocks first; `skip` is a block left out, or -1. */
int small_write(const char *folder, kin_row_order order, bool full, int skip,
                kin_graph_totals *totals, kin_written *written, kin_error *err)
{
    enum { BLOCK = 4 };
    kin_graph_writer *writer;
    kin_rows block;
    int rc = small_writer(&writer, folder, order, err);
    if (rc != 0)
        return rc;
    kin_row_sink sink = kin_graph_writer_sink(writer);
    test_ok(kin_rows_init(&block, BLOCK, K, MODALITIES, err), err);
    for (int odd = 1; odd >= 0; odd--)
        for (size_t b = (size_t)odd; b * BLOCK < N; b += 2) {
            size_t first = b * BLOCK;
            small_fill(&block, first, N - first < BLOCK ? N - first : BLOCK, full);
            if ((int)b != skip)
                test_ok(sink.write(sink.self, first, &block, err), err);
        }
    rc = kin_graph_writer_finish(writer, totals, written, err);
    kin_graph_writer_free(writer);
    kin_rows_release(&block);
    return rc;
}

/* A whole graph folder, manifest and all. */
void small_graph(const char *folder, kin_row_order order, bool full)
{
    kin_error err;
    kin_outdir out;
    kin_graph_totals totals;
    test_remove(folder);
    test_ok(kin_outdir_open(&out, folder, "graph", false, &err), &err);
    test_ok(small_write(out.temporary, order, full, -1, &totals, &out.written, &err), &err);
    FILE *ids = fopen(test_path("ids"), "w");
    FILE *items = fopen(test_path("items"), "w");
    fprintf(items, "id\ttitle\n");
    for (int i = 0; i < N; i++) {
        fprintf(ids, "item-%d\n", i);
        fprintf(items, "item-%d\tTitle %d\n", i, i);
    }
    fclose(ids);
    fclose(items);
    test_ok(kin_file_copy(test_path("ids"), out.temporary, "ids.txt", &err), &err);
    test_ok(kin_file_copy(test_path("items"), out.temporary, "items.tsv", &err), &err);
    json_t *manifest =
        json_pack("{s:s, s:i, s:{s:i, s:s}, s:[{s:s}, {s:s}]}", "kind", "graph", "format",
                  KIN_MANIFEST_FORMAT, "options", "top_k", K, "row_order",
                  kin_row_order_names[order], "modalities", "name", "text", "name", "image");
    test_ok(kin_outdir_commit(&out, &manifest, &err), &err);
    json_decref(manifest);
    kin_outdir_release(&out);
}

void small_check_row(const kin_graph *g, size_t i, bool full)
{
    kin_neighbor row[K];
    size_t count = kin_graph_row(g, i, row);
    assert_int_equal(count, small_length_of(i, full));
    for (size_t e = 0; e < count; e++) {
        kin_neighbor wanted = entry_of(i, e);
        assert_int_equal(row[e].row, wanted.row);
        assert_true(row[e].score == wanted.score);
        assert_int_equal(g->indices[row[e].entry], wanted.row);
        for (size_t m = 0; m < MODALITIES; m++) {
            float cosine = kin_half_to_float(g->cosine[m][row[e].entry]);
            float exact = cosine_of(i, e, m);
            assert_true(cosine == exact || (isnan(cosine) && isnan(exact)));
        }
        if (e > 0 && g->order == KIN_ORDER_SCORE)
            assert_int_equal(row[e].entry, row[e - 1].entry + 1);
    }
    for (int64_t p = g->indptr[i] + 1; p < g->indptr[i + 1] && g->order == KIN_ORDER_COLUMN; p++)
        assert_true(g->indices[p - 1] < g->indices[p]);
}
