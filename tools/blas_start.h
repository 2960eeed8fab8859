#ifndef KIN_TOOLS_BLAS_START_H
#define KIN_TOOLS_BLAS_START_H
/*
 * OpenBLAS with the kernels that fit the CPU, for the command and for every test program: see
 * core/blas_type.h. An OPENBLAS_CORETYPE that is set and not empty is left alone.
 */
#include "core/blas_type.h"

#include <stddef.h>

/* Mends the type of OpenBLAS unless the user chose it. Call it while the process has one thread. */
kin_blas_type blas_start(void);

/* One sentence about a type that does not fit by itself. False where there is none to say. */
bool blas_start_tell(kin_blas_type type, char *text, size_t bytes);

/* The same to the log, for a type that the user did not choose. */
void blas_start_log(kin_blas_type type);

#endif
