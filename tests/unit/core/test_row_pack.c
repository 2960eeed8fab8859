/*
 * core/row_pack, crc32 and the row log's segments: rows survive packing bit for bit (ties, zeros of
 * both signs, NaN cosines, scores in no order, lengths 0 to K, row numbers of 31 bits); damaged
 * records stay inside their bounds, and no damaged byte of a segment goes unnoticed.
 */
#include "core/crc32.h"
#include "core/half.h"
#include "core/rowlog.h"
#include "support/test.h"

#include <math.h>

static uint64_t random_state = 77;

/* ---- checksums ------------------------------------------------------------------------------- */

static void test_crc32(void **state)
{
    (void)state;
    unsigned char bytes[1000];
    assert_int_equal(kin_crc32(0, "123456789", 9), 0xcbf43926u);
    assert_int_equal(kin_crc32(0, NULL, 0), 0);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)test_random(&random_state);
    uint32_t whole = kin_crc32(0, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut += 37) {
        uint32_t first = kin_crc32(0, bytes, cut);
        uint32_t second = kin_crc32(0, bytes + cut, sizeof bytes - cut);
        assert_int_equal(kin_crc32(first, bytes + cut, sizeof bytes - cut), whole);
        assert_int_equal(kin_crc32_join(first, second, kin_crc32_length(sizeof bytes - cut)),
                         whole);
    }
}

/* ---- one row --------------------------------------------------------------------------------- */

enum { K_MOST = 200, M_MOST = 3 };

typedef struct row_values {
    int32_t neighbor[K_MOST];
    float score[K_MOST];
    uint16_t half[M_MOST][K_MOST];
} row_values;

typedef enum row_kind { USUAL, MISSING, EQUAL, ZEROS, ANY_BITS, KINDS } row_kind;

static const kin_catalog named[] = {
    {.modality_count = 1, .modality = {{.name = "a", .weight = 2}}},
    {.modality_count = 2, .modality = {{.name = "a", .weight = 0.6}, {.name = "b", .weight = 0.4}}},
    {.modality_count = 3,
     .modality = {
         {.name = "a", .weight = 1}, {.name = "b", .weight = 1e-6}, {.name = "c", .weight = 1e6}}}};

static float score_of(const kin_catalog *catalog, const row_values *row, size_t e, row_kind kind)
{
    double sum = 0, part = 0, whole = 0;
    uint32_t bits = (uint32_t)test_random(&random_state);
    float any;
    memcpy(&any, &bits, sizeof any);
    if (kind == ZEROS)
        return bits & 1 ? 0.0f : -0.0f;
    if (kind == EQUAL)
        return 0.25f;
    if (kind == ANY_BITS)
        return any;
    for (size_t m = 0; m < catalog->modality_count; m++) {
        float cosine = kin_half_to_float(row->half[m][e]);
        sum += isnan(cosine) ? 0 : catalog->modality[m].weight * (double)cosine;
        part += isnan(cosine) ? 0 : catalog->modality[m].weight;
        whole += catalog->modality[m].weight;
    }
    return (float)(sum * whole / part);
}

static void fill(row_values *row, const kin_catalog *catalog, size_t n, row_kind kind)
{
    for (size_t e = 0; e < K_MOST; e++) {
        row->neighbor[e] = (int32_t)test_random_below(&random_state, n);
        if (e == 0) /* the widest there is */
            row->neighbor[e] = (int32_t)(n - 1);
        for (size_t m = 0; m < catalog->modality_count; m++) {
            float cosine = (float)(0.9 - (double)e / 400 + test_random_unit(&random_state) / 8);
            bool lacks = kind == MISSING && m == 1 && e % 3 == 0;
            row->half[m][e] = kin_half_from_float(lacks ? NAN : cosine);
            if (kind == ANY_BITS)
                row->half[m][e] = (uint16_t)test_random(&random_state);
        }
        row->score[e] = score_of(catalog, row, e, kind);
    }
}

static kin_packed_row view(row_values *row, size_t number, size_t length, size_t modalities)
{
    kin_packed_row out = {.row = (uint32_t)number,
                          .length = (uint32_t)length,
                          .sequence = 7,
                          .neighbor = row->neighbor,
                          .score = row->score};
    for (size_t m = 0; m < modalities; m++)
        out.cosine[m] = row->half[m];
    return out;
}

static void check_equal(const row_values *a, const row_values *b, size_t length, size_t modalities)
{
    assert_memory_equal(a->neighbor, b->neighbor, length * sizeof(int32_t));
    assert_memory_equal(a->score, b->score, length * sizeof(float));
    for (size_t m = 0; m < modalities; m++)
        assert_memory_equal(a->half[m], b->half[m], length * sizeof(uint16_t));
}

/* Packs, unpacks and compares; returns the record's bytes. */
static size_t round_trip(const kin_catalog *catalog, size_t n, size_t k, size_t length,
                         row_kind kind)
{
    static row_values row, back;
    static uint32_t space[3 * K_MOST];
    kin_row_format format = kin_row_format_of(catalog, n, k);
    size_t most = kin_row_bytes_most(&format), modalities = catalog->modality_count, claimed;
    unsigned char *record = malloc(most);
    fill(&row, catalog, n, kind);
    memset(&back, 0, sizeof back);
    kin_packed_row in = view(&row, n - 1, length, modalities);
    size_t bytes = kin_row_pack(&format, &in, record, space);
    assert_true(bytes + KIN_ROW_SLACK_BYTES <= most);
    assert_true(kin_row_is_possible(&format, record, bytes));
    assert_false(kin_row_is_possible(&format, record, bytes - 1));
    kin_packed_row out = kin_row_peek(record, &claimed);
    assert_int_equal(claimed, bytes);
    assert_true(out.row == n - 1 && out.length == length && out.sequence == 7);
    kin_packed_row to = view(&back, out.row, out.length, modalities);
    kin_row_unpack_neighbors(&format, record, &to);
    kin_row_unpack_scores(&format, record, &to, space);
    check_equal(&row, &back, length, modalities);
    free(record);
    return bytes;
}

static void test_round_trip(void **state)
{
    (void)state;
    static const size_t items[] = {2, 3, 1000, 65536, 65537, (size_t)1 << 20, INT32_MAX};
    static const size_t lengths[] = {0, 1, 2, 16, 17, 18, 33, 199, 200};
    for (size_t c = 0; c < TEST_COUNT(named); c++)
        for (size_t i = 0; i < TEST_COUNT(items); i++)
            for (size_t l = 0; l < TEST_COUNT(lengths); l++)
                for (row_kind kind = USUAL; kind < KINDS; kind++)
                    round_trip(&named[c], items[i], K_MOST, lengths[l], kind);
    for (size_t k = 1; k < 40; k++)
        round_trip(&named[1], 50, k, k, USUAL);
}

/* What the header of row_pack.h promises, of rows whose scores fall as they do. */
static void test_bytes(void **state)
{
    (void)state;
    size_t bytes = 0;
    enum { ROUNDS = 50 };
    for (int i = 0; i < ROUNDS; i++)
        bytes += round_trip(&named[1], (size_t)1 << 20, K_MOST, K_MOST, USUAL);
    assert_true(bytes < (size_t)ROUNDS * K_MOST * 9); /* no order: scores take their whole width */
    size_t lacking = 0;
    for (int i = 0; i < ROUNDS; i++)
        lacking += round_trip(&named[1], (size_t)1 << 20, K_MOST, K_MOST, MISSING);
    assert_true(lacking < bytes * 11 / 10);
}

/* Records that were changed are refused or unpacked within their bounds. */
static void test_damaged_record(void **state)
{
    (void)state;
    static row_values row, back;
    static uint32_t space[3 * K_MOST];
    enum { K = 40, N = 1000 };
    kin_row_format format = kin_row_format_of(&named[1], N, K);
    size_t most = kin_row_bytes_most(&format), claimed, possible = 0;
    fill(&row, &named[1], N, USUAL);
    kin_packed_row in = view(&row, 5, K, 2);
    unsigned char *whole = calloc(1, most);
    size_t bytes = kin_row_pack(&format, &in, whole, space);
    for (size_t at = 0; at < bytes; at++)
        for (int bit = 0; bit < 8; bit++) {
            unsigned char *record = malloc(bytes + KIN_ROW_SLACK_BYTES);
            memcpy(record, whole, bytes + KIN_ROW_SLACK_BYTES);
            record[at] ^= (unsigned char)(1 << bit);
            if (kin_row_is_possible(&format, record, bytes)) {
                possible++;
                kin_packed_row out = kin_row_peek(record, &claimed);
                kin_packed_row to = view(&back, out.row, out.length, 2);
                kin_row_unpack_neighbors(&format, record, &to);
                kin_row_unpack_scores(&format, record, &to, space);
            }
            free(record);
        }
    assert_true(possible > 0);
    free(whole);
}

/* ---- segments -------------------------------------------------------------------------------- */

static void test_damaged_segment(void **state)
{
    (void)state;
    static row_values row;
    static uint32_t space[3 * K_MOST];
    enum { LENGTH = 20, ROWS = 3 };
    kin_error err = {0};
    kin_segment head = {.range = 4, .rows = ROWS}, found;
    kin_row_format format = kin_row_format_of(&named[1], 1000, LENGTH);
    unsigned char segment[2048] = {0};
    for (size_t r = 0; r < ROWS; r++) {
        fill(&row, &named[1], 1000, USUAL);
        kin_packed_row in = view(&row, r, LENGTH - r, 2);
        unsigned char *at = segment + KIN_SEGMENT_HEADER_BYTES + head.bytes;
        head.bytes += (uint32_t)kin_row_pack(&format, &in, at, space);
    }
    kin_segment_seal(segment, &head);
    size_t bytes = KIN_SEGMENT_HEADER_BYTES + head.bytes;
    test_ok(kin_segment_check(segment, bytes, &format, &found, &err), &err);
    assert_true(found.range == 4 && found.rows == ROWS && found.bytes == head.bytes);
    test_refused(kin_segment_check(segment, bytes - 1, &format, &found, &err), &err, KIN_E_DATA,
                 "claims");
    test_refused(kin_segment_check(segment, 31, &format, &found, &err), &err, KIN_E_DATA,
                 "31 bytes are no segment of a row log");
    for (size_t at = 0; at < bytes; at++) {
        segment[at] ^= 1;
        assert_int_equal(kin_segment_check(segment, bytes, &format, &found, &err), KIN_E_DATA);
        segment[at] ^= 1;
    }
    segment[8] = 2;
    test_refused(kin_segment_check(segment, bytes, &format, &found, &err), &err, KIN_E_DATA,
                 "has version 2, this kin reads 1");
    head.rows++; /* sealed, and wrong all the same */
    kin_segment_seal(segment, &head);
    test_refused(kin_segment_check(segment, bytes, &format, &found, &err), &err, KIN_E_DATA,
                 "has a record that cannot be");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bytes), cmocka_unit_test(test_damaged_record),
        cmocka_unit_test(test_damaged_segment)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
