"""Tie-aware recall@K: of a sample of rows against the vectors, or of a graph against an exact one.

A neighbour counts as found when its exact score reaches the exact K-th best of its row, less TIE;
an item counts once. Rows that have no neighbours at all do not count.
"""
import os

import numpy as np

from sample import TIE

BLOCK = 4096  # rows of two graphs at a time


class Graph:
    """The arrays of a folder that `kin build` wrote, mapped."""

    def __init__(self, folder):
        self.start, self.neighbors, self.scores = (
            np.load(os.path.join(folder, name + ".npy"), mmap_mode="r")
            for name in ("indptr", "indices", "data"))
        self.n = len(self.start) - 1

    def row(self, row):
        span = slice(int(self.start[row]), int(self.start[row + 1]))
        return np.array(self.neighbors[span]), np.array(self.scores[span], np.float64)

    def rows(self, rows):
        return [self.row(row)[0] for row in rows]


class Evaluator:
    """The exact K best of a sample of rows; what others found is held against them."""

    def __init__(self, truth, ids, bar, wanted):
        """ids[row]: of K exact best, bar[row]: the K-th best score, wanted[row]: how many there
        are. An id that is not among them is scored, as it may tie with the K-th."""
        self.truth, self.bar, self.wanted = truth, bar, wanted
        self.ids = [np.sort(near) for near in ids]

    @classmethod
    def of_vectors(cls, truth, k):
        ids, scores = truth.best(k)
        wanted = np.isfinite(scores).sum(axis=1)
        bar = np.array([row[-count] if count else np.inf for row, count in zip(scores, wanted)])
        return cls(truth, ids, bar, wanted)

    @classmethod
    def of_graph(cls, truth, folder):
        near = [Graph(folder).row(row) for row in truth.rows]
        wanted = np.array([len(ids) for ids, _ in near])
        bar = np.array([scores.min() if len(scores) else np.inf for _, scores in near])
        return cls(truth, [ids for ids, _ in near], bar, wanted)

    def recalls(self, found):
        """One number a row that has neighbours. found[row]: ids, negative ones are none."""
        result = []
        for at, ids in enumerate(found):
            if self.wanted[at] == 0:
                continue
            ids = np.unique(ids[(ids >= 0) & (ids != self.truth.rows[at])])
            known = np.isin(ids, self.ids[at], assume_unique=True)
            others, hits = ids[~known], int(known.sum())
            if len(others) > 0:
                scores = self.truth.scores(slice(at, at + 1), others)[0]
                hits += int((scores >= self.bar[at] - TIE).sum())
            result.append(min(hits, self.wanted[at]) / self.wanted[at])
        return np.array(result)


def entries(graph, first, last):
    """(row, id, score) of rows first .. last - 1, an id once a row."""
    span = slice(int(graph.start[first]), int(graph.start[last]))
    row = np.repeat(np.arange(last - first), np.diff(graph.start[first:last + 1]))
    ids = np.array(graph.neighbors[span], np.int64)
    _, once = np.unique(row * graph.n + ids, return_index=True)
    return row[once], ids[once], graph.scores[span][once]


def of_graphs(folder, exact_folder):
    """Of every row, by the stored scores: those of any graph by kin with the same weights and rule
    for missing modalities are exact."""
    graph, exact = Graph(folder), Graph(exact_folder)
    result = []
    for first in range(0, graph.n, BLOCK):
        last = min(graph.n, first + BLOCK)
        row, _, score = entries(exact, first, last)
        bar = np.full(last - first, np.inf)
        np.minimum.at(bar, row, score)
        wanted = np.bincount(row, minlength=last - first)
        row, _, score = entries(graph, first, last)
        hits = np.bincount(row[score >= bar[row] - TIE], minlength=last - first)
        some = wanted > 0
        result.append(np.minimum(hits, wanted)[some] / wanted[some])
    return np.concatenate(result)
