#ifndef KIN_JOB_MESSAGES_H
#define KIN_JOB_MESSAGES_H
/*
 * Messages that several jobs have alike, about their catalog and its indexes.
 */
#include "ann/faiss_index.h"
#include "core/monitor.h"
#include "core/outdir.h"

/* A line per modality: file, shape, dtype, weight and rows of zeros. Swapped files are seen
 * there. */
void kin_messages_modalities(const kin_catalog *catalog, const kin_monitor *monitor);

/* A warning where a table names no ids: then items are called by their row numbers. */
void kin_messages_ids(const kin_catalog *catalog, const kin_monitor *monitor);

/* A line per index (distinct vectors, dimensions, lists, energy that a projection retained), and
 * a warning where the fused space cannot rank what the catalog holds. */
void kin_messages_index(const kin_index *index, const kin_catalog *catalog,
                        const kin_monitor *monitor);

/* A warning of what failed after the output was in place, if anything did (kin_outdir.note). */
void kin_messages_output(const kin_outdir *out, const kin_monitor *monitor);

#endif
