#ifndef KIN_CORE_IDS_H
#define KIN_CORE_IDS_H
/*
 * What an item's id may be.
 */
#include "core/lines.h"

/* KIN_E_DATA where an id is empty, stands twice, or holds what would part it or hide it elsewhere:
 * control characters (C0, DEL, C1 such as U+0085), the separators U+2028 and U+2029, a byte order
 * mark at the front. `path` and lines are named as by kin_line_index_init. */
int kin_ids_check(const kin_lines *ids, const char *path, size_t first_line, kin_error *err);

/* The same of ids that people hand over. Their quotes are off: one that still begins with a quote
 * was cut, or holds quotes that are not doubled, and is refused. */
int kin_ids_check_given(const kin_lines *ids, const char *path, size_t first_line, kin_error *err);

#endif
