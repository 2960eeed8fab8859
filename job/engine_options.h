#ifndef KIN_JOB_ENGINE_OPTIONS_H
#define KIN_JOB_ENGINE_OPTIONS_H
/*
 * The lines of options of FAISS's indexes, which a build, an index and a query have alike.
 */
#include "job/options.h"

/* Of a kin_index_options: how an index is built. All but its type and its memory. */
extern const kin_option kin_index_lines[];

/* Of a kin_search_options: how an index is asked. */
extern const kin_option kin_search_lines[];

#endif
