#ifndef KIN_REPORT_SWEEP_PAGE_H
#define KIN_REPORT_SWEEP_PAGE_H
/*
 * The page of `kin sweep --out`.
 */
#include "job/sweep.h"

/* The whole page in new memory (free). */
int kin_sweep_page(char **page, size_t *bytes, const sweep *self, kin_error *err);

#endif
