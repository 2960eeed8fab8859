/*
 * Joins with what they keep (declared in join_kept.h).
 */
#include "join_kept.h"
#include "ann/index_folder.h"
#include "test.h"

#include <sys/stat.h>

/* Two modalities with gaps, of which a quarter of the rows stands twice. */
sample_spec kept_spec(double weight)
{
    return (sample_spec){.seed = 8,
                         .n = SETS_SANITIZED ? 3000 : 4000,
                         .modality_count = 2,
                         .d = {3, 2},
                         .weight = {1, weight},
                         .kind = SAMPLE_DUPLICATES,
                         .missing_share = 0.1};
}

const kin_join_options kept_asked = {.top_k = KEPT_K, .target = 0.95, .seed = 7};

static int32_t *read_array(const char *folder, const char *what, size_t count)
{
    kin_error err = {0};
    void *out = NULL;
    char *path = NULL;
    test_ok(
        kin_index_array_read(&out, &path, test_dir(folder), "join", what, "<i4", count, 1, &err),
        &err);
    free(path);
    return out;
}

/* Puts a manifest through its text, as a file would. */
static json_t *through_text(json_t *manifest)
{
    char *text = json_dumps(manifest, 0);
    assert_non_null(text);
    json_t *out = json_loads(text, 0, NULL);
    free(text);
    json_decref(manifest);
    return out;
}

static size_t fact(const kept *self, const char *name)
{
    return (size_t)json_integer_value(
        json_object_get(json_object_get(self->manifest, "join"), name));
}

void kept_save(kept *self)
{
    kin_error err = {0};
    json_decref(self->manifest);
    self->manifest = json_object();
    test_ok(kin_join_save(self->join, self->folder, &self->manifest, &err), &err);
    self->manifest = through_text(self->manifest);
}

void kept_make(kept *self, const sample_spec *spec, const char *name)
{
    kin_error err = {0};
    *self = (kept){.folder = strdup(test_path("%s", name))};
    mkdir(self->folder, 0777);
    sample_make(&self->s, spec);
    self->join = join_make(&self->s, &kept_asked, 2);
    test_ok(kin_join_tune(self->join, NULL, &err), &err);
    kept_save(self);
    self->rows = fact(self, "rows");
    self->clusters = fact(self, "clusters");
    if (self->rows == 0)
        return;
    self->row = read_array(self->folder, "row", self->rows);
    self->start = read_array(self->folder, "start", self->clusters + 1);
}

void kept_release(kept *self)
{
    kin_join_free(self->join);
    json_decref(self->manifest);
    sample_release(&self->s);
    free(self->folder);
    free(self->row);
    free(self->start);
}

/* Loads what was kept; tells whether the effort served. */
kin_join *kept_load(const kept *self, const sample *s, const kin_join_options *options, bool *tuned)
{
    kin_error err = {0};
    kin_join *join = NULL;
    test_ok(kin_join_new(&join, &s->catalog, options, &err), &err);
    test_ok(kin_join_load(join, test_dir(self->folder), self->manifest, tuned, &err), &err);
    return join;
}
