/*
 * A .npy header is a Python dict literal of three keys. The parser accepts exactly what NumPy
 * writes, in any order of keys and with any blanks, and says what it met where it stops.
 */
#include "core/npy.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* The dict literal under the parser's eye. */
typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

bool kin_npy_is(const unsigned char *data, size_t bytes)
{
    return bytes >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && isspace((unsigned char)*c->at))
        c->at++;
}

/* Steps over `text` if it stands here. */
static bool take(cursor *c, const char *text)
{
    skip_blanks(c);
    size_t length = strlen(text);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, text, length) != 0)
        return false;
    c->at += length;
    return true;
}

/* A quoted text of fewer than `room` bytes. */
static bool take_quoted(cursor *c, char *out, size_t room)
{
    skip_blanks(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    char quote = *c->at++;
    size_t used = 0;
    while (c->at < c->end && *c->at != quote) {
        if (used + 1 >= room)
            return false;
        out[used++] = *c->at++;
    }
    out[used] = '\0';
    return take(c, (char[]){quote, '\0'});
}

/* A non-negative whole number that fits size_t, with the L that Python 2 left behind. */
static bool take_number(cursor *c, size_t *out)
{
    skip_blanks(c);
    size_t value = 0;
    const char *start = c->at;
    while (c->at < c->end && isdigit((unsigned char)*c->at)) {
        if (__builtin_mul_overflow(value, (size_t)10, &value) ||
            __builtin_add_overflow(value, (size_t)(*c->at - '0'), &value))
            return false;
        c->at++;
    }
    bool found = c->at > start;
    take(c, "L");
    *out = value;
    return found;
}

/* "(3, 4)" or "(3,)": one or two numbers; more are counted, not kept. */
static bool take_shape(cursor *c, kin_npy_header *out)
{
    if (!take(c, "("))
        return false;
    out->shape[0] = out->shape[1] = 1;
    out->dimensions = 0;
    while (!take(c, ")")) {
        size_t value;
        if (!take_number(c, &value))
            return false;
        if (out->dimensions < 2)
            out->shape[out->dimensions] = value;
        out->dimensions++;
        if (!take(c, ",")) {
            if (!take(c, ")"))
                return false;
            break;
        }
    }
    return true;
}

static bool take_bool(cursor *c, bool *out)
{
    *out = take(c, "True");
    return *out || take(c, "False");
}

/* The three entries. `seen` has a bit for each. A structured descr is a list and stops the parse
 * with descr "[". */
static bool take_dict(cursor *c, kin_npy_header *out)
{
    unsigned seen = 0;
    if (!take(c, "{"))
        return false;
    while (!take(c, "}")) {
        char key[16];
        if (!take_quoted(c, key, sizeof key) || !take(c, ":"))
            return false;
        bool ok;
        if (strcmp(key, "descr") == 0) {
            seen |= 1;
            skip_blanks(c);
            if (c->at < c->end && *c->at == '[') {
                memcpy(out->descr, "[", 2);
                return true;
            }
            ok = take_quoted(c, out->descr, sizeof out->descr);
        } else if (strcmp(key, "fortran_order") == 0) {
            seen |= 2;
            ok = take_bool(c, &out->fortran_order);
        } else if (strcmp(key, "shape") == 0) {
            seen |= 4;
            ok = take_shape(c, out);
        } else {
            ok = false;
        }
        if (!ok)
            return false;
        take(c, ",");
    }
    return seen == 7;
}

/* The length of the dict and where it starts, by version. */
static bool find_dict(const unsigned char *data, size_t bytes, size_t *start, size_t *length)
{
    if (bytes < 10 || data[6] < 1 || data[6] > 3)
        return false;
    if (data[6] == 1) {
        *start = 10;
        *length = (size_t)data[8] | (size_t)data[9] << 8;
    } else {
        if (bytes < 12)
            return false;
        *start = 12;
        *length = (size_t)data[8] | (size_t)data[9] << 8 | (size_t)data[10] << 16 |
                  (size_t)data[11] << 24;
    }
    return *length <= bytes - *start;
}

static int refuse_dimensions(size_t dimensions, const char *path, kin_error *err)
{
    return kin_fail(err, KIN_E_DATA, "reshape it to (items, dimensions)",
                    "%s: has %zu dimensions, needs 2 (items, dimensions)", path, dimensions);
}

int kin_npy_parse_any(kin_npy_header *out, const unsigned char *data, size_t bytes,
                      const char *path, kin_error *err)
{
    static const char hint[] = "write it with numpy.save(file, array.astype('float32'))";
    kin_npy_header header = {0};
    size_t start;
    size_t length;
    if (!kin_npy_is(data, bytes))
        return kin_fail(err, KIN_E_DATA, hint, "%s: not a .npy file (its first bytes differ)",
                        path);
    if (!find_dict(data, bytes, &start, &length))
        return kin_fail(err, KIN_E_DATA, hint,
                        "%s: truncated or unknown .npy header (version %d, %zu bytes in all)", path,
                        bytes > 6 ? data[6] : 0, bytes);
    const char *text = (const char *)data + start;
    cursor c = {text, text + length};
    if (!take_dict(&c, &header))
        return kin_fail(err, KIN_E_DATA, hint, "%s: the .npy header cannot be read at its byte %td",
                        path, c.at - text);
    if (strcmp(header.descr, "[") == 0)
        return kin_fail(err, KIN_E_DATA, hint, "%s: structured dtypes are not vectors of numbers",
                        path);
    if (strchr(header.descr, 'O'))
        return kin_fail(err, KIN_E_DATA, "stack the rows first: numpy.stack(list(array))",
                        "%s: object arrays cannot be read (dtype %s)", path, header.descr);
    if (header.dimensions > 2)
        return refuse_dimensions(header.dimensions, path, err);
    header.data_offset = start + length;
    *out = header;
    return 0;
}

int kin_npy_parse(kin_npy_header *out, const unsigned char *data, size_t bytes, const char *path,
                  kin_error *err)
{
    kin_npy_header header;
    int rc = kin_npy_parse_any(&header, data, bytes, path, err);
    if (rc == 0 && header.dimensions == 0)
        rc = refuse_dimensions(0, path, err);
    if (rc == 0)
        *out = header;
    return rc;
}

void kin_npy_format(unsigned char out[KIN_NPY_HEADER_BYTES], const char *descr, size_t dimensions,
                    const size_t shape[])
{
    char dict[KIN_NPY_HEADER_BYTES];
    static const char head[] = "{'descr': '%s', 'fortran_order': False, 'shape': ";
    int used = snprintf(dict, sizeof dict, head, descr);
    size_t room = sizeof dict - (size_t)used;
    if (dimensions == 0)
        snprintf(dict + used, room, "(), }");
    else if (dimensions == 1)
        snprintf(dict + used, room, "(%zu,), }", shape[0]);
    else
        snprintf(dict + used, room, "(%zu, %zu), }", shape[0], shape[1]);
    memset(out, ' ', KIN_NPY_HEADER_BYTES);
    memcpy(out, magic, sizeof magic);
    out[6] = 1;
    out[7] = 0;
    out[8] = KIN_NPY_HEADER_BYTES - 10;
    out[9] = 0;
    memcpy(out + 10, dict, strlen(dict));
    out[KIN_NPY_HEADER_BYTES - 1] = '\n';
}
