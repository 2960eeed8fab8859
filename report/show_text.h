#ifndef KIN_REPORT_SHOW_TEXT_H
#define KIN_REPORT_SHOW_TEXT_H
/*
 * Items beside their neighbours as text for a terminal.
 */
#include "job/show.h"

#include <stdio.h>

/* A table a lane. Control characters of titles and ids are escaped. */
void kin_show_print(const kin_show *self, FILE *out);

#endif
