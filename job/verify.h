#ifndef KIN_JOB_VERIFY_H
#define KIN_JOB_VERIFY_H
/*
 * The checksums of a folder that kin wrote, then what must hold inside it.
 */
#include "core/dir.h"
#include "core/monitor.h"

/* FAISS's file of one part of an index. */
typedef struct kin_index_file {
    const kin_dir *dir;
    const char *name; /* in the folder */
    size_t bytes;     /* as the manifest has them */
    bool ivf;         /* else HNSW */
    size_t d, vectors;
} kin_index_file;

typedef struct kin_verify_options {
    /* Opens a FAISS file as kin_faiss_read does and closes it again. FAISS does not defend itself
     * against bytes that it did not write: a caller that must survive them opens the file in
     * another process. NULL: in this one. */
    int (*open_index)(void *self, const kin_index_file *file, kin_error *err);
    void *self; /* its first argument */
} kin_verify_options;

#define KIN_VERIFY_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .open_index = NULL                                                                         \
    }

/* Checks a folder of a graph, an index or a catalog. The monitor gets a message for each check that
 * held; KIN_E_DATA names the first violation. What cannot be seen without the vectors is left out:
 * whether the neighbours of a graph are the right ones. Graphs: memory 16 bytes an item, one pass
 * over the entries. */
int kin_verify_run(const char *directory, const kin_verify_options *options,
                   const kin_monitor *monitor, kin_error *err);

#endif
