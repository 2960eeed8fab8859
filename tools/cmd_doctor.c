/*
 * `kin doctor`: what kin runs on, for a bug report. Facts, and warnings about settings that make
 * it slow. Reads a few files under /proc and /sys; changes nothing.
 */
#include "core/cgroup.h"
#include "core/json.h"
#include "core/kernels.h"
#include "core/memory.h"
#include "core/plain.h"
#include "core/threads.h"
#include "job/facts.h"
#include "job/usage.h"
#include "tools/blas_start.h"
#include "tools/command.h"
#include "tools/outputs.h"
#include "tools/shared_options.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef KIN_BUILD_TYPE
#define KIN_BUILD_TYPE "unknown"
#endif

typedef struct doctor_options {
    command_common common;
    const char *json;
} doctor_options;

static const doctor_options doctor_defaults = {{0}, NULL};

static const kin_option doctor_option[] = {
    OPTION_JSON(offsetof(doctor_options, json), "the facts"),
    KIN_OPTIONS_END,
};

/* ---- facts ----------------------------------------------------------------------------------- */

static json_t *cpu_features(void)
{
    json_t *list = json_array();
#if defined(__x86_64__)
    __builtin_cpu_init();
#define ADD(name)                                                                                  \
    if (__builtin_cpu_supports(name))                                                              \
    kin_json_append(&list, json_string(name))
    ADD("avx2");
    ADD("fma");
    ADD("avx512f");
    ADD("avx512bw");
    ADD("avx512vl");
    ADD("avx512vnni");
#undef ADD
#endif
    return list;
}

/* Which of the limits made the number of threads what it is. */
static const char *threads_reason(int64_t asked)
{
    cpu_set_t set;
    int threads = kin_threads_default();
    const char *variable = getenv("OMP_NUM_THREADS");
    if (asked > 0)
        return "--threads";
    if (variable && strtol(variable, NULL, 10) == threads)
        return "OMP_NUM_THREADS";
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == threads)
        return CPU_COUNT(&set) < sysconf(_SC_NPROCESSORS_ONLN) ? "CPU affinity" : "all CPUs";
    return "cgroup quota";
}

static json_t *limits(int64_t asked)
{
    int cpus = kin_cgroup_cpus();
    size_t limit = kin_cgroup_memory_limit();
    return json_pack("{s:i, s:s, s:I, s:o, s:o, s:I, s:I, s:I}", "threads", kin_threads_used(),
                     "threads_because_of", threads_reason(asked), "cpus_online",
                     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "cgroup_cpus",
                     cpus ? json_integer(cpus) : json_null(), "cgroup_memory_bytes",
                     limit ? json_integer((json_int_t)limit) : json_null(),
                     "memory_available_bytes", (json_int_t)kin_memory_available(),
                     "peak_memory_bytes", (json_int_t)kin_usage_peak_bytes(), "peak_rss_bytes",
                     (json_int_t)kin_memory_peak_rss());
}

static void warn(json_t **list, const char *text)
{
    kin_json_append(list, kin_json_text(text));
}

static json_t *warnings(kin_blas_type blas)
{
    json_t *list = json_array();
    char text[256];
    if (blas_start_tell(blas, text, sizeof text))
        warn(&list, text);
    if (strcmp(kin_blas_threading(), "openmp") != 0) {
        snprintf(text, sizeof text,
                 "OpenBLAS is the %s build: install libopenblas-openmp-dev and build again",
                 kin_blas_threading());
        warn(&list, text);
    }
    if (kin_threads_used() > sysconf(_SC_NPROCESSORS_ONLN))
        warn(&list, "more threads than CPUs: they will wait for each other");
    return list;
}

static json_t *collect(int64_t asked)
{
    struct utsname system = {0};
    uname(&system);
    kin_blas_type blas = blas_start();
    json_t *facts = kin_facts_versions();
    kin_json_merge(&facts, kin_facts_machine());
    json_object_del(facts, "threads");
    json_object_del(facts, "host"); /* a bug report need not name the machine */
    kin_json_set(&facts, "cpu_features", cpu_features());
    kin_json_set(&facts, "compiler", json_string("gcc " __VERSION__));
    kin_json_set(&facts, "build_type", json_string(KIN_BUILD_TYPE));
    char kernel[256];
    snprintf(kernel, sizeof kernel, "%.60s %.80s %.60s", system.sysname, system.release,
             system.machine);
    kin_json_set(&facts, "system", json_string(kernel));
    kin_json_merge(&facts, limits(asked));
    kin_json_set(&facts, "warnings", warnings(blas));
    return facts;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void print_value(const char *name, const json_t *value, FILE *out)
{
    size_t i;
    const json_t *item;
    fprintf(out, "%-24s", name);
    if (json_is_array(value)) {
        json_array_foreach(value, i, item)
            fprintf(out, "%s%s", i ? " " : "", kin_plain(json_string_value(item)).text);
    } else if (json_is_string(value)) {
        fprintf(out, "%s", kin_plain(json_string_value(value)).text);
    } else if (json_is_null(value)) {
        fputs("none", out);
    } else {
        json_int_t number = json_integer_value(value);
        fprintf(out, "%lld", (long long)number);
        if (strstr(name, "_bytes"))
            fprintf(out, number < 1 << 30 ? " (%.1f MiB)" : " (%.1f GiB)",
                    (double)number / (number < 1 << 30 ? 0x1p20 : 0x1p30));
    }
    putc('\n', out);
}

static void print_table(json_t *facts, FILE *out)
{
    const char *name;
    json_t *value;
    size_t i;
    json_object_foreach(facts, name, value) if (strcmp(name, "warnings") != 0)
        print_value(name, value, out);
    json_array_foreach(json_object_get(facts, "warnings"), i, value)
        fprintf(out, "warning: %s\n", kin_plain(json_string_value(value)).text);
}

static int doctor_run(const void *values, const kin_operands *operands, kin_error *err)
{
    (void)operands;
    const doctor_options *options = values;
    int rc = outputs_check(&(outputs){.json = options->json}, err);
    if (rc != 0)
        return rc;
    json_t *facts = collect(options->common.threads);
    if (!facts)
        return kin_fail_alloc(err, "facts", 0);
    FILE *text = command_text(options->json);
    if (text)
        print_table(facts, text);
    return command_end(options->json, facts, err);
}

const kin_command command_doctor = {
    .name = "doctor",
    .summary = "CPU, kernels, BLAS, threads, limits and versions: for a bug report",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .example = "  kin doctor --json report.json\n",
    .options = COMMAND_OPTIONS(doctor_option, doctor_defaults),
    .run = doctor_run,
};
