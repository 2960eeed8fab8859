#ifndef KIN_JOB_PAIRS_NPZ_H
#define KIN_JOB_PAIRS_NPZ_H
/*
 * Pairs as an .npz: int32 `item`, `neighbor` and `rank`, float32 `score` and `cosine_<modality>`.
 */
#include "core/npz_writer.h"
#include "job/pairs.h"

/* Stays at its address while it is used. */
typedef struct kin_pairs_npz {
    kin_npz_writer writer;
    size_t modality_count;
} kin_pairs_npz;

/* Begins an archive of `rows` rows in an empty file; the sink writes them. kin_npz_writer_finish
 * completes it. */
int kin_pairs_npz_init(kin_pairs_npz *self, int fd, const char *path, const kin_graph *graph,
                       size_t rows, kin_error *err);
kin_pair_sink kin_pairs_npz_sink(kin_pairs_npz *self);

/* Whether the file is such an archive (a kin_outfile_owner). */
int kin_pairs_npz_is(bool *is, const char *path, kin_error *err);

#endif
