/*
 * core/rowlog: a log gives back what threads appended in any order, from memory and from its file,
 * the record of the highest sequence number of each row, and the checksums of its arrays; a file
 * that is damaged, shortened or may not grow.
 */
#include "core/crc32.h"
#include "core/half.h"
#include "core/rowlog.h"
#include "support/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const kin_catalog named = {
    .modality_count = 2, .modality = {{.name = "a", .weight = 0.6}, {.name = "b", .weight = 0.4}}};

/* ---- a log ----------------------------------------------------------------------------------- */

enum { N = 50000, K = 90, LOG_MODALITIES = 2 };

static uint32_t length_of(size_t i)
{
    return i % 11 == 0 ? (uint32_t)(i % (K + 1)) : K;
}

/* Row i of pass `sequence`, in query slot q. */
static void fill_row(kin_rows *rows, size_t q, size_t i, uint32_t sequence)
{
    uint64_t random = i * 2654435761u + sequence + 1;
    rows->filled[q] = length_of(i + sequence);
    for (size_t e = 0; e < rows->k; e++) {
        size_t at = q * rows->k + e;
        rows->neighbor[at] = (int32_t)((i + 1 + e * 7 + sequence) % N);
        rows->score[at] = 1 - (float)e / 256 - (float)(i % 16) / 4096;
        for (size_t m = 0; m < LOG_MODALITIES; m++)
            rows->cosine[m][at] =
                kin_half_to_float(kin_half_from_float((float)test_random_unit(&random)));
    }
}

/* All rows, one by one and by several threads, in the order i * step mod n. */
static void append_all(kin_rowlog *log, size_t step, uint32_t sequence, size_t every)
{
    int failed = 0;
#pragma omp parallel num_threads(4) reduction(+ : failed)
    {
        kin_rows one;
        failed += kin_rows_init(&one, 1, K, LOG_MODALITIES, NULL) != 0;
        one.count = 1;
        one.sequence = sequence;
#pragma omp for schedule(dynamic, 16)
        for (size_t i = 0; i < N; i++) {
            size_t row = i * step % N;
            if (row % every == 0) {
                fill_row(&one, 0, row, sequence);
                failed += kin_rowlog_append(log, row, &one, NULL) != 0;
            }
        }
        kin_rows_release(&one);
    }
    assert_int_equal(failed, 0);
}

/* The pass that counts for a row. */
static uint32_t pass_of(size_t i, uint32_t passes)
{
    return passes > 1 && i % 5 == 0 ? 2 : 0;
}

static void check_read(kin_rowlog *log, uint32_t passes)
{
    int differ = 0;
#pragma omp parallel num_threads(4) reduction(+ : differ)
    {
        kin_rows rows;
        differ += kin_rows_init(&rows, 2, K, LOG_MODALITIES, NULL) != 0;
#pragma omp for
        for (size_t i = 0; i < N; i += 7) {
            fill_row(&rows, 0, i, pass_of(i, passes));
            differ +=
                kin_rowlog_read(log, i, &rows, 1, NULL) != 0 || rows.filled[0] != rows.filled[1];
            size_t bytes = rows.filled[0] * sizeof(float);
            differ += memcmp(rows.neighbor, rows.neighbor + K, bytes) != 0 ||
                      memcmp(rows.score, rows.score + K, bytes) != 0 ||
                      memcmp(rows.cosine[0], rows.cosine[0] + K, bytes) != 0 ||
                      memcmp(rows.cosine[1], rows.cosine[1] + K, bytes) != 0;
        }
        kin_rows_release(&rows);
    }
    assert_int_equal(differ, 0);
}

typedef struct arrays {
    int64_t *start;
    int32_t *indices;
    float *data;
    uint16_t *cosine[LOG_MODALITIES];
} arrays;

static void arrays_release(arrays *self)
{
    free(self->start);
    free(self->indices);
    free(self->data);
    for (size_t m = 0; m < LOG_MODALITIES; m++)
        free(self->cosine[m]);
}

/* Both passes over a log: neighbours, then the rest. */
static void unpack_all(arrays *out, kin_rowlog *log)
{
    kin_error err;
    const uint32_t *length = kin_rowlog_lengths(log);
    *out = (arrays){.start = malloc((N + 1) * sizeof *out->start)};
    out->start[0] = 0;
    for (size_t i = 0; i < N; i++)
        out->start[i + 1] = out->start[i] + length[i];
    out->indices = malloc((size_t)out->start[N] * sizeof *out->indices);
    out->data = malloc((size_t)out->start[N] * sizeof *out->data);
    for (size_t m = 0; m < LOG_MODALITIES; m++)
        out->cosine[m] = malloc((size_t)out->start[N] * sizeof *out->cosine[m]);
    for (size_t r = 0; r < kin_rowlog_ranges(log); r++) {
        size_t at = (size_t)out->start[kin_rowlog_range_start(log, r)];
        kin_rowlog_arrays to = {.start = out->start, .indices = out->indices + at};
        test_ok(kin_rowlog_unpack(log, r, &to, &err), &err);
        to = (kin_rowlog_arrays){.start = out->start,
                                 .data = out->data + at,
                                 .cosine = {out->cosine[0] + at, out->cosine[1] + at}};
        test_ok(kin_rowlog_unpack(log, r, &to, &err), &err);
    }
    assert_int_equal(kin_rowlog_range_start(log, kin_rowlog_ranges(log)), N);
}

/* The entry of row i that stands at place e of its arrays. */
static size_t entry_at(const kin_rows *one, size_t e, bool by_column)
{
    if (!by_column)
        return e;
    for (size_t other = 0; other < one->filled[0]; other++) {
        size_t smaller = 0;
        for (size_t place = 0; place < one->filled[0]; place++)
            smaller += one->neighbor[place] < one->neighbor[other];
        if (smaller == e)
            return other;
    }
    return SIZE_MAX;
}

static void check_arrays(const arrays *got, uint32_t passes, bool by_column)
{
    kin_rows one;
    assert_int_equal(kin_rows_init(&one, 1, K, LOG_MODALITIES, NULL), 0);
    for (size_t i = 0; i < N; i += by_column ? 997 : 3) {
        fill_row(&one, 0, i, pass_of(i, passes));
        assert_int_equal(got->start[i + 1] - got->start[i], one.filled[0]);
        for (size_t e = 0; e < one.filled[0]; e++) {
            size_t from = entry_at(&one, e, by_column), at = (size_t)got->start[i] + e;
            assert_int_equal(got->indices[at], one.neighbor[from]);
            assert_true(got->data[at] == one.score[from]);
            for (size_t m = 0; m < LOG_MODALITIES; m++)
                assert_true(kin_half_to_float(got->cosine[m][at]) == one.cosine[m][from]);
        }
    }
    kin_rows_release(&one);
}

static void check_log(kin_rowlog *log, uint32_t passes, bool by_column)
{
    arrays got;
    check_read(log, passes);
    unpack_all(&got, log);
    check_arrays(&got, passes, by_column);
    size_t bytes = (size_t)got.start[N] * sizeof(float);
    kin_rowlog_sums sum = kin_rowlog_sum(log);
    assert_int_equal(sum.indices, kin_crc32(0, got.indices, bytes));
    assert_int_equal(sum.data, kin_crc32(0, got.data, bytes));
    arrays_release(&got);
}

/* Memory that holds all, some and nothing; rows that come once, and a fifth of them three times. */
static void test_log(void **state)
{
    (void)state;
    static const size_t memory[] = {(size_t)1 << 30, (size_t)16 << 20, 0};
    mkdir(test_path("log"), 0755);
    for (size_t c = 0; c < 2 * TEST_COUNT(memory); c++) {
        kin_error err;
        kin_rowlog *log;
        kin_rowlog_options options = {.n = N,
                                      .k = K,
                                      .catalog = &named,
                                      .directory = test_path("log"),
                                      .memory_bytes = memory[c / 2],
                                      .by_column = c % 2};
        test_ok(kin_rowlog_new(&log, &options, &err), &err);
        assert_true(kin_rowlog_ranges(log) > 1);
        assert_int_equal(kin_rowlog_disk_bytes(&options) > 0, c >= 2);
        append_all(log, 1, 0, 3);
        kin_rowlog_clear(log);
        append_all(log, 7919, 0, 1);
        check_log(log, 1, options.by_column);
        append_all(log, 7919, 2, 5);
        append_all(log, 1, 1, 5);
        check_log(log, 2, options.by_column);
        kin_rowlog_free(log);
        assert_false(test_exists(test_path("log/rows.log")));
    }
}

static void test_refuses(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_rowlog *log;
    kin_rows one;
    mkdir(test_path("log"), 0755);
    kin_rowlog_options options = {.n = N, .k = K, .catalog = &named, .directory = "/nowhere"};
    test_refused(kin_rowlog_new(&log, &options, &err), &err, KIN_E_CANTOUT,
                 "/nowhere/rows.log cannot be created");
    options.directory = test_path("log");
    test_ok(kin_rowlog_new(&log, &options, &err), &err);
    test_ok(kin_rows_init(&one, 1, K, LOG_MODALITIES, &err), &err);
    test_refused(kin_rowlog_read(log, 5, &one, 0, &err), &err, KIN_E_INTERNAL,
                 "row 5 of the graph was never written");
    assert_int_equal(kin_rowlog_lengths(log)[5], KIN_ROWLOG_NONE);
    kin_rows_release(&one);
    kin_rowlog_free(log);
}

/* A log that keeps as little in memory as it can, with all rows. */
static kin_rowlog *new_on_disk(void)
{
    kin_error err;
    kin_rowlog *log;
    mkdir(test_path("log"), 0755);
    kin_rowlog_options options = {.n = N, .k = K, .catalog = &named, .directory = test_path("log")};
    test_ok(kin_rowlog_new(&log, &options, &err), &err);
    return log;
}

/* The log's file, which has no name. */
static int open_file_again(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int found = -1;
    assert_non_null(folder);
    for (struct dirent *entry; found < 0 && (entry = readdir(folder)) != NULL;) {
        char link[PATH_MAX], target[PATH_MAX] = "";
        snprintf(link, sizeof link, "/proc/self/fd/%s", entry->d_name);
        if (readlink(link, target, sizeof target - 1) > 0 && strstr(target, "/rows.log"))
            found = open(link, O_RDWR);
    }
    closedir(folder);
    assert_true(found >= 0);
    return found;
}

/* A changed byte of a segment, and a file that has become shorter. */
static void test_damaged_file(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_rowlog *log = new_on_disk();
    append_all(log, 1, 0, 1);
    int64_t *start = calloc(N + 1, sizeof *start);
    for (size_t i = 0; i < N; i++)
        start[i + 1] = start[i] + kin_rowlog_lengths(log)[i];
    size_t entries = (size_t)start[kin_rowlog_range_start(log, 1)];
    kin_rowlog_arrays to = {.start = start, .indices = malloc(entries * sizeof(int32_t))};
    test_ok(kin_rowlog_unpack(log, 0, &to, &err), &err);
    int fd = open_file_again();
    unsigned char byte;
    assert_int_equal(pread(fd, &byte, 1, 4096 + 5000), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 4096 + 5000), 1);
    test_refused(kin_rowlog_unpack(log, 0, &to, &err), &err, KIN_E_IO,
                 "rows.log: segment 0 is not what was written");
    assert_int_equal(ftruncate(fd, 4096 + 5000), 0);
    test_refused(kin_rowlog_unpack(log, 0, &to, &err), &err, KIN_E_IO,
                 "rows.log has become shorter");
    close(fd);
    free(start);
    free(to.indices);
    kin_rowlog_free(log);
}

/* A file that may not grow. */
static void test_file_limit(void **state)
{
    (void)state;
    kin_error err = {0};
    struct rlimit before, less;
    kin_rows one;
    int rc = 0;
    kin_rowlog *log = new_on_disk();
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN); /* as the command does */
    test_ok(kin_rows_init(&one, 1, K, 2, &err), &err);
    one.count = 1;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    less = (struct rlimit){.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
    for (size_t i = 0; i < N && rc == 0; i++) {
        fill_row(&one, 0, i, 0);
        rc = kin_rowlog_append(log, i, &one, &err);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    test_refused(rc, &err, KIN_E_IO, "rows.log cannot be written: File too large");
    for (size_t i = 0; i < N; i++) /* and so for all others */
        test_refused(kin_rowlog_append(log, i, &one, &err), &err, KIN_E_IO, "File too large");
    signal(SIGXFSZ, handler);
    kin_rows_release(&one);
    kin_rowlog_free(log);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_log), cmocka_unit_test(test_refuses),
                                       cmocka_unit_test(test_damaged_file),
                                       cmocka_unit_test(test_file_limit)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
