/*
 * The commands in the order of `kin --help`. A new command is a file tools/cmd_NAME.c, a
 * declaration in tools/command.h and a line here.
 */
#include "tools/command.h"

const kin_command *const kin_commands[] = {
    &command_build,   &command_plan, &command_sweep,  &command_index,  &command_query,
    &command_compare, &command_show, &command_why,    &command_pairs,  &command_export,
    &command_info,    &command_gen,  &command_verify, &command_doctor, NULL,
};
