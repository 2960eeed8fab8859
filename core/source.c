/*
 * NAME=FILE[:WEIGHT], the way vectors are named on every command line (declared in core/catalog.h).
 */
#include "core/catalog.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hint[] = "write --modality NAME=FILE[:WEIGHT], for example text=text.npy:0.6";

static bool is_name(const char *text, size_t length)
{
    if (length == 0 || length >= KIN_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '-')
            return false;
    return true;
}

/* The weight behind the last colon: a colon followed by anything but a whole number of the C kind
 * belongs to the path. Cuts it off *length. Rounded to 15 digits, which a manifest holds exactly. */
static double take_weight(const char *text, size_t *length)
{
    const char *colon = memrchr(text, ':', *length);
    if (!colon || colon[1] == '\0' || isspace((unsigned char)colon[1]))
        return 1.0;
    char *end;
    double weight = strtod(colon + 1, &end);
    if (*end != '\0')
        return 1.0;
    *length = (size_t)(colon - text);
    char digits[32];
    snprintf(digits, sizeof digits, "%.15g", weight);
    return strtod(digits, NULL);
}

/* The file's stem as a name: "data/text.npy" gives "text". Returns its length. */
static size_t stem(const char *path, size_t length, const char **start)
{
    size_t first = 0;
    size_t end = length;
    for (size_t i = 0; i < length; i++)
        if (path[i] == '/')
            first = i + 1;
    for (size_t i = first + 1; i < length; i++)
        if (path[i] == '.')
            end = i;
    *start = path + first;
    return end - first;
}

int kin_source_parse(kin_source *out, const char *text, kin_error *err)
{
    *out = (kin_source){0};
    const char *name = text;
    const char *path = text;
    const char *equals = strchr(text, '=');
    size_t name_length = equals ? (size_t)(equals - text) : 0;
    bool named = equals && (is_name(text, name_length) || !memchr(text, '/', name_length));
    if (named)
        path = equals + 1;
    size_t length = strlen(path);
    double weight = take_weight(path, &length);
    if (length == 0)
        return kin_fail(err, KIN_E_USAGE, hint, "modality '%s': no file is named", text);
    if (!named)
        name_length = stem(path, length, &name);
    if (!is_name(name, name_length))
        return kin_fail(err, KIN_E_USAGE, hint,
                        "modality '%s': the name '%.*s' is not 1 to %d of A-Z a-z 0-9 _ -", text,
                        (int)name_length, name, KIN_NAME_MAX - 1);
    if (!(weight >= KIN_WEIGHT_MIN && weight <= KIN_WEIGHT_MAX))
        return kin_fail(err, KIN_E_USAGE, "leave a modality out instead of giving it no weight",
                        "modality '%s': weight %g, must be %g to %g", text, weight, KIN_WEIGHT_MIN,
                        KIN_WEIGHT_MAX);
    out->path = strndup(path, length);
    if (!out->path)
        return kin_fail_alloc(err, "path", length);
    memcpy(out->name, name, name_length);
    out->weight = weight;
    return 0;
}

void kin_source_release(kin_source *self)
{
    free(self->path);
    *self = (kin_source){0};
}
