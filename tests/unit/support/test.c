/*
 * Temporary folders, files, refusals and random numbers for the tests (declared in test.h).
 */
#include "test.h"
#include "core/blas_type.h"
#include "core/manifest.h"
#include "core/outdir.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

/* AddressSanitizer's way to be told: an allocation of absurd size is refused as malloc refuses it,
 * which tests want to see. */
const char *__asan_default_options(void); /* NOLINT(bugprone-reserved-identifier,cert-*) */
const char *__asan_default_options(void)  /* NOLINT(bugprone-reserved-identifier,cert-*) */
{
    return "allocator_may_return_null=1";
}

/* Every test program multiplies with the kernels that the command would take
 * (tools/blas_start.c). */
__attribute__((constructor)) static void start_blas(void)
{
    const char *type = getenv("OPENBLAS_CORETYPE");
    if (!type || !*type)
        kin_blas_type_mend();
}

void test_calm_threads(char **argv)
{
    if (getenv("OMP_WAIT_POLICY"))
        return;
    setenv("OMP_WAIT_POLICY", "passive", 1);
    execv("/proc/self/exe", argv);
}

int test_folder_make(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/kin-test-XXXXXX", parent && *parent ? parent : P_tmpdir);
    return mkdtemp(folder) ? 0 : -1;
}

int test_folder_remove(void **state)
{
    (void)state;
    test_remove(folder);
    return 0;
}

size_t test_folder_entries(const char *path)
{
    size_t count = 0;
    DIR *listed = opendir(path);
    assert_non_null(listed);
    while (readdir(listed))
        count++;
    closedir(listed);
    return count - 2; /* "." and ".." */
}

const char *test_path(const char *format, ...)
{
    enum { KEPT = 16 };
    static char text[KEPT][512];
    static unsigned next;
    char *out = text[next++ % KEPT];
    int used = snprintf(out, sizeof text[0], "%s/", folder);
    va_list args;
    va_start(args, format);
    vsnprintf(out + used, sizeof text[0] - (size_t)used, format, args);
    va_end(args);
    return out;
}

const kin_dir *test_dir(const char *path)
{
    enum { KEPT = 8 };
    static kin_dir dir[KEPT];
    static unsigned next;
    kin_dir *out = &dir[next++ % KEPT];
    if (out->path)
        close(out->fd);
    free(out->path);
    *out = (kin_dir){.path = strdup(path), .fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    assert_true(out->path && out->fd >= 0);
    return out;
}

void test_remove(const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return;
    if (S_ISDIR(status.st_mode)) {
        chmod(path, 0755);
        DIR *open = opendir(path);
        struct dirent *entry;
        while (open && (entry = readdir(open)) != NULL) {
            char inner[1024];
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            test_remove(inner);
        }
        if (open)
            closedir(open);
    }
    remove(path);
}

bool test_exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

void test_write(const char *path, const void *data, size_t bytes)
{
    remove(path); /* a new file: some file systems sync one that is cut and written again */
    FILE *file = fopen(path, "wb");
    if (!file)
        fail_msg("%s cannot be created", path);
    size_t wrote = bytes ? fwrite(data, 1, bytes, file) : 0;
    assert_int_equal(fclose(file), 0);
    assert_int_equal(wrote, bytes);
}

void test_write_text(const char *path, const char *text)
{
    test_write(path, text, strlen(text));
}

unsigned char *test_read(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s cannot be read", path);
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    unsigned char *data = malloc((size_t)length + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)length, file), length);
    fclose(file);
    data[length] = 0;
    *bytes = (size_t)length;
    return data;
}

void test_write_npy_raw(const char *path, const char *dict, const void *data, size_t bytes)
{
    static const unsigned char magic[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    size_t used = strlen(dict);
    /* NumPy pads the header with blanks to a multiple of 64 and ends it with a newline */
    size_t length = (sizeof magic + 2 + used + 1 + 63) / 64 * 64;
    unsigned char *file = malloc(length + bytes);
    assert_non_null(file);
    memset(file, ' ', length);
    memcpy(file, magic, sizeof magic);
    file[8] = (unsigned char)((length - 10) & 0xff);
    file[9] = (unsigned char)((length - 10) >> 8);
    for (size_t c = 0; c < used; c++)
        file[10 + c] = (unsigned char)dict[c];
    file[length - 1] = '\n';
    if (bytes)
        memcpy(file + length, data, bytes);
    test_write(path, file, length + bytes);
    free(file);
}

void test_write_npy(const char *path, kin_dtype type, size_t n, size_t d, const void *data)
{
    static const char *const descr[] = {"<f4", "<f2", "<f8", "|i1"};
    static const size_t item_bytes[] = {4, 2, 8, 1};
    char dict[128];
    snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': False, 'shape': (%zu, %zu), }",
             descr[type], n, d);
    test_write_npy_raw(path, dict, data, n * d * item_bytes[type]);
}

double test_half_value(uint16_t half)
{
    int exponent = half >> 10 & 31;
    int mantissa = half & 1023;
    double size = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    if (exponent == 31)
        size = mantissa ? NAN : INFINITY;
    return half & 0x8000 ? -size : size;
}

uint16_t test_half_bits(double value)
{
    unsigned sign = signbit(value) ? 0x8000 : 0;
    double size = fabs(value);
    if (size >= 65520)
        return (uint16_t)(sign | 0x7c00);
    /* the unit in the last place, rounded to; a carry runs into the exponent by itself */
    int exponent = size < 0x1p-14 ? -14 : ilogb(size);
    unsigned units = (unsigned)nearbyint(ldexp(size, 10 - exponent));
    return (uint16_t)(sign | (((unsigned)(exponent + 14) << 10) + units));
}

bool test_same_files(const char *a, const char *b)
{
    size_t bytes_a;
    size_t bytes_b;
    unsigned char *data_a = test_read(a, &bytes_a);
    unsigned char *data_b = test_read(b, &bytes_b);
    bool same = bytes_a == bytes_b && memcmp(data_a, data_b, bytes_a) == 0;
    free(data_a);
    free(data_b);
    return same;
}

void test_refused_at(int rc, kin_error *err, kin_code code, const char *text, const char *file,
                     int line)
{
    if (rc != (int)code || err->code != code || !strstr(err->message, text) ||
        strchr(err->message, '\n') || err->hint[0] == '\0') {
        print_error("returned %d (error %d), wanted %d with '%s'; message '%s', hint '%s'\n", rc,
                    (int)err->code, (int)code, text, err->message, err->hint);
        _fail(file, line);
    }
    *err = (kin_error){0};
}

void test_ok_at(int rc, const kin_error *err, const char *file, int line)
{
    if (rc == 0)
        return;
    print_error("returned %d: %s\n", rc, err->message);
    _fail(file, line);
}

uint64_t test_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

size_t test_random_below(uint64_t *state, size_t limit)
{
    return (size_t)(test_random(state) >> 11) % limit;
}

double test_random_unit(uint64_t *state)
{
    return (double)(test_random(state) >> 11) * 0x1p-53;
}

double test_random_normal(uint64_t *state)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += test_random_unit(state);
    return sum;
}

void test_seal(json_t *manifest)
{
    kin_hash hash;
    kin_error err;
    test_ok(kin_manifest_hash(&hash, manifest, &err), &err);
    json_object_set_new(manifest, "checksum", json_string(hash.text));
}
