/*
 * Default efforts of searches, efforts in proportion, and doubled ones.
 *
 * HNSW finds the C nearest where efSearch >= C. IVF finds those in the probed lists: so its probes
 * grow with C too, and candidates that are asked for must be there.
 */
#include "ann/faiss_effort.h"
#include "ann/faiss_index_parts.h"
#include <math.h>

/* What the defaults are made of. Fashion catalog (44,072 x 512 + 512, K = 200), tie-aware recall
 * and processor seconds of searching and rescoring, FAISS 1.7.3 on a busy machine (ratios, not
 * times):
 *   ivf, C 800 (714 and 832 lists)  probes 24: .971, 54 s; 50: .989, 73 s; 104: .993
 *   ivf, fused, C 400 (834 lists)   probes 16: .909, 22 s; 32: .972, 30 s; 64: .996, 45 s
 *   hnsw                            C 500: .968, 156 s; 600: .982, 184 s; 800: .993, 233 s
 *   hnsw, fused                     C 300: .998, 56 s; 400: .999, 73 s
 * A graph search costs in proportion to C, lists hardly do: so hnsw is asked for fewer
 * candidates. */
enum {
    CANDIDATES_PER_K = 4, /* a modality's ivf, by fact 1 of the design */
    CANDIDATES_PER_K_HNSW = 3,
    CANDIDATES_PER_K_FUSED = 2, /* the fused index ranks by the score itself */
    CANDIDATES_MIN = 64,
    PROBES_PER_ROOT = 2, /* times the square root of the number of lists */
    PROBES_MIN = 16,
    ROWS_PER_CANDIDATE = 3, /* vectors in the probed lists for each candidate, at least */
};

static int64_t default_candidates(const kin_search_options *options, const kin_index *index)
{
    bool fused = index->options.space == KIN_SPACE_FUSED;
    bool hnsw = index->options.type == KIN_INDEX_HNSW;
    int64_t per_k = fused  ? CANDIDATES_PER_K_FUSED
                    : hnsw ? CANDIDATES_PER_K_HNSW
                           : CANDIDATES_PER_K;
    int64_t candidates = (int64_t)options->top_k * per_k;
    return candidates > CANDIDATES_MIN ? candidates : CANDIDATES_MIN;
}

static int64_t lists_of(const kin_index_part *part)
{
    return part->faiss ? (int64_t)kin_faiss_lists(part->faiss) : 0;
}

static int64_t most_lists(const kin_index *index)
{
    int64_t most = 0;
    for (size_t p = 0; p < index->part_count; p++)
        most = most > lists_of(&index->part[p]) ? most : lists_of(&index->part[p]);
    return most;
}

/* Probes whose lists hold some vectors per candidate to choose from, in every part. */
static int64_t probes_to_fill(const kin_index *index, int64_t candidates)
{
    int64_t probes = 1;
    for (size_t p = 0; p < index->part_count; p++) {
        const kin_index_part *part = &index->part[p];
        int64_t vectors = (int64_t)part->distinct.count, lists = lists_of(part);
        int64_t fill = lists ? candidates * ROWS_PER_CANDIDATE * lists / vectors + 1 : 0;
        probes = probes > fill ? probes : fill;
    }
    return probes;
}

/* 2 sqrt(lists) of the part with the most, at least 16. */
static int64_t probes_by_lists(const kin_index *index)
{
    int64_t good = (int64_t)(PROBES_PER_ROOT * sqrt((double)most_lists(index)));
    return good > PROBES_MIN ? good : PROBES_MIN;
}

void kin_search_resolve(kin_search_options *options, const kin_index *index)
{
    if (options->candidates == 0)
        options->candidates = default_candidates(options, index);
    if (options->probes == 0) {
        int64_t good = probes_by_lists(index), fill = probes_to_fill(index, options->candidates);
        options->probes = good > fill ? good : fill;
    }
    if (options->ef_search == 0)
        options->ef_search = options->candidates;
}

void kin_search_set_depth(kin_search_options *options, const kin_index *index, int64_t candidates)
{
    double share = (double)candidates / (double)default_candidates(options, index);
    options->candidates = options->ef_search = candidates;
    if (index->options.type != KIN_INDEX_IVF)
        return;
    int64_t probes = (int64_t)ceil((double)probes_by_lists(index) * share);
    int64_t fill = probes_to_fill(index, candidates), most = most_lists(index);
    probes = probes > fill ? probes : fill;
    options->probes = probes < most || most == 0 ? probes : most;
}

/* Twice the value, but no more than `most`, and never less than it is. */
static int64_t doubled(int64_t value, int64_t most)
{
    int64_t more = value * 2 < most ? value * 2 : most;
    return value > more ? value : more;
}

bool kin_search_escalate(kin_search_options *options, const kin_index *index)
{
    int64_t n = (int64_t)index->catalog->n;
    bool ivf = index->options.type == KIN_INDEX_IVF;
    kin_search_options more = *options;
    more.candidates = doubled(more.candidates, n);
    if (ivf)
        more.probes = doubled(more.probes, most_lists(index));
    else
        more.ef_search = doubled(more.ef_search, n);
    if (more.ef_search < more.candidates)
        more.ef_search = more.candidates;
    bool escalated = more.candidates > options->candidates ||
                     (ivf ? more.probes > options->probes : more.ef_search > options->ef_search);
    *options = more;
    return escalated;
}
