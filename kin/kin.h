#ifndef KIN_KIN_H
#define KIN_KIN_H
/*
 * libkin: item-to-item similarity graphs from embeddings, as the command `kin` makes them.
 *
 *     kin_input *input = kin_input_new();
 *     kin_graph *graph = NULL;
 *     kin_error err;
 *     const char *options[] = {"top-k=200", NULL};
 *     if (kin_input_add_array(input, "text", 0.6, text, KIN_F32, n, 384, 384 * 4, &err) == 0 &&
 *         kin_input_add_file(input, "image", 0.4, "image.npy", &err) == 0 &&
 *         kin_build(&graph, input, options, NULL, NULL, NULL, &err) == 0)
 *         ...
 *     else
 *         fprintf(stderr, "%s\nhint: %s\n", err.message, err.hint);
 *     kin_graph_free(graph);
 *     kin_input_free(input);
 *
 * Options are pairs "NAME=VALUE", in an array that NULL ends (NULL instead of an array: none), with
 * the names, limits and defaults of the command's --help; a flag is "force=1". The same tables
 * drive both, and kin_describe tells them. The bytes of a result are the command's.
 *
 * Nothing here prints, exits, handles signals, reads the environment or changes the process: its
 * umask, its locale, the thread counts of OpenMP and BLAS. A function that computes does so on a
 * thread of its own, so that it works in a child forked after its parent called one; builds take
 * turns, the second waits. Handles are the caller's: two threads may read one at once, and may not
 * change or free what another one uses.
 *
 * One thing a library cannot guard against: a file that is cut short by others while it is mapped
 * ends the process (SIGBUS). The command does not die of it; or give arrays in memory.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef KIN_API
#define KIN_API __attribute__((visibility("default")))
#endif

/* ---- errors ---------------------------------------------------------------------------------- */

/* What a function returns: 0, or why not. The negative of the command's exit status. */
typedef enum kin_code {
    KIN_OK = 0,
    KIN_E_INTERNAL = -1,  /* a bug, or a library that failed where it cannot */
    KIN_E_USAGE = -2,     /* an option or argument that makes no sense */
    KIN_E_GATE = -3,      /* the result is there, a promised quality is not */
    KIN_E_DATA = -65,     /* an input says something that cannot be used */
    KIN_E_NOINPUT = -66,  /* an input file is missing or unreadable */
    KIN_E_MEMORY = -69,   /* needs more memory or threads than allowed, or another CPU */
    KIN_E_CANTOUT = -73,  /* the output cannot be created */
    KIN_E_IO = -74,       /* reading or writing failed under way */
    KIN_E_AGAIN = -75,    /* try again: a lock is held, an input changed under way */
    KIN_E_NOTHING = -99,  /* nothing to do */
    KIN_E_STOPPED = -128, /* the callback asked to stop */
} kin_code;

enum { KIN_MESSAGE_MAX = 512, KIN_HINT_MAX = 256 };

/* What went wrong; UTF-8. Written on failure alone. Holds no pointers: copy it freely. Every
 * `kin_error *err` below may be NULL. */
typedef struct kin_error {
    kin_code code;
    char message[KIN_MESSAGE_MAX]; /* one line: the place, the value, the limit */
    char hint[KIN_HINT_MAX];       /* one line: what to do; never empty after a failure */
} kin_error;

/* "usage", "data", ...; "unknown" for other numbers. Static. */
KIN_API const char *kin_code_name(int code);

/* ---- the library and the machine ------------------------------------------------------------- */

/* "0.1.0". Static. */
KIN_API const char *kin_version(void);

/* KIN_E_MEMORY where the CPU is older than what the library is compiled for (x86-64-v3). */
KIN_API int kin_cpu_check(kin_error *err);

/* A JSON object {"version", "code": {name: number, ...}, "libraries": {name: version}, "call":
 * {"build": [{"name", "type", "help", "unit", "default", "default_text", "environment",
 * "deprecated"; where they apply "min", "max", "choices"}, ...], "plan", "index", "compare",
 * "search", "pairs"}}: every option that a call takes, searches being kin_searcher_find's, pairs
 * kin_graph_pairs's. "type" is flag, int, bytes, real, choice, text or list; "environment" the
 * names by which the command reads it, in that order, "deprecated" an older one or null: the
 * library reads none. To be freed with kin_string_free. */
KIN_API int kin_describe(char **json, kin_error *err);

/* Frees a text that a function below gave. NULL is fine. */
KIN_API void kin_string_free(char *text);

/* ---- what is going on ------------------------------------------------------------------------ */

typedef enum kin_event {
    KIN_EVENT_TICK,     /* nothing new: the question whether to stop; 20 times a second */
    KIN_EVENT_PROGRESS, /* `done` of `total` items; from 0 again where an engine runs again */
    KIN_EVENT_STAGE,    /* `text`: a stage begins */
    KIN_EVENT_INFO,     /* `text`: a line of the command's log, without a line end */
    KIN_EVENT_WARNING,  /* the same, a warning */
} kin_event;

/* Called from the thread that called the function, with its `self`. 0: go on; else the function
 * stops soon and has KIN_E_STOPPED, whatever is answered later. `text` is valid during the call,
 * and NULL for ticks and progress. Where there is no callback (NULL) nothing is told and nothing
 * can be stopped. */
typedef int kin_callback(void *self, int event, const char *text, size_t done, size_t total);

/* ---- inputs ---------------------------------------------------------------------------------- */

/* The catalog: 1 to 8 modalities, row i of each the same item, and the items' ids. */
typedef struct kin_input kin_input;

typedef enum kin_dtype { KIN_F32, KIN_F16, KIN_F64, KIN_I8 } kin_dtype;

/* NULL where memory is refused. */
KIN_API kin_input *kin_input_new(void);
KIN_API void kin_input_free(kin_input *self);

/* Adds a modality in memory: row r begins at data + r * row_bytes and has d values of `dtype`
 * (a kin_dtype), in the machine's byte order, at any alignment. n 1 .. 2^31 - 1, d 1 .. 65,536,
 * row_bytes at least those of d values. `name`: 1 to 31 of A-Z a-z 0-9 _ -. `weight` 1e-6 .. 1e6.
 * The array is never copied: it must stay as it is until the call that reads the input is over (of
 * a searcher, until that is freed); one that changes meanwhile is KIN_E_AGAIN. Its fingerprint is
 * that of the .npy file that NumPy saves of it (.i8bin for int8), so what was made from the one
 * fits the other. KIN_E_USAGE. */
KIN_API int kin_input_add_array(kin_input *self, const char *name, double weight, const void *data,
                                int dtype, size_t n, size_t d, size_t row_bytes, kin_error *err);

/* Adds a modality from a file (.npy .fbin .f16bin .i8bin .fvecs), which is opened by the call that
 * reads the input. KIN_E_USAGE. */
KIN_API int kin_input_add_file(kin_input *self, const char *name, double weight, const char *path,
                               kin_error *err);

/* The items' ids as text, an id a line (UTF-8, "\n" between them). The text is the caller's until
 * the input is freed. Without it ids come from the options "ids" or "items", else they are row
 * numbers. KIN_E_USAGE where the input has ids already. */
KIN_API int kin_input_set_ids(kin_input *self, const char *text, size_t bytes, kin_error *err);

/* ---- building -------------------------------------------------------------------------------- */

typedef struct kin_graph kin_graph;

/* Builds the similarity graph of the input, as kin build does.
 *
 * With the option "out=DIR" into that folder, which *graph (NULL: not wanted) then reads; without
 * it into a folder that is made in `directory` (NULL: /tmp) and has lost its name by the time the
 * function returns: the graph is in mapped files that go with kin_graph_free, or with the process.
 * On failure *graph is left alone, and nothing is left behind.
 *
 * KIN_E_USAGE: options; KIN_E_DATA, KIN_E_NOINPUT: inputs; KIN_E_GATE: strict, max-empty;
 * KIN_E_CANTOUT, KIN_E_IO: the folder; KIN_E_MEMORY: the plan does not fit into "memory";
 * KIN_E_AGAIN: inputs changed; KIN_E_STOPPED: the callback said so. */
KIN_API int kin_build(kin_graph **graph, const kin_input *input, const char *const *options,
                      const char *directory, kin_callback *callback, void *self, kin_error *err);

/* What kin_build would take with these arguments, as kin plan tells it: the JSON of kin plan --json
 * in *json (kin_string_free). Also where the build would be refused: then *json is there and the
 * function has the build's code. */
KIN_API int kin_plan_build(char **json, const kin_input *input, const char *const *options,
                           kin_callback *callback, void *self, kin_error *err);

/* ---- graphs ---------------------------------------------------------------------------------- */

/* Opens a folder that kin build wrote; its arrays stay in mapped files. */
KIN_API int kin_graph_load(kin_graph **graph, const char *path, kin_error *err);
KIN_API void kin_graph_free(kin_graph *self);

/* Writes the graph as a folder, as "out" of kin_build does; `force` (0 or 1) replaces a graph that
 * kin wrote there. Of a loaded graph: a copy of what its manifest lists. */
KIN_API int kin_graph_save(const kin_graph *self, const char *path, int force, kin_error *err);

KIN_API size_t kin_graph_item_count(const kin_graph *self);  /* n */
KIN_API size_t kin_graph_entry_count(const kin_graph *self); /* neighbours in all rows */
KIN_API size_t kin_graph_top_k(const kin_graph *self);       /* no row is longer */
KIN_API size_t kin_graph_modality_count(const kin_graph *self);

/* Its name; m below kin_graph_modality_count. The graph's. */
KIN_API const char *kin_graph_modality(const kin_graph *self, size_t m);

/* Whether cosines of modality m were stored (0 or 1). */
KIN_API int kin_graph_has_cosines(const kin_graph *self, size_t m);

/* The folder, or NULL where it has no name. The graph's. */
KIN_API const char *kin_graph_path(const kin_graph *self);

/* The manifest as JSON (docs/FORMATS.md), to be freed with kin_string_free. */
KIN_API int kin_graph_manifest(const kin_graph *self, char **json, kin_error *err);

/* All ids, each followed by "\n": a new text, its length in *bytes (without the NUL behind it). */
KIN_API int kin_graph_ids(const kin_graph *self, char **text, size_t *bytes, kin_error *err);

/* How the entries of a row lie in what the next functions fill. */
typedef enum kin_row_order {
    KIN_ORDER_SCORE,  /* best first, of equal scores the smaller row number */
    KIN_ORDER_COLUMN, /* by neighbour, ascending: what SciPy calls sorted indices */
} kin_row_order;

/* Copies rows first .. first + count - 1 as CSR: row first + r has the entries indptr[r] ..
 * indptr[r + 1] - 1. Each array but indptr may be NULL; those of cosines are float16 (bits), one
 * for each modality, NaN where an item lacks it. indptr first, to learn the length of the others:
 * indptr[count], at most count * top_k; of all rows kin_graph_entry_count. KIN_E_USAGE: rows that
 * are not there, cosines that were not stored. */
KIN_API int kin_graph_rows(const kin_graph *self, size_t first, size_t count, int order,
                           int64_t *indptr /* [count + 1] */, int32_t *indices /* [entries] */,
                           float *scores /* [entries] */,
                           uint16_t *const *cosines /* [modalities][entries] or NULL */,
                           kin_error *err);

/* The neighbours of one row, best first; arrays as above. Their number, at most top_k; 0 for a row
 * that is not there. */
KIN_API size_t kin_graph_neighbors(const kin_graph *self, size_t row, int32_t *indices /* [k] */,
                                   float *scores /* [k] */, size_t room /* k */);

/* How many rows kin_graph_pairs gives with these options: "max-rows=N", a uniform sample without
 * replacement of so many, 0: all pairs; "seed=S". */
KIN_API int kin_graph_pair_count(const kin_graph *self, const char *const *options, size_t *count,
                                 kin_error *err);

/* The pairs of the graph as kin pairs writes them, training rows for a model that ranks: by item,
 * and an item's neighbours best first. Arrays of kin_graph_pair_count values, each of which may be
 * NULL: row numbers, the neighbour's rank from 1, fused score, and for each modality the cosine,
 * NaN where an item lacks it. KIN_E_USAGE, KIN_E_DATA: a score that is not finite. */
KIN_API int kin_graph_pairs(const kin_graph *self, const char *const *options,
                            int32_t *item /* [rows] */, int32_t *neighbor /* [rows] */,
                            int32_t *rank /* [rows] */, float *score /* [rows] */,
                            float *const *cosines /* [modalities][rows] or NULL */,
                            kin_callback *callback, void *callback_self, kin_error *err);

/* ---- comparing ------------------------------------------------------------------------------- */

/* Compares a graph with a reference (a graph of exact rows), as kin compare does: the JSON of kin
 * compare --json in *json (kin_string_free). `reference` may be NULL: then the options say what to
 * compare with ("sample=1000", "previous=DIR", "reference=DIR"). `input` are the graph's vectors
 * for what has to be computed; NULL: those in the files that its manifest names. KIN_E_GATE where a
 * gate among the options is not met: *json is there all the same. */
KIN_API int kin_compare(char **json, const kin_graph *graph, const kin_graph *reference,
                        const kin_input *input, const char *const *options, kin_callback *callback,
                        void *self, kin_error *err);

/* ---- indexes --------------------------------------------------------------------------------- */

/* Builds an index of the input into the folder of the option "out=DIR" (needed), as kin index does:
 * what kin_build takes as "index=DIR", and a searcher answers from. */
KIN_API int kin_build_index(const kin_input *input, const char *const *options,
                            kin_callback *callback, void *self, kin_error *err);

/* An index, open for queries. It may be used from any thread, by one at a time. */
typedef struct kin_searcher kin_searcher;

/* Opens the index in the folder `path`. `input`: its vectors, where they are not in the files that
 * the manifest names (NULL: they are), with the weights that scores are to have; an index of fused
 * space has its own, and refuses others. */
KIN_API int kin_searcher_open(kin_searcher **searcher, const char *path, const kin_input *input,
                              kin_callback *callback, void *self, kin_error *err);
KIN_API void kin_searcher_free(kin_searcher *self);

KIN_API size_t kin_searcher_item_count(const kin_searcher *self);
KIN_API size_t kin_searcher_modality_count(const kin_searcher *self);
KIN_API const char *kin_searcher_modality(const kin_searcher *self, size_t m); /* its name */
KIN_API int kin_searcher_ids(const kin_searcher *self, char **text, size_t *bytes, kin_error *err);

/* The k most similar items of each row of `queries`: vectors from outside, in modalities of the
 * index (one left out is missing; weights are the index's, those of `queries` unread). Row q of
 * the arrays is query q's answer, best first, filled up with -1 and NaN. */
KIN_API int kin_searcher_find(kin_searcher *self, const kin_input *queries, size_t k,
                              const char *const *options, int32_t *indices /* [q][k] */,
                              float *scores /* [q][k] */,
                              float *cosines /* [q][k][modalities] or NULL */,
                              kin_callback *callback, void *callback_self, kin_error *err);

/* The same of items of the index, by their row numbers; an item is not its own neighbour. */
KIN_API int kin_searcher_find_items(kin_searcher *self, const int64_t *row /* [count] */,
                                    size_t count, size_t k, const char *const *options,
                                    int32_t *indices, float *scores, float *cosines,
                                    kin_callback *callback, void *callback_self, kin_error *err);

#ifdef __cplusplus
}
#endif

#endif
