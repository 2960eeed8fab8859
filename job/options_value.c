/*
 * Texts to values: numbers without trailing garbage or overflow, sizes, choices, flags; and the
 * nearest name to a mistyped one. Everything that is refused names its source, itself and the
 * limit. Plain C parsing under the "C" locale, which the command never leaves.
 */
#include "job/options_value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char size_hint[] =
    "write bytes, or K M G T P behind a number, in small letters, with B or iB too: 512M, 8G, 8GB, "
    "8GiB; all are powers of two";

/* ---- sizes ----------------------------------------------------------------------------------- */

/* The digits at *text as a number; false when they do not fit 64 bits. */
static bool take_digits(const char **text, uint64_t *out, int *digits)
{
    *digits = 0;
    for (; isdigit((unsigned char)**text); ++*text, ++*digits)
        if (__builtin_mul_overflow(*out, UINT64_C(10), out) ||
            __builtin_add_overflow(*out, (uint64_t)(**text - '0'), out))
            return false;
    return true;
}

/* The power of two behind a size, as a shift: K M G T P, in letters of any size, with i, B or iB
 * behind; B alone is a byte. -1: anything else. */
static int take_unit(const char *text)
{
    static const char units[] = "KMGTP";
    text += strspn(text, " ");
    if (*text == '\0' || strcasecmp(text, "B") == 0)
        return 0;
    const char *unit = strchr(units, toupper((unsigned char)*text++));
    if (!unit || (*text != '\0' && strcasecmp(text, "i") != 0 && strcasecmp(text, "B") != 0 &&
                  strcasecmp(text, "iB") != 0))
        return -1;
    return 10 * ((int)(unit - units) + 1);
}

/* NULL, or what is wrong with the text. Fractions of a byte are cut off. */
static const char *parse_bytes(uint64_t *out, const char *text)
{
    enum { FRACTION_DIGITS = 18 };
    static const char bad[] = "not a size";
    static const char large[] = "too large a size";
    uint64_t whole = 0;
    uint64_t fraction = 0;
    uint64_t scale = 1;
    int digits;
    int fraction_digits = 0;
    if (!take_digits(&text, &whole, &digits))
        return large;
    if (digits == 0)
        return bad;
    if (*text == '.') {
        text++;
        if (!take_digits(&text, &fraction, &fraction_digits) || fraction_digits == 0 ||
            fraction_digits > FRACTION_DIGITS)
            return bad;
    }
    for (int i = 0; i < fraction_digits; i++)
        scale *= 10;
    int shift = take_unit(text);
    if (shift < 0 || (shift == 0 && fraction_digits > 0))
        return bad;
    unsigned __int128 total =
        ((unsigned __int128)whole << shift) + ((unsigned __int128)fraction << shift) / scale;
    if (total > INT64_MAX) /* a JSON integer has to hold it */
        return large;
    *out = (uint64_t)total;
    return NULL;
}

int kin_bytes_parse(uint64_t *out, const char *text, kin_error *err)
{
    const char *fault = parse_bytes(out, text);
    return fault ? kin_fail(err, KIN_E_USAGE, size_hint, "'%s': %s", text, fault) : 0;
}

void kin_bytes_text(uint64_t bytes, char out[32])
{
    static const char unit[] = " KMGTP";
    int step = 0;
    while (bytes > 0 && bytes % 1024 == 0 && step < 5) {
        bytes /= 1024;
        step++;
    }
    snprintf(out, 32, "%llu%.*s", (unsigned long long)bytes, step > 0, unit + step);
}

/* ---- ranges and choices as words ------------------------------------------------------------- */

bool kin_option_limited(const kin_option *option)
{
    return option->min != option->max;
}

/* A power of ten with more digits than are read at a glance. */
static bool is_long_power(double value)
{
    return value >= 1e8 && pow(10, round(log10(value))) == value;
}

static void number_text(const kin_option *option, double value, char out[32])
{
    if (option->type == KIN_OPTION_BYTES)
        kin_bytes_text((uint64_t)value, out);
    else if (option->type == KIN_OPTION_INT && is_long_power(value))
        snprintf(out, 32, "10^%.0f", log10(value));
    else if (option->type == KIN_OPTION_INT)
        snprintf(out, 32, "%.0f", value);
    else
        snprintf(out, 32, "%g", value);
}

void kin_option_range(const kin_option *option, char out[KIN_OPTION_TEXT_MAX])
{
    char min[32];
    char max[32];
    number_text(option, option->min, min);
    if (option->max >= 0x1p62) {
        snprintf(out, KIN_OPTION_TEXT_MAX, "%s or more", min);
        return;
    }
    number_text(option, option->max, max);
    snprintf(out, KIN_OPTION_TEXT_MAX, "%s to %s", min, max);
}

void kin_option_choices(const kin_option *option, char out[KIN_OPTION_TEXT_MAX])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; option->choices[i] && used < KIN_OPTION_TEXT_MAX; i++) {
        const char *joint = i == 0 ? "" : option->choices[i + 1] ? ", " : " or ";
        used += (size_t)snprintf(out + used, KIN_OPTION_TEXT_MAX - used, "%s%s", joint,
                                 option->choices[i]);
    }
}

/* ---- the nearest name ------------------------------------------------------------------------ */

enum { NEAREST_MAX = 48 };

/* Edits that turn a into b: insert, delete, replace, swap neighbours (optimal string alignment),
 * case ignored. Both shorter than NEAREST_MAX. */
static int edit_distance(const char *a, const char *b)
{
    int row[3][NEAREST_MAX];
    int columns = (int)strlen(b);
    int *before = row[0];
    int *last = row[1];
    int *now = row[2];
    for (int j = 0; j <= columns; j++)
        last[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        now[0] = i;
        for (int j = 1; j <= columns; j++) {
            int differs = tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]);
            int best = last[j - 1] + differs;
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        int *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[columns];
}

const char *kin_nearest(const char *text, const char *const *names)
{
    size_t length = strlen(text);
    if (length == 0 || length >= NEAREST_MAX)
        return NULL;
    int limit = length <= 3 ? 1 : length <= 6 ? 2 : 3;
    const char *nearest = NULL;
    for (; *names; names++) {
        if (strlen(*names) >= NEAREST_MAX)
            continue;
        int distance = edit_distance(text, *names);
        if (distance <= limit && (size_t)distance < length) {
            nearest = *names;
            limit = distance - 1; /* of equally near ones the first */
        }
    }
    return nearest;
}

/* ---- one value ------------------------------------------------------------------------------- */

int kin_option_summary(const kin_option *option)
{
    return option->help ? (int)strcspn(option->help, "\n") : 0;
}

static int refuse(const kin_option *option, const char *source, const char *fault, kin_error *err)
{
    char hint[KIN_HINT_MAX];
    if (option->type == KIN_OPTION_BYTES)
        snprintf(hint, sizeof hint, "%s", size_hint);
    else
        snprintf(hint, sizeof hint, "--%s%s%s: %.*s", option->name, option->unit ? " " : "",
                 option->unit ? option->unit : "", kin_option_summary(option),
                 option->help ? option->help : "");
    return kin_fail(err, KIN_E_USAGE, hint, "%s: %s", source, fault);
}

static int check_range(const kin_option *option, double value, const char *source, kin_error *err)
{
    char range[KIN_OPTION_TEXT_MAX];
    if (!kin_option_limited(option) || (value >= option->min && value <= option->max))
        return 0;
    kin_option_range(option, range);
    char fault[KIN_OPTION_TEXT_MAX + 16];
    snprintf(fault, sizeof fault, "must be %s", range);
    return refuse(option, source, fault, err);
}

static int set_int(const kin_option *option, int64_t *field, const char *text, const char *source,
                   kin_error *err)
{
    const char *digits = *text == '-' || *text == '+' ? text + 1 : text;
    if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits))
        return refuse(option, source, "not a whole number", err);
    errno = 0;
    int64_t value = strtoll(text, NULL, 10);
    if (errno == ERANGE && !kin_option_limited(option))
        return refuse(option, source, "does not fit 64 bits", err);
    int rc = check_range(option, (double)value, source, err);
    if (rc == 0 && errno == ERANGE)
        rc = refuse(option, source, "does not fit 64 bits", err);
    if (rc == 0)
        *field = value;
    return rc;
}

static int set_real(const kin_option *option, double *field, const char *text, const char *source,
                    kin_error *err)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || isspace((unsigned char)*text) || !isfinite(value))
        return refuse(option, source, "not a number", err);
    int rc = check_range(option, value, source, err);
    if (rc == 0)
        *field = value;
    return rc;
}

static int set_bytes(const kin_option *option, uint64_t *field, const char *text,
                     const char *source, kin_error *err)
{
    uint64_t value;
    const char *fault = parse_bytes(&value, text);
    if (fault)
        return refuse(option, source, fault, err);
    int rc = check_range(option, (double)value, source, err);
    if (rc == 0)
        *field = value;
    return rc;
}

static int set_flag(const kin_option *option, bool *field, const char *text, const char *source,
                    kin_error *err)
{
    static const char *const words[] = {"0", "false", "no", "off", "1", "true", "yes", "on"};
    for (size_t i = 0; i < 8; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *field = i >= 4;
            return 0;
        }
    return refuse(option, source, "must be 1, true, yes, on, 0, false, no or off", err);
}

static int set_choice(const kin_option *option, int *field, const char *text, const char *source,
                      kin_error *err)
{
    for (int i = 0; option->choices[i]; i++)
        if (strcmp(text, option->choices[i]) == 0) {
            *field = i;
            return 0;
        }
    char names[KIN_OPTION_TEXT_MAX];
    char fault[KIN_OPTION_TEXT_MAX + 16];
    kin_option_choices(option, names);
    snprintf(fault, sizeof fault, "must be %s", names);
    const char *nearest = kin_nearest(text, option->choices);
    if (!nearest)
        return refuse(option, source, fault, err);
    char hint[KIN_HINT_MAX];
    snprintf(hint, sizeof hint, "did you mean %s?", nearest);
    return kin_fail(err, KIN_E_USAGE, hint, "%s: %s", source, fault);
}

static int add_item(const kin_option *option, kin_text_list *list, const char *text, kin_error *err)
{
    if (list->count == KIN_LIST_MAX)
        return kin_fail(err, KIN_E_USAGE, "split the work into several calls",
                        "--%s: given more than %d times", option->name, KIN_LIST_MAX);
    list->item[list->count++] = text;
    return 0;
}

int kin_option_set(const kin_option *option, void *field, const char *text, const char *source,
                   kin_error *err)
{
    switch (option->type) {
    case KIN_OPTION_FLAG:
        return set_flag(option, field, text, source, err);
    case KIN_OPTION_INT:
        return set_int(option, field, text, source, err);
    case KIN_OPTION_BYTES:
        return set_bytes(option, field, text, source, err);
    case KIN_OPTION_REAL:
        return set_real(option, field, text, source, err);
    case KIN_OPTION_CHOICE:
        return set_choice(option, field, text, source, err);
    case KIN_OPTION_TEXT:
        if (*text == '\0')
            return refuse(option, source, "needs a value", err);
        *(const char **)field = text;
        return 0;
    case KIN_OPTION_LIST:
        if (*text == '\0')
            return refuse(option, source, "needs a value", err);
        return add_item(option, field, text, err);
    }
    return kin_fail(err, KIN_E_INTERNAL, "report this", "--%s: unknown option type %d",
                    option->name, (int)option->type);
}

/* ---- a field that was filled by hand --------------------------------------------------------- */

bool kin_option_same(const kin_option *option, const void *field, const void *other)
{
    static const size_t bytes[] = {
        [KIN_OPTION_FLAG] = sizeof(bool),         [KIN_OPTION_INT] = sizeof(int64_t),
        [KIN_OPTION_BYTES] = sizeof(uint64_t),    [KIN_OPTION_REAL] = sizeof(double),
        [KIN_OPTION_CHOICE] = sizeof(int),        [KIN_OPTION_TEXT] = sizeof(char *),
        [KIN_OPTION_LIST] = sizeof(kin_text_list)};
    return memcmp(field, other, bytes[option->type]) == 0;
}

int kin_option_check(const kin_option *option, const void *field, kin_error *err)
{
    char source[KIN_OPTION_SOURCE_MAX];
    double value = 0;
    switch (option->type) {
    case KIN_OPTION_INT:
        value = (double)*(const int64_t *)field;
        break;
    case KIN_OPTION_BYTES:
        value = (double)*(const uint64_t *)field;
        break;
    case KIN_OPTION_REAL:
        value = *(const double *)field;
        break;
    default:
        return 0;
    }
    snprintf(source, sizeof source, "%s=%.15g", option->name, value);
    return isfinite(value) ? check_range(option, value, source, err)
                           : refuse(option, source, "not a number", err);
}
