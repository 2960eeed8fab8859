#ifndef KIN_SUPPORT_TEST_H
#define KIN_SUPPORT_TEST_H
/*
 * What every test program needs: cmocka with the headers it wants first, a temporary folder that
 * is gone afterwards, files written byte by byte, random numbers of the tests' own, and one way to
 * evaluate a refusal. Nothing here uses the product but core/error.h and its names of types.
 */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/dir.h"
#include "core/error.h"
#include "core/kernels.h"

/* 1 in a build with a sanitizer, which takes many times as long and has an allocator of its own.
 * gcc has a macro each, clang asks for features. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_SANITIZED 1
#endif
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED 0
#endif

#define TEST_COUNT(array) (sizeof(array) / sizeof *(array))

/* Group set-up and teardown: make the program's temporary folder, remove it and all in it. */
int test_folder_make(void **state);
int test_folder_remove(void **state);

/* How many files and folders are in a folder, which must be there. */
size_t test_folder_entries(const char *path);

/* For programs that run more threads than the machine has processors: starts this program again
 * with OMP_WAIT_POLICY=passive, unless the environment has a policy. Idle threads of OpenMP spin,
 * and the policy is read before main. */
void test_calm_threads(char **argv);

/* A path in the temporary folder. The text stays until sixteen more were asked for. */
const char *test_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Removes a file or a folder with all in it; quiet when there is none. */
void test_remove(const char *path);

bool test_exists(const char *path);

/* A folder, opened. Stays until eight more were asked for. */
const kin_dir *test_dir(const char *path);

/* Writes (as a new file) and reads whole files; a failure fails the test. The caller frees. */
void test_write(const char *path, const void *data, size_t bytes);
void test_write_text(const char *path, const char *text);
unsigned char *test_read(const char *path, size_t *bytes);

/* A .npy file as numpy.save writes it: `type` values in C order, n rows of d. */
void test_write_npy(const char *path, kin_dtype type, size_t n, size_t d, const void *data);

/* A .npy version 1.0 file with any header text and `bytes` of data. */
void test_write_npy_raw(const char *path, const char *dict, const void *data, size_t bytes);

/* float16 by its definition: the bits nearest to a number (ties to even), the number of bits. */
uint16_t test_half_bits(double value);
double test_half_value(uint16_t half);

/* Whether two files hold the same bytes. */
bool test_same_files(const char *a, const char *b);

/* Fails the test unless rc and *err are `code`, the message is one line that contains `text`, and
 * there is a hint. Wipes *err. */
#define test_refused(rc, err, code, text) test_refused_at(rc, err, code, text, __FILE__, __LINE__)
void test_refused_at(int rc, kin_error *err, kin_code code, const char *text, const char *file,
                     int line);

/* Fails the test, with *err's message, unless rc is 0. */
#define test_ok(rc, err) test_ok_at(rc, err, __FILE__, __LINE__)
void test_ok_at(int rc, const kin_error *err, const char *file, int line);

/* A stream of random numbers (xorshift64*); start it at anything but 0. */
uint64_t test_random(uint64_t *state);
size_t test_random_below(uint64_t *state, size_t limit);
double test_random_unit(uint64_t *state);   /* [0, 1) */
double test_random_normal(uint64_t *state); /* about normal: a sum of twelve */

/* Gives an edited manifest the checksum that belongs to it: as if kin had written it so. */
void test_seal(json_t *manifest);

#endif
