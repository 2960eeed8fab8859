#include "job/messages.h"
#include "core/counted.h"
#include "core/json.h"

#include <stdio.h>
#include <string.h>

void kin_messages_modalities(const kin_catalog *catalog, const kin_monitor *monitor)
{
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_modality *modality = &catalog->modality[m];
        const kin_matrix *matrix = &modality->matrix;
        char lacking[120] = "";
        if (modality->missing > 0)
            snprintf(lacking, sizeof lacking, ", %s of zeros",
                     kin_count(modality->missing, "row").text);
        kin_monitor_message(monitor, KIN_LEVEL_INFO,
                            "Modality %s: %s, %zu x %zu %s, weight %.10g%s", modality->name,
                            matrix->file.path, matrix->n, matrix->d, kin_dtype_name(matrix->dtype),
                            modality->weight, lacking);
    }
}

void kin_messages_ids(const kin_catalog *catalog, const kin_monitor *monitor)
{
    char names[200];
    if (!catalog->ids_lacking)
        return;
    kin_table_names(&catalog->items, names, sizeof names);
    kin_monitor_message(monitor, KIN_LEVEL_WARNING,
                        "%s has no column of ids (its columns: %s): items are called by their row "
                        "numbers; --id-column NAME or --ids FILE names them",
                        catalog->items.lines.file.path, names);
}

static size_t count_of(const json_t *part, const char *key)
{
    return (size_t)json_integer_value(json_object_get(part, key));
}

void kin_messages_index(const kin_index *index, const kin_catalog *catalog,
                        const kin_monitor *monitor)
{
    json_t *facts = kin_index_facts(index);
    const char *name;
    json_t *part;

    json_object_foreach(facts, name, part)
    {
        const json_t *lists = json_object_get(part, "lists");
        const json_t *retained = json_object_get(part, "retained_energy");
        char more[96] = "";
        if (lists)
            snprintf(more, sizeof more, ", %s",
                     kin_count((size_t)json_integer_value(lists), "list").text);
        if (retained)
            snprintf(more + strlen(more), sizeof more - strlen(more),
                     ", %.2f%% of the energy retained", 100 * json_number_value(retained));
        kin_monitor_message(monitor, KIN_LEVEL_INFO, "Index %s: %s of %s%s", name,
                            kin_count(count_of(part, "distinct"), "distinct vector").text,
                            kin_count(count_of(part, "dimensions"), "dimension").text, more);
    }
    json_decref(facts);
    if (kin_index_resolved(index)->space == KIN_SPACE_FUSED &&
        catalog->missing == KIN_MISSING_RENORM && kin_catalog_incomplete(catalog) > 0)
        kin_monitor_message(
            monitor, KIN_LEVEL_WARNING,
            "fused space ranks items that lack a modality roughly under --missing renorm: "
            "--index-space modality finds their neighbours");
}

void kin_messages_output(const kin_outdir *out, const kin_monitor *monitor)
{
    if (out->note.code != 0)
        kin_monitor_message(monitor, KIN_LEVEL_WARNING, "%s: %s", out->note.message,
                            out->note.hint);
}
