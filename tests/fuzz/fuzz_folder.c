/*
 * Fuzz target folder: the folders that kin writes, graphs with their traces, indexes with what they
 * keep of a join, catalogs (core/graph.h, compare/trace.h, ann/faiss_index_file.h, ann/join.h,
 * core/outdir.h), and commands that read them.
 *
 * Input: a byte that chooses one of folders/, a byte for SEALED and what reads it, then files that
 * take the place of its own: a byte that chooses the file, its bytes, a mark before the next. With
 * SEALED the manifest is given the checksums that belong to the files and to itself, as if kin had
 * written them so: what then is wrong is found by looking at values, not at checksums. The library
 * reads the folder, or a command does (command_lines). FAISS's files are never sealed: its reader
 * believes them (ann/faiss_api.h).
 */
#include "ann/faiss_index_file.h"
#include "ann/index_folder.h"
#include "ann/join.h"
#include "compare/compatible.h"
#include "compare/id_map.h"
#include "compare/structure.h"
#include "compare/trace.h"
#include "core/manifest.h"
#include "core/outdir.h"
#include "fuzz.h"
#include "job/sources.h"
#include "tools/command.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef KIN_FUZZ_FOLDERS
#error "KIN_FUZZ_FOLDERS is where tests/fuzz/folders lies"
#endif

enum {
    FILES_MAX = 24,
    FILE_MAX = 1 << 16,
    MARK_BYTES = 4,
    SEALED = 1,
    COMMANDS = 2,
    REFUSALS = FUZZ_DATA | FUZZ_NOINPUT | FUZZ_MEMORY
};
enum { INDEX_K = 4 };

static const uint8_t mark[MARK_BYTES] = {0xff, 'K', 'I', 0xfe};

/* A file as it is whole, and as the input has it. */
typedef struct part {
    char name[64];
    uint8_t *bytes;
    size_t size;
    const uint8_t *now; /* NULL: as it is whole */
    size_t now_size;
} part;

typedef struct base {
    const char *name;
    char path[256], whole[256]; /* whole: a second copy, never changed */
    size_t count, manifest;     /* which part is the manifest */
    part part[FILES_MAX];
} base;

static base folders[] = {{.name = "graph-join"},
                         {.name = "graph-hnsw"},
                         {.name = "index-ivf"},
                         {.name = "index-hnsw"},
                         {.name = "catalog"}};
enum { FOLDERS = sizeof folders / sizeof *folders, CATALOG = FOLDERS - 1 };

static kin_catalog catalog; /* of the indexes */
static kin_graph reference;

/* ---- whole folders --------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const part *)a)->name, ((const part *)b)->name);
}

static void load(base *self)
{
    static uint8_t bytes[FILE_MAX];
    char from[4096];
    snprintf(from, sizeof from, "%s/%s", KIN_FUZZ_FOLDERS, self->name);
    strcpy(self->path, fuzz_path("%s", self->name));
    strcpy(self->whole, fuzz_path("%s-whole", self->name));
    mkdir(self->path, 0700);
    mkdir(self->whole, 0700);
    DIR *listing = opendir(from);
    fuzz_want(listing != NULL);
    struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        fuzz_want(self->count < FILES_MAX && strlen(entry->d_name) < sizeof self->part->name);
        part *p = &self->part[self->count++];
        char path[5000];
        snprintf(path, sizeof path, "%s/%s", from, entry->d_name);
        strcpy(p->name, entry->d_name);
        p->size = fuzz_read(path, bytes, sizeof bytes);
        p->bytes = malloc(p->size + 1);
        fuzz_want(p->bytes != NULL);
        memcpy(p->bytes, bytes, p->size);
    }
    closedir(listing);
    qsort(self->part, self->count, sizeof *self->part, by_name);
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->part[i].name, "manifest.json") == 0)
            self->manifest = i;
        const part *p = &self->part[i];
        fuzz_write(fuzz_path("%s/%s", self->name, p->name), p->bytes, p->size);
        fuzz_write(fuzz_path("%s-whole/%s", self->name, p->name), p->bytes, p->size);
    }
}

static void open_catalog(void)
{
    kin_error err = {0};
    kin_source source[2] = {{.name = "text", .weight = 0.6}, {.name = "image", .weight = 0.4}};
    source[0].path = strdup(fuzz_path("catalog/text.npy"));
    source[1].path = strdup(fuzz_path("catalog/image.npy"));
    kin_catalog_options options = {.source = source, .source_count = 2};
    fuzz_want(fuzz_outcome(kin_catalog_open(&catalog, &options, &err), &err, 0));
    free(source[0].path);
    free(source[1].path);
}

/* What lies in folders/ opens as it is; where a format has changed, seeds.py writes them again. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    kin_error err = {0};
    (void)argc;
    (void)argv;
    fuzz_start();
    for (size_t b = 0; b < FOLDERS; b++) {
        json_t *manifest;
        kin_dir dir;
        load(&folders[b]);
        fuzz_want(fuzz_outcome(kin_dir_open(&dir, folders[b].path, &err), &err, 0));
        fuzz_want(fuzz_outcome(kin_manifest_read_in(&manifest, &dir, NULL, &err), &err, 0));
        fuzz_want(fuzz_outcome(kin_manifest_verify(manifest, &dir, &err), &err, 0));
        kin_dir_close(&dir);
        json_decref(manifest);
    }
    open_catalog();
    fuzz_want(fuzz_outcome(kin_graph_open(&reference, folders[0].path, &err), &err, 0));
    return 0;
}

/* ---- the input's files ----------------------------------------------------------------------- */

static bool is_faiss(const part *p)
{
    size_t length = strlen(p->name);
    return length > 6 && strcmp(p->name + length - 6, ".faiss") == 0;
}

/* Points the parts that the input replaces to its bytes. */
static void take_files(base *self, const uint8_t *data, size_t size, bool sealed)
{
    const uint8_t *end = data + size;
    while (data < end) {
        const uint8_t *next = memmem(data, (size_t)(end - data), mark, sizeof mark);
        size_t length = (size_t)((next ? next : end) - data);
        if (length > 0) {
            part *p = &self->part[data[0] % self->count];
            if (!(sealed && is_faiss(p))) {
                p->now = data + 1;
                p->now_size = length - 1;
            }
        }
        data = next ? next + sizeof mark : end;
    }
}

/* The manifest as text (free), with the checksums of the files as they are now and of itself; NULL
 * where it is no JSON object. */
static char *seal(const base *self)
{
    const part *own = &self->part[self->manifest];
    json_t *manifest =
        json_loadb((const char *)(own->now ? own->now : own->bytes),
                   own->now ? own->now_size : own->size, JSON_REJECT_DUPLICATES, NULL);
    json_t *files = json_object_get(manifest, "files");
    kin_hash hash;
    char *text = NULL;
    for (size_t i = 0; i < self->count; i++) {
        const part *p = &self->part[i];
        if (!p->now || i == self->manifest || !json_object_get(files, p->name))
            continue;
        hash = kin_hash_bytes(p->now, p->now_size);
        json_object_set_new(
            files, p->name,
            json_pack("{s:I, s:s}", "bytes", (json_int_t)p->now_size, "xxh3_128", hash.text));
    }
    if (json_is_object(manifest) && kin_manifest_hash(&hash, manifest, NULL) == 0) {
        json_object_set_new(manifest, "checksum", json_string(hash.text));
        text = json_dumps(manifest, JSON_COMPACT | JSON_REAL_PRECISION(KIN_MANIFEST_DIGITS));
    }
    json_decref(manifest);
    return text;
}

static void write_files(const base *self, bool sealed)
{
    char *text = sealed ? seal(self) : NULL;
    for (size_t i = 0; i < self->count; i++)
        if (self->part[i].now && !(text && i == self->manifest))
            fuzz_write(fuzz_path("%s/%s", self->name, self->part[i].name), self->part[i].now,
                       self->part[i].now_size);
    if (text)
        fuzz_write(fuzz_path("%s/manifest.json", self->name), text, strlen(text));
    free(text);
}

static void restore(base *self)
{
    for (size_t i = 0; i < self->count; i++) {
        part *p = &self->part[i];
        if (p->now || i == self->manifest)
            fuzz_write(fuzz_path("%s/%s", self->name, p->name), p->bytes, p->size);
        p->now = NULL;
    }
}

/* ---- graphs ---------------------------------------------------------------------------------- */

static void check_rows(const kin_graph *graph)
{
    kin_neighbor *out = malloc((graph->k + 1) * sizeof *out);
    if (!out)
        abort();
    for (size_t row = 0; row < graph->n; row++) {
        fuzz_want(graph->indptr[row + 1] >= graph->indptr[row]);
        fuzz_want((size_t)(graph->indptr[row + 1] - graph->indptr[row]) <= graph->k);
        size_t count = kin_graph_row(graph, row, out);
        for (size_t i = 0; i < count; i++)
            fuzz_want(out[i].row >= 0 && (size_t)out[i].row < graph->n &&
                      out[i].entry < graph->pairs);
    }
    free(out);
}

static void check_graph(const kin_graph *graph)
{
    fuzz_want(graph->n >= 2 && graph->k >= 1 && graph->k < graph->n);
    fuzz_want(graph->indptr[0] == 0 && graph->indptr[graph->n] == (int64_t)graph->pairs);
    fuzz_want(graph->modality_count >= 1 && graph->modality_count <= KIN_MODALITIES_MAX);
    fuzz_want(graph->ids.count == graph->n);
    fuzz_want(graph->items.lines.count == 0 || graph->items.lines.count == graph->n + 1);
    for (size_t m = 0; m < graph->modality_count; m++) {
        kin_span name = {graph->modality[m], strlen(graph->modality[m])};
        fuzz_want(name.length > 0 && name.length < KIN_NAME_MAX);
        fuzz_want(!memchr(name.text, '/', name.length));
        for (size_t other = 0; other < m; other++)
            fuzz_want(strcmp(graph->modality[other], graph->modality[m]) != 0);
        fuzz_want(graph->cosine[m] != NULL);
    }
    for (size_t i = 0; i < graph->n; i++)
        fuzz_want(fuzz_is_utf8(kin_lines_at(&graph->ids, i)));
    check_rows(graph);
}

static void check_trace(const kin_trace *trace)
{
    fuzz_want(trace->source_count >= 1 && trace->source_count <= KIN_MODALITIES_MAX);
    fuzz_want(trace->clusters <= trace->n);
    for (size_t t = 0; t < trace->rows; t++) {
        fuzz_want(kin_trace_find(trace, trace->row[t]) == t);
        for (size_t s = 0; s < trace->source_count; s++) {
            const kin_trace_source *source = &trace->source[s];
            for (int64_t at = source->start[t]; at < source->start[t + 1]; at++)
                fuzz_want(kin_trace_proposed(trace, s, t, source->item[at]));
            fuzz_want(!kin_trace_proposed(trace, s, t, trace->row[t]));
        }
        for (size_t l = 0; l < trace->clusters; l++)
            fuzz_want(!isnan(trace->probe_sigmas[t * trace->clusters + l]));
    }
    for (size_t i = 0; trace->clusters > 0 && i < trace->n; i++)
        fuzz_want(trace->cluster[i] >= -1 && trace->cluster[i] < (int64_t)trace->clusters);
}

/* What is open can be evaluated. */
static void evaluate_graph(const kin_graph *graph)
{
    kin_error err = {0};
    kin_mismatches mismatches;
    kin_id_map id_map;
    kin_structure structure;
    fuzz_outcome(kin_graph_check_compatible(&mismatches, graph, &reference, 0, &err), &err,
                 FUZZ_DATA);
    if (fuzz_outcome(kin_id_map_init(&id_map, &graph->ids, "a", &reference.ids, "b", &err), &err,
                     FUZZ_DATA)) {
        for (size_t i = 0; i < graph->n; i++)
            fuzz_want(kin_id_map_other(&id_map, (int32_t)i) < (int32_t)reference.n);
        kin_id_map_release(&id_map);
    }
    if (fuzz_outcome(kin_graph_check_scores(graph, &err), &err, FUZZ_DATA))
        fuzz_outcome(kin_structure_measure(&structure, graph, NULL, &err), &err, FUZZ_MEMORY);
}

static void read_graph(const char *path)
{
    kin_error err = {0};
    kin_graph graph;
    kin_trace trace;
    bool there;
    if (!fuzz_outcome(kin_graph_open(&graph, path, &err), &err, REFUSALS))
        return;
    check_graph(&graph);
    evaluate_graph(&graph);
    if (fuzz_outcome(kin_trace_open(&trace, &there, &graph, &err), &err, REFUSALS) && there) {
        check_trace(&trace);
        kin_trace_close(&trace);
    }
    kin_graph_close(&graph);
}

/* ---- indexes --------------------------------------------------------------------------------- */

static void read_join(const kin_dir *dir, const json_t *manifest)
{
    kin_error err = {0};
    kin_join_options options = KIN_JOIN_OPTIONS_INIT;
    kin_join *join;
    bool tuned = false;
    options.top_k = INDEX_K;
    if (!fuzz_outcome(kin_join_new(&join, &catalog, &options, &err), &err, 0))
        return;
    if (fuzz_outcome(kin_join_load(join, dir, manifest, &tuned, &err), &err, REFUSALS) && tuned) {
        const kin_join_effort *effort = kin_join_get_effort(join);
        fuzz_want(effort->probe_sigmas >= 0 && effort->tail_fraction > 0 &&
                  effort->tail_fraction <= 1);
        fuzz_want(effort->recall >= 0 && effort->recall <= 1);
        fuzz_want(effort->scanned >= 0 && effort->scanned <= 1);
    }
    kin_join_free(join);
}

static void read_opened_index(const kin_dir *dir)
{
    kin_error err = {0};
    json_t *manifest;
    kin_index *index;
    if (!fuzz_outcome(kin_manifest_read_in(&manifest, dir, "index", &err), &err, REFUSALS))
        return;
    bool whole = fuzz_outcome(kin_index_check(dir, manifest, &catalog, &err), &err, REFUSALS);
    if (whole)
        read_join(dir, manifest);
    if (fuzz_outcome(kin_index_open(&index, dir, manifest, &catalog, &err), &err, REFUSALS)) {
        fuzz_want(whole);
        json_t *facts = kin_index_facts(index);
        fuzz_want(json_is_object(facts));
        json_decref(facts);
        kin_index_free(index);
    }
    json_decref(manifest);
}

static void read_index(const char *path)
{
    kin_error err = {0};
    kin_dir dir;
    if (fuzz_outcome(kin_dir_open(&dir, path, &err), &err, 0))
        read_opened_index(&dir);
    kin_dir_close(&dir);
}

/* ---- any folder ------------------------------------------------------------------------------ */

/* One command over the folder. Arguments end by NULL; "@" is the folder, "&" the same one whole,
 * "=name" a file of this process's. */
typedef struct command_line {
    const kin_command *command;
    unsigned may;
    const char *argument[9];
} command_line;

#define VECTORS "--modality", "=catalog/text.npy", "--modality", "=catalog/image.npy"
static const command_line command_lines[] = {
    {NULL, 0, {NULL}},
    {&command_verify, REFUSALS, {"@", NULL}},
    {&command_info, REFUSALS, {"@", "--json", "=out.json", NULL}},
    {&command_compare, REFUSALS, {"@", "--reference", "&", "--json", "=out.json", NULL}},
    {&command_compare, REFUSALS, {"&", "--previous", "@", "--out", "=out.html", "--force", NULL}},
    {&command_compare, REFUSALS, {"&", "--reference", "@", "--out", "=out.html", "--force", NULL}},
    {&command_show, REFUSALS, {"@", "--out", "=out.html", "--force", NULL}},
    {&command_why, REFUSALS | FUZZ_USAGE, {"@", "0", "5", "--json", "=out.json", NULL}},
    {&command_why, REFUSALS | FUZZ_USAGE, {"@", "0", "5", VECTORS, NULL}},
    {&command_why, REFUSALS | FUZZ_USAGE, {"@", "item-0000002", "item-0000001", VECTORS, NULL}},
    {&command_query, REFUSALS | FUZZ_USAGE, {"@", "--item", "5", VECTORS, NULL}},
    {&command_query, REFUSALS | FUZZ_USAGE, {"@", "--item", "5", "--json", "=out.json", NULL}},
    {&command_export, REFUSALS, {"@", "--out", "=out.jsonl", "--force", NULL}},
    {&command_pairs, REFUSALS, {"@", "--out", "=out.tsv", "--force", "--max-rows", "9", NULL}},
};
enum { COMMAND_LINES = sizeof command_lines / sizeof *command_lines };

/* What a command wrote: a document, a page on which no script stands. */
static void check_output(void)
{
    static char text[1 << 20];
    size_t bytes = fuzz_read(fuzz_path("out.json"), text, sizeof text - 1);
    json_t *document = bytes > 0 ? json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL) : NULL;
    fuzz_want(bytes == 0 || document);
    json_decref(document);
    bytes = fuzz_read(fuzz_path("out.html"), text, sizeof text - 1);
    fuzz_want(fuzz_is_utf8((kin_span){text, bytes}));
    text[bytes] = '\0';
    fuzz_want(!strcasestr(text, "<script") && !strchr(text, '\x1b'));
}

/* Commands catch signals. One that was meant for this process gets its old handler afterwards. */
static int run_command(const kin_command *command, const void *options,
                       const kin_operands *operands, kin_error *err)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction old[3];
    fuzz_write(fuzz_path("out.json"), "", 0);
    fuzz_write(fuzz_path("out.html"), "", 0);
    for (size_t i = 0; i < 3; i++)
        sigaction(caught[i], NULL, &old[i]);
    int rc = command->run(options, operands, err);
    for (size_t i = 0; i < 3; i++)
        sigaction(caught[i], &old[i], NULL);
    if (rc == KIN_E_STOPPED)
        raise(SIGTERM);
    return rc;
}

static void run(const command_line *line, const base *self)
{
    kin_error err = {0};
    kin_operands operands;
    bool help;
    char argument[9][300];
    char *argv[9];
    int argc = 0;
    const kin_option_table *table = line->command->options;
    for (; line->argument[argc]; argc++) {
        const char *from = line->argument[argc];
        const char *path = *from == '@'   ? self->path
                           : *from == '&' ? self->whole
                           : *from == '=' ? fuzz_path("%s", from + 1)
                                          : from;
        snprintf(argument[argc], sizeof *argument, "%s", path);
        argv[argc] = argument[argc];
    }
    void *options = malloc(table->bytes);
    if (!options)
        abort();
    int rc = arguments_parse(table, options, argc, argv, NULL, &operands, &help, NULL, NULL, &err);
    fuzz_want(fuzz_outcome(rc, &err, 0));
    rc = run_command(line->command, options, &operands, &err);
    if (fuzz_outcome(rc, &err, line->may))
        check_output();
    free(options);
}

static void read_manifest(const char *path)
{
    kin_error err = {0};
    json_t *manifest;
    kin_source source[KIN_MODALITIES_MAX];
    size_t count;
    if (!fuzz_outcome(kin_manifest_read(&manifest, path, NULL, &err), &err, REFUSALS))
        return;
    int rc = kin_sources_from_manifest(source, &count, manifest, &err);
    if (fuzz_outcome(rc, &err, REFUSALS))
        fuzz_want(count >= 1 && count <= KIN_MODALITIES_MAX);
    for (size_t m = 0; m < count; m++) {
        fuzz_want(source[m].name[0] && source[m].path);
        fuzz_want(source[m].weight >= KIN_WEIGHT_MIN && source[m].weight <= KIN_WEIGHT_MAX);
    }
    kin_sources_release(source, count);
    json_decref(manifest);
}

/* What the library reads of it. */
static void read_folder(const base *self)
{
    if (strncmp(self->name, "graph", 5) == 0)
        read_graph(self->path);
    else if (strncmp(self->name, "index", 5) == 0)
        read_index(self->path);
    read_manifest(self->path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    base *self = &folders[data[0] % FOLDERS];
    bool sealed = data[1] & SEALED;
    fuzz_open_monitor();
    take_files(self, data + 2, size - 2, sealed);
    write_files(self, sealed);
    const command_line *line = &command_lines[data[1] / 2 % COMMAND_LINES];
    if (line->command)
        run(line, self);
    else
        read_folder(self);
    restore(self);
    fuzz_close_monitor();
    return 0;
}

/* ---- mutations ------------------------------------------------------------------------------- */

/* Adds a file of the folder as it is whole, so that the next mutations change it. */
static size_t add_file(uint8_t *data, size_t size, size_t most, uint32_t *state)
{
    const base *self = &folders[data[0] % FOLDERS];
    size_t which = fuzz_below(state, self->count);
    const part *p = &self->part[which];
    if (size + sizeof mark + 1 + p->size > most)
        return size;
    if (size > 2) {
        memcpy(data + size, mark, sizeof mark);
        size += sizeof mark;
    }
    data[size++] = (uint8_t)which;
    memcpy(data + size, p->bytes, p->size);
    return size + p->size;
}

/* Changes one of the input's files by what fits its kind. */
static size_t mutate_file(uint8_t *data, size_t size, size_t most, uint32_t *state)
{
    static uint8_t file[FILE_MAX];
    const base *self = &folders[data[0] % FOLDERS];
    size_t start = 2, chosen = 2, chosen_end = size, count = 0;
    while (start < size) {
        const uint8_t *next = memmem(data + start, size - start, mark, sizeof mark);
        size_t end = next ? (size_t)(next - data) : size;
        if (fuzz_below(state, ++count) == 0) {
            chosen = start;
            chosen_end = end;
        }
        start = next ? end + sizeof mark : size;
    }
    size_t length = chosen_end - chosen, rest = size - chosen_end;
    size_t room = most - chosen - rest < sizeof file ? most - chosen - rest : sizeof file;
    if (length < 2 || length > room)
        return size;
    const part *p = &self->part[data[chosen] % self->count];
    bool json = strcmp(p->name, "manifest.json") == 0;
    bool npy = strlen(p->name) > 4 && strcmp(p->name + strlen(p->name) - 4, ".npy") == 0;
    memcpy(file, data + chosen + 1, length - 1);
    size_t now = json && fuzz_below(state, 8)  ? fuzz_json_mutate(file, length - 1, room - 1, state)
                 : npy && fuzz_below(state, 8) ? fuzz_npy_mutate(file, length - 1, room - 1, state)
                                               : LLVMFuzzerMutate(file, length - 1, room - 1);
    if (now == 0)
        return size;
    return fuzz_splice(data, size, most, chosen + 1, length - 1, file, now);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
    uint32_t state = seed | 1;
    if (size < 3 || most < 3 || fuzz_below(&state, 40) == 0)
        return LLVMFuzzerMutate(data, size, most);
    if (fuzz_below(&state, 20) == 0)
        return add_file(data, size, most, &state);
    data[1] =
        (uint8_t)((fuzz_below(&state, 4) ? SEALED : 0) | (fuzz_below(&state, 2) ? COMMANDS : 0));
    return mutate_file(data, size, most, &state);
}
