/*
 * Fused rows and the factor of each set of shared modalities (scan/fused.h). A rule of --missing is
 * one factor a set.
 */
#include "scan/fused.h"

#include <math.h>
#include <string.h>

void kin_fused_init(kin_fused *self, const kin_catalog *catalog)
{
    *self = (kin_fused){.catalog = catalog, .weight_sum = kin_catalog_weight_sum(catalog)};
    unsigned all = (1u << catalog->modality_count) - 1;
    for (size_t m = 0; m < catalog->modality_count; m++) {
        self->d += catalog->modality[m].matrix.d;
        self->scale[m] = sqrt(catalog->modality[m].weight / self->weight_sum);
    }
    for (unsigned s = 1; s <= all; s++) {
        double shared = 0;
        for (size_t m = 0; m < catalog->modality_count; m++)
            shared += s >> m & 1 ? catalog->modality[m].weight : 0;
        bool renorm = s != all && catalog->missing == KIN_MISSING_RENORM;
        self->factor[s] = renorm ? (float)(self->weight_sum / shared) : 1.0f;
    }
}

void kin_fused_row(const kin_fused *self, size_t row, float *out)
{
    const kin_catalog *catalog = self->catalog;
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_modality *modality = &catalog->modality[m];
        size_t d = modality->matrix.d;
        if (catalog->present[row] >> m & 1) {
            double scale = self->scale[m] * modality->inverse_norm[row];
            kin_matrix_widen(&modality->matrix, row, 1, out);
            for (size_t i = 0; i < d; i++)
                out[i] = (float)((double)out[i] * scale);
        } else {
            memset(out, 0, d * sizeof *out);
        }
        out += d;
    }
}
