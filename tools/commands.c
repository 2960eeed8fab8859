/*
 * The commands in the order of `kin --help`. A new command is a file tools/cmd_NAME.c, a
 * declaration in tools/command.h and a line here.
 */
#include "tools/command.h"

const char *const command_log_names[] = {"text", "json", NULL};
const char *const command_progress_names[] = {"auto", "bar", "lines", "none", NULL};

const kin_option command_common_lines[] = {
    {.name = "threads",
     .type = KIN_OPTION_INT,
     .offset = offsetof(command_common, threads),
     .min = 0,
     .max = 1024,
     .unit = "N",
     .run_only = true,
     .default_text = "CPU affinity, cgroup quota, OMP_NUM_THREADS: the least",
     .help = "threads to use"},
    {.name = "log",
     .type = KIN_OPTION_CHOICE,
     .offset = offsetof(command_common, log),
     .choices = command_log_names,
     .run_only = true,
     .help = "how the log on stderr is written"},
    {.name = "log-time",
     .type = KIN_OPTION_FLAG,
     .offset = offsetof(command_common, log_time),
     .run_only = true,
     .help = "begin each line of the text log with its time in UTC, as the JSON log does"},
    {.name = "progress",
     .type = KIN_OPTION_CHOICE,
     .offset = offsetof(command_common, progress),
     .choices = command_progress_names,
     .run_only = true,
     .help = "how progress on stderr is shown; auto is a bar only on a terminal"},
    KIN_OPTIONS_END,
};

const kin_command *const kin_commands[] = {
    &command_build,   &command_plan,   &command_sweep, &command_index, &command_query,
    &command_compare, &command_show,   &command_why,   &command_info,  &command_gen,
    &command_verify,  &command_doctor, NULL,
};
