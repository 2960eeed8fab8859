#ifndef KIN_TOOLS_ARGUMENTS_H
#define KIN_TOOLS_ARGUMENTS_H
/*
 * A command's options from argv and the environment, and as --help.
 *
 * The order of sources: command line, KIN_<OPTION>, the older SIMILARITY_ names, the default. An
 * empty environment value counts as unset; blanks around it and a trailing " # comment" are cut.
 */
#include "job/options.h"

enum { KIN_OPERANDS_MAX = 64 };

/* What stands on a command line beside options. */
typedef struct kin_operands {
    size_t count;
    const char *item[KIN_OPERANDS_MAX];
} kin_operands;

/* Gets each warning (a deprecated name, ...) as one line. */
typedef void arguments_warn(void *self, const char *text);

/* Fills `values` from defaults, argv[0 .. argc) and the environment. "--name value" and
 * "--name=value" are the same; a value that begins with "--" needs the second. A FLAG is --name or
 * --name=true|false; only a LIST may be given twice. "--" ends options. In the environment the
 * values of a LIST are parted by ';' or a line end; a backslash before one of these, or before
 * another backslash, makes it part of the value. KIN_E_USAGE: an unknown name gets the nearest
 * known one as a hint. Texts are borrowed from argv and from `environment`, whose entries are
 * edited in place: pass a copy. *help is set when --help or -h stands among the options; then
 * nothing else was checked. */
int arguments_parse(const kin_option_table *table, void *values, int argc, char **argv,
                    char **environment /* NULL-ended "NAME=value" or NULL */,
                    kin_operands *operands, bool *help, arguments_warn *warn, void *warn_self,
                    kin_error *err);

/* Whether `name` ("KIN_TOP_K", "SIMILARITY_TOP_K") belongs to an option of the table. */
bool arguments_know(const kin_option_table *table, const char *name);

/* The help lines of a table, allocated text (free): "  --top-k N   ... (1 to 10000; default 200)",
 *                                                      under the
 * titles of its groups. */
char *arguments_help(const kin_option_table *table);

#endif
