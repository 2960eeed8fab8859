#ifndef KIN_JOB_TUNE_H
#define KIN_JOB_TUNE_H
/*
 * Choosing how deep FAISS's indexes are searched.
 *
 * Depth decides recall and cost in proportion, and how much of it a catalog needs is a property of
 * the catalog. So C candidates (and efSearch = C) climb a ladder, from K to 8 K (in fused space,
 * whose index ranks by the score itself, to 4 K), until random rows pass the evaluation that the
 * build itself will face first (job/evaluation.h), with a standard error to spare: held-out rows
 * are others, and both samples scatter. Effort is counted, there is no clock. The evaluation draws
 * other rows.
 *
 * Cost: exact rows of the sample once, and a search of it a step: of a million items a thousandth
 * of the whole each.
 */
#include "ann/faiss_effort.h"
#include "job/evaluation.h"

typedef struct tuning {
    int32_t *row; /* [rows] ascending: the items that served; owned, NULL where nothing was tuned */
    size_t rows;
    size_t steps;       /* of the ladder that were searched */
    double mean;        /* recall of these rows at the last one */
    bool likely;        /* whether it promises to pass */
    int64_t candidates; /* what was chosen */
} tuning;

typedef struct tune_options {
    double target;
    uint64_t seed;
    size_t memory_bytes;
} tune_options;

/* Sets search->candidates, and ef_search or probes with them, all 0 before. */
int kin_tune_search(tuning *out, kin_search_options *search, const kin_index *index,
                    const kin_catalog *catalog, const tune_options *options,
                    const kin_monitor *monitor, kin_error *err);
void kin_tuning_release(tuning *self);

#endif
