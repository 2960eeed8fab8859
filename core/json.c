/*
 * JSON documents that remember a refused allocation (declared in core/json.h).
 */
#include "core/json.h"
#include "core/lines.h"
#include "core/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- building -------------------------------------------------------------------------------- */

void kin_json_refuse(json_t **document)
{
    json_decref(*document);
    *document = NULL;
}

void kin_json_set(json_t **object, const char *key, json_t *value)
{
    if (json_object_set_new(*object, key, value) != 0)
        kin_json_refuse(object);
}

void kin_json_append(json_t **array, json_t *value)
{
    if (json_array_append_new(*array, value) != 0)
        kin_json_refuse(array);
}

void kin_json_merge(json_t **object, json_t *other)
{
    if (json_object_update(*object, other) != 0)
        kin_json_refuse(object);
    json_decref(other);
}

json_t *kin_json_without(const json_t *object, const char *a, const char *b)
{
    /* json_copy leaves out in silence what is refused */
    json_t *rest = json_object();
    kin_json_merge(&rest, json_incref((json_t *)(uintptr_t)object));
    json_object_del(rest, a);
    if (b)
        json_object_del(rest, b);
    return rest;
}

json_t *kin_json_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* The bytes of `text` that are UTF-8, from its start. */
static size_t whole_bytes(const char *text)
{
    size_t at = 0, bytes = strlen(text);
    for (size_t length; at < bytes; at += length) {
        length = kin_utf8_length(text + at, bytes - at);
        if (length == 0)
            break;
    }
    return at;
}

json_t *kin_json_text(const char *text)
{
    static const char replacement[] = {'\xef', '\xbf', '\xbd'};
    size_t left = strlen(text), used = 0;
    char *repaired = malloc(3 * left + 1);
    if (!repaired)
        return NULL;
    while (left > 0) {
        size_t whole = whole_bytes(text);
        memcpy(repaired + used, text, whole);
        used += whole;
        if (whole < left) {
            memcpy(repaired + used, replacement, sizeof replacement);
            used += sizeof replacement;
            whole++;
        }
        text += whole;
        left -= whole;
    }
    json_t *value = json_stringn(repaired, used);
    free(repaired);
    return value;
}

json_t *kin_json_path(const char *path)
{
    return path && path[whole_bytes(path)] == '\0' ? json_string(path) : json_null();
}

static int add_piece(const char *piece, size_t bytes, void *text)
{
    return kin_text_add(text, piece, bytes);
}

char *kin_json_dump(const json_t *document, size_t flags)
{
    /* json_dumps does not look whether a key was written whole */
    kin_text_buffer text = {0};
    int failed = document ? json_dump_callback(document, add_piece, &text, flags) : -1;
    if (!failed)
        return text.text;
    free(text.text);
    return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Whether two readings of the same bytes ended in the same way. */
static bool same_reading(const json_t *a, const json_error_t *a_fault, const json_t *b,
                         const json_error_t *b_fault)
{
    if (a && b)
        return json_equal(a, b);
    return !a && !b && a_fault->position == b_fault->position &&
           strcmp(a_fault->text, b_fault->text) == 0;
}

/* jansson's lexer drops a byte in silence when it cannot make its buffer larger: "true" becomes
 * "tre", which is damage, and an id becomes another id. The same bytes are therefore read twice. A
 * refusal strikes one reading or both in different places, so two readings that differ mean that
 * memory was short. A manifest has some kilobytes. */
int kin_json_load(json_t **out, const void *data, size_t bytes, const char *path, const char *hint,
                  kin_error *err)
{
    const char *text = bytes > 0 ? data : "";
    json_error_t fault[2] = {{.position = 0}, {.position = 0}};
    json_t *first = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &fault[0]);
    json_t *second = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &fault[1]);
    bool same = same_reading(first, &fault[0], second, &fault[1]);
    bool refused = !same || (!first && (fault[0].text[0] == '\0' ||
                                        json_error_code(&fault[0]) == json_error_out_of_memory));
    json_decref(second);
    *out = refused ? NULL : first;
    if (refused) {
        json_decref(first);
        return kin_fail_alloc(err, path, bytes);
    }
    return first ? 0
                 : kin_fail(err, KIN_E_DATA, hint, "%s: line %d: %s", path, fault[0].line,
                            fault[0].text);
}
