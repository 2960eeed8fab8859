/*
 * `kin`: finds the command, fills its options, runs it, and turns its code into the exit status.
 *
 * Warnings that come up while options are parsed wait until --log is known. A command that a
 * signal stopped has cleaned up by the time it returns; then the process dies of that signal, so
 * that a shell or a supervisor sees the truth.
 */
#include "core/file.h"
#include "core/threads.h"
#include "job/facts.h"
#include "job/usage.h"
#include "tools/blas_start.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/no_memory.h"
#include "tools/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WARNINGS_MAX = 64, WARNING_BYTES = 256 };

/* Warnings in waiting. */
typedef struct warnings {
    size_t count;
    char text[WARNINGS_MAX][WARNING_BYTES];
} warnings;

static void keep_warning(void *self, const char *text)
{
    warnings *kept = self;
    if (kept->count < WARNINGS_MAX)
        snprintf(kept->text[kept->count++], WARNING_BYTES, "%s", text);
}

/* ---- the environment ------------------------------------------------------------------------- */

static bool known_somewhere(const char *name)
{
    for (size_t i = 0; kin_commands[i]; i++)
        if (arguments_know(kin_commands[i]->options, name))
            return true;
    return false;
}

/* A warning for each KIN_ or SIMILARITY_ name that no command knows: a typing error otherwise
 * shows only in the result. */
static void warn_unknown_names(warnings *kept)
{
    for (char **entry = environ; entry && *entry; entry++) {
        if (strncmp(*entry, "KIN_", 4) != 0 && strncmp(*entry, "SIMILARITY_", 11) != 0)
            continue;
        char name[128];
        char text[WARNING_BYTES];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*entry, "="), *entry);
        snprintf(text, sizeof text, "unknown environment name %s: no option reads it", name);
        if (!known_somewhere(name))
            keep_warning(kept, text);
    }
}

/* A copy of the environment that may be edited; one block, free() it. */
static char **copy_environment(void)
{
    size_t count = 0;
    size_t bytes = 0;
    for (; environ && environ[count]; count++)
        bytes += strlen(environ[count]) + 1;
    char **copy = malloc((count + 1) * sizeof *copy + bytes);
    if (!copy)
        return NULL;
    char *text = (char *)(copy + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(environ[i]) + 1;
        copy[i] = memcpy(text, environ[i], length);
        text += length;
    }
    copy[count] = NULL;
    return copy;
}

/* ---- help ------------------------------------------------------------------------------------ */

static void print_usage(FILE *stream)
{
    fputs("kin: an item-to-item similarity graph from embeddings of several modalities\n\n"
          "usage: kin COMMAND [OPTION...] [OPERAND...]\n\n",
          stream);
    for (size_t i = 0; kin_commands[i]; i++)
        fprintf(stream, "  %-10s%s\n", kin_commands[i]->name, kin_commands[i]->summary);
    fputs("\nkin COMMAND --help explains a command, kin --version names the libraries in use.\n"
          "Every option has an environment name: --top-k is KIN_TOP_K.\n",
          stream);
}

static int print_command_help(const kin_command *command, kin_error *err)
{
    char *options = arguments_help(command->options);
    if (!options)
        return kin_fail_alloc(err, "help", 0);
    printf("kin %s: %s\n\nusage: kin %s [OPTION...]%s%s\n\n%s", command->name, command->summary,
           command->name, command->operands[0] ? " " : "", command->operands, options);
    if (command->example)
        printf("\nexample:\n%s%s", command->example,
               command->example[0] && command->example[strlen(command->example) - 1] == '\n'
                   ? ""
                   : "\n");
    free(options);
    return command_flush_stdout(err);
}

static int print_versions(kin_error *err)
{
    blas_start();
    json_t *versions = kin_facts_versions();
    const char *name;
    json_t *value;
    if (!versions)
        return kin_fail_alloc(err, "versions", 0);
    json_object_foreach(versions, name, value) printf("%s %s\n", name, json_string_value(value));
    printf("blas_core %s\n", kin_blas_core());
    json_decref(versions);
    return command_flush_stdout(err);
}

/* ---- commands -------------------------------------------------------------------------------- */

static const kin_command *find_command(const char *name, kin_error *err)
{
    enum { NAMES_MAX = 64 };
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (; kin_commands[count]; count++) {
        if (strcmp(kin_commands[count]->name, name) == 0)
            return kin_commands[count];
        names[count] = kin_commands[count]->name;
    }
    names[count++] = "help";
    names[count++] = "version";
    names[count] = NULL;
    const char *nearest = kin_nearest(name, names);
    char hint[KIN_HINT_MAX] = "kin --help lists the commands";
    if (nearest)
        snprintf(hint, sizeof hint, "did you mean '%s'?", nearest);
    kin_error_set(err, KIN_E_USAGE, hint, "unknown command '%s'", name);
    return NULL;
}

static int check_operands(const kin_command *command, const kin_operands *operands, kin_error *err)
{
    char hint[KIN_HINT_MAX];
    snprintf(hint, sizeof hint, "kin %s --help explains the command", command->name);
    if (operands->count > 0 && command->operands_max == 0 &&
        arguments_know(command->options, "KIN_MODALITY"))
        snprintf(hint, sizeof hint,
                 "files of vectors are given as --modality NAME=FILE; kin %s --help explains it",
                 command->name);
    if (operands->count < command->operands_min)
        return kin_fail(err, KIN_E_USAGE, hint, "kin %s: needs %s", command->name,
                        command->operands);
    if (operands->count > command->operands_max)
        return kin_fail(err, KIN_E_USAGE, hint, "kin %s: unexpected operand '%s'", command->name,
                        operands->item[command->operands_max]);
    return 0;
}

/* Options into `values` (of the command's own struct), and the console as they say. */
static int prepare(const kin_command *command, void *values, int argc, char **argv,
                   char **environment, kin_operands *operands, bool *help, kin_error *err)
{
    static warnings kept;
    int rc = arguments_parse(command->options, values, argc, argv, environment, operands, help,
                             keep_warning, &kept, err);
    const command_common *common = values;
    if (*help)
        return 0;
    if (rc == 0)
        console_init((console_log)common->log, common->log_time,
                     (console_progress)common->progress);
    warn_unknown_names(&kept);
    for (size_t i = 0; i < kept.count; i++)
        console_warn("%s", kept.text[i]);
    if (rc == 0)
        rc = check_operands(command, operands, err);
    if (rc == 0)
        kin_threads_set((int)common->threads);
    if (rc == 0 && command != &command_doctor) /* which reports on a machine, whatever it lacks */
        rc = kin_threads_check(err);
    if (rc == 0 && command->uses_blas)
        blas_start_log(blas_start());
    return rc;
}

static int run_command(const kin_command *command, int argc, char **argv, kin_error *err)
{
    kin_operands operands;
    bool help = false;
    int rc = 0;
    char **environment = copy_environment();
    void *values = malloc(command->options->bytes);
    if (!environment || !values) {
        rc = kin_fail_alloc(err, "options", command->options->bytes);
        goto done;
    }
    rc = prepare(command, values, argc, argv, environment, &operands, &help, err);
    if (rc == 0)
        rc = help ? print_command_help(command, err) : command->run(values, &operands, err);
done:
    free(values);
    free(environment);
    return rc;
}

static int dispatch(int argc, char **argv, kin_error *err)
{
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0)
        return print_versions(err);
    if (strcmp(name, "help") == 0 && argc > 2) {
        const kin_command *command = find_command(argv[2], err);
        return command ? print_command_help(command, err) : KIN_E_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_usage(stdout);
        return command_flush_stdout(err);
    }
    if (name[0] == '-')
        return kin_fail(err, KIN_E_USAGE, "the command comes first: kin COMMAND [OPTION...]",
                        "unknown option %s", name);
    const kin_command *command = find_command(name, err);
    return command ? run_command(command, argc - 2, argv + 2, err) : KIN_E_USAGE;
}

/* Whether --log json is asked for, as far as one can tell before options are parsed: faults on the
 * command line itself are to be logged so too. */
static bool asks_for_json(int argc, char **argv)
{
    const char *variable = getenv("KIN_LOG");
    bool json = variable && strcmp(variable, "json") == 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--log=json") == 0)
            return true;
        if (strcmp(argv[i], "--log") == 0 && i + 1 < argc)
            return strcmp(argv[i + 1], "json") == 0;
    }
    return json;
}

/* The same of --log-time. */
static bool asks_for_times(int argc, char **argv)
{
    static const char *const yes[] = {"1", "true", "yes", "on"};
    const char *variable = getenv("KIN_LOG_TIME");
    bool times = false;
    for (size_t i = 0; variable && i < sizeof yes / sizeof *yes; i++)
        times = times || strcasecmp(variable, yes[i]) == 0;
    for (int i = 1; i < argc; i++)
        times = times || strcmp(argv[i], "--log-time") == 0;
    return times;
}

/* Ends the process the way the signal would have ended it. */
static void die_of_signal(int number)
{
    sigset_t set;
    console_info("Stopped by SIG%s", sigabbrev_np(number));
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}

/* A descriptor 0, 1 or 2 that the parent closed would be given to the next file opened, and the log
 * would go into the graph. Each is filled with /dev/null, opened the wrong way round, so that using
 * it still fails. */
static void fill_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            _exit(-KIN_E_INTERNAL);
}

int main(int argc, char **argv)
{
    kin_error err = {0};
    fill_standard_streams();
    kin_usage_start();
    console_catch_bus_error();
    no_memory_catch();
    console_init(asks_for_json(argc, argv) ? CONSOLE_LOG_JSON : CONSOLE_LOG_TEXT,
                 asks_for_times(argc, argv), CONSOLE_PROGRESS_AUTO);
    /* a reader that went away and a file-size limit are errors with a message, not deaths */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        print_usage(stderr);
        return -KIN_E_USAGE;
    }
    int rc = dispatch(argc, argv, &err);
    if (rc == 0)
        return 0;
    if (rc == KIN_E_STOPPED && signals_noted() != 0)
        die_of_signal(signals_noted());
    if (rc == KIN_E_STOPPED)
        rc = KIN_E_INTERNAL;
    if (err.message[0])
        console_error(&err);
    return -rc;
}
