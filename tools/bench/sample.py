"""Exact fused scores of a few rows, in double precision, with NumPy; a graph held against them.

Nothing of kin's takes part: the vector files are read here, fused scores follow the definition
(weighted cosines; under --missing renorm a pair that lacks a modality is weighed by what it has).
Columns come in chunks and only the K best of each row are kept, so memory is small.
"""
import os

import numpy as np

from graph_file import Graph

TIE = 1e-6  # how far below the true K-th best a stored neighbour may be
BIN = {".fbin": "<f4", ".f16bin": "<f2", ".i8bin": "i1"}


def open_vectors(path):
    """[n, d] of the file's own type, mapped."""
    ending = os.path.splitext(path)[1]
    if ending == ".npy":
        return np.load(path, mmap_mode="r")
    head = np.fromfile(path, "<i4", 2)
    if ending == ".fvecs":
        return np.memmap(path, "<i4", "r").reshape(-1, head[0] + 1)[:, 1:].view("<f4")
    return np.memmap(path, BIN[ending], "r", offset=8, shape=(int(head[0]), int(head[1])))


def unit_rows(x):
    """Rows of length 1 in double; zero rows, which stand for "missing", stay zero."""
    x = np.asarray(x).astype(np.float32).astype(np.float64)
    length = np.sqrt((x * x).sum(axis=1, keepdims=True))
    return np.divide(x, length, out=np.zeros_like(x), where=length > 0)


class Truth:
    """Fused scores of a few rows with any columns."""

    def __init__(self, paths, weights, rows, renorm=True):
        """renorm: a pair that lacks a modality is weighed by what it has (--missing renorm), else
        what it lacks counts as zero (--missing zero)."""
        self.weights = weights
        self.vectors = [open_vectors(path) for path in paths]
        self.n = len(self.vectors[0])
        self.rows = rows
        self.renorm = renorm
        self.queries = [unit_rows(vectors[rows]) for vectors in self.vectors]

    @classmethod
    def of_graph(cls, manifest, rows):
        return cls([manifest["run"]["sources"][modality["name"]]
                    for modality in manifest["modalities"]],
                   [modality["weight"] for modality in manifest["modalities"]], rows)

    def scores(self, at, columns):
        """Of the rows numbered `at` (a slice) with the columns; -inf where there is no pair."""
        blocks = [unit_rows(vectors[columns]) for vectors in self.vectors]
        asked = [queries[at] for queries in self.queries]
        total = sum(factor * (queries @ block.T)  # what is missing is zero in both
                    for factor, queries, block in zip(self.weights, asked, blocks))
        row_has, column_has = (np.array([x.any(axis=1) for x in side]) for side in (asked, blocks))
        whole_row, whole_column = row_has.all(axis=0), column_has.all(axis=0)
        self._weigh(total, row_has, column_has, np.full(len(whole_row), True), ~whole_column)
        self._weigh(total, row_has, column_has, ~whole_row, whole_column)
        return total

    def _weigh(self, total, row_has, column_has, rows, columns):
        """Pairs of some rows and columns, of which one or both may lack a modality."""
        if not rows.any() or not columns.any():
            return
        factors = np.array(self.weights)[:, None]
        weight = (factors * row_has[:, rows]).T @ column_has[:, columns].astype(float)
        part, whole = total[np.ix_(rows, columns)], sum(self.weights)
        if self.renorm:
            with np.errstate(invalid="ignore", divide="ignore"):
                part = np.where(weight < whole, whole * part / weight, part)
        part[weight == 0] = -np.inf
        total[np.ix_(rows, columns)] = part

    def best(self, k):
        """The k best of every row, ascending: ids [rows, k], scores [rows, k]; where there are
        fewer, id -1 and score -inf."""
        ids = np.full((len(self.rows), k), -1, np.int64)
        kept = np.full((len(self.rows), k), -np.inf)
        width = max(256, min(8192, 2000000 // len(self.rows)))
        for first in range(0, self.n, width):
            scores = self.scores(slice(None), slice(first, first + width))
            inside = (self.rows >= first) & (self.rows < first + width)
            scores[inside, self.rows[inside] - first] = -np.inf
            ids, kept = merge(ids, kept, first, scores)
        ids[np.isneginf(kept)] = -1
        order = np.argsort(kept, axis=1, kind="stable")
        return np.take_along_axis(ids, order, 1), np.take_along_axis(kept, order, 1)


def merge(ids, kept, first, scores):
    """The best of what was kept and of the columns from `first` on, as many as before. Only columns
    above a row's least are moved: few, once most columns were seen."""
    k = kept.shape[1]
    row, column = np.nonzero(scores > kept.min(axis=1, keepdims=True))
    count = np.bincount(row, minlength=len(kept))
    if len(row) == 0:
        return ids, kept
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + k
    both = np.full((len(kept), k + count.max()), -np.inf)
    both_ids = np.full(both.shape, -1, np.int64)
    both[:, :k], both_ids[:, :k] = kept, ids
    both[row, place], both_ids[row, place] = scores[row, column], first + column
    chosen = np.argpartition(both, -k, axis=1)[:, -k:]
    return np.take_along_axis(both_ids, chosen, 1), np.take_along_axis(both, chosen, 1)


def check(folder, manifest, k, count, seed):
    """A row misses if it stores too few or too many neighbours, one twice, itself, one below the
    true K-th best by more than TIE, or a score that is off by more than TIE."""
    n = manifest["items"]
    rows = np.sort(np.random.default_rng(seed).choice(n, min(count, n), replace=False))
    truth = Truth.of_graph(manifest, rows)
    _, best = truth.best(k)
    graph = Graph(folder)
    found = {"rows": len(rows), "missed": [], "worst_gap": 0.0, "worst_error": 0.0}
    for at, row in enumerate(rows):
        near, stored = graph.row(row)
        wanted = best[at][np.isfinite(best[at])]
        good = len(near) == len(wanted) == len(set(near.tolist())) and row not in near
        if good and len(near) > 0:
            true = truth.scores(slice(at, at + 1), near)[0]
            gap = max(0.0, float(wanted[0] - np.minimum(true, stored).min()))
            error = float(np.abs(true - stored).max())
            found["worst_gap"] = max(found["worst_gap"], gap)
            found["worst_error"] = max(found["worst_error"], error)
            good = gap <= TIE and error <= TIE
        if not good:
            found["missed"].append(int(row))
    return found
