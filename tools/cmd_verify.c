/*
 * `kin verify DIR`: the checksums of a folder that kin wrote, then what must hold inside it. One
 * line a check; the first violation is named and ends it with exit 65.
 */
#include "job/verify.h"
#include "tools/command.h"
#include "tools/index_reader.h"

#include <stdio.h>

typedef struct verify_options {
    command_common common;
} verify_options;

static const verify_options verify_defaults = {{0}};
static const kin_option verify_option[] = {KIN_OPTIONS_END};

static void print_check(void *self, kin_level level, const char *text)
{
    (void)self;
    (void)level;
    printf("ok  %s\n", text);
}

static int verify_run(const void *values, const kin_operands *operands, kin_error *err)
{
    (void)values;
    const kin_monitor monitor = {.message = print_check};
    const kin_verify_options options = {.open_index = index_reader_open};
    int rc = kin_verify_run(operands->item[0], &options, &monitor, err);
    return rc == 0 ? command_flush_stdout(err) : rc;
}

const kin_command command_verify = {
    .name = "verify",
    .summary = "check every checksum and invariant of a folder that kin wrote",
    .operands = "DIR",
    .operands_min = 1,
    .operands_max = 1,
    .example = "  kin verify graph\n",
    .options = COMMAND_OPTIONS(verify_option, verify_defaults),
    .run = verify_run,
};
