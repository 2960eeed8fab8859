/*
 * Reading, timing and keeping for the approximate peers (peer.h).
 *
 * Reading goes through the catalog, so it also refuses NaN and takes fingerprints as kin does.
 * Results are dropped batch by batch but for the sample, and no graph is written: a peer's seconds
 * are those of finding alone. Queries go in batches large enough for every library's own threads.
 */
#include "tools/bench/peer.h"
#include "core/catalog.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/npy.h"
#include "core/threads.h"
#include "scan/fused.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 16384 };

double peer_seconds(void)
{
    return omp_get_wtime();
}

void peer_die(const char *message)
{
    fprintf(stderr, "peer: %s\n", message);
    exit(1);
}

static void *room(size_t count, size_t item_bytes)
{
    void *memory = kin_alloc(count, item_bytes);
    if (!memory)
        peer_die("out of memory");
    return memory;
}

static size_t whole(const char *text, char **end)
{
    unsigned long long value = strtoull(text, end, 10);
    if (*end == text || value == 0 || value > INT32_MAX)
        peer_die("K and efforts are numbers from 1 to 2147483647");
    return (size_t)value;
}

static void read_efforts(peer *self, const char *text)
{
    char *end = NULL;
    do {
        if (self->effort_count == PEER_EFFORTS_MAX)
            peer_die("too many efforts");
        self->effort[self->effort_count++] = whole(text, &end);
        text = end + 1;
    } while (*end == ',');
    if (*end != '\0')
        peer_die("efforts are numbers with commas between");
}

static void read_rows(peer *self, const char *path)
{
    FILE *file = fopen(path, "re");
    size_t capacity = 0, row;
    if (!file)
        peer_die("the file of rows cannot be read");
    while (fscanf(file, "%zu", &row) == 1) {
        if (self->row_count == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            size_t *larger = realloc(self->row, capacity * sizeof *larger);
            if (!larger)
                peer_die("out of memory");
            self->row = larger;
        }
        if (row >= self->n || (self->row_count > 0 && row <= self->row[self->row_count - 1]))
            peer_die("rows of the sample are ascending and below the number of items");
        self->row[self->row_count++] = row;
    }
    fclose(file);
    self->found = room(kin_size_mul(self->row_count, self->k), sizeof *self->found);
}

static void fuse(peer *self, const kin_catalog *catalog)
{
    kin_fused fused;
    kin_fused_init(&fused, catalog);
    self->n = catalog->n;
    self->d = fused.d;
    if (self->k >= self->n)
        peer_die("K is smaller than the number of items");
    self->x = room(kin_size_mul(self->n, self->d), sizeof *self->x);
#pragma omp parallel for
    for (size_t i = 0; i < self->n; i++)
        kin_fused_row(&fused, i, self->x + i * self->d);
}

static void load(peer *self, int count, char **sources)
{
    kin_error err;
    kin_source source[KIN_MODALITIES_MAX];
    kin_catalog catalog;
    for (int i = 0; i < count; i++)
        if (kin_source_parse(&source[i], sources[i], &err) != 0)
            peer_die(err.message);
    kin_catalog_options options = {.source = source, .source_count = (size_t)count};
    if (kin_catalog_open(&catalog, &options, &err) != 0)
        peer_die(err.message);
    fuse(self, &catalog);
    kin_catalog_close(&catalog);
    while (count > 0)
        kin_source_release(&source[--count]);
}

void peer_open(peer *self, int argc, char **argv)
{
    double start = peer_seconds();
    char *end;
    if (argc < 5 || argc > 4 + KIN_MODALITIES_MAX)
        peer_die("arguments: K ROWS OUT EFFORT[,EFFORT...] NAME=FILE[:WEIGHT]...");
    *self = (peer){.k = whole(argv[0], &end), .out = argv[2]};
    read_efforts(self, argv[3]);
    kin_threads_set(0);
    load(self, argc - 4, argv + 4);
    self->load_seconds = peer_seconds() - start;
    read_rows(self, argv[1]);
}

void peer_close(peer *self)
{
    free(self->x);
    free(self->row);
    free(self->found);
    *self = (peer){0};
}

/* The K best of one row's K + 1: without itself, or without the last where a duplicate pushed it
 * out. */
static void keep(const peer *self, size_t at, const int64_t *id)
{
    int64_t *found = self->found + at * self->k;
    size_t kept = 0;
    for (size_t i = 0; i < self->k + 1 && kept < self->k; i++)
        if (id[i] != (int64_t)self->row[at])
            found[kept++] = id[i];
}

/* All rows; returns the seconds. */
static double search_all(const peer *self, const peer_index *index)
{
    size_t asked = self->k + 1, at = 0;
    int64_t *id = room(BATCH, asked * sizeof *id);
    double start = peer_seconds();
    for (size_t first = 0; first < self->n; first += BATCH) {
        size_t count = self->n - first < BATCH ? self->n - first : BATCH;
        index->search(index->self, self->x + first * self->d, count, asked, id);
        for (; at < self->row_count && self->row[at] < first + count; at++)
            keep(self, at, id + (self->row[at] - first) * asked);
    }
    double seconds = peer_seconds() - start;
    free(id);
    return seconds;
}

static void write_found(const peer *self, const char *path)
{
    FILE *file = fopen(path, "wbe");
    unsigned char header[KIN_NPY_HEADER_BYTES];
    size_t count = self->row_count * self->k;
    kin_npy_format(header, "<i8", 2, (size_t[]){self->row_count, self->k});
    if (!file || fwrite(header, sizeof header, 1, file) != 1 ||
        fwrite(self->found, sizeof *self->found, count, file) != count || fclose(file) != 0)
        peer_die("the neighbours found cannot be written");
}

static void print(json_t *line)
{
    char *text = kin_json_dump(line, JSON_COMPACT);
    if (!text || puts(text) < 0 || fflush(stdout) != 0)
        peer_die("the answer cannot be written");
    free(text);
    json_decref(line);
}

void peer_measure(peer *self, const peer_index *index)
{
    for (size_t i = 0; i < self->effort_count; i++) {
        index->set_effort(index->self, self->effort[i]);
        double seconds = search_all(self, index);
        char *path = kin_text("%s/ids-%zu.npy", self->out, self->effort[i]);
        if (!path)
            peer_die("out of memory");
        write_found(self, path);
        print(json_pack("{s:I, s:i, s:f, s:f, s:f, s:f, s:I, s:s}", "effort",
                        (json_int_t)self->effort[i], "threads", kin_threads_used(), "load_seconds",
                        self->load_seconds, "build_seconds", self->build_seconds, "search_seconds",
                        seconds, "total_seconds",
                        self->load_seconds + self->build_seconds + seconds, "peak_rss_bytes",
                        (json_int_t)kin_memory_peak_rss(), "ids", path));
        free(path);
    }
}

void peer_about(const char *name, const char *build)
{
    print(json_pack("{s:s, s:s}", "peer", name, "build", build));
}
