"""Tie-aware recall@K: of a sample of rows against the vectors, or of a graph against an exact one.

A neighbour counts as found when its exact score reaches the exact K-th best of its row, less TIE;
an item counts once. Recall of the first r is the same with r for K: the place that the found list
gives them does not matter. Rows that have no neighbours at all do not count.
"""
import numpy as np

from graph_file import Graph
from sample import TIE

BLOCK = 4096  # rows of two graphs at a time


class Evaluator:
    """The exact K best of a sample of rows; what others found is held against them."""

    def __init__(self, truth, ids, scores):
        """ids, scores [rows, K], ascending by score; id -1 and score -inf where there are fewer
        than K. An id that is not among them is scored, as it may tie with the K-th."""
        self.truth, self.ids, self.scores = truth, ids, scores
        self.wanted = np.isfinite(scores).sum(axis=1)

    @classmethod
    def of_vectors(cls, truth, k):
        return cls(truth, *truth.best(k))

    @classmethod
    def of_graph(cls, truth, folder):
        rows = [Graph(folder).row(row) for row in truth.rows]
        k = max(len(ids) for ids, _ in rows)
        ids, scores = np.full((len(rows), k), -1), np.full((len(rows), k), -np.inf)
        for at, (own, own_scores) in enumerate(rows):
            order = np.argsort(own_scores, kind="stable")
            ids[at, k - len(own):], scores[at, k - len(own):] = own[order], own_scores[order]
        return cls(truth, ids, scores)

    def _found_scores(self, at, ids):
        """Of distinct ids; those among the K best have them at hand."""
        order = np.argsort(self.ids[at])
        sorted_ids = self.ids[at][order]
        place = np.minimum(np.searchsorted(sorted_ids, ids), len(order) - 1)
        known = sorted_ids[place] == ids
        scores = np.empty(len(ids))
        scores[known] = self.scores[at][order[place[known]]]
        if not known.all():
            scores[~known] = self.truth.scores(slice(at, at + 1), ids[~known])[0]
        return scores

    def recalls(self, found, first=None):
        """One number a row that has neighbours: of the `first` exact best, or of all K. found[row]:
        ids, negative ones are none."""
        result = []
        for at, ids in enumerate(found):
            wanted = min(self.wanted[at], first or self.wanted[at])
            if wanted == 0:
                continue
            ids = np.unique(ids[(ids >= 0) & (ids != self.truth.rows[at])])
            hits = (self._found_scores(at, ids) >= self.scores[at, -wanted] - TIE).sum()
            result.append(min(hits, wanted) / wanted)
        return np.array(result)


def entries(graph, first, last):
    """(row, id, score) of rows first .. last - 1, an id once a row."""
    span = slice(int(graph.start[first]), int(graph.start[last]))
    row = np.repeat(np.arange(last - first), np.diff(graph.start[first:last + 1]))
    ids = np.array(graph.neighbors[span], np.int64)
    _, once = np.unique(row * graph.n + ids, return_index=True)
    return row[once], ids[once], graph.scores[span][once]


def ranked(row, score, rows):
    """(how many each row has, where its scores begin, scores best first in each row)."""
    order = np.lexsort((-score, row))
    count = np.bincount(row, minlength=rows)
    return count, np.cumsum(count) - count, score[order]


def tops_of_graphs(folder, exact_folder, firsts):
    """For each r of `firsts` (None: K) the recalls of every row that has neighbours, of its r exact
    best. By the stored scores: those of any graph by kin with the same weights and rule for missing
    modalities are exact."""
    graph, exact = Graph(folder), Graph(exact_folder)
    result = [[] for _ in firsts]
    for begin in range(0, graph.n, BLOCK):
        end = min(graph.n, begin + BLOCK)
        row, _, score = entries(exact, begin, end)
        count, start, best = ranked(row, score, end - begin)
        some = count > 0
        row, _, score = entries(graph, begin, end)
        for found, first in zip(result, firsts):
            wanted = np.minimum(count, first or count.max())
            bar = np.full(end - begin, np.inf)
            bar[some] = best[(start + wanted - 1)[some]]
            hits = np.bincount(row[score >= bar[row] - TIE], minlength=end - begin)
            found.append(np.minimum(hits, wanted)[some] / wanted[some])
    return [np.concatenate(found) for found in result]


def of_graphs(folder, exact_folder, first=None):
    return tops_of_graphs(folder, exact_folder, [first])[0]
