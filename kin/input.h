#ifndef KIN_KIN_INPUT_H
#define KIN_KIN_INPUT_H
/*
 * The inputs of a call, as they were added one by one.
 */
#include "core/catalog.h"
#include "kin/kin.h"

struct kin_input {
    kin_source source[KIN_MODALITIES_MAX]; /* their arrays lie in `array` */
    kin_array array[KIN_MODALITIES_MAX];
    size_t source_count;
    kin_span ids_text; /* the caller's; text NULL: none */
};

/* Puts them into the options of a catalog. KIN_E_USAGE where there are none. */
int kin_input_put(const kin_input *self, kin_catalog_options *options, kin_error *err);

#endif
