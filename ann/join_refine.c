/*
 * The refinement of finished rows (ann/join_refine.h).
 *
 * A candidate goes through what a pair goes through in a scan, one by one: the high codes and
 * tail_fraction, then all codes, then the canonical score. Rows that are neighbours already, or
 * were seen before, carry the number of the row under way in `seen`.
 * Cost, a row: to read it back, some 150 marks, 30 to 80 products of high codes, a few of all codes
 * and two or three canonical scores.
 */
#include "ann/join_refine.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LISTS_MOST = 32,    /* lists read in a round: those that came in may be more than were asked */
    NAMING_MOST = 1024, /* rows that name a row, of which it looks at the first */
    CANDIDATES_MOST = LISTS_MOST * KIN_NEAR_ROWS + NAMING_MOST,
    LINE_BYTES = 64,
};

struct kin_refiner {
    const kin_join *join;
    const kin_scan_kernels *kernels;
    kin_refine_counts counts;
    uint32_t *seen; /* [near.count] the number of the last run that saw the row */
    uint32_t run;
    /* the row under way */
    size_t at;
    int32_t item;
    float threshold;    /* its K-th score / W */
    int32_t *candidate; /* [CANDIDATES_MOST] places of rows to look at */
    size_t candidates;
    int32_t *lead_dot, *cross, *tail; /* [CANDIDATES_MOST] products of codes */
    kin_pair_row *pair;               /* [CANDIDATES_MOST] */
    kin_query query;
    int32_t *scored; /* [CANDIDATES_MOST * KIN_NEAR_ROUNDS] catalog rows scored canonically */
    size_t scored_count;
};

size_t kin_refiner_bytes(const kin_join *join)
{
    size_t candidate = sizeof(kin_pair_row) + (4 + KIN_NEAR_ROUNDS) * sizeof(int32_t);
    size_t bytes = kin_size_mul(CANDIDATES_MOST, candidate);
    bytes = kin_size_add(bytes, kin_size_mul(join->duplicates.distinct.count, sizeof(uint32_t)));
    return kin_size_add(bytes, kin_size_mul(join->codes.fused.d, sizeof(double)));
}

int kin_refiner_new(kin_refiner **out, const kin_join *join, kin_error *err)
{
    kin_refiner *self = kin_alloc_zero(1, sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "the refinement", sizeof *self);
    self->join = join;
    self->kernels = kin_scan_kernels_best();
    self->seen = kin_alloc_zero(join->codes.clustering.count, sizeof *self->seen);
    self->candidate = kin_alloc(CANDIDATES_MOST, sizeof *self->candidate);
    self->lead_dot = kin_alloc(CANDIDATES_MOST, sizeof *self->lead_dot);
    self->cross = kin_alloc(CANDIDATES_MOST, sizeof *self->cross);
    self->tail = kin_alloc(CANDIDATES_MOST, sizeof *self->tail);
    self->pair = kin_alloc(CANDIDATES_MOST, sizeof *self->pair);
    self->scored = kin_alloc(CANDIDATES_MOST * KIN_NEAR_ROUNDS, sizeof *self->scored);
    int rc = 0;
    if (!self->seen || !self->candidate || !self->lead_dot || !self->cross || !self->tail ||
        !self->pair || !self->scored)
        rc = kin_fail_alloc(err, "the refinement", kin_refiner_bytes(join));
    if (rc == 0)
        rc = kin_query_init(&self->query, join->catalog, err);
    if (rc == 0)
        *out = self;
    else
        kin_refiner_free(self);
    return rc;
}

void kin_refiner_free(kin_refiner *self)
{
    if (!self)
        return;
    free(self->seen);
    free(self->candidate);
    free(self->lead_dot);
    free(self->cross);
    free(self->tail);
    free(self->pair);
    free(self->scored);
    kin_query_release(&self->query);
    free(self);
}

const kin_refine_counts *kin_refiner_counts(const kin_refiner *self)
{
    return &self->counts;
}

size_t kin_refiner_scored(const kin_refiner *self, const int32_t **row)
{
    *row = self->scored;
    return self->scored_count;
}

/* ---- candidates ------------------------------------------------------------------------------ */

/* Marks the row and its neighbours, and forgets all other marks. */
static void start_run(kin_refiner *self, size_t at, int32_t item, const kin_rows *row)
{
    if (++self->run == 0) { /* after 2^32 rows */
        memset(self->seen, 0, self->join->near.count * sizeof *self->seen);
        self->run = 1;
    }
    self->at = at;
    self->item = item;
    self->candidates = self->scored_count = 0;
    self->query.row = -1;
    self->seen[at] = self->run;
    for (size_t e = 0; e < row->filled[0]; e++)
        self->seen[self->join->position[row->neighbor[e]]] = self->run;
}

static void add_candidates(kin_refiner *self, const int32_t *place, size_t count)
{
    for (size_t i = 0; i < count && place[i] >= 0; i++)
        if (self->seen[place[i]] != self->run) {
            self->seen[place[i]] = self->run;
            self->candidate[self->candidates++] = place[i];
        }
}

static void add_nearest_of(kin_refiner *self, size_t at)
{
    add_candidates(self, self->join->near.nearest + at * KIN_NEAR_ROWS, KIN_NEAR_ROWS);
}

/* The first candidates: those of the row's own nearest, and who names the row. */
static void ask_around(kin_refiner *self)
{
    const kin_join_near *near = &self->join->near;
    const int32_t *nearest = near->nearest + self->at * KIN_NEAR_ROWS;
    for (size_t i = 0; i < KIN_NEAR_ASKED && nearest[i] >= 0; i++)
        add_nearest_of(self, (size_t)nearest[i]);
    size_t first = near->start[self->at], count = near->start[self->at + 1] - first;
    add_candidates(self, near->naming + first, count < NAMING_MOST ? count : NAMING_MOST);
}

/* ---- estimates ------------------------------------------------------------------------------- */

static unsigned mask_of(const kin_join *join, size_t at)
{
    return join->catalog->present[join->codes.clustering.row[at]];
}

/* The factor of the row and another; 0: no pair. */
static float factor_of(const kin_refiner *self, size_t other)
{
    const kin_join *join = self->join;
    return join->codes.fused.factor[mask_of(join, self->at) & mask_of(join, other)];
}

/* Whether the codes say too little about a pair (KIN_FACTOR_DOUBTFUL). */
static bool is_doubtful(const kin_refiner *self, float factor)
{
    const kin_join *join = self->join;
    return kin_codes_doubtful(&join->codes, factor,
                              join->codes.fused.factor[mask_of(join, self->at)]);
}

/* Products of codes of the row with all candidates: of the high codes alone (`lead`), or of the
 * others. */
static void multiply(kin_refiner *self, bool lead)
{
    const kin_codes *codes = &self->join->codes;
    const uint8_t *row = codes->row + self->at * codes->stride;
    size_t bytes = lead ? codes->rotation.lead : codes->stride;
    for (size_t i = 0; i < self->candidates; i++) {
        size_t at = (size_t)self->candidate[i];
        const kin_code_terms *terms = &codes->terms[at];
        self->pair[i] = (kin_pair_row){codes->row + at * codes->stride, terms->lead_sum,
                                       lead ? self->join->near.high_sum[at] : terms->tail_sum};
        for (size_t b = 0; b < bytes; b += LINE_BYTES)
            __builtin_prefetch(self->pair[i].code + b);
    }
    if (lead)
        self->kernels->pairs(row, self->pair, self->candidates, 0, codes->rotation.lead,
                             self->cross, self->lead_dot);
    else
        self->kernels->pairs(row, self->pair, self->candidates, codes->rotation.lead,
                             codes->rotation.tail, self->cross, self->tail);
}

/* Keeps the candidates that may reach the threshold by their high codes. */
static void drop_by_lead(kin_refiner *self)
{
    const kin_codes *codes = &self->join->codes;
    size_t kept = 0;
    multiply(self, true);
    for (size_t i = 0; i < self->candidates; i++) {
        size_t other = (size_t)self->candidate[i];
        float factor = factor_of(self, other);
        float most = factor * kin_codes_bound(codes, &codes->terms[self->at], &codes->terms[other],
                                              self->lead_dot[i]);
        bool may = factor > 0 && (is_doubtful(self, factor) || most >= self->threshold);
        self->candidate[kept] = self->candidate[i];
        self->lead_dot[kept] = self->lead_dot[i];
        kept += may;
    }
    self->candidates = kept;
}

/* Keeps those that may reach it by all codes. */
static void drop_by_estimate(kin_refiner *self)
{
    const kin_codes *codes = &self->join->codes;
    const kin_code_terms *x = &codes->terms[self->at];
    size_t kept = 0;
    multiply(self, false);
    for (size_t i = 0; i < self->candidates; i++) {
        size_t other = (size_t)self->candidate[i];
        float factor = factor_of(self, other);
        float estimate =
            factor * kin_codes_estimate(codes, x, &codes->terms[other], self->lead_dot[i],
                                        self->cross[i], self->tail[i]);
        bool may = is_doubtful(self, factor) || estimate + x->tolerance >= self->threshold;
        self->candidate[kept] = self->candidate[i];
        kept += may;
    }
    self->candidates = kept;
}

/* ---- scores ---------------------------------------------------------------------------------- */

/* Whether (score, item) comes before entry e of the row. */
static bool comes_before(const kin_rows *row, size_t e, float score, int32_t item)
{
    return score > row->score[e] || (score == row->score[e] && item < row->neighbor[e]);
}

/* Puts an item into its place; false if K others are better. */
static bool insert(kin_rows *row, int32_t item, float score, const float *cosine)
{
    size_t filled = row->filled[0], to = filled;
    while (to > 0 && comes_before(row, to - 1, score, item))
        to--;
    if (to == row->k)
        return false;
    size_t moved = (filled < row->k ? filled : row->k - 1) - to;
    memmove(row->neighbor + to + 1, row->neighbor + to, moved * sizeof *row->neighbor);
    memmove(row->score + to + 1, row->score + to, moved * sizeof *row->score);
    row->neighbor[to] = item;
    row->score[to] = score;
    for (size_t m = 0; m < row->modality_count; m++) {
        memmove(row->cosine[m] + to + 1, row->cosine[m] + to, moved * sizeof(float));
        row->cosine[m][to] = cosine[m];
    }
    row->filled[0] += filled < row->k;
    return true;
}

/* A distinct row's items into the row, all of which score the same; how many found a place. */
static size_t insert_items(kin_refiner *self, kin_rows *row, int32_t first, float score,
                           const float *cosine)
{
    const kin_distinct *distinct = &self->join->duplicates.distinct;
    int32_t group = distinct->of[first];
    size_t added = 0;
    for (size_t i = distinct->start[group]; i < distinct->start[group + 1]; i++)
        if (!insert(row, distinct->item[i], score, cosine))
            break; /* those behind it have larger numbers */
        else
            added++;
    return added;
}

/* Scores the candidates that are left canonically. The row's K-th score rises under way. Those
 * that enter the first KIN_NEAR_STABLE become the ones to ask; returns how many. */
static size_t score_candidates(kin_refiner *self, kin_rows *row, int32_t *to_ask)
{
    const kin_catalog *catalog = self->join->catalog;
    size_t asked = 0;
    for (size_t i = 0; i < self->candidates; i++)
        kin_catalog_prefetch(catalog, (size_t)self->join->codes.clustering.row[self->candidate[i]]);
    for (size_t i = 0; i < self->candidates; i++) {
        int32_t other = self->join->codes.clustering.row[self->candidate[i]];
        float score, cosine[KIN_MODALITIES_MAX];
        if (self->query.row < 0)
            kin_query_set_row(&self->query, (size_t)self->item);
        self->scored[self->scored_count++] = other;
        if (!kin_query_score(&self->query, (size_t)other, &score, cosine))
            continue;
        size_t added = insert_items(self, row, other, score, cosine);
        self->counts.added += added;
        size_t last = row->filled[0] < KIN_NEAR_STABLE ? row->filled[0] : KIN_NEAR_STABLE;
        if (added > 0 && asked < LISTS_MOST && score >= row->score[last - 1])
            to_ask[asked++] = self->candidate[i];
    }
    return asked;
}

static float threshold_of(const kin_refiner *self, const kin_rows *row)
{
    return row->filled[0] == row->k
               ? row->score[row->k - 1] / (float)self->join->codes.fused.weight_sum
               : -INFINITY;
}

bool kin_refiner_run(kin_refiner *self, size_t at, int32_t item, kin_rows *row)
{
    int32_t to_ask[LISTS_MOST];
    uint64_t before = self->counts.added;
    start_run(self, at, item, row);
    ask_around(self);
    for (int round = 0; round < KIN_NEAR_ROUNDS && self->candidates > 0; round++) {
        self->threshold = threshold_of(self, row);
        drop_by_lead(self);
        drop_by_estimate(self);
        size_t asked = score_candidates(self, row, to_ask);
        self->candidates = 0;
        for (size_t i = 0; i < asked; i++)
            add_nearest_of(self, (size_t)to_ask[i]);
    }
    self->counts.rows += self->counts.added > before;
    return self->counts.added > before;
}
