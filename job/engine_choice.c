#include "job/engine_choice.h"
#include "exact/exact.h"

/*
 * What exact pays, in products of stream's (2.2e-11 s of two cores with AVX-512), for each
 * dimension: a constant, and so much for a row and for a candidate. Fitted to processor seconds of
 * both engines on clustered rows, 1,000 to 10,000 items of 256 to 30,000 dimensions, K of 20 to
 * 200:
 *
 *      d      n     K   stream s   exact s        d      n    K   stream s   exact s
 *   4,000  2,000   20     0.50      1.33       8,000  1,500   50     0.66      3.30
 *   4,000  4,000   20     1.72      1.75       8,000  4,000   50     3.55      3.36
 *   4,000  6,000   20     3.47      2.53       8,000 10,000   50    19.1       5.8
 *   4,000  2,000  200     0.91      1.43      30,000  1,500   50     3.2      22.0
 *   4,000  6,000  200     5.16      4.37      30,000  4,000   50    12.6      17.3
 *
 * A larger K was not measured beside so many dimensions, and counts as 200.
 */
static const double constant = 6e6, of_row = 3000, of_candidate = 4.5;
enum { TOP_K_MOST = 200 };

/* Less than this is saved in a third of a second: then exact stays, which also tells what it
 * did. */
static const double worth = 1.4e10;

kin_engine kin_engine_choice(size_t n, size_t d, size_t top_k, size_t threshold)
{
    double items = (double)n, dimensions = (double)d;
    double k = (double)(top_k < TOP_K_MOST ? top_k : TOP_K_MOST);
    if (d > KIN_SCAN_DIMENSIONS_MAX) /* neither exact nor join takes so many */
        return KIN_ENGINE_STREAM;
    if (n >= threshold)
        return KIN_ENGINE_JOIN;
    double saved = constant + items * (of_row + k * of_candidate) - items * items;
    return dimensions * saved > worth ? KIN_ENGINE_STREAM : KIN_ENGINE_EXACT;
}
