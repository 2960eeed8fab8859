#include "hand.h"
#include "test.h"

void hand_make(hand *self, const char *name, size_t n, size_t k, const hand_entry *rows)
{
    *self = (hand){.graph = {.n = n, .k = k, .modality_count = 2}};
    kin_graph *g = &self->graph;
    self->indices = calloc(n * k + 1, sizeof *self->indices);
    self->data = calloc(n * k + 1, sizeof *self->data);
    g->directory = strdup(name);
    g->indptr = calloc(n + 1, sizeof *g->indptr);
    assert_true(self->indices && self->data && g->directory && g->indptr);
    for (size_t i = 0; i < n; i++) {
        for (size_t e = 0; e < k && rows[i * k + e].row != 0; e++) {
            self->indices[g->pairs] = rows[i * k + e].row - 1;
            self->data[g->pairs++] = rows[i * k + e].score;
        }
        g->indptr[i + 1] = (int64_t)g->pairs;
    }
    g->indices = self->indices;
    g->data = self->data;
    assert_int_equal(kin_lines_number(&g->ids, n, NULL), 0);
    strcpy(g->modality[0], "text");
    strcpy(g->modality[1], "image");
    g->manifest = json_pack("{s:{s:s}, s:[{s:s, s:f, s:s}, {s:s, s:f, s:s}]}", "options", "missing",
                            "renorm", "modalities", "name", "text", "weight", 0.6, "xxh3_128",
                            "aaaa", "name", "image", "weight", 0.4, "xxh3_128", "bbbb");
    assert_non_null(g->manifest);
}

void hand_name(hand *self, const char *const *id)
{
    kin_lines *ids = &self->graph.ids;
    size_t bytes = 0, n = self->graph.n;
    kin_lines_close(ids);
    for (size_t i = 0; i < n; i++)
        bytes += strlen(id[i]) + 1;
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        strcat(strcat(text, id[i]), "\n");
    test_write_text(test_path("ids-%s", self->graph.directory), text);
    assert_int_equal(kin_lines_open(ids, test_path("ids-%s", self->graph.directory), NULL), 0);
    free(text);
}

void hand_drop(hand *self)
{
    free(self->graph.directory);
    free(self->graph.indptr);
    free(self->indices);
    free(self->data);
    kin_lines_close(&self->graph.ids);
    json_decref(self->graph.manifest);
    *self = (hand){0};
}
