/*
 * Options as people read them: --help.
 */
#include "core/text.h"
#include "job/options_value.h"
#include "tools/arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_LEFT = 28, HELP_WIDTH = 80 };

/* The default as words into `out`, empty where there is none to speak of. */
static void default_text(const kin_option *option, const void *field, char out[200])
{
    out[0] = '\0';
    if (option->default_text)
        snprintf(out, 200, "default: %s", option->default_text);
    else if (option->type == KIN_OPTION_INT)
        snprintf(out, 200, "default %lld", (long long)*(const int64_t *)field);
    else if (option->type == KIN_OPTION_REAL)
        snprintf(out, 200, "default %g", *(const double *)field);
    else if (option->type == KIN_OPTION_CHOICE)
        snprintf(out, 200, "default %s", option->choices[*(const int *)field]);
    else if (option->type == KIN_OPTION_TEXT && *(const char *const *)field)
        snprintf(out, 200, "default %s", *(const char *const *)field);
    else if (option->type == KIN_OPTION_BYTES && *(const uint64_t *)field) {
        char size[32];
        kin_bytes_text(*(const uint64_t *)field, size);
        snprintf(out, 200, "default %s", size);
    }
}

/* Whether the help has a line for each value. */
static bool explains_values(const kin_option *option)
{
    return option->help && strchr(option->help, '\n');
}

/* "(1 to 10000; default 200; also SIMILARITY_TOP_K)", or nothing. */
static void facts_text(const kin_option *option, const void *field, char out[800])
{
    char part[3][200] = {"", "", ""};
    if (option->type == KIN_OPTION_CHOICE && !explains_values(option))
        kin_option_choices(option, part[0]);
    else if (option->type == KIN_OPTION_LIST)
        snprintf(part[0], sizeof part[0], "may be repeated");
    else if ((option->type == KIN_OPTION_INT || option->type == KIN_OPTION_REAL ||
              option->type == KIN_OPTION_BYTES) &&
             kin_option_limited(option))
        kin_option_range(option, part[0]);
    default_text(option, field, part[1]);
    if (option->similarity)
        snprintf(part[2], sizeof part[2], "also %s", option->similarity);
    out[0] = '\0';
    for (size_t i = 0; i < 3; i++) {
        size_t used = strlen(out);
        if (part[i][0])
            snprintf(out + used, 800 - used, "%s%s", used ? "; " : "(", part[i]);
    }
    size_t used = strlen(out);
    if (used)
        snprintf(out + used, 800 - used, ")");
}

/* `text` in words from column HELP_LEFT on, broken before HELP_WIDTH. A line break in it begins the
 * line of a value, whose own continuation is set in by two. */
static void print_wrapped(FILE *stream, const char *text, size_t column)
{
    size_t left = HELP_LEFT;
    if (column + 1 > HELP_LEFT) {
        fputc('\n', stream);
        column = 0;
    }
    fprintf(stream, "%*s", (int)(HELP_LEFT - column), "");
    column = HELP_LEFT;
    for (bool first = true; *text; first = false) {
        size_t word = strcspn(text, " \n");
        bool value = !first && text[-1] == '\n';
        if (value || (!first && column + 1 + word > HELP_WIDTH)) {
            column = value ? HELP_LEFT : left;
            fprintf(stream, "\n%*s", (int)column, "");
        } else if (!first) {
            fputc(' ', stream);
            column++;
        }
        left = value ? HELP_LEFT + 2 : left;
        fwrite(text, 1, word, stream);
        column += word;
        text += word;
        text += *text != '\0';
    }
    fputc('\n', stream);
}

static void print_option(FILE *stream, const kin_option *option, const void *default_field)
{
    const char *unit = option->type == KIN_OPTION_FLAG     ? NULL
                       : option->unit                      ? option->unit
                       : option->type == KIN_OPTION_CHOICE ? "NAME"
                       : option->type == KIN_OPTION_BYTES  ? "SIZE"
                                                           : "VALUE";
    char facts[800];
    char line[1400];
    facts_text(option, default_field, facts);
    int column = fprintf(stream, "  --%s%s%s", option->name, unit ? " " : "", unit ? unit : "");
    const char *between = !option->help || !facts[0] ? "" : explains_values(option) ? "\n" : " ";
    snprintf(line, sizeof line, "%s%s%s", option->help ? option->help : "", between, facts);
    print_wrapped(stream, line, column > 0 ? (size_t)column : 0);
}

char *arguments_help(const kin_option_table *table)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = kin_text_stream(&text, &bytes);
    const char *title = NULL;
    bool lists = false;
    if (!stream)
        return NULL;
    for (kin_option_walk walk = {0}; kin_options_next(table, &walk);) {
        if (walk.group->title && (!title || strcmp(walk.group->title, title) != 0))
            fprintf(stream, "%s%s:\n", title ? "\n" : "", walk.group->title);
        title = walk.group->title;
        lists = lists || walk.option->type == KIN_OPTION_LIST;
        print_option(stream, walk.option, kin_option_field(&walk, table->defaults));
    }
    if (lists)
        fputs("\nin the environment the values of an option that may be repeated are parted by ;\n",
              stream);
    fclose(stream); /* leaves NULL where memory was refused */
    return text;
}
