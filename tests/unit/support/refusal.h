#ifndef KIN_SUPPORT_REFUSAL_H
#define KIN_SUPPORT_REFUSAL_H
/*
 * The n-th allocation fails. For programs that are linked with --wrap for aligned_alloc
 * (core/memory's) and calloc (tests/CMakeLists.txt names them).
 */
#include <stdbool.h>
#include <stddef.h>

/* From now on allocation number `at` is refused, counted from 1 over all threads; 0: none is. */
void refusal_arm(size_t at);

/* No more refusals. Returns whether there was one. */
bool refusal_disarm(void);

#endif
