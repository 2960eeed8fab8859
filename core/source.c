/*
 * NAME=FILE[:WEIGHT], the way vectors are named on every command line (declared in core/catalog.h).
 */
#include "core/source.h"
#include "core/matrix.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

double kin_weight_round(double weight)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.15g", weight);
    return strtod(digits, NULL);
}

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
 * belongs to the path. Cuts it off *length. Rounded to 15 digits, which a manifest holds
 * exactly. */
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
    return kin_weight_round(weight);
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

/* Whether a value goes on behind a vector file's name with another NAME=FILE, and there is no such
 * file. */
static bool several_files(const char *path)
{
    for (const char *at = strchr(path, '='); at; at = strchr(at + 1, '=')) {
        char before[PATH_MAX];
        const char *name = at;
        while (name > path && is_name(name - 1, 1))
            name--;
        snprintf(before, sizeof before, "%.*s", (int)(name - path), path);
        if (name < at && name > path && strchr(" ,\t|&", name[-1]) &&
            kin_matrix_name_length(before) > 0)
            return access(path, F_OK) != 0;
    }
    return false;
}

/* Whether what stands behind the name of a vector file makes it the name of another: ".gz", ".bak",
 * "_old", "~". */
static bool is_ending(const char *rest)
{
    return *rest != ':' && !isdigit((unsigned char)*rest) &&
           (isalpha((unsigned char)rest[1]) || rest[1] == '\0');
}

/* What weights are mistaken for: one with a comma or in percent, one parted by another character
 * than a colon. What stands behind the name of a vector file is meant for one, unless a file of
 * such a name exists. Several modalities in one value end in another file's name, which stands
 * behind a blank or a comma. */
static int check_end(const char *text, const char *path, size_t length, kin_error *err)
{
    char file[PATH_MAX];
    snprintf(file, sizeof file, "%.*s", (int)length, path);
    if (several_files(file))
        return kin_fail(err, KIN_E_USAGE,
                        "give --modality once for each file; in KIN_MODALITY part them by ;",
                        "modality '%s' names more than one file", text);
    size_t name = kin_matrix_name_length(file);
    const char *rest = file + name;
    if (name == 0 || *rest == '\0' || strchr(rest, '/') || is_ending(rest) ||
        access(file, F_OK) == 0)
        return 0;
    rest += *rest == ':';
    return kin_fail(err, KIN_E_USAGE,
                    strchr(rest, '%')   ? "write 0.6 for 60 %: text=text.npy:0.6"
                    : strchr(rest, ',') ? "write a point, not a comma: text=text.npy:0.6"
                                        : "write the weight as a number behind a colon: "
                                          "text=text.npy:0.6",
                    "modality '%s': the weight '%s' is not a number", text, rest);
}

/* Whether a text begins with a number that a colon or an asterisk ends: "0.6:text". */
static bool starts_as_weight(const char *text)
{
    char *end;
    (void)strtod(text, &end);
    return end > text && (*end == ':' || *end == '*');
}

/* Whether a number is all that stands in front of "=": "0.6=text.npy" of "text:0.6=text.npy". */
static bool is_weight(const char *text)
{
    char *end;
    (void)strtod(text, &end);
    return end > text && *end == '=';
}

/* A weight in front of the name or of the file, where there is no such file. */
static int check_front(const char *text, const char *name, size_t name_length, const char *path,
                       kin_error *err)
{
    bool in_path = starts_as_weight(path) && access(path, F_OK) != 0;
    const char *colon = memrchr(name, ':', name_length);
    bool in_name = name_length > 0 && (starts_as_weight(name) || (colon && is_weight(colon + 1)));
    if (!in_path && !in_name)
        return 0;
    return kin_fail(err, KIN_E_USAGE, "the weight stands behind the file: text=text.npy:0.6",
                    "modality '%s': the weight stands in front", text);
}

int kin_source_check(const kin_source *self, kin_error *err)
{
    size_t length = strnlen(self->name, KIN_NAME_MAX);
    if (length == KIN_NAME_MAX || !is_name(self->name, length))
        return kin_fail(err, KIN_E_USAGE, "name it with 1 to 31 of A-Z a-z 0-9 _ -",
                        "modality '%.*s': not a name", (int)length, self->name);
    if (!self->array && (!self->path || !*self->path))
        return kin_fail(err, KIN_E_USAGE, "give it the path of a file of vectors",
                        "modality '%s': no file is named", self->name);
    if (!(self->weight >= KIN_WEIGHT_MIN && self->weight <= KIN_WEIGHT_MAX))
        return kin_fail(err, KIN_E_USAGE, "leave a modality out instead of giving it no weight",
                        "modality '%s': weight %g, must be %g to %g", self->name, self->weight,
                        KIN_WEIGHT_MIN, KIN_WEIGHT_MAX);
    return 0;
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
    int rc = check_front(text, text, named ? name_length : 0, path, err);
    if (rc == 0)
        rc = check_end(text, path, length, err);
    if (rc != 0)
        return rc;
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
