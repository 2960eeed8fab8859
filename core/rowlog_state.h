#ifndef KIN_CORE_ROWLOG_STATE_H
#define KIN_CORE_ROWLOG_STATE_H
/*
 * Private to the row log (core/rowlog.h).
 *
 *     rowlog.c          rows appended and read; which segment is where
 *     rowlog_new.c      sizes, memory, the file
 *     rowlog_unpack.c   ranges in the catalog's order
 *     rowlog_segment.c  a segment's head and checksum
 */
#include "core/rowlog.h"
#include <pthread.h>

enum { ROWLOG_NOWHERE = UINT32_MAX, ROWLOG_HEAD_BYTES = 4096 };

/* The record of a row that counts. Its length is in kin_rowlog.length. */
typedef struct rowlog_entry {
    uint32_t segment, offset; /* of the range, and in the segment */
    uint32_t sequence;
    uint32_t crc_indices, crc_data;
} rowlog_entry;

typedef struct rowlog_segment {
    uint32_t slot; /* of the memory; ROWLOG_NOWHERE: it is in the file */
    uint32_t at;   /* its number in the file */
    kin_segment head;
} rowlog_segment;

/* The segments of some consecutive rows. */
typedef struct rowlog_range {
    pthread_mutex_t lock; /* of what follows, and of the rows' entries */
    rowlog_segment *segment;
    size_t count, capacity;
    uint32_t open; /* that takes records; ROWLOG_NOWHERE: none */
} rowlog_range;

/* What a thread packs a row in. */
typedef struct rowlog_workspace {
    unsigned char *record; /* [bytes_most] */
    uint32_t *space;       /* [3 k] */
    uint16_t *half[KIN_MODALITIES_MAX];
    uint64_t *key;     /* [k] */
    int32_t *neighbor; /* [k] in the order of the arrays */
    float *score;      /* [k] */
} rowlog_workspace;

struct kin_rowlog {
    kin_row_format format;
    bool by_column;
    size_t record_most, segment_bytes;
    size_t range_rows, ranges;
    rowlog_entry *entry; /* [n] */
    uint32_t *length;    /* [n] */
    rowlog_range *range; /* [ranges] */
    /* Segments in memory: of each range one that is open, of each thread one that is on its way to
     * the file or from it, and full ones that stay. */
    unsigned char *memory; /* [slots][segment_bytes] */
    size_t slots, stay_most;
    int fd; /* -1: memory holds all */
    char *path;
    size_t workspaces;
    rowlog_workspace *workspace; /* [workspaces] */
    pthread_mutex_t pool_lock;   /* of what follows */
    pthread_cond_t pool_more;
    size_t free_slots, free_workspaces, stay, in_file;
    int failed;                        /* errno of the file's first failure */
    uint32_t *free_slot;               /* [slots] */
    rowlog_workspace **free_workspace; /* [workspaces] */
};

static inline unsigned char *kin_rowlog_slot(const kin_rowlog *self, uint32_t slot)
{
    return self->memory + slot * self->segment_bytes;
}

/* A workspace, when one is free; and back. */
rowlog_workspace *kin_rowlog_take(kin_rowlog *self);
void kin_rowlog_give(kin_rowlog *self, rowlog_workspace *workspace);

/* A slot: there is always one. */
uint32_t kin_rowlog_take_slot(kin_rowlog *self);
void kin_rowlog_give_slot(kin_rowlog *self, uint32_t slot);

/* The keys by which a row's entries are in the order of their columns: the lower half is the
 * entry. */
void kin_rowlog_by_column(const int32_t *neighbor, size_t count, uint64_t *key);

/* Bytes of the file from segment `at`'s byte `offset` on. */
int kin_rowlog_pread(const kin_rowlog *self, void *out, size_t bytes, size_t at, size_t offset,
                     kin_error *err);

#endif
