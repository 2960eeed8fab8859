#ifndef KIN_CORE_JSON_H
#define KIN_CORE_JSON_H
/*
 * JSON documents that remember a refused allocation.
 *
 * A document that lacks something is NULL. jansson's setters return -1 when memory is refused, and
 * what was to be set is missing from then on. The functions here release the whole instead: a
 * refused value, key or element makes the object that should hold it NULL, a NULL value makes its
 * holder NULL, and so does json_pack with a NULL for "o". So a document is built without a check in
 * between, and its writer looks once: NULL is KIN_E_MEMORY. All documents are built this way
 * (tests/layers.py).
 *
 * In json_pack "*" is not used: it drops what was refused. Texts that may be no UTF-8, and numbers
 * that may be NaN, come through kin_json_text, kin_json_path and kin_json_real.
 */
#include "core/error.h"

#include <jansson.h>
#include <stddef.h>

/* Gives *object the key. Takes `value`. On refusal *object is released and becomes NULL: hold no
 * other pointer to it that is used afterwards. */
void kin_json_set(json_t **object, const char *key, json_t *value);

/* The same for an element of an array. */
void kin_json_append(json_t **array, json_t *value);

/* Gives *object all keys of `other`, and takes `other`. */
void kin_json_merge(json_t **object, json_t *other);

/* A new object with what `object` has but the keys `a` and `b` (may be NULL). */
json_t *kin_json_without(const json_t *object, const char *a, const char *b);

/* Releases *document, which becomes NULL: something that it must have was refused. */
void kin_json_refuse(json_t **document);

/* A real, null for what is not finite. New reference, NULL when memory is refused; so are the
 * next. */
json_t *kin_json_real(double value);

/* A text. What it has of bytes that are no UTF-8 becomes U+FFFD. */
json_t *kin_json_text(const char *text);

/* A path that may be opened again: null for NULL and for one that is no UTF-8. */
json_t *kin_json_path(const char *path);

/* The document as text in new memory (free); `flags` are json_dumps's. NULL for NULL, and when
 * memory is refused. */
char *kin_json_dump(const json_t *document, size_t flags);

/* Reads a document from data[bytes], which `path` holds. KIN_E_DATA with `hint` when it is none. */
int kin_json_load(json_t **out, const void *data, size_t bytes, const char *path, const char *hint,
                  kin_error *err);

#endif
