/*
 * Mutations that know .npy and JSON (declared in fuzz.h): without them most inputs die at the first
 * byte that no longer fits.
 */
#include "core/npy.h"
#include "fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

size_t fuzz_below(uint32_t *state, size_t limit)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state % limit;
}

size_t fuzz_splice(uint8_t *data, size_t size, size_t most, size_t at, size_t cut, const void *new,
                   size_t length)
{
    if (size - cut + length > most)
        return size;
    memmove(data + at + length, data + at + cut, size - at - cut);
    memcpy(data + at, new, length);
    return size - cut + length;
}

/* ---- .npy ------------------------------------------------------------------------------------ */

enum { DICT_AT = 10 }; /* of version 1, which is what every file in use has */

/* Where the dict ends: behind the newline after the last brace, or behind the brace. 0: there is
 * none. */
static size_t dict_end(const uint8_t *data, size_t size)
{
    size_t end = size < 1000 ? size : 1000;
    const uint8_t *brace = size > DICT_AT ? memchr(data + DICT_AT, '}', end - DICT_AT) : NULL;
    if (!brace)
        return 0;
    size_t at = (size_t)(brace - data) + 1;
    for (size_t i = at; i < end && (data[i] == ' ' || data[i] == '\n'); i++)
        if (data[i] == '\n')
            return i + 1;
    return at;
}

static size_t item_bytes(const char *descr)
{
    size_t bytes = descr[0] && descr[1] ? (size_t)(descr[2] - '0') : 0;
    return bytes <= 8 ? bytes : 0;
}

size_t fuzz_npy_mend(uint8_t *data, size_t size, size_t most)
{
    kin_npy_header header;
    size_t end = dict_end(data, size);
    size_t wanted;
    if (end == 0)
        return size;
    memcpy(data, "\x93NUMPY\x01\x00", 8);
    data[8] = (uint8_t)((end - DICT_AT) & 0xff);
    data[9] = (uint8_t)((end - DICT_AT) >> 8);
    if (kin_npy_parse_any(&header, data, size, "npy", NULL) != 0)
        return size;
    if (__builtin_mul_overflow(header.shape[0], header.shape[1], &wanted) ||
        __builtin_mul_overflow(wanted, item_bytes(header.descr), &wanted) ||
        __builtin_add_overflow(wanted, header.data_offset, &wanted) || wanted > most)
        return size;
    if (wanted > size)
        memset(data + size, 0, wanted - size);
    return wanted;
}

/* Numbers and types that decide something. */
static const char *const word[] = {
    "'<f4'",
    "'<f2'",
    "'<f8'",
    "'<i4'",
    "'<i8'",
    "'|i1'",
    "'>f4'",
    "'O'",
    "'<U3'",
    "'|S3'",
    "True",
    "False",
    "(4,)",
    "(4, 2)",
    "(1, 8)",
    "()",
    "(2, 2, 2)",
    "(3,)",
    "(9,)",
    "(0, 2)",
    "(18446744073709551615, 2)",
    "(2147483648, 1)",
    "(4L, 2L)",
};

/* Writes a word over the value that stands behind a colon of the dict. */
static size_t replace_value(uint8_t *data, size_t size, size_t most, uint32_t *state)
{
    static const char ends[] = ",})";
    size_t end = dict_end(data, size);
    size_t colons = 0, at = 0;
    for (size_t i = DICT_AT; i < end; i++)
        if (data[i] == ':' && fuzz_below(state, ++colons) == 0)
            at = i + 1;
    if (at == 0)
        return size;
    size_t stop = at;
    while (stop < end && !memchr(ends, data[stop], 2))
        stop += 1;
    if (memchr(data + at, '(', stop - at)) /* a shape ends behind its bracket */
        while (stop < end && data[stop - 1] != ')')
            stop++;
    const char *new = word[fuzz_below(state, sizeof word / sizeof *word)];
    return fuzz_splice(data, size, most, at, stop - at, new, strlen(new));
}

size_t fuzz_npy_mutate(uint8_t *data, size_t size, size_t most, uint32_t *state)
{
    size_t end = dict_end(data, size);
    size_t way = fuzz_below(state, 4);
    if (way == 0 || end == 0)
        size = LLVMFuzzerMutate(data, size, most);
    else if (way == 1)
        size = replace_value(data, size, most, state);
    else if (end < size)
        size = end + LLVMFuzzerMutate(data + end, size - end, way == 2 ? size - end : most - end);
    return fuzz_below(state, 4) ? fuzz_npy_mend(data, size, most) : size;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* How many values a document has, itself included. */
static size_t count_values(const json_t *at)
{
    size_t count = 1, index;
    const char *key;
    json_t *inside;
    json_object_foreach((json_t *)(uintptr_t)at, key, inside) count += count_values(inside);
    json_array_foreach(at, index, inside) count += count_values(inside);
    return count;
}

static json_t *any_value(uint32_t *state)
{
    static const char *const text[] = {
        "",         "text",     "../up",
        "a/b",      "fused",    "join",
        "ivf",      "hnsw",     "graph",
        "index",    "score",    "column",
        "\x1b[31m", "\xc2\x85", "<script>",
        "image",    "modality", "0123456789012345678901234567890123456789"};
    static const json_int_t number[] = {
        0,         1,        -1, 2, 3, 11, 12, 13, 127, 65536, INT32_MAX, (json_int_t)INT32_MAX + 1,
        INT64_MAX, INT64_MIN};
    static const double real[] = {0.0, -0.5, 0.5, 1e-300, 1e300, 1.0000001, 3e9};
    switch (fuzz_below(state, 8)) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(fuzz_below(state, 2));
    case 2:
        return json_object();
    case 3:
        return json_array();
    case 4:
        return json_string(text[fuzz_below(state, sizeof text / sizeof *text)]);
    case 5:
        return json_real(real[fuzz_below(state, sizeof real / sizeof *real)]);
    default:
        return json_integer(number[fuzz_below(state, sizeof number / sizeof *number)]);
    }
}

/* What becomes of a value: NULL is nothing. New reference. */
static json_t *other_value(const json_t *old, uint32_t *state)
{
    size_t way = fuzz_below(state, 5);
    if (way == 0)
        return NULL;
    if (way == 1 && json_is_integer(old))
        return json_integer(
            (json_int_t)((uint64_t)json_integer_value(old) + fuzz_below(state, 3) - 1));
    if (way == 1 && json_is_string(old)) {
        char changed[200];
        size_t length = json_string_length(old);
        if (length == 0 || length >= sizeof changed)
            return any_value(state);
        memcpy(changed, json_string_value(old), length);
        changed[fuzz_below(state, length)] = (char)(' ' + fuzz_below(state, 95));
        json_t *text = json_stringn(changed, length);
        return text ? text : any_value(state);
    }
    return any_value(state);
}

/* Changes value number *number below `at`, counted as count_values does. True when it was there. */
static bool change_object(json_t *at, size_t *number, uint32_t *state);
static bool change_array(json_t *at, size_t *number, uint32_t *state);

static bool change(json_t *at, size_t *number, uint32_t *state)
{
    return json_is_object(at) ? change_object(at, number, state) : change_array(at, number, state);
}

static bool change_object(json_t *at, size_t *number, uint32_t *state)
{
    const char *key;
    json_t *inside;
    json_object_foreach(at, key, inside)
    {
        if (--*number == 0) {
            json_t *new = other_value(inside, state);
            if (new &&fuzz_below(state, 8) == 0)
                json_object_set_new(at, "another", new);
            else if (new)
                json_object_set_new(at, key, new);
            else
                json_object_del(at, key);
            return true;
        }
        if (change(inside, number, state))
            return true;
    }
    return false;
}

static bool change_array(json_t *at, size_t *number, uint32_t *state)
{
    size_t index;
    json_t *inside;
    json_array_foreach(at, index, inside)
    {
        if (--*number == 0) {
            json_t *new = other_value(inside, state);
            if (!new)
                json_array_remove(at, index);
            else if (fuzz_below(state, 4) == 0)
                json_array_append_new(at, new);
            else
                json_array_set_new(at, index, new);
            return true;
        }
        if (change(inside, number, state))
            return true;
    }
    return false;
}

size_t fuzz_json_mutate(uint8_t *data, size_t size, size_t most, uint32_t *state)
{
    size_t written = 0;
    json_t *document = json_loadb((const char *)data, size, 0, NULL);
    size_t values = document ? count_values(document) : 0;
    if (values > 1) {
        size_t number = 1 + fuzz_below(state, values - 1);
        change(document, &number, state);
        written = json_dumpb(document, (char *)data, most, JSON_COMPACT | JSON_REAL_PRECISION(15));
    }
    json_decref(document);
    return written <= most ? written : 0;
}
