#ifndef KIN_CORE_MEMORY_H
#define KIN_CORE_MEMORY_H
/*
 * Memory that is added up before it is asked for.
 *
 * A stage fills a kin_memory_plan with what it will hold at its peak, checks the plan against the
 * limit, and only then allocates. Sums and products are checked: one that passes SIZE_MAX saturates
 * there, and a saturated plan never fits.
 */
#include "core/error.h"
#include <stddef.h>

enum { KIN_MEMORY_PLAN_MAX = 24 };

/* a * b and a + b; SIZE_MAX where the true value does not fit. */
size_t kin_size_mul(size_t a, size_t b);
size_t kin_size_add(size_t a, size_t b);

/* What a stage will hold, named part by part for the message that refuses it. */
typedef struct kin_memory_plan {
    const char *hint; /* what makes it smaller (static text), for the same message; NULL: nothing */
    size_t count;
    size_t total_bytes;
    struct {
        const char *what; /* static text */
        size_t bytes;
    } part[KIN_MEMORY_PLAN_MAX];
} kin_memory_plan;

#define KIN_MEMORY_PLAN_INIT                                                                       \
    {                                                                                              \
        0                                                                                          \
    }

/* Adds count * item_bytes bytes for `what` (static text). */
void kin_memory_plan_add(kin_memory_plan *self, const char *what, size_t count, size_t item_bytes);

/* 0, or KIN_E_MEMORY naming total, limit and the largest part. limit_bytes 0 means no limit of the
 * caller's: then what the machine has left counts (kin_memory_available). */
int kin_memory_plan_check(const kin_memory_plan *self, size_t limit_bytes, kin_error *err);

/* Bytes this process may still take: the least of MemAvailable and what the cgroup has left. */
size_t kin_memory_available(void);

/* Anonymous resident memory of this process now, bytes: without mapped files, wherever they lie (on
 * a tmpfs they count as shared memory). */
size_t kin_memory_resident(void);

/* The largest resident set so far, mapped pages of inputs and outputs included, bytes. */
size_t kin_memory_peak_rss(void);

/* Returns freed memory to the system, which the C library may keep: tens of megabytes, once large
 * blocks have come and gone. */
void kin_memory_trim(void);

/* 64-byte aligned, uninitialised, never NULL for 0 bytes. NULL when refused. Free with free(). */
void *kin_alloc(size_t count, size_t item_bytes);

/* kin_alloc, zeroed. */
void *kin_alloc_zero(size_t count, size_t item_bytes);

#endif
