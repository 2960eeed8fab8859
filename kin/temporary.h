#ifndef KIN_KIN_TEMPORARY_H
#define KIN_KIN_TEMPORARY_H
/*
 * A folder for a result that gets no name: private to the user, gone when the result was opened.
 */
#include "core/error.h"

typedef struct kin_temporary {
    char *folder; /* DIRECTORY/kin-XXXXXX; NULL: none; owned */
    char *path;   /* of the result in it; owned */
} kin_temporary;

/* Makes the folder in `directory`. KIN_E_CANTOUT. */
int kin_temporary_make(kin_temporary *self, const char *directory, kin_error *err);

/* Removes it and the result's files; what is mapped of them stays mapped. Zeroed: nothing. */
void kin_temporary_remove(kin_temporary *self);

#endif
