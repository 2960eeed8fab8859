/*
 * What a finished graph has to hold before `kin build` publishes it, beside its recall
 * (job/build_attempts.c).
 */
#include "job/build_parts.h"

#include <math.h>

/* Rows that are empty because the user said so: items that --missing drop leaves out though they
 * have a vector. An item without any has lost its vectors, which no rule asks for. */
static size_t empty_by_rule(const kin_catalog *catalog)
{
    size_t count = 0;
    for (size_t i = 0; i < catalog->n && catalog->missing == KIN_MISSING_DROP; i++) {
        bool some = false;
        for (size_t m = 0; m < catalog->modality_count; m++)
            some = some || catalog->modality[m].inverse_norm[i] != 0;
        count += some && catalog->present[i] == 0;
    }
    return count;
}

/* Of the rows that no rule empties; where there is none, of all rows, as kin compare has it. */
int kin_build_check_empty(const build *self, kin_error *err)
{
    const double limit = self->options.max_empty;
    size_t n = self->catalog.n, by_rule = empty_by_rule(&self->catalog);
    size_t rows = n - by_rule, empty = rows - self->totals.items_with_neighbors;
    double share = rows > 0 ? (double)empty / (double)rows : 1;
    if (isnan(limit) ? share < 1 : share <= limit)
        return 0;
    if (isnan(limit))
        return kin_fail(err, KIN_E_GATE,
                        "nothing was published: are these the right vectors? --max-empty 1 "
                        "publishes such a graph all the same",
                        "no item has a neighbour: of %zu rows all are empty, %zu by --missing "
                        "drop",
                        n, by_rule);
    return kin_fail(err, KIN_E_GATE,
                    "nothing was published: the log says how many vectors each file lacks",
                    "share of empty rows is %.10g (%zu of %zu), --max-empty asks for at most %.10g",
                    ceil(share * 1e6) / 1e6, empty, rows, limit);
}
