#ifndef KIN_CORE_CATALOG_SCAN_H
#define KIN_CORE_CATALOG_SCAN_H
/*
 * Private to core/catalog*.c: what opening a catalog does with the rows of a file.
 */
#include "core/catalog.h"

/* Modality m, whose matrix is open: norms, missing rows, fingerprint, its part of self->row_hash;
 * the visitor, if there is one, sees every row. KIN_E_DATA names the first value that cannot be
 * used. */
int kin_catalog_scan(kin_catalog *self, size_t m, const kin_row_visitor *visitor, kin_error *err);

#endif
