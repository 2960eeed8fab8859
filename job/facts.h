#ifndef KIN_JOB_FACTS_H
#define KIN_JOB_FACTS_H
/*
 * What is running, for --version, doctor and the manifests.
 */
#include <jansson.h>

/* {"kin": "0.1.0", "faiss": ..., "blas", "zlib", "jansson", "xxhash"}: texts, in the
 * order of `kin --version`. New reference, NULL when memory is refused. */
json_t *kin_facts_versions(void);

/* {"cpu", "kernels", "blas", "blas_core", "blas_threading", "threads", "host"}. New reference. */
json_t *kin_facts_machine(void);

/* The time `seconds_ago` seconds ago as "2024-05-06T07:08:09Z". */
void kin_facts_utc(char out[24], double seconds_ago);

/* The "run" object that every manifest has: versions, the machine, "started", "seconds_total" since
 * `start_seconds` (kin_clock_seconds), "peak_memory_bytes" (job/usage.h), "peak_rss_bytes". New
 * reference. */
json_t *kin_facts_run(double start_seconds);

#endif
