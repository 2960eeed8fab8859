#ifndef KIN_CORE_BLAS_TYPE_H
#define KIN_CORE_BLAS_TYPE_H
/*
 * The type of CPU that OpenBLAS has kernels for, and the CPU that is there.
 *
 * OpenBLAS knows CPUs by their model numbers. One that is newer than it, it takes for the least
 * that x86-64 allows (Prescott: SSE3), and a product takes five times as long. Here the type that
 * fits is told by what the CPU can do.
 */
#include <stdbool.h>

typedef enum kin_blas_fit {
    KIN_BLAS_FITS,   /* OpenBLAS's own choice uses what the CPU has, as far as is known */
    KIN_BLAS_MENDED, /* it did not; the type that fits is in use, and a product was right with it */
    /* it does not, and stays in use: forced, or the type that fits is not to be had */
    KIN_BLAS_BELOW,
} kin_blas_fit;

typedef struct kin_blas_type {
    kin_blas_fit fit;
    char own[32]; /* OpenBLAS's choice, as kin_blas_core names it */
    const char
        *fitting; /* what the CPU could run ("SkylakeX", "Haswell"); static; NULL: as `own` */
} kin_blas_type;

/* How the type in use fits this CPU; changes nothing. */
kin_blas_type kin_blas_type_look(void);

/* Gives OpenBLAS the type that fits where its own does not. Products of odd sizes are held against
 * double first; where one is wrong, or a limit leaves no room for them, OpenBLAS gets its own
 * choice back. To be called while the process has one thread, and not where the user chose a type
 * (OPENBLAS_CORETYPE): that variable is set for the moment in which OpenBLAS reads it. Cost:
 * nothing where the type fits, else some milliseconds. */
kin_blas_type kin_blas_type_mend(void);

#endif
