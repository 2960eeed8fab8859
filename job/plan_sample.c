#include "job/plan_sample.h"
#include "core/memory.h"
#include "job/row_sample.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_LEAST = 256 };

size_t kin_plan_sample_row_bytes(const kin_catalog *catalog)
{
    size_t bytes = 0;
    for (size_t m = 0; m < catalog->modality_count; m++)
        bytes += catalog->modality[m].matrix.d * kin_dtype_bytes(catalog->modality[m].matrix.dtype);
    return bytes > 0 ? bytes : 1; /* of a sample of nothing */
}

/* Which items: spread evenly over those that take part. */
static void choose(const kin_catalog *from, size_t population, size_t rows, size_t *chosen)
{
    size_t seen = 0, taken = 0;
    for (size_t i = 0; i < from->n && taken < rows; i++)
        if (from->present[i] && seen++ * rows / population == taken)
            chosen[taken++] = i;
}

/* The chosen rows of modality m, side by side from `values` on; returns the end. */
static unsigned char *copy_modality(plan_sample *self, const kin_catalog *from, size_t m,
                                    const size_t *chosen, unsigned char *values)
{
    kin_modality *to = &self->catalog.modality[m];
    const kin_modality *modality = &from->modality[m];
    size_t bytes = modality->matrix.d * kin_dtype_bytes(modality->matrix.dtype);
    double *inverse_norm = to->inverse_norm;
    *to = *modality;
    to->inverse_norm = inverse_norm;
    to->matrix.file = (kin_file){0};
    to->matrix.in_memory = false;
    to->matrix.n = self->catalog.n;
    to->matrix.rows = values;
    to->matrix.stride_bytes = bytes;
    for (size_t i = 0; i < self->catalog.n; i++) {
        memcpy(values + i * bytes, kin_matrix_row(&modality->matrix, chosen[i]), bytes);
        inverse_norm[i] = modality->inverse_norm[chosen[i]];
    }
    return values + self->catalog.n * bytes;
}

static int allocate(plan_sample *self, const kin_catalog *from, kin_error *err)
{
    size_t rows = self->catalog.n;
    bool refused = false;
    size_t bytes = kin_size_mul(rows, kin_plan_sample_row_bytes(from));
    self->values = kin_alloc(bytes, 1);
    self->catalog.present = kin_alloc(rows, 1);
    for (size_t m = 0; m < from->modality_count; m++) {
        self->catalog.modality[m].inverse_norm = kin_alloc(rows, sizeof(double));
        refused = refused || !self->catalog.modality[m].inverse_norm;
    }
    if (refused || !self->values || !self->catalog.present)
        return kin_fail_alloc(err, "a sample", bytes);
    return 0;
}

int kin_plan_sample_init(plan_sample *self, const kin_catalog *from, size_t rows, size_t bytes_most,
                         kin_error *err)
{
    size_t population = kin_row_sample_population(from);
    size_t fits = bytes_most / kin_plan_sample_row_bytes(from);
    fits = fits > ROWS_LEAST ? fits : ROWS_LEAST;
    rows = rows < fits ? rows : fits;
    rows = rows < population ? rows : population;
    *self = (plan_sample){
        .catalog = {.n = rows, .modality_count = from->modality_count, .missing = from->missing}};
    if (rows == 0)
        return 0;
    size_t *chosen = kin_alloc(rows, sizeof *chosen);
    int rc =
        chosen ? allocate(self, from, err) : kin_fail_alloc(err, "a sample", rows * sizeof *chosen);
    if (rc == 0 && chosen) {
        unsigned char *values = self->values;
        choose(from, population, rows, chosen);
        for (size_t i = 0; i < rows; i++)
            self->catalog.present[i] = from->present[chosen[i]];
        for (size_t m = 0; m < from->modality_count; m++)
            values = copy_modality(self, from, m, chosen, values);
    } else {
        kin_plan_sample_release(self);
    }
    free(chosen);
    return rc;
}

void kin_plan_sample_release(plan_sample *self)
{
    for (size_t m = 0; m < self->catalog.modality_count; m++)
        free(self->catalog.modality[m].inverse_norm);
    free(self->catalog.present);
    free(self->values);
    *self = (plan_sample){0};
}
