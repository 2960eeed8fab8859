#include "job/facts.h"
#include "core/json.h"
#include "core/kernels.h"
#include "core/memory.h"
#include "core/monitor.h"
#include "core/threads.h"
#include "job/usage.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>

/* CMake reads it from FAISS's C++ header: the C API cannot be asked. */
#ifndef KIN_FAISS_VERSION
#define KIN_FAISS_VERSION "unknown"
#endif

void kin_facts_utc(char out[24], double seconds_ago)
{
    time_t then = time(NULL) - (time_t)(seconds_ago + 0.5);
    struct tm parts;
    gmtime_r(&then, &parts);
    strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

json_t *kin_facts_versions(void)
{
    char xxhash[32];
    unsigned version = XXH_versionNumber();
    snprintf(xxhash, sizeof xxhash, "%u.%u.%u", version / 10000, version / 100 % 100,
             version % 100);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kin", KIN_VERSION, "faiss",
                     KIN_FAISS_VERSION, "blas", kin_blas_config(), "zlib", zlibVersion(), "jansson",
                     jansson_version_str(), "xxhash", xxhash);
}

json_t *kin_facts_machine(void)
{
    char host[256] = "unknown";
    if (gethostname(host, sizeof host) != 0)
        snprintf(host, sizeof host, "unknown");
    host[sizeof host - 1] = '\0';
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "cpu", kin_cpu_name(), "kernels",
                     kin_kernels_best()->name, "blas_core", kin_blas_core(), "blas_threading",
                     kin_blas_threading(), "threads", kin_threads_used(), "host", host);
}

json_t *kin_facts_run(double start_seconds)
{
    double seconds = kin_clock_seconds() - start_seconds;
    char started[24];
    kin_facts_utc(started, seconds);
    json_t *facts = kin_facts_versions();
    kin_json_merge(&facts, kin_facts_machine());
    json_t *costs = json_pack("{s:s, s:f, s:I, s:I}", "started", started, "seconds_total", seconds,
                              "peak_memory_bytes", (json_int_t)kin_usage_peak_bytes(),
                              "peak_rss_bytes", (json_int_t)kin_memory_peak_rss());
    kin_json_merge(&facts, costs);
    return facts;
}
