#ifndef KIN_JOB_USAGE_H
#define KIN_JOB_USAGE_H
/*
 * The largest amount of memory this process held: anonymous resident memory, without
 * the mapped pages of input files. The kernel keeps no such peak, so a thread samples it.
 */
#include <stddef.h>

/* Starts the sampler, once, before other threads exist. Where no thread can be started, only
 * usage_peak_bytes itself samples. */
void kin_usage_start(void);

/* Takes a sample now: where no thread does, at the ends of stages. */
void kin_usage_sample(void);

/* The largest sample so far, one taken now included; bytes. */
size_t kin_usage_peak_bytes(void);

#endif
