#include "kin/input.h"
#include "kin/call.h"

#include <stdlib.h>
#include <string.h>

kin_input *kin_input_new(void)
{
    return calloc(1, sizeof(kin_input));
}

void kin_input_free(kin_input *self)
{
    if (!self)
        return;
    for (size_t m = 0; m < self->source_count; m++)
        kin_source_release(&self->source[m]);
    free(self);
}

/* Takes `source` in: its path becomes the input's, whatever comes of it. */
static int add(kin_input *self, kin_source *source, const char *name, kin_error *err)
{
    int rc = 0;
    size_t length = name ? strlen(name) : 0;
    memcpy(source->name, name ? name : "", length < KIN_NAME_MAX ? length : KIN_NAME_MAX);
    if (self->source_count == KIN_MODALITIES_MAX)
        rc = kin_fail(err, KIN_E_USAGE, "join some of them to one array", "more than %d modalities",
                      KIN_MODALITIES_MAX);
    for (size_t m = 0; rc == 0 && m < self->source_count; m++)
        if (strncmp(self->source[m].name, source->name, KIN_NAME_MAX) == 0)
            rc = kin_fail(err, KIN_E_USAGE, "give each modality a name of its own",
                          "two modalities are named '%s'", self->source[m].name);
    locale_t before = kin_locale_begin();
    if (rc == 0)
        rc = kin_source_check(source, err);
    kin_locale_end(before);
    if (rc == 0)
        self->source[self->source_count++] = *source;
    else
        free(source->path);
    return rc;
}

int kin_input_add_array(kin_input *self, const char *name, double weight, const void *data,
                        int dtype, size_t n, size_t d, size_t row_bytes, kin_error *err)
{
    kin_matrix shape;
    kin_array array = {data, (kin_dtype)dtype, n, d, row_bytes};
    if (dtype < 0 || dtype >= KIN_DTYPE_COUNT)
        return kin_fail(err, KIN_E_USAGE, "KIN_F32, KIN_F16, KIN_F64 or KIN_I8",
                        "array '%s': type %d of values is unknown", name ? name : "", dtype);
    int rc = kin_matrix_open_array(&shape, &array, name ? name : "", err);
    if (rc != 0)
        return rc;
    kin_matrix_close(&shape);
    if (self->source_count < KIN_MODALITIES_MAX)
        self->array[self->source_count] = array;
    kin_source source = {.weight = kin_weight_round(weight),
                         .array = &self->array[self->source_count]};
    return add(self, &source, name, err);
}

int kin_input_add_file(kin_input *self, const char *name, double weight, const char *path,
                       kin_error *err)
{
    kin_source source = {.weight = kin_weight_round(weight), .path = strdup(path ? path : "")};
    if (!source.path)
        return kin_fail_alloc(err, "path", path ? strlen(path) : 0);
    return add(self, &source, name, err);
}

int kin_input_set_ids(kin_input *self, const char *text, size_t bytes, kin_error *err)
{
    if (self->ids_text.text || !text)
        return kin_fail(err, KIN_E_USAGE, "give one text, an id a line",
                        self->ids_text.text ? "ids are given twice" : "the text of ids is NULL");
    self->ids_text = (kin_span){text, bytes};
    return 0;
}

int kin_input_put(const kin_input *self, kin_catalog_options *options, kin_error *err)
{
    if (!self || self->source_count == 0)
        return kin_fail(err, KIN_E_USAGE, "add an array or a file for each modality",
                        "the input has no modality");
    options->source = self->source;
    options->source_count = self->source_count;
    options->ids_text = self->ids_text;
    return 0;
}
