/*
 * The command line and the environment against a table of options: which text belongs to which
 * option, given where, how often. What a text means is job/options_value.c.
 *
 * The command line is read first, the environment then fills what it left open: so a malformed
 * environment value that nothing reads does no harm. Cost: options times arguments.
 */
#include "tools/arguments.h"
#include "job/options_value.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 128 };

/* One run of the parser. */
typedef struct parser {
    const kin_option_table *table;
    void *values;
    kin_operands *operands;
    bool given[OPTIONS_MAX]; /* by number of the option: on the command line */
    kin_error *err;
} parser;

/* ---- the command line ------------------------------------------------------------------------ */

static int unknown_option(const parser *p, const char *name)
{
    const char *names[OPTIONS_MAX + 2];
    size_t count = 0;
    for (kin_option_walk walk = {0}; kin_options_next(p->table, &walk);)
        names[count++] = walk.option->name;
    names[count++] = "help";
    names[count] = NULL;
    const char *nearest = kin_nearest(name + strspn(name, "-"), names);
    char hint[KIN_HINT_MAX] = "--help lists the options";
    if (nearest)
        snprintf(hint, sizeof hint, "did you mean --%s?", nearest);
    return kin_fail(p->err, KIN_E_USAGE, hint, "unknown option %s", name);
}

/* argv[*at] is "--name" or "--name=value"; steps over a value that stands behind it. */
static int take_option(parser *p, int argc, char **argv, int *at)
{
    const char *argument = argv[*at];
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    kin_option_walk walk;
    if (length <= 2 || argument[1] != '-' ||
        !kin_options_find(p->table, &walk, argument + 2, length - 2)) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), argument);
        return unknown_option(p, name);
    }
    const kin_option *option = walk.option;
    void *field = kin_option_field(&walk, p->values);
    const char *value = equals ? equals + 1 : NULL;
    char source[KIN_OPTION_SOURCE_MAX], hint[KIN_HINT_MAX];
    if (p->given[walk.number] && option->type != KIN_OPTION_LIST)
        return kin_fail(p->err, KIN_E_USAGE, "give it once", "--%s: given twice", option->name);
    if (!value && option->type == KIN_OPTION_FLAG)
        value = "true";
    if (!value && *at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0)
        value = argv[++*at];
    snprintf(hint, sizeof hint, "%.*s", kin_option_summary(option),
             option->help ? option->help : "");
    if (!value)
        return kin_fail(p->err, KIN_E_USAGE, hint[0] ? hint : "see --help",
                        "--%s: needs a value%s%s", option->name, option->unit ? ": " : "",
                        option->unit ? option->unit : "");
    if (option->type == KIN_OPTION_LIST && !p->given[walk.number])
        *(kin_text_list *)field = (kin_text_list){0};
    p->given[walk.number] = true;
    snprintf(source, sizeof source, "--%s %s", option->name, value);
    return kin_option_set(option, field, value, source, p->err);
}

static int take_arguments(parser *p, int argc, char **argv)
{
    bool options = true;
    int rc = 0;
    for (int i = 0; i < argc && rc == 0; i++) {
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1] != '\0')
            rc = take_option(p, argc, argv, &i);
        else if (p->operands->count == KIN_OPERANDS_MAX)
            rc = kin_fail(p->err, KIN_E_USAGE, "split the work into several calls",
                          "'%s': more than %d operands", argv[i], KIN_OPERANDS_MAX);
        else
            p->operands->item[p->operands->count++] = argv[i];
    }
    return rc;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* ---- the environment ------------------------------------------------------------------------- */

/* "top-k" -> "KIN_TOP_K". */
static void environment_name(const kin_option *option, char out[80])
{
    snprintf(out, 80, "KIN_%s", option->name);
    for (char *c = out; *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

/* Cuts blanks at both ends, in place. */
static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* The value of `name` without blanks and comment, NULL when unset or empty. Edits it in place. */
static char *environment_value(char **environment, const char *name)
{
    size_t length = name ? strlen(name) : 0;
    for (; length > 0 && environment && *environment; environment++) {
        if (strncmp(*environment, name, length) != 0 || (*environment)[length] != '=')
            continue;
        char *value = *environment + length + 1;
        for (char *c = value; *c; c++)
            if (isspace((unsigned char)c[0]) && c[1] == '#') {
                *c = '\0';
                break;
            }
        value = trim(value);
        return *value ? value : NULL;
    }
    return NULL;
}

/* The next of several values, without its backslashes, in place; *rest is NULL behind the last. */
static char *take_item(char **rest)
{
    char *from = *rest, *to = *rest, *item = *rest;
    for (; *from && *from != ';' && *from != '\n'; *to++ = *from++)
        if (*from == '\\' && (from[1] == ';' || from[1] == '\n' || from[1] == '\\'))
            from++;
    *rest = *from ? from + 1 : NULL;
    *to = '\0';
    return item;
}

static int set_from_environment(parser *p, const kin_option_walk *walk, const char *name,
                                char *value)
{
    const kin_option *option = walk->option;
    void *field = kin_option_field(walk, p->values);
    char source[KIN_OPTION_SOURCE_MAX];
    snprintf(source, sizeof source, "%s=%s", name, value);
    if (option->type != KIN_OPTION_LIST)
        return kin_option_set(option, field, value, source, p->err);
    *(kin_text_list *)field = (kin_text_list){0};
    int rc = 0;
    while (value && rc == 0) {
        char *item = take_item(&value);
        item = trim(item);
        if (*item)
            rc = kin_option_set(option, field, item, source, p->err);
    }
    return rc;
}

static int read_environment(parser *p, char **environment, arguments_warn *warn, void *warn_self)
{
    int rc = 0;
    for (kin_option_walk walk = {0}; rc == 0 && kin_options_next(p->table, &walk);) {
        const kin_option *option = walk.option;
        char kin_name[80];
        environment_name(option, kin_name);
        const char *const name[] = {kin_name, option->similarity, option->deprecated};
        for (size_t source = 0; source < 3 && !p->given[walk.number] && rc == 0; source++) {
            char *value = environment_value(environment, name[source]);
            if (!value)
                continue;
            if (source == 2 && warn) {
                char text[200];
                snprintf(text, sizeof text, "%s is deprecated: use %s", name[source], kin_name);
                warn(warn_self, text);
            }
            p->given[walk.number] = true;
            rc = set_from_environment(p, &walk, name[source], value);
        }
    }
    return rc;
}

bool arguments_know(const kin_option_table *table, const char *name)
{
    for (kin_option_walk walk = {0}; kin_options_next(table, &walk);) {
        const kin_option *option = walk.option;
        char kin_name[80];
        environment_name(option, kin_name);
        if (strcmp(name, kin_name) == 0 ||
            (option->similarity && strcmp(name, option->similarity) == 0) ||
            (option->deprecated && strcmp(name, option->deprecated) == 0))
            return true;
    }
    return false;
}

int arguments_parse(const kin_option_table *table, void *values, int argc, char **argv,
                    char **environment, kin_operands *operands, bool *help, arguments_warn *warn,
                    void *warn_self, kin_error *err)
{
    parser p = {.table = table, .values = values, .operands = operands, .err = err};
    memcpy(values, table->defaults, table->bytes);
    *operands = (kin_operands){0};
    *help = asks_for_help(argc, argv);
    if (*help)
        return 0;
    kin_option_walk walk = {0};
    while (kin_options_next(table, &walk))
        continue;
    if (walk.number > OPTIONS_MAX)
        return kin_fail(err, KIN_E_INTERNAL, "raise OPTIONS_MAX", "%zu options in one table",
                        walk.number);
    int rc = take_arguments(&p, argc, argv);
    if (rc == 0)
        rc = read_environment(&p, environment, warn, warn_self);
    return rc;
}
