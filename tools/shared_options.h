#ifndef KIN_TOOLS_SHARED_OPTIONS_H
#define KIN_TOOLS_SHARED_OPTIONS_H
/*
 * Lines of option tables that several commands have, beside those of job/option_lines.h.
 * `at` is the offset of the field in the command's struct.
 */
#include "job/engine_options.h"
#include "job/option_lines.h"

#define OPTION_OUT(at)                                                                             \
    {                                                                                              \
        .name = "out", .type = KIN_OPTION_TEXT, .offset = (at), .unit = "DIR", .run_only = true,   \
        .help = "the folder to write"                                                              \
    }

/* A document in the place of what is printed: command_text, command_end (tools/command.h). */
#define OPTION_JSON(at, what)                                                                      \
    {                                                                                              \
        .name = "json", .type = KIN_OPTION_TEXT, .offset = (at), .unit = "FILE", .run_only = true, \
        .help = "write " what " there as one JSON document, and nothing to stdout; - is stdout"    \
    }

#define OPTION_PAGE(at, without, help_)                                                            \
    {                                                                                              \
        .name = "out", .type = KIN_OPTION_TEXT, .offset = (at), .unit = "FILE.html",               \
        .run_only = true, .default_text = (without), .help = (help_)                               \
    }

#define OPTION_FORCE_FILE(at)                                                                      \
    {                                                                                              \
        .name = "force", .type = KIN_OPTION_FLAG, .offset = (at), .run_only = true,                \
        .help = "replace an existing file at --out"                                                \
    }

#define OPTION_PICTURES(at)                                                                        \
    {                                                                                              \
        .name = "pictures", .type = KIN_OPTION_TEXT, .offset = (at), .unit = "DIR",                \
        .run_only = true, .default_text = "where the table of items came from",                    \
        .help = "the folder of the page's pictures: names in the table's column image start "      \
                "there, and what leads out of it is left out"                                      \
    }

#endif
