#ifndef KIN_CORE_CGROUP_H
#define KIN_CORE_CGROUP_H
/*
 * The limits that control groups set for this process: those of its own group and of every group
 * above it, as far as they can be seen from here; version 2, else version 1.
 */
#include <stddef.h>

/* Bytes of memory this process may have in all, 0 for no limit. */
size_t kin_cgroup_memory_limit(void);

/* Bytes that the limits leave: the page cache that a group holds can be taken back and counts as
 * free. SIZE_MAX for no limit. */
size_t kin_cgroup_memory_left(void);

/* CPUs that may be used at once, rounded up; 0 for no limit. */
int kin_cgroup_cpus(void);

#endif
