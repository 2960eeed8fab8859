/*
 * What the library tells of itself: its version, its codes, and every option of every call.
 */
#include "core/json.h"
#include "job/facts.h"
#include "job/options_value.h"
#include "kin/call.h"
#include "kin/pairs.h"
#include "kin/texts.h"

#include <ctype.h>
#include <stdio.h>

static const struct {
    kin_code code;
    const char *name;
} codes[] = {
    {KIN_OK, "ok"},           {KIN_E_INTERNAL, "internal"}, {KIN_E_USAGE, "usage"},
    {KIN_E_GATE, "gate"},     {KIN_E_DATA, "data"},         {KIN_E_NOINPUT, "noinput"},
    {KIN_E_MEMORY, "memory"}, {KIN_E_CANTOUT, "cantout"},   {KIN_E_IO, "io"},
    {KIN_E_AGAIN, "again"},   {KIN_E_NOTHING, "nothing"},   {KIN_E_STOPPED, "stopped"},
};

enum { CODES = sizeof codes / sizeof *codes };

const char *kin_version(void)
{
    return KIN_VERSION;
}

const char *kin_code_name(int code)
{
    for (size_t i = 0; i < CODES; i++)
        if ((int)codes[i].code == code)
            return codes[i].name;
    return "unknown";
}

/* ---- options --------------------------------------------------------------------------------- */

static json_t *choices_json(const char *const *choices)
{
    json_t *out = json_array();
    for (size_t i = 0; choices[i]; i++)
        kin_json_append(&out, json_string(choices[i]));
    return out;
}

/* KIN_TOP_K, and the older name that is read after it. */
static json_t *environment_json(const kin_option *option)
{
    json_t *out = json_array();
    char name[80];
    snprintf(name, sizeof name, "KIN_%s", option->name);
    for (char *c = name; *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    kin_json_append(&out, json_string(name));
    if (option->similarity)
        kin_json_append(&out, json_string(option->similarity));
    return out;
}

/* An option as --help tells it, and its default from `defaults`, which the echo has by its name. */
static json_t *option_json(const kin_option *option, const json_t *fallback)
{
    static const char *const types[] = {
        [KIN_OPTION_FLAG] = "flag", [KIN_OPTION_INT] = "int",       [KIN_OPTION_BYTES] = "bytes",
        [KIN_OPTION_REAL] = "real", [KIN_OPTION_CHOICE] = "choice", [KIN_OPTION_TEXT] = "text",
        [KIN_OPTION_LIST] = "list"};
    json_t *out = json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:o, s:O}", "name", option->name,
                            "type", types[option->type], "help", option->help, "unit", option->unit,
                            "default_text", option->default_text, "deprecated", option->deprecated,
                            "environment", environment_json(option), "default", fallback);
    if (option->min < option->max) {
        kin_json_set(&out, "min", kin_json_real(option->min));
        kin_json_set(&out, "max", kin_json_real(option->max));
    }
    if (option->choices)
        kin_json_set(&out, "choices", choices_json(option->choices));
    return out;
}

static json_t *table_json(const kin_option_table *table)
{
    json_t *out = json_array(), *defaults = kin_options_json(table, table->defaults, true);
    void *at = defaults ? json_object_iter(defaults) : NULL; /* in the order of the table */
    for (kin_option_walk walk = {0}; at && kin_options_next(table, &walk);) {
        kin_json_append(&out, option_json(walk.option, json_object_iter_value(at)));
        at = json_object_iter_next(defaults, at);
    }
    if (!defaults)
        kin_json_refuse(&out);
    json_decref(defaults);
    return out;
}

static json_t *describe(void)
{
    json_t *code = json_object();
    for (size_t i = 0; i < CODES; i++)
        kin_json_set(&code, codes[i].name, json_integer(codes[i].code));
    json_t *call = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o}", "build", table_json(&kin_build_call_table), "plan",
        table_json(&kin_build_call_table), "index", table_json(&kin_index_call_table), "compare",
        table_json(&kin_compare_call_table), "search", table_json(&kin_search_call_table), "pairs",
        table_json(&kin_pairs_call_table));
    return json_pack("{s:s, s:o, s:o, s:o}", "version", KIN_VERSION, "code", code, "call", call,
                     "libraries", kin_facts_versions());
}

int kin_describe(char **json, kin_error *err)
{
    locale_t before = kin_locale_begin();
    int rc = kin_json_text_new(json, describe(), err);
    kin_locale_end(before);
    return rc;
}
