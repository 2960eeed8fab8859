/*
 * A table of options as a whole: the walk over its groups, setting by name, the check of a struct
 * that was filled by hand, and the echo that manifests keep. What a text means is options_value.c.
 */
#include "core/json.h"
#include "job/options_value.h"

#include <stdio.h>
#include <string.h>

/* ---- the walk -------------------------------------------------------------------------------- */

bool kin_options_next(const kin_option_table *table, kin_option_walk *walk)
{
    walk->number = walk->option ? walk->number + 1 : 0;
    for (; walk->next_group < table->count; walk->next_group++, walk->next_line = 0) {
        walk->group = &table->group[walk->next_group];
        walk->option = &walk->group->option[walk->next_line++];
        if (walk->option->name)
            return true;
    }
    return false;
}

bool kin_options_find(const kin_option_table *table, kin_option_walk *walk, const char *name,
                      size_t length)
{
    *walk = (kin_option_walk){0};
    while (kin_options_next(table, walk))
        if (strncmp(walk->option->name, name, length) == 0 && walk->option->name[length] == '\0')
            return true;
    return false;
}

/* ---- values ---------------------------------------------------------------------------------- */

int kin_options_set(const kin_option_table *table, void *values, const char *name, const char *text,
                    kin_error *err)
{
    kin_option_walk walk;
    char source[KIN_OPTION_SOURCE_MAX];
    if (!kin_options_find(table, &walk, name, strlen(name)))
        return kin_fail(err, KIN_E_USAGE, "the table of options has its name", "unknown option %s",
                        name);
    snprintf(source, sizeof source, "%s=%s", name, text);
    return kin_option_set(walk.option, kin_option_field(&walk, values), text, source, err);
}

static int check_choice(const kin_option *option, int value, kin_error *err)
{
    char names[KIN_OPTION_TEXT_MAX];
    int count = 0;
    while (option->choices[count])
        count++;
    if (value >= 0 && value < count)
        return 0;
    kin_option_choices(option, names);
    return kin_fail(err, KIN_E_USAGE, names, "%s: choice %d of %d", option->name, value, count);
}

int kin_options_check(const kin_option_table *table, const void *values, kin_error *err)
{
    int rc = 0;
    for (kin_option_walk walk = {0}; rc == 0 && kin_options_next(table, &walk);) {
        const void *field = kin_option_field(&walk, values);
        if (walk.option->type == KIN_OPTION_CHOICE)
            rc = check_choice(walk.option, *(const int *)field, err);
        else if (!kin_option_same(walk.option, field, kin_option_field(&walk, table->defaults)))
            rc = kin_option_check(walk.option, field, err);
    }
    return rc;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *list_json(const kin_text_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        kin_json_append(&array, kin_json_text(list->item[i]));
    return array;
}

static json_t *value_json(const kin_option *option, const void *field)
{
    switch (option->type) {
    case KIN_OPTION_FLAG:
        return json_boolean(*(const bool *)field);
    case KIN_OPTION_INT:
        return json_integer(*(const int64_t *)field);
    case KIN_OPTION_BYTES:
        return json_integer((json_int_t) * (const uint64_t *)field);
    case KIN_OPTION_REAL:
        return kin_json_real(*(const double *)field);
    case KIN_OPTION_CHOICE:
        return json_string(option->choices[*(const int *)field]);
    case KIN_OPTION_TEXT:
        return *(const char *const *)field ? kin_json_text(*(const char *const *)field)
                                           : json_null();
    case KIN_OPTION_LIST:
        return list_json(field);
    }
    return NULL;
}

void kin_options_echo(json_t **object, const kin_option_table *table, const void *values, bool all)
{
    for (kin_option_walk walk = {0}; kin_options_next(table, &walk);) {
        const kin_option *option = walk.option;
        if (option->run_only && !all)
            continue;
        char key[80];
        snprintf(key, sizeof key, "%s", option->name);
        for (char *c = key; *c; c++)
            if (*c == '-')
                *c = '_';
        kin_json_set(object, key, value_json(option, kin_option_field(&walk, values)));
    }
}

json_t *kin_options_json(const kin_option_table *table, const void *values, bool all)
{
    json_t *object = json_object();
    kin_options_echo(&object, table, values, all);
    return object;
}
