#ifndef KIN_CORE_NPY_H
#define KIN_CORE_NPY_H
/*
 * The .npy format, versions 1 to 3 (NumPy enhancement proposal NEP 1): reading a header without
 * trusting it, and writing one of a fixed length.
 */
#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every header written here takes this many bytes, whatever the shape: a file's header can be
 * rewritten when its length is known at last. */
enum { KIN_NPY_HEADER_BYTES = 128, KIN_NPY_DESCR_MAX = 16 };

/* What a header says. The product of shape and item size is the caller's to check. */
typedef struct kin_npy_header {
    char descr[KIN_NPY_DESCR_MAX]; /* "<f4" */
    bool fortran_order;
    size_t dimensions;  /* 1 or 2; 0: a single value */
    size_t shape[2];    /* shape[1] is 1 for one dimension, both are for none */
    size_t data_offset; /* bytes from the start of the file to the first value */
} kin_npy_header;

/* Parses the head of a file of `bytes` bytes. `path` is for messages. KIN_E_DATA for anything that
 * is no .npy of one or two dimensions: object arrays and structured types have their own words. */
int kin_npy_parse(kin_npy_header *out, const unsigned char *data, size_t bytes, const char *path,
                  kin_error *err);

/* The same for what may be a single value (0 dimensions) as well. */
int kin_npy_parse_any(kin_npy_header *out, const unsigned char *data, size_t bytes,
                      const char *path, kin_error *err);

/* Writes a version 1.0 header for a C-order array of `dimensions` 0 (a scalar), 1 or 2. */
void kin_npy_format(unsigned char out[KIN_NPY_HEADER_BYTES], const char *descr, size_t dimensions,
                    const size_t shape[]);

/* Whether the bytes start as a .npy file does. */
bool kin_npy_is(const unsigned char *data, size_t bytes);

#endif
