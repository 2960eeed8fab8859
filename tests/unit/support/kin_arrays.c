#include "support/kin_arrays.h"

#include <unistd.h>

/* Rows around 20 centres, some of them repeated. */
static void fill(float *x, size_t d, uint64_t *random)
{
    float centre[20 * 16];
    for (size_t i = 0; i < 20 * d; i++)
        centre[i] = (float)test_random_normal(random);
    for (size_t i = 0; i < ARRAYS_N; i++) {
        size_t at = i % 17 == 3 ? (i - 3) * d : i * d;
        for (size_t j = 0; j < d; j++)
            x[i * d + j] =
                at < i * d ? x[at + j]
                           : centre[i * 7 % 20 * d + j] + 0.4f * (float)test_random_normal(random);
    }
}

void arrays_fill(arrays *self, uint64_t seed)
{
    uint64_t random = seed;
    fill(self->text, ARRAYS_TEXT, &random);
    fill(self->image, ARRAYS_IMAGE, &random);
}

kin_input *arrays_input(const arrays *self)
{
    kin_error err;
    kin_input *input = kin_input_new();
    assert_non_null(input);
    test_ok(kin_input_add_array(input, "text", 0.6, self->text, KIN_F32, ARRAYS_N, ARRAYS_TEXT,
                                4 * ARRAYS_TEXT, &err),
            &err);
    test_ok(kin_input_add_array(input, "image", 0.4, self->image, KIN_F32, ARRAYS_N, ARRAYS_IMAGE,
                                4 * ARRAYS_IMAGE, &err),
            &err);
    return input;
}

kin_input *arrays_files(const arrays *self)
{
    kin_error err;
    kin_input *input = kin_input_new();
    assert_non_null(input);
    test_write_npy(test_path("text.npy"), KIN_F32, ARRAYS_N, ARRAYS_TEXT, self->text);
    test_write_npy(test_path("image.npy"), KIN_F32, ARRAYS_N, ARRAYS_IMAGE, self->image);
    test_ok(kin_input_add_file(input, "text", 0.6, test_path("text.npy"), &err), &err);
    test_ok(kin_input_add_file(input, "image", 0.4, test_path("image.npy"), &err), &err);
    return input;
}

void arrays_read(arrays_rows *out, const kin_graph *graph, int order)
{
    kin_error err;
    size_t n = kin_graph_item_count(graph), pairs = kin_graph_entry_count(graph);
    *out = (arrays_rows){.indptr = malloc((n + 1) * sizeof *out->indptr),
                         .indices = malloc(pairs * sizeof *out->indices),
                         .scores = malloc(pairs * sizeof *out->scores)};
    assert_true(out->indptr && out->indices && out->scores);
    for (size_t m = 0; m < kin_graph_modality_count(graph); m++) {
        assert_true(kin_graph_has_cosines(graph, m));
        out->cosine[m] = malloc(pairs * sizeof *out->cosine[m]);
        assert_non_null(out->cosine[m]);
    }
    test_ok(kin_graph_rows(graph, 0, n, order, out->indptr, out->indices, out->scores, out->cosine,
                           &err),
            &err);
    assert_int_equal(out->indptr[n], pairs);
}

void arrays_release(arrays_rows *self)
{
    free(self->indptr);
    free(self->indices);
    free(self->scores);
    free(self->cosine[0]);
    free(self->cosine[1]);
}

void arrays_check_same(const arrays_rows *a, const arrays_rows *b)
{
    size_t pairs = (size_t)a->indptr[ARRAYS_N];
    assert_memory_equal(a->indptr, b->indptr, (ARRAYS_N + 1) * sizeof *a->indptr);
    assert_memory_equal(a->indices, b->indices, pairs * sizeof *a->indices);
    assert_memory_equal(a->scores, b->scores, pairs * sizeof *a->scores);
    for (size_t m = 0; m < 2; m++)
        assert_memory_equal(a->cosine[m], b->cosine[m], pairs * sizeof *a->cosine[m]);
}

void arrays_build(arrays_rows *out, const kin_input *input, const char *const *options)
{
    kin_graph *graph = NULL;
    kin_error err;
    test_ok(kin_build(&graph, input, options, test_path("."), NULL, NULL, &err), &err);
    arrays_read(out, graph, KIN_ORDER_SCORE);
    kin_graph_free(graph);
}

size_t arrays_descriptors(void)
{
    return test_folder_entries("/proc/self/fd");
}

/* OpenMP's that were told to end may still be about it. */
size_t arrays_threads(void)
{
    usleep(200000);
    return test_folder_entries("/proc/self/task");
}
