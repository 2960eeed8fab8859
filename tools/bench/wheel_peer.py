#!/usr/bin/env python3
"""A peer from a Python wheel over the fused concatenation, as one process (wheels.py runs it).

    wheel_peer.py PEER --top-k K --rows FILE --out DIR [--efforts LIST]
                  [--targets LIST --truth FILE] [--threads N] [NAME=]FILE[:WEIGHT]...
    wheel_peer.py PEER about

Loads the files, makes the rows sqrt(w_m / W) x_m / |x_m| side by side, builds, searches all rows
for K + 1 and drops each row itself. Prints a JSON line per effort, as bench-ann-peers does (peer.h),
and writes DIR/ids-*.npy, what was found for the rows of FILE. Seconds are those of loading, building
and one search: starting Python and importing wheels does not count.

Peers: flat (IndexFlatIP), panorama (exact, with bounds: a PCA rotation of all dimensions before
FlatL2Panorama of 8 levels, as FAISS's own benchmark has it), panorama-plain (without the rotation),
hnsw (HNSW32, inner product), hnswlib, usearch. The HNSWs have M = 32 and efConstruction = 100.
usearch keeps the type that it chooses for this CPU, such as bf16.

--targets: the lowest effort that reaches that recall on the sampled rows of FILE, whose exact
neighbours are in --truth; it is found on one built index by searching those rows alone, which does
not count. All rows are then searched with it.
"""
import argparse
import concurrent.futures
import importlib.metadata
import json
import os
import resource
import sys
import time

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wheel_indexes  # noqa: E402
from recall import Evaluator  # noqa: E402
from sample import Truth, open_vectors  # noqa: E402

BLOCK = 8192    # rows at a time when rows are made
BATCH = 16384   # queries of one call


def parsed(source):
    """(file, weight) of [NAME=]FILE[:WEIGHT]."""
    path = source.partition("=")[2] or source
    head, colon, tail = path.rpartition(":")
    try:
        return (head, float(tail)) if colon else (path, 1.0)
    except ValueError:
        return path, 1.0


def fused(sources, threads):
    files = [open_vectors(path) for path, _ in sources]
    whole = sum(weight for _, weight in sources)
    x = np.empty((len(files[0]), sum(file.shape[1] for file in files)), np.float32)

    def make(first):
        column = 0
        for file, (_, weight) in zip(files, sources):
            rows = file[first:first + BLOCK].astype(np.float32)
            length = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
            scale = np.divide(np.sqrt(weight / whole), length, out=np.zeros_like(length),
                              where=length > 0)
            np.multiply(rows, scale.astype(np.float32)[:, None],
                        out=x[first:first + BLOCK, column:column + rows.shape[1]])
            column += rows.shape[1]
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(make, range(0, len(x), BLOCK)))
    return x


def without_self(ids, rows):
    """[rows, K] of [rows, K + 1]: without the row itself, or without the last where a duplicate
    pushed it out."""
    other = ids != rows[:, None]
    other[other.all(axis=1), -1] = False
    extra = (~other).cumsum(axis=1) > 1
    keep = other | extra
    return ids[keep].reshape(len(ids), ids.shape[1] - 1)


def search_all(index, x, k, rows):
    """What was found for `rows`, ascending, and the seconds that all rows took."""
    found = np.full((len(rows), k), -1, np.int64)
    start = time.monotonic()
    for first in range(0, len(x), BATCH):
        queries = x[first:first + BATCH]
        ids = without_self(index.search(queries, k + 1), np.arange(first, first + len(queries)))
        begin, end = np.searchsorted(rows, (first, first + len(queries)))
        found[begin:end] = ids[rows[begin:end] - first]
    return found, time.monotonic() - start


class Sample:
    """Recall of the sampled rows at an effort, by a search of those rows alone."""

    def __init__(self, index, x, options, sources):
        self.index, self.k = index, options.top_k
        self.queries, self.rows = x[options.rows], options.rows
        truth = np.load(options.truth)
        paths, weights = zip(*sources)
        self.evaluator = Evaluator(Truth(paths, weights, options.rows, False), truth["ids"],
                                   truth["scores"])

    def recall(self, effort):
        self.index.set_effort(effort)
        ids = without_self(self.index.search(self.queries, self.k + 1), self.rows)
        return float(self.evaluator.recalls(list(ids)).mean())

    def lowest(self, target):
        """The lowest effort within 2 % that reaches the target; the highest where none does."""
        low, high = self.index.effort_range(self.k)
        if self.recall(low) >= target:
            return low
        reaching = low  # grows until it reaches the target
        while reaching < high and self.recall(reaching) < target:
            low, reaching = reaching, min(high, 2 * reaching)
        while reaching - low > max(1, low // 50):
            middle = (low + reaching) // 2
            low, reaching = (low, middle) if self.recall(middle) >= target else (middle, reaching)
        return reaching


def efforts_of(options, index, x, sources):
    """(effort, target or None) in the order of being asked for."""
    if not index.has_effort:
        return [(0, None)]
    found = [(effort, None) for effort in options.efforts]
    if options.targets:
        sample = Sample(index, x, options, sources)
        found += [(sample.lowest(target), target) for target in options.targets]
    return found


def peak_rss():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(options):
    sources = [parsed(source) for source in options.source]
    start = time.monotonic()
    x = fused(sources, options.threads)
    loaded = time.monotonic()
    index = wheel_indexes.PEERS[options.peer](x, options.threads)
    built = time.monotonic()
    peak = peak_rss()  # before the truth is opened
    for effort, target in efforts_of(options, index, x, sources):
        index.set_effort(effort)
        found, seconds = search_all(index, x, options.top_k, options.rows)
        path = os.path.join(options.out, f"ids-{effort}-{target}.npy")
        np.save(path, found)
        print(json.dumps({
            "effort": effort, "target": target, "threads": options.threads,
            "load_seconds": loaded - start, "build_seconds": built - loaded,
            "search_seconds": seconds, "total_seconds": built - start + seconds,
            "peak_rss_bytes": max(peak, peak_rss()), "ids": path}), flush=True)


def about(peer):
    package = wheel_indexes.PACKAGES[peer]
    print(json.dumps({"peer": f"{package} {importlib.metadata.version(package)}",
                      **wheel_indexes.PEERS[peer].build(),
                      "blas_core": wheel_indexes.blas_core(package)}))


def numbers(kind):
    return lambda text: [kind(word) for word in text.split(",") if word]


def main():
    if sys.argv[2:] == ["about"] and sys.argv[1] in wheel_indexes.PEERS:
        return about(sys.argv[1])
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("peer", choices=wheel_indexes.PEERS)
    add("--top-k", type=int, required=True)
    add("--rows", type=lambda path: np.loadtxt(path, np.int64, ndmin=1), required=True)
    add("--out", required=True)
    add("--efforts", type=numbers(int), default=[])
    add("--targets", type=numbers(float), default=[])
    add("--truth")
    add("--threads", type=int, default=os.cpu_count())
    add("source", nargs="+", metavar="NAME=FILE[:WEIGHT]")
    return run(parser.parse_args())


if __name__ == "__main__":
    main()
