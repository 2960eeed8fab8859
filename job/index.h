#ifndef KIN_JOB_INDEX_H
#define KIN_JOB_INDEX_H
/*
 * The index of a catalog in a folder, in one call: what kin_build_run takes up as index_dir, and
 * what kin_query_run searches (docs/FORMATS.md, Index).
 *
 *     files -> catalog -> FAISS indexes      -> folder
 *                      -> order of the join  ->
 *
 * The folder takes its name last, in one rename, after the inputs were found unchanged: it is there
 * whole or not at all. Nothing here prints, reads the environment or handles signals: messages,
 * progress and cancellation go through the monitor.
 */
#include "ann/faiss_index.h"
#include "core/monitor.h"
#include "job/options.h"

/* Beside FAISS's types (kin_index_type): the order and the effort of the self-join alone. The type
 * ivf keeps them too. */
enum { KIN_INDEX_JOIN = KIN_INDEX_HNSW + 1 };

extern const char *const kin_index_run_types[]; /* "ivf", "hnsw", "join", NULL */

/* Texts are the caller's. Limits stand in kin_index_run_table. */
typedef struct kin_index_run_options {
    kin_text_list modality;            /* NAME=FILE[:WEIGHT], 1 to KIN_MODALITIES_MAX of them */
    const kin_catalog_options *inputs; /* sources and ids in place of `modality`; NULL: none */
    int type;                          /* kin_index_type, or KIN_INDEX_JOIN */
    const char *out;                   /* the folder to write; needed */
    const char *ids;                   /* a file, an id a line; NULL: row numbers */
    int64_t top_k;        /* K that the join is tuned for, 1 .. 10,000; n - 1 where that is less */
    double target_recall; /* and the recall, 0.5 .. 0.9999 */
    int missing;          /* kin_missing */
    uint64_t memory;      /* bytes to use at most, 0: what the machine has left */
    bool force;           /* replaces an index that kin wrote there before */
    kin_index_options index; /* how the indexes are built; type, memory_bytes unread */
} kin_index_run_options;

#define KIN_INDEX_RUN_OPTIONS_INIT                                                                 \
    {                                                                                              \
        .top_k = 200, .target_recall = 0.97, .index = KIN_INDEX_OPTIONS_INIT                       \
    }

/* Their lines, those of `modality` apart, and a table of them with the lines of `index`. */
extern const kin_option kin_index_run_inputs[], kin_index_run_lines[];
extern const kin_option_table kin_index_run_table;

/* What a run did. */
typedef struct kin_index_report {
    size_t items;             /* n */
    char *first_id;           /* of item 0, owned; NULL where memory was refused */
    double seconds;           /* in all */
    size_t peak_memory_bytes; /* of the process so far, own memory (job/usage.h) */
    size_t peak_rss_bytes;    /* with mapped pages of inputs */
} kin_index_report;

void kin_index_report_release(kin_index_report *self);

/* Builds the index of the catalog that the options name into options->out. *report (may be
 * NULL) is filled on success alone, and then the caller's to release.
 *
 * KIN_E_USAGE: options out of range, or that the catalog cannot take; KIN_E_CANTOUT, KIN_E_IO: the
 * folder; KIN_E_MEMORY: the plan does not fit; KIN_E_AGAIN: inputs changed under way;
 * KIN_E_STOPPED: the monitor said so; KIN_E_DATA, KIN_E_NOINPUT: the inputs. Nothing is left
 * behind. */
int kin_index_run(const kin_index_run_options *options, const kin_monitor *monitor,
                  kin_index_report *report, kin_error *err);

#endif
