/*
 * What an index folder keeps of a join: the order of the rows, as join.row.npy and join.start.npy,
 * and under "join" in the manifest the effort with all that it was chosen for.
 *
 * Codes are not kept: they are as large as the vectors' own files in float16 and made in seconds.
 * An order serves any weights, an effort only those it was tuned for.
 */
#include "ann/index_folder.h"
#include "ann/join_state.h"
#include "core/json.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing -------------------------------------------------------------------------------- */

static json_t *weights_of(const kin_catalog *catalog)
{
    json_t *weights = json_array();
    for (size_t m = 0; m < catalog->modality_count; m++)
        kin_json_append(&weights, json_real(catalog->modality[m].weight));
    return weights;
}

/* Infinite probe_sigmas are null: JSON has no such number. */
static json_t *probe_sigmas_of(float probe_sigmas)
{
    return isinf(probe_sigmas) ? json_null() : json_real((double)probe_sigmas);
}

json_t *kin_join_facts(const kin_join *self)
{
    const kin_join_effort *effort = &self->effort;
    size_t clusters = self->clusters > 0 ? self->clusters : 1;
    size_t clusters_most = effort->clusters_most < clusters ? effort->clusters_most : clusters;
    return json_pack("{s:I, s:I, s:I, s:f, s:I, s:o, s:o, s:f, s:f, s:I, s:I, s:f, s:f}",
                     "clusters", (json_int_t)self->clusters, "rows", (json_int_t)self->rows,
                     "top_k", (json_int_t)self->options.top_k, "target", self->options.target,
                     "seed", (json_int_t)self->options.seed, "weights", weights_of(self->catalog),
                     "probe_sigmas", probe_sigmas_of(effort->probe_sigmas), "rare_widening",
                     (double)effort->rare_widening, "tail_fraction", (double)effort->tail_fraction,
                     "clusters_most", (json_int_t)clusters_most, "sampled",
                     (json_int_t)effort->sampled, "sample_recall", effort->recall,
                     "rows_scanned_share", effort->scanned);
}

int kin_join_save(const kin_join *self, const char *directory, json_t **manifest, kin_error *err)
{
    const kin_clustering *clustering = &self->codes.clustering;
    size_t starts = clustering->clusters + 1;
    int32_t *start = kin_alloc(starts, sizeof *start);
    if (!start)
        return kin_fail_alloc(err, "the order of rows", starts * sizeof *start);
    for (size_t g = 0; g < starts; g++)
        start[g] = (int32_t)clustering->start[g];
    int rc = kin_index_array_write(directory, "join", "row", "<i4", clustering->row, 1,
                                   &clustering->count, err);
    if (rc == 0)
        rc = kin_index_array_write(directory, "join", "start", "<i4", start, 1, &starts, err);
    free(start);
    if (rc == 0)
        kin_json_set(manifest, "join", kin_join_facts(self));
    return rc;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* A fact by its name, or by the one that it has in older indexes. */
static const json_t *fact(const json_t *facts, const char *name, const char *older)
{
    const json_t *value = json_object_get(facts, name);
    return value ? value : json_object_get(facts, older);
}

static int no_clustering(const char *path, const char *why, kin_error *err)
{
    return kin_fail(err, KIN_E_DATA, kin_index_again, "%s is no order of the catalog's rows: %s",
                    path, why);
}

/* Every distinct row that takes part in pairs must be there once, and nothing else. */
static int check_rows(const kin_join *join, const kin_clustering *clustering, const char *path,
                      kin_error *err)
{
    size_t n = join->catalog->n;
    uint8_t *seen = kin_alloc_zero(n, 1);
    int rc = seen ? 0 : kin_fail_alloc(err, "the order of rows", n);
    for (size_t i = 0; i < clustering->count && rc == 0; i++) {
        int32_t row = clustering->row[i];
        if (row < 0 || (size_t)row >= n || seen[row] || join->catalog->present[row] == 0 ||
            join->duplicates.leave_out[row])
            rc = no_clustering(path, "a row is missing, repeated or no item's", err);
        else
            seen[row] = 1;
    }
    free(seen);
    return rc;
}

/* Groups follow each other, are not too large, and their rows have the same modalities. */
static int check_clusters(const kin_join *join, kin_clustering *clustering, const int32_t *start,
                          const char *path, kin_error *err)
{
    if (start[0] != 0 || (size_t)start[clustering->clusters] != clustering->count)
        return no_clustering(path, "clusters do not hold all rows", err);
    for (size_t g = 0; g < clustering->clusters; g++) {
        if (start[g + 1] <= start[g] || start[g + 1] - start[g] > KIN_CLUSTER_MAX ||
            (size_t)start[g + 1] > clustering->count)
            return no_clustering(path, "a cluster has no rows or too many", err);
        clustering->start[g] = (size_t)start[g];
        clustering->modality_mask[g] = join->catalog->present[clustering->row[start[g]]];
        for (int32_t i = start[g]; i < start[g + 1]; i++)
            if (join->catalog->present[clustering->row[i]] != clustering->modality_mask[g])
                return no_clustering(path, "a cluster has rows of different modalities", err);
    }
    clustering->start[clustering->clusters] = clustering->count;
    return 0;
}

/* Array `what` of the join as `out`; its path stays for messages. */
static int read_part(void **out, char **path, const kin_dir *dir, const char *what, size_t rows,
                     kin_error *err)
{
    free(*path);
    *path = NULL;
    return kin_index_array_read(out, path, dir, "join", what, "<i4", rows, 1, err);
}

static int read_clustering(kin_join *self, const kin_dir *dir, const json_t *facts, kin_error *err)
{
    kin_clustering *clustering = &self->clustering;
    size_t rows = (size_t)json_integer_value(json_object_get(facts, "rows"));
    size_t clusters = (size_t)json_integer_value(fact(facts, "clusters", "lists"));
    void *start = NULL, *row = NULL;
    char *path = NULL;
    if (rows == 0 &&
        self->duplicates.distinct.count == 0) /* items that are in no pair have no order */
        return 0;
    if (rows != self->duplicates.distinct.count || clusters == 0 || clusters > rows ||
        clusters > kin_clustering_clusters_most(self->catalog->n))
        return kin_fail(err, KIN_E_DATA, kin_index_again,
                        "%s/manifest.json has %zu distinct rows in %zu clusters, the catalog %zu",
                        dir->path, rows, clusters, self->duplicates.distinct.count);
    int rc = read_part(&row, &path, dir, "row", rows, err);
    *clustering = (kin_clustering){.count = rows, .row = row, .clusters = clusters};
    if (rc == 0)
        rc = check_rows(self, clustering, path, err);
    if (rc == 0)
        rc = read_part(&start, &path, dir, "start", clusters + 1, err);
    clustering->start = kin_alloc(clusters + 1, sizeof *clustering->start);
    clustering->modality_mask = kin_alloc(clusters, 1);
    if (rc == 0 && (!clustering->start || !clustering->modality_mask))
        rc = kin_fail_alloc(err, "the order of rows", clusters * sizeof *clustering->start);
    if (rc == 0)
        rc = check_clusters(self, clustering, start, path, err);
    free(start);
    free(path);
    if (rc != 0)
        kin_clustering_release(clustering);
    return rc;
}

/* Whether the effort was chosen for what is asked now. */
static int same_question(bool *same, const kin_join *self, const json_t *facts, kin_error *err)
{
    json_t *weights = weights_of(self->catalog);
    if (!weights)
        return kin_fail_alloc(err, "weights", self->catalog->modality_count);
    *same = (size_t)json_integer_value(json_object_get(facts, "top_k")) == self->options.top_k &&
            json_number_value(json_object_get(facts, "target")) == self->options.target &&
            json_integer_value(json_object_get(facts, "seed")) == self->options.seed &&
            json_equal(json_object_get(facts, "weights"), weights);
    json_decref(weights);
    return 0;
}

/* A number of the manifest from 0 to `most`; NaN where there is none. */
static double number_of(const json_t *value, double most)
{
    double number = json_number_value(value);
    return json_is_number(value) && number >= 0 && number <= most ? number : NAN;
}

static int read_effort(kin_join *self, const kin_dir *dir, const json_t *facts, kin_error *err)
{
    const json_t *sigmas = fact(facts, "probe_sigmas", "reach");
    double probe_sigmas = json_is_null(sigmas) ? (double)INFINITY : number_of(sigmas, 1e9);
    const json_t *widening = json_object_get(facts, "rare_widening");
    double rare_widening = widening ? number_of(widening, 1e3) : 1; /* older indexes have none */
    const json_t *most = json_object_get(facts, "clusters_most");
    double clusters_most = most ? number_of(most, 1e9) : 1e9; /* older indexes gate with all */
    double tail_fraction = number_of(fact(facts, "tail_fraction", "tail_share"), 1);
    double sampled = number_of(json_object_get(facts, "sampled"), 1e9);
    double recall = number_of(json_object_get(facts, "sample_recall"), 1);
    double scanned = number_of(json_object_get(facts, "rows_scanned_share"), 1);
    if (isnan(probe_sigmas) || !(rare_widening >= 1) || !(clusters_most >= 1) ||
        !(tail_fraction > 0) || isnan(sampled) || isnan(recall) || isnan(scanned))
        return kin_fail(err, KIN_E_DATA, kin_index_again,
                        "%s/manifest.json: an effort of the join is missing or out of range",
                        dir->path);
    self->effort = (kin_join_effort){.probe_sigmas = (float)probe_sigmas,
                                     .rare_widening = (float)rare_widening,
                                     .tail_fraction = (float)tail_fraction,
                                     .clusters_most = (size_t)clusters_most,
                                     .sampled = (size_t)sampled,
                                     .recall = recall,
                                     .scanned = scanned};
    return 0;
}

int kin_join_load(kin_join *self, const kin_dir *dir, const json_t *manifest, bool *tuned,
                  kin_error *err)
{
    const json_t *facts = json_object_get(manifest, "join");
    *tuned = false;
    if (!facts)
        return 0;
    bool same = false;
    int rc = read_clustering(self, dir, facts, err);
    if (rc == 0)
        rc = same_question(&same, self, facts, err);
    if (rc == 0 && same)
        rc = read_effort(self, dir, facts, err);
    *tuned = rc == 0 && same;
    return rc;
}
