/*
 * Allocations by way of a counter (declared in support/refusal.h).
 *
 * Beside tests/faults/allocations.c, which refuses every allocating function in a process of its
 * own and is preloaded: a sanitizer has to be the first library, so nothing is preloaded there.
 * These two calls are bound by the linker, so a program sees under AddressSanitizer, too, that what
 * was allocated before a refusal is freed and that outputs stay as they were.
 */
#include "support/refusal.h"

#include <stdatomic.h>
#include <stdlib.h>

static atomic_size_t armed_at, asked;

/* The linker's names for what the program calls and for what it would have called. */
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

void refusal_arm(size_t at)
{
    asked = 0;
    armed_at = at;
}

bool refusal_disarm(void)
{
    size_t at = armed_at;
    armed_at = 0;
    return at > 0 && asked >= at;
}

static bool refused(void)
{
    return armed_at > 0 && atomic_fetch_add(&asked, 1) + 1 == armed_at;
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return refused() ? NULL : __real_aligned_alloc(alignment, bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return refused() ? NULL : __real_calloc(count, bytes);
}
