#ifndef KIN_JOB_OPTIONS_VALUE_H
#define KIN_JOB_OPTIONS_VALUE_H
/*
 * One option: its text to its field, and its limits. For options.c and the command's own
 * tools/arguments.c and tools/help.c.
 */
#include "job/options.h"

enum { KIN_OPTION_TEXT_MAX = 160, KIN_OPTION_SOURCE_MAX = 300 };

/* Parses `text` into the field. A LIST gets one more item; FLAG takes 1 true yes on 0 false no
 * off. KIN_E_USAGE starts with `source`, the place as the user wrote it ("--top-k 0"). */
int kin_option_set(const kin_option *option, void *field, const char *text, const char *source,
                   kin_error *err);

/* Whether two fields of the option hold the same. */
bool kin_option_same(const kin_option *option, const void *field, const void *other);

/* Whether the field keeps to the option's limits: KIN_E_USAGE if not. Choices are not looked at. */
int kin_option_check(const kin_option *option, const void *field, kin_error *err);

/* Whether the numbers of this option have limits: min == max means none. */
bool kin_option_limited(const kin_option *option);

/* "1 to 10000", "64K or more": only for limited options. */
void kin_option_range(const kin_option *option, char out[KIN_OPTION_TEXT_MAX]);

/* The names of a CHOICE: "auto, exact or stream". */
void kin_option_choices(const kin_option *option, char out[KIN_OPTION_TEXT_MAX]);

/* The length of the first line of its help, which says what it is; 0 without any. */
int kin_option_summary(const kin_option *option);

/* 8589934592 -> "8G"; the largest unit that divides it. */
void kin_bytes_text(uint64_t bytes, char out[32]);

#endif
