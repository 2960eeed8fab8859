#ifndef KIN_KIN_TEXTS_H
#define KIN_KIN_TEXTS_H
/*
 * Texts that are given to the caller, who frees them with kin_string_free.
 */
#include "core/error.h"
#include <jansson.h>

/* The document as the command prints it; takes `document`, which NULL says was refused. */
int kin_json_text_new(char **out, json_t *document, kin_error *err);

#endif
