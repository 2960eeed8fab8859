#include "lists.h"
#include "test.h"

#include <math.h>

void lists_make(kin_graph *g, size_t n, size_t k, int (*rows)[LISTS_ROOM],
                double (*cosines[2])[LISTS_ROOM])
{
    *g = (kin_graph){.n = n, .k = k, .modality_count = 2};
    int32_t *indices = malloc(n * k * sizeof *indices + 1);
    uint16_t *half[2] = {malloc(n * k * 2 + 1), malloc(n * k * 2 + 1)};
    g->indptr = calloc(n + 1, sizeof *g->indptr);
    assert_true(indices && half[0] && half[1] && g->indptr);
    for (size_t i = 0; i < n; i++) {
        for (size_t e = 0; e < k && rows[i][e] != LISTS_END; e++) {
            for (size_t m = 0; m < 2 && cosines; m++)
                half[m][g->pairs] =
                    isnan(cosines[m][i][e]) ? UINT16_C(0x7e00) : test_half_bits(cosines[m][i][e]);
            indices[g->pairs++] = rows[i][e];
        }
        g->indptr[i + 1] = (int64_t)g->pairs;
    }
    g->indices = g->in_memory[0] = indices;
    for (size_t m = 0; m < 2; m++) {
        g->in_memory[1 + m] = half[m];
        g->cosine[m] = cosines ? half[m] : NULL;
    }
    strcpy(g->modality[0], "text");
    strcpy(g->modality[1], "image");
    g->manifest = json_pack("{s:[{s:s, s:f}, {s:s, s:f}]}", "modalities", "name", "text", "weight",
                            0.6, "name", "image", "weight", 0.4);
    assert_non_null(g->manifest);
}

void lists_open_items(kin_graph *g, const char *text)
{
    kin_error err = {0};
    test_write_text(test_path("items.tsv"), text);
    test_ok(kin_table_open(&g->items, test_path("items.tsv"), &err), &err);
}
