/*
 * The fuzz targets without libFuzzer: every input of a corpus, and some mutations of each from a
 * fixed seed, so that a build with any compiler runs them as tests.
 *
 *     fuzz_replay_NAME [--mutations N] FILE_OR_FOLDER...
 *
 * A failure leaves the input in the file that is printed first.
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INPUT_MAX = 1 << 16 };

static uint8_t input[INPUT_MAX];
static size_t input_size;
static size_t files, runs;
static uint32_t random_state = 1;

/* ---- mutations ------------------------------------------------------------------------------- */

static size_t insert(uint8_t *data, size_t size, size_t at, size_t count)
{
    memmove(data + at + count, data + at, size - at);
    for (size_t i = 0; i < count; i++)
        data[at + i] = (uint8_t)fuzz_below(&random_state, 256);
    return size + count;
}

static size_t erase(uint8_t *data, size_t size, size_t at, size_t count)
{
    count = count < size - at ? count : size - at;
    memmove(data + at, data + at + count, size - at - count);
    return size - count;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most)
{
    static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, '\n', '\t', '"', ',', '-', ':', '='};
    size_t count = 1 + fuzz_below(&random_state, 4);
    if (size == 0)
        return most >= count ? insert(data, 0, 0, count) : 0;
    size_t at = fuzz_below(&random_state, size);
    switch (fuzz_below(&random_state, 5)) {
    case 0:
        return size + count <= most ? insert(data, size, at, count) : size;
    case 1:
        return erase(data, size, at, count);
    case 2:
        data[at] ^= (uint8_t)(1u << fuzz_below(&random_state, 8));
        return size;
    case 3:
        data[at] = telling[fuzz_below(&random_state, sizeof telling)];
        return size;
    default:
        return erase(data, size, at, size); /* cut short */
    }
}

/* ---- running --------------------------------------------------------------------------------- */

static char kept_path[64]; /* where the input goes that was under way */

/* Called by a signal: only open(2), write(2) and the like. */
static void keep(int signal_number)
{
    int fd = open(kept_path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd >= 0 && write(fd, input, input_size) == (ssize_t)input_size &&
        write(STDERR_FILENO, kept_path, strlen(kept_path)) > 0)
        (void)!write(STDERR_FILENO, "\n", 1);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void run(const char *path, size_t mutations)
{
    static uint8_t seed[INPUT_MAX];
    size_t size = fuzz_read(path, seed, sizeof seed);
    files++;
    for (size_t i = 0; i <= mutations; i++) {
        memcpy(input, seed, size);
        input_size = size;
        for (size_t round = 0; i > 0 && round <= i % 3; round++)
            input_size = LLVMFuzzerCustomMutator(input, input_size, INPUT_MAX / 2,
                                                 (unsigned)fuzz_below(&random_state, UINT32_MAX));
        LLVMFuzzerTestOneInput(input, input_size);
        runs++;
    }
}

static void run_folder(const char *path, size_t mutations)
{
    struct dirent **entry;
    int count = scandir(path, &entry, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char inside[4096];
        snprintf(inside, sizeof inside, "%s/%s", path, entry[i]->d_name);
        if (entry[i]->d_name[0] != '.')
            run(inside, mutations);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
}

int main(int argc, char **argv)
{
    size_t mutations = 0;
    LLVMFuzzerInitialize(&argc, &argv);
    snprintf(kept_path, sizeof kept_path, "/tmp/kin-fuzz-failed-%ld", (long)getpid());
    signal(SIGABRT, keep);
    signal(SIGSEGV, keep);
    signal(SIGBUS, keep);
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (strcmp(argv[i], "--mutations") == 0 && i + 1 < argc)
            mutations = strtoul(argv[++i], NULL, 10);
        else if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode))
            run_folder(argv[i], mutations);
        else
            run(argv[i], mutations);
    }
    fprintf(fuzz_said(), "%zu inputs, %zu runs, every promise kept\n", files, runs);
    return files > 0 ? 0 : 2; /* no input tests nothing */
}
