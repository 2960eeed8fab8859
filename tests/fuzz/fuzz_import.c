/*
 * Fuzz target import: graphs that other programs wrote (compare/import.h, core/zip.h,
 * core/zip_stored.h).
 *
 * Input: a byte that chooses the format and what goes with it, then the file. In the last way the
 * input is not the archive but its members' bytes, parted by a mark: the harness packs them, so
 * that sizes and checksums of the archive are right and the arrays themselves are looked at.
 */
#include "compare/import.h"
#include "core/crc32.h"
#include "core/memory.h"
#include "core/zip.h"
#include "core/zip_stored.h"
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAY_NPZ, WAY_IVECS, WAY_IBIN, WAY_PACKED, WAYS, WITH_CATALOG = 4, WITH_IDS = 8 };
enum { MEMBERS = 5, MARK_BYTES = 4, ITEMS_MAX = 16, MEMORY_BYTES = 64 << 20 };

static const char *const ending[WAYS] = {"npz", "ivecs", "ibin", "npz"};
static const char *const member_name[MEMBERS] = {"format.npy", "shape.npy", "indptr.npy",
                                                 "indices.npy", "data.npy"};
static const uint8_t mark[MARK_BYTES] = {0xff, 'P', 'K', 0xfe};

static kin_catalog catalog[ITEMS_MAX + 1]; /* of so many items; opened once */

/* n items in two modalities; one lacks the second. */
static void open_catalog(size_t n)
{
    float text[ITEMS_MAX * 2 + 2], image[ITEMS_MAX + 2];
    uint32_t head[2] = {(uint32_t)n, 2};
    memcpy(text, head, sizeof head);
    head[1] = 1;
    memcpy(image, head, sizeof head);
    for (size_t i = 0; i < n; i++) {
        text[2 + 2 * i] = (float)cos((double)i);
        text[3 + 2 * i] = (float)sin((double)i);
        image[2 + i] = (float)(i % 5) - 1;
    }
    kin_error err = {0};
    kin_source source[2] = {{.name = "text", .weight = 0.6}, {.name = "image", .weight = 0.4}};
    source[0].path = strdup(fuzz_path("text%zu.fbin", n));
    source[1].path = strdup(fuzz_path("image%zu.fbin", n));
    fuzz_write(source[0].path, text, (2 + 2 * n) * sizeof *text);
    fuzz_write(source[1].path, image, (2 + n) * sizeof *image);
    kin_catalog_options options = {.source = source, .source_count = 2};
    fuzz_want(fuzz_outcome(kin_catalog_open(&catalog[n], &options, &err), &err, 0));
    free(source[0].path);
    free(source[1].path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_start();
    for (size_t n = 1; n <= ITEMS_MAX; n++)
        open_catalog(n);
    return 0;
}

/* ---- what was read --------------------------------------------------------------------------- */

/* What a graph promises, as it is promised of kin's own. */
static void check_row(const kin_graph *graph, size_t row, const kin_catalog *scored)
{
    kin_neighbor *out = malloc((graph->k + 1) * sizeof *out);
    if (!out)
        abort();
    fuzz_want(graph->indptr[row + 1] >= graph->indptr[row]);
    fuzz_want((size_t)(graph->indptr[row + 1] - graph->indptr[row]) <= graph->k);
    size_t count = kin_graph_row(graph, row, out);
    for (size_t i = 0; i < count; i++) {
        fuzz_want(out[i].row >= 0 && (size_t)out[i].row < graph->n && (size_t)out[i].row != row);
        for (size_t j = 0; j < i; j++)
            fuzz_want(out[i].row != out[j].row);
        fuzz_want(!scored || isfinite(out[i].score));
        fuzz_want(!scored || i == 0 || kin_neighbor_best_first(&out[i - 1], &out[i]) < 0);
    }
    free(out);
}

static void check_graph(const kin_graph *graph, const kin_import_report *report,
                        const kin_catalog *scored)
{
    fuzz_want(graph->n >= 1 && graph->n <= INT32_MAX && graph->ids.count == graph->n);
    fuzz_want(graph->indptr[0] == 0 && graph->indptr[graph->n] == (int64_t)graph->pairs);
    fuzz_want(report->padding + report->to_self + report->repeated + report->no_pair +
                  graph->pairs ==
              report->entries);
    fuzz_want(graph->modality_count == (scored ? scored->modality_count : 0));
    fuzz_want((graph->data != NULL) == (scored != NULL));
    fuzz_want(json_is_object(graph->manifest));
    for (size_t row = 0; row < graph->n; row++)
        check_row(graph, row, scored);
    for (size_t i = 0; i < graph->n; i++)
        fuzz_want(fuzz_is_plain(kin_lines_at(&graph->ids, i)));
}

static void open_graph(const char *path, const char *ids, const kin_catalog *scored)
{
    kin_error err = {0};
    kin_graph graph;
    kin_import_report report;
    int rc = kin_import_open(&graph, &report, path, ids, scored, MEMORY_BYTES, &err);
    if (fuzz_outcome(rc, &err, FUZZ_DATA | FUZZ_MEMORY)) {
        check_graph(&graph, &report, scored);
        kin_graph_close(&graph);
    } else {
        fuzz_want(kin_import_open(&graph, &report, path, ids, scored, MEMORY_BYTES, NULL) == rc);
    }
}

/* ---- archives -------------------------------------------------------------------------------- */

/* Behind the next mark, or the end; *length is the part's. */
static const uint8_t *next_part(const uint8_t *at, const uint8_t *end, size_t *length)
{
    const uint8_t *found = end > at ? memmem(at, (size_t)(end - at), mark, sizeof mark) : NULL;
    *length = (size_t)((found ? found : end) - at);
    return found ? found + sizeof mark : end;
}

/* The members and their headers, one after the other. */
static uint8_t *lay_out(kin_stored_member *member, const uint8_t *const *data, size_t *bytes)
{
    unsigned char directory[KIN_STORED_DIRECTORY_MOST];
    size_t end = (size_t)kin_stored_place(member, MEMBERS);
    size_t length = kin_stored_directory(directory, member, MEMBERS);
    uint8_t *out = malloc(end + length);
    fuzz_want(out != NULL);
    for (size_t m = 0; m < MEMBERS; m++) {
        unsigned char header[KIN_STORED_HEADER_MOST];
        size_t before = kin_stored_header(header, &member[m]);
        memcpy(out + member[m].header_at, header, before);
        if (member[m].bytes > 0)
            memcpy(out + member[m].data_at, data[m], member[m].bytes);
    }
    memcpy(out + end, directory, length);
    *bytes = end + length;
    return out;
}

static void pack(const char *path, const uint8_t *data, size_t size)
{
    kin_stored_member member[MEMBERS];
    const uint8_t *part[MEMBERS], *at = data, *end = data + size;
    kin_error err = {0};
    size_t bytes;
    for (size_t m = 0; m < MEMBERS; m++) {
        size_t length;
        const uint8_t *next = next_part(at, end, &length);
        member[m] = (kin_stored_member){
            .name = member_name[m], .bytes = length, .crc = kin_crc32(0, at, length)};
        part[m] = at;
        at = next;
    }
    uint8_t *whole = lay_out(member, part, &bytes);
    unlink(path);
    fuzz_want(fuzz_outcome(kin_file_write(path, whole, bytes, &err), &err, 0));
    free(whole);
}

/* Stored members lie in the file. */
static void find_stored(const kin_file *file)
{
    kin_error err = {0};
    const unsigned char *found;
    size_t bytes;
    for (size_t m = 0; m < MEMBERS; m++)
        if (fuzz_outcome(kin_stored_find(file, member_name[m], &found, &bytes, &err), &err,
                         FUZZ_DATA))
            fuzz_want(found >= file->data && bytes <= file->bytes &&
                      (size_t)(found - file->data) <= file->bytes - bytes);
}

/* Archives on their own: each member that is found is read, in part and whole. */
static void open_archive(const char *path)
{
    kin_error err = {0};
    kin_file file;
    kin_zip archive;
    fuzz_want(fuzz_outcome(kin_file_open(&file, path, &err), &err, 0));
    if (fuzz_outcome(kin_zip_open(&archive, &file, &err), &err, FUZZ_DATA)) {
        for (size_t m = 0; m < MEMBERS; m++) {
            kin_zip_entry entry;
            if (!fuzz_outcome(kin_zip_find(&archive, &entry, member_name[m], &err), &err,
                              FUZZ_DATA))
                continue;
            fuzz_want(entry.bytes <= file.bytes * 1032);
            for (size_t whole = 0; whole < 2; whole++) {
                unsigned char *out = NULL;
                int rc = kin_zip_read(&archive, &entry, whole ? entry.bytes : entry.bytes / 2, &out,
                                      &err);
                fuzz_want(fuzz_outcome(rc, &err, FUZZ_DATA) == (out != NULL));
                free(out);
            }
        }
    }
    find_stored(&file);
    kin_file_close(&file);
}

/* The rows of a file of which only its head is believed: to choose a catalog of as many. */
static size_t rows_of(const char *path)
{
    kin_graph graph;
    kin_import_report report;
    size_t n = 4;
    if (kin_import_open(&graph, &report, path, NULL, NULL, MEMORY_BYTES, NULL) == 0) {
        n = graph.n;
        kin_graph_close(&graph);
    }
    return n < 1 ? 1 : n > ITEMS_MAX ? ITEMS_MAX : n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t way = data[0] % WAYS;
    const char *path = fuzz_path("graph.%s", ending[way]);
    const char *ids = data[0] & WITH_IDS ? fuzz_path("ids.txt") : NULL;
    fuzz_open_monitor();
    if (way == WAY_PACKED)
        pack(path, data + 1, size - 1);
    else
        fuzz_write(path, data + 1, size - 1);
    if (way == WAY_NPZ)
        open_archive(path);
    size_t n = rows_of(path);
    if (ids)
        fuzz_write(ids, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\np\n", 2 * n);
    open_graph(path, ids, data[0] & WITH_CATALOG ? &catalog[n] : NULL);
    fuzz_close_monitor();
    return 0;
}

/* ---- mutations ------------------------------------------------------------------------------- */

static void put_i32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

/* A small file of neighbours whose lengths agree; what it says stays what it was. */
static size_t mend_neighbors(uint8_t *file, size_t size, size_t most, size_t way, uint32_t *state)
{
    size_t n = 1 + fuzz_below(state, 8), k = 1 + fuzz_below(state, 5);
    size_t row = 4 * k + (way == WAY_IVECS ? 4 : 0);
    size_t wanted = n * row + (way == WAY_IBIN ? 8 : 0);
    if (way == WAY_IBIN && fuzz_below(state, 2)) /* scores, or ids of eight bytes */
        wanted += n * row;
    if (wanted > most)
        return size;
    if (wanted > size)
        memset(file + size, 0, wanted - size);
    if (way == WAY_IBIN) {
        put_i32(file, (uint32_t)n);
        put_i32(file + 4, (uint32_t)k);
    }
    for (size_t i = 0; way == WAY_IVECS && i < n; i++)
        put_i32(file + i * row, (uint32_t)k);
    for (size_t at = way == WAY_IBIN ? 8 : 4; at + 4 <= wanted; at += 4)
        if (fuzz_below(state, 3) == 0 && (way == WAY_IBIN || at % row != 0))
            put_i32(file + at, (uint32_t)fuzz_below(state, n + 1) - (fuzz_below(state, 9) == 0));
    return wanted;
}

/* One member is changed as a .npy file, the rest is moved behind it. */
static size_t mutate_packed(uint8_t *data, size_t size, size_t most, uint32_t *state)
{
    static uint8_t member[1 << 16];
    const uint8_t *at = data, *end = data + size;
    size_t which = fuzz_below(state, MEMBERS), length = 0;
    for (size_t m = 0; m < which; m++)
        at = next_part(at, end, &length);
    size_t start = (size_t)(at - data);
    next_part(at, end, &length);
    size_t rest = size - start - length;
    size_t room = most - start - rest;
    room = room < sizeof member ? room : sizeof member;
    if (length > room)
        return size;
    memcpy(member, at, length);
    size_t now = fuzz_npy_mutate(member, length, room, state);
    return fuzz_splice(data, size, most, start, length, member, now);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
    uint32_t state = seed | 1;
    if (size < 2 || most < 2 || fuzz_below(&state, 10) == 0)
        return LLVMFuzzerMutate(data, size, most);
    size_t way = data[0] % WAYS;
    if (way == WAY_PACKED)
        return 1 + mutate_packed(data + 1, size - 1, most - 1, &state);
    size = 1 + LLVMFuzzerMutate(data + 1, size - 1, most - 1);
    if (way != WAY_NPZ && fuzz_below(&state, 2))
        size = 1 + mend_neighbors(data + 1, size - 1, most - 1, way, &state);
    return size;
}
