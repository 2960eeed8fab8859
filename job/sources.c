#include "job/sources.h"
#include "core/json.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void kin_sources_release(kin_source *source, size_t count)
{
    for (size_t i = 0; i < count; i++)
        kin_source_release(&source[i]);
}

int kin_sources_parse(kin_source *out, size_t *count, const kin_text_list *list, kin_error *err)
{
    *count = 0;
    if (list->count == 0 || list->count > KIN_MODALITIES_MAX)
        return kin_fail(err, KIN_E_USAGE,
                        "give --modality NAME=FILE[:WEIGHT] for each file of vectors",
                        "%zu modalities, needs 1 to %d", list->count, KIN_MODALITIES_MAX);
    int rc = 0;
    for (size_t i = 0; i < list->count && rc == 0; i++) {
        rc = kin_source_parse(&out[i], list->item[i], err);
        if (rc == 0)
            ++*count;
    }
    if (rc != 0) {
        kin_sources_release(out, *count);
        *count = 0;
    }
    return rc;
}

static json_t *source_json(const kin_source *source)
{
    char weight[40] = "";
    if (source->weight != 1)
        snprintf(weight, sizeof weight, ":%.15g", source->weight);
    char *text = source->array ? kin_text("%s%s", source->name, weight)
                               : kin_text("%s=%s%s", source->name, source->path, weight);
    json_t *json = text ? kin_json_text(text) : NULL;
    free(text);
    return json;
}

json_t *kin_sources_json(const kin_source *source, size_t count)
{
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++)
        kin_json_append(&out, source_json(&source[i]));
    return out;
}

static const char name_files[] = "name the files yourself with --modality NAME=FILE";

int kin_sources_check_manifest(const json_t *manifest, const char *hint, kin_error *err)
{
    const json_t *modalities = json_object_get(manifest, "modalities");
    const char *seen[KIN_MODALITIES_MAX];
    size_t count = json_array_size(modalities);
    if (count == 0 || count > KIN_MODALITIES_MAX)
        return kin_fail(err, KIN_E_DATA, hint, "the manifest names %zu modalities, needs 1 to %d",
                        count, KIN_MODALITIES_MAX);
    for (size_t m = 0; m < count; m++) {
        seen[m] = json_string_value(json_object_get(json_array_get(modalities, m), "name"));
        if (!seen[m] || seen[m][0] == '\0' || strlen(seen[m]) >= KIN_NAME_MAX)
            return kin_fail(err, KIN_E_DATA, hint,
                            "the manifest's modality %zu has no name of 1 to %d bytes", m,
                            KIN_NAME_MAX - 1);
        for (size_t other = 0; other < m; other++)
            if (strcmp(seen[other], seen[m]) == 0)
                return kin_fail(err, KIN_E_DATA, hint, "the manifest names two modalities '%s'",
                                seen[m]);
    }
    return 0;
}

/* One entry of "modalities", whose name was looked at. `sources` is run.sources, or NULL. */
static int source_from_json(kin_source *out, const json_t *entry, const json_t *sources,
                            kin_error *err)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    const char *file = json_string_value(json_object_get(entry, "file"));
    const json_t *weight = json_object_get(entry, "weight");
    const char *absolute = json_string_value(json_object_get(sources, name));
    double number = json_is_number(weight) ? json_number_value(weight) : 1.0;
    if (!file && !absolute)
        return kin_fail(err, KIN_E_DATA, name_files, "the manifest names no file of modality %s",
                        name);
    if (!(number >= KIN_WEIGHT_MIN && number <= KIN_WEIGHT_MAX))
        return kin_fail(err, KIN_E_DATA, name_files,
                        "the manifest's weight of modality %s is %g, must be %g to %g", name,
                        number, KIN_WEIGHT_MIN, KIN_WEIGHT_MAX);
    /* the absolute path first: where the command runs now, another file may have the name */
    const char *path = absolute && access(absolute, R_OK) == 0 ? absolute : file ? file : absolute;
    *out = (kin_source){.path = strdup(path), .weight = number};
    if (!out->path)
        return kin_fail_alloc(err, "path", strlen(path));
    snprintf(out->name, sizeof out->name, "%s", name);
    return 0;
}

int kin_sources_from_manifest(kin_source *out, size_t *count, const json_t *manifest,
                              kin_error *err)
{
    const json_t *modalities = json_object_get(manifest, "modalities");
    const json_t *sources = json_object_get(json_object_get(manifest, "run"), "sources");
    size_t wanted = json_array_size(modalities);
    *count = 0;
    int rc = kin_sources_check_manifest(manifest, name_files, err);
    for (size_t i = 0; i < wanted && rc == 0; i++) {
        rc = source_from_json(&out[i], json_array_get(modalities, i), sources, err);
        if (rc == 0)
            ++*count;
    }
    if (rc != 0) {
        kin_sources_release(out, *count);
        *count = 0;
    }
    return rc;
}
