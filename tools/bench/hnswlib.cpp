/*
 * The approximate peer hnswlib over the fused concatenation.
 *
 *     bench-hnswlib K ROWS OUT EF[,EF...] NAME=FILE[:WEIGHT]...
 *     bench-hnswlib about
 *
 * M = 32, ef_construction = 100; an effort is ef, of which hnswlib takes max(ef, K + 1). By inner
 * product: of unit rows that is the cosine. hnswlib has no threads of its own: items are added and
 * searched in OpenMP loops. Its distance code is chosen by the compiler's flags, so this program
 * alone is built for the machine that builds it.
 */
#include "tools/bench/peer.h"

#include <cstring>
#include <hnswlib/hnswlib.h>

namespace
{

enum { LINKS = 32, EF_CONSTRUCTION = 100 };

using graph = hnswlib::HierarchicalNSW<float>;

struct index_of {
    graph *items;
    size_t d;
};

const char *build_name()
{
#if defined(USE_AVX512)
    return "-O3 -march=native, AVX-512";
#elif defined(USE_AVX)
    return "-O3 -march=native, AVX";
#else
    return "-O3 -march=native, neither AVX nor AVX-512";
#endif
}

/* The first item alone: the others find an entry point. */
void add_all(graph *items, const peer *of)
{
    items->addPoint(of->x, 0);
#pragma omp parallel for schedule(dynamic, 64)
    for (size_t i = 1; i < of->n; i++)
        items->addPoint(of->x + i * of->d, i);
}

void set_effort(void *self, size_t effort)
{
    static_cast<index_of *>(self)->items->setEf(effort);
}

void search(void *self, const float *x, size_t count, size_t asked, int64_t *id)
{
    const index_of *index = static_cast<index_of *>(self);
#pragma omp parallel for schedule(dynamic, 64)
    for (size_t q = 0; q < count; q++) {
        auto worst_first = index->items->searchKnn(x + q * index->d, asked);
        size_t at = asked;
        while (at > worst_first.size())
            id[q * asked + --at] = -1;
        for (; at > 0; worst_first.pop())
            id[q * asked + --at] = static_cast<int64_t>(worst_first.top().second);
    }
}

} // namespace

int main(int argc, char **argv)
{
    peer self;
    if (argc == 2 && strcmp(argv[1], "about") == 0) {
        peer_about("hnswlib", build_name());
        return 0;
    }
    peer_open(&self, argc - 1, argv + 1);
    double start = peer_seconds();
    hnswlib::InnerProductSpace space(self.d);
    graph items(&space, self.n, LINKS, EF_CONSTRUCTION);
    add_all(&items, &self);
    self.build_seconds = peer_seconds() - start;
    index_of index = {&items, self.d};
    peer_index peer_searches = {&index, set_effort, search};
    peer_measure(&self, &peer_searches);
    peer_close(&self);
    return 0;
}
