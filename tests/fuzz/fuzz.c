/*
 * Folder, files and evaluation of the fuzz targets (declared in fuzz.h).
 */
#include "fuzz.h"
#include "core/threads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static FILE *said; /* the process's own stderr */

FILE *fuzz_said(void)
{
    return said ? said : stderr;
}

/* ---- files ----------------------------------------------------------------------------------- */

static char folder[128];

static void fail(const char *what, const char *path)
{
    fprintf(fuzz_said(), "fuzz: %s: %s: %s\n", path, what, strerror(errno));
    abort();
}

/* Removes a folder, and the folders in it. */
static void remove_folder(const char *path)
{
    DIR *listing = opendir(path);
    if (!listing)
        return;
    struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        char inside[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        if (unlink(inside) != 0)
            remove_folder(inside);
    }
    closedir(listing);
    rmdir(path);
}

/* Only the process that made it: libFuzzer may fork. */
static pid_t owner;

static void remove_all(void)
{
    if (getpid() == owner)
        remove_folder(folder);
}

void fuzz_start(void)
{
    const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/kin-fuzz-XXXXXX", place ? place : "/tmp");
    if (!mkdtemp(folder))
        fail("mkdtemp", folder);
    owner = getpid();
    atexit(remove_all);
    if (!freopen("/dev/null", "w", stdout))
        fail("freopen", "/dev/null");
    said = stderr; /* which commands log to; what sanitizers say goes by the descriptor */
    stderr = fopen("/dev/null", "we");
    if (!stderr)
        fail("fopen", "/dev/null");
    kin_threads_set(1);
}

const char *fuzz_path(const char *format, ...)
{
    static char text[16][512];
    static size_t next;
    char *out = text[next++ % 16];
    int used = snprintf(out, sizeof *text, "%s/", folder);
    va_list args;
    va_start(args, format);
    vsnprintf(out + used, sizeof *text - (size_t)used, format, args);
    va_end(args);
    return out;
}

void fuzz_write(const char *path, const void *data, size_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        fail("open", path);
    for (size_t at = 0; at < bytes;) {
        ssize_t step = write(fd, (const char *)data + at, bytes - at);
        if (step <= 0)
            fail("write", path);
        at += (size_t)step;
    }
    close(fd);
}

size_t fuzz_read(const char *path, void *out, size_t most)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t bytes = 0;
    ssize_t step = 1;
    if (fd < 0)
        fail("open", path);
    for (; bytes < most && step > 0; bytes += step > 0 ? (size_t)step : 0)
        step = read(fd, (char *)out + bytes, most - bytes);
    if (step < 0)
        fail("read", path);
    if (bytes == most)
        fail("larger than the harness has room for", path);
    close(fd);
    return bytes;
}

/* ---- checking -------------------------------------------------------------------------------- */

void fuzz_broken(const char *promise, const char *file, int line)
{
    fprintf(fuzz_said(), "fuzz: %s:%d: not kept: %s\n", file, line, promise);
    abort();
}

/* What must not stand in a line: control characters, C1 and the separators of lines among them. */
static bool steers(const char *at, size_t length)
{
    const unsigned char *c = (const unsigned char *)at;
    bool c1 = length == 2 && c[0] == 0xc2 && c[1] < 0xa0;
    bool separator = length == 3 && c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9);
    return c[0] < 0x20 || c[0] == 0x7f || c1 || separator;
}

bool fuzz_is_utf8(kin_span text)
{
    for (size_t at = 0, step; at < text.length; at += step) {
        step = kin_utf8_length(text.text + at, text.length - at);
        if (step == 0)
            return false;
    }
    return true;
}

bool fuzz_is_plain(kin_span text)
{
    for (size_t at = 0, step; at < text.length; at += step) {
        step = kin_utf8_length(text.text + at, text.length - at);
        if (step == 0 || steers(text.text + at, step))
            return false;
    }
    return true;
}

/* A line of a message: names in it may be of any bytes, but none of these. */
static bool is_line(const char *text)
{
    size_t left = strlen(text);
    if (left == 0)
        return false;
    while (left > 0) {
        size_t whole = kin_utf8_length(text, left);
        size_t step = whole ? whole : 1;
        if (steers(text, step))
            return false;
        text += step;
        left -= step;
    }
    return true;
}

static unsigned bit_of(int rc)
{
    switch (rc) {
    case KIN_E_DATA:
        return FUZZ_DATA;
    case KIN_E_NOINPUT:
        return FUZZ_NOINPUT;
    case KIN_E_MEMORY:
        return FUZZ_MEMORY;
    case KIN_E_USAGE:
        return FUZZ_USAGE;
    case KIN_E_AGAIN:
        return FUZZ_AGAIN;
    default:
        return 0;
    }
}

bool fuzz_outcome_at(int rc, kin_error *err, unsigned may, const char *file, int line)
{
    bool good = rc == 0;
    if (rc != 0) {
        good = (bit_of(rc) & may) != 0 && err->code == rc && is_line(err->message) &&
               is_line(err->hint);
        if (!good)
            fprintf(fuzz_said(), "fuzz: rc %d, code %d\n  message: %s\n  hint: %s\n", rc, err->code,
                    err->message, err->hint);
    } else if (err->code != 0) {
        good = false; /* written on success */
    }
    if (!good)
        fuzz_broken("0, or a refusal with its code, a line and a hint", file, line);
    *err = (kin_error){0};
    return rc == 0;
}

/* ---- what is open ---------------------------------------------------------------------------- */

static long mapped, mapped_before;
static int lowest_before;

/* The targets are linked with --wrap: kin's own mappings are counted, those of libraries are
 * not. */
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *address, size_t bytes);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *address, size_t bytes);

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    void *out = __real_mmap(address, bytes, protection, flags, fd, offset);
    mapped += out != MAP_FAILED;
    return out;
}

int __wrap_munmap(void *address, size_t bytes)
{
    int rc = __real_munmap(address, bytes);
    mapped -= rc == 0;
    return rc;
}

/* The lowest descriptor that is free: one that stays open moves it. */
static int lowest_free(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd;
}

void fuzz_open_monitor(void)
{
    mapped_before = mapped;
    lowest_before = lowest_free();
}

void fuzz_close_monitor(void)
{
    fuzz_want(mapped == mapped_before);
    fuzz_want(lowest_free() == lowest_before);
}
