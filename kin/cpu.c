/*
 * The check of the CPU. This file is compiled for any x86-64, and calls nothing of kin's that is
 * compiled for more.
 */
#include "core/cpu_level.h"
#include "kin/kin.h"

#include <stdio.h>

int kin_cpu_check(kin_error *err)
{
#if defined(__x86_64__)
    if (!kin_cpu_fits()) {
        if (err) {
            err->code = KIN_E_MEMORY;
            snprintf(err->message, sizeof err->message, "%s", KIN_CPU_TOO_OLD);
            snprintf(err->hint, sizeof err->hint, "%s", KIN_CPU_HINT);
        }
        return KIN_E_MEMORY;
    }
#endif
    (void)err;
    return KIN_OK;
}
