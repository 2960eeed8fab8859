#ifndef KIN_TESTS_FUZZ_FUZZ_H
#define KIN_TESTS_FUZZ_FUZZ_H
/*
 * What the fuzz targets share. A target is a file fuzz_NAME.c with libFuzzer's entry points; its
 * inputs lie in corpus/NAME. clang links it with libFuzzer (preset `fuzz`), any compiler with
 * replay.c, which runs the corpus and a few mutations of it as a test (fuzz_replay_NAME).
 *
 * A target asks more than that nothing crashes: what is accepted keeps the promises of its header,
 * what is refused is refused with a code, a line and a hint, and nothing that was opened stays
 * open.
 */
#include "core/error.h"
#include "core/lines.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- libFuzzer's interface ------------------------------------------------------------------- */

/* Before the first input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* One input; always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Changes data[0 .. size) in place, at most to `most` bytes; returns the new size. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);

/* libFuzzer's own mutations, or replay.c's; 0 where none was possible. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/* ---- files ----------------------------------------------------------------------------------- */

/* Makes a folder of this process's own, in memory where there is /dev/shm; it goes at exit. OpenMP
 * is left one thread, and stdout and stderr lead nowhere: commands print there. */
void fuzz_start(void);

/* Where the harness speaks. */
FILE *fuzz_said(void);

/* A path in the folder. The text stays until sixteen more were asked for. */
const char *fuzz_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes a whole file; one that is there is written over. */
void fuzz_write(const char *path, const void *data, size_t bytes);

/* Reads a whole file of at most `most` bytes into `out`; returns its size. */
size_t fuzz_read(const char *path, void *out, size_t most);

/* ---- checking -------------------------------------------------------------------------------- */

/* Ends the process with a message where a promise was not kept. */
#define fuzz_want(kept) ((kept) ? (void)0 : fuzz_broken(#kept, __FILE__, __LINE__))
void fuzz_broken(const char *promise, const char *file, int line) __attribute__((noreturn));

/* Codes that a refusal may have, to be or-ed. */
enum {
    FUZZ_DATA = 1,
    FUZZ_NOINPUT = 2,
    FUZZ_MEMORY = 4,
    FUZZ_USAGE = 8,
    FUZZ_AGAIN = 16,
};

/* rc is 0, or a code among `may` that *err has too, with a message and a hint of one printable line
 * each. Wipes *err. Returns whether rc is 0. */
#define fuzz_outcome(rc, err, may) fuzz_outcome_at(rc, err, may, __FILE__, __LINE__)
bool fuzz_outcome_at(int rc, kin_error *err, unsigned may, const char *file, int line);

/* The text is UTF-8 without NUL, and without characters that part lines or steer terminals. */
bool fuzz_is_utf8(kin_span text);
bool fuzz_is_plain(kin_span text);

/* Around one input: as many descriptors and mappings of kin's at the end as at the start. */
void fuzz_open_monitor(void);
void fuzz_close_monitor(void);

/* ---- mutations ------------------------------------------------------------------------------- */

/* A number below `limit` > 0, from a state that is not 0. */
size_t fuzz_below(uint32_t *state, size_t limit);

/* Puts new[0 .. length) in the place of `cut` bytes from `at` on. Returns the new size; the old
 * one, and nothing is changed, where that would be more than `most`. */
size_t fuzz_splice(uint8_t *data, size_t size, size_t most, size_t at, size_t cut, const void *new,
                   size_t length);

/* Makes what looks like a .npy file agree with itself: the header's length with where its dict
 * ends, the data with the shape. Returns the new size, at most `most`. */
size_t fuzz_npy_mend(uint8_t *data, size_t size, size_t most);

/* A change of a .npy file that keeps its frame: of the dict's text or of the values. */
size_t fuzz_npy_mutate(uint8_t *data, size_t size, size_t most, uint32_t *state);

/* Changes one value of a JSON document: by another of its kind or of any, or removes or doubles it.
 * Returns the new size; 0 where it is no JSON or becomes too long. */
size_t fuzz_json_mutate(uint8_t *data, size_t size, size_t most, uint32_t *state);

#endif
