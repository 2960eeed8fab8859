#include "job/pairs_npz.h"

#include <stdio.h>

enum { FIXED = 4 };
static const kin_npz_column fixed[FIXED] = {
    {"item", "<i4"}, {"neighbor", "<i4"}, {"rank", "<i4"}, {"score", "<f4"}};

int kin_pairs_npz_init(kin_pairs_npz *self, int fd, const char *path, const kin_graph *graph,
                       size_t rows, kin_error *err)
{
    char name[KIN_MODALITIES_MAX][KIN_STORED_NAME_MAX];
    kin_npz_column column[FIXED + KIN_MODALITIES_MAX];
    for (size_t c = 0; c < FIXED; c++)
        column[c] = fixed[c];
    for (size_t m = 0; m < graph->modality_count; m++) {
        snprintf(name[m], sizeof name[m], "cosine_%s", graph->modality[m]);
        column[FIXED + m] = (kin_npz_column){name[m], "<f4"};
    }
    self->modality_count = graph->modality_count;
    return kin_npz_writer_init(&self->writer, fd, path, column, FIXED + graph->modality_count, rows,
                               err);
}

static int write_rows(void *to, const kin_pair_rows *rows, kin_error *err)
{
    kin_pairs_npz *self = to;
    const void *values[FIXED + KIN_MODALITIES_MAX] = {rows->item, rows->neighbor, rows->rank,
                                                      rows->score};
    for (size_t m = 0; m < self->modality_count; m++)
        values[FIXED + m] = rows->cosine[m];
    return kin_npz_writer_add(&self->writer, values, rows->count, err);
}

kin_pair_sink kin_pairs_npz_sink(kin_pairs_npz *self)
{
    return (kin_pair_sink){self, write_rows};
}

int kin_pairs_npz_is(bool *is, const char *path, kin_error *err)
{
    kin_file file;
    const unsigned char *data;
    size_t bytes;
    int rc = kin_file_open(&file, path, err);
    *is = rc == 0;
    for (size_t c = 0; c < FIXED && *is; c++) {
        char member[KIN_STORED_NAME_MAX];
        snprintf(member, sizeof member, "%s.npy", fixed[c].name);
        *is = kin_stored_find(&file, member, &data, &bytes, NULL) == 0;
    }
    kin_file_close(&file);
    return rc;
}
