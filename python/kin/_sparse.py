"""Sparse matrices, as TF-IDF makes them, reduced to dense rows by a randomised truncated SVD.

Rows are scaled to length 1, as scores are cosines, and projected to the leading right singular vectors. These come from
subspace iterations with a random start (Halko, Martinsson, Tropp, SIAM Review 2011), on the side of the columns: the
products pass over blocks of rows, so beside the result there are a few matrices of (columns, dimensions). One warning
states the retained energy and the recall against exact sparse cosines, as both say what the reduction costs.
"""
from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from ._arrays import _caller
from ._errors import DataError, SparseWarning, UsageError

CHOICES = ("svd", "error")
DIMENSIONS = 512
OVERSAMPLING = 32
ITERATIONS = 4
BLOCK_ROWS = 8192
RECALL_ROWS, RECALL_BLOCK = 1000, 64
SEED = 1

Floats = np.ndarray[Any, np.dtype[np.float32]]


class Reduced(NamedTuple):
    """rows: (n, dimensions) float32. energy: the part of the squared lengths that they keep. recall: the mean part of
    the exact top_k of `sampled` random rows that stays in the top_k."""
    rows: Floats
    energy: float
    recall: float
    sampled: int


def is_sparse(value: Any) -> bool:
    """Whether it is a scipy.sparse matrix or array; scipy is not imported for anything else."""
    if not type(value).__module__.startswith("scipy.sparse"):
        return False
    import scipy.sparse
    return bool(scipy.sparse.issparse(value))


def check_choice(choice: str) -> None:
    if choice not in CHOICES:
        raise UsageError(f"sparse: {choice!r}", "one of 'svd', 'error'")


def _unit_rows(name: str, matrix: Any) -> Any:
    """CSR, float32, rows of length 1 or 0. DataError."""
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise DataError(f"{name}: shape {matrix.shape} holds no values", "give a sparse matrix of (items, columns)")
    if matrix.dtype.kind not in "iuf":
        raise DataError(f"{name}: dtype {matrix.dtype} holds no vectors", "give a sparse matrix of numbers")
    given = matrix.tocsr()
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused
        # A copy made by hand: SciPy's own would add up duplicates in the caller's matrix.
        rows = type(given)((given.data.astype(np.float32), given.indices.copy(), given.indptr.copy()), shape=given.shape)
    rows.sum_duplicates()
    bad = np.flatnonzero(~np.isfinite(rows.data))
    if len(bad):
        row = int(np.searchsorted(rows.indptr, bad[0], side="right")) - 1
        raise DataError(f"{name}: row {row} is {rows.data[bad[0]]} at column {rows.indices[bad[0]]}",
                        "replace or remove the value")
    for first in range(0, rows.shape[0], BLOCK_ROWS):
        _scale(rows, first, min(first + BLOCK_ROWS, rows.shape[0]))
    return rows


def _scale(rows: Any, first: int, end: int) -> None:
    """Scales rows first .. end - 1 to length 1, in place."""
    start = rows.indptr[first:end + 1].astype(np.int64)
    values = rows.data[start[0]:start[-1]].astype(np.float64)
    row = np.repeat(np.arange(end - first), np.diff(start))
    lengths = np.sqrt(np.bincount(row, values**2, end - first))
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    rows.data[start[0]:start[-1]] = values * scale[row]


def _gram_times(rows: Any, basis: Floats) -> Floats:
    """rows.T @ (rows @ basis), block by block."""
    total = np.zeros_like(basis)
    for first in range(0, rows.shape[0], BLOCK_ROWS):
        block = rows[first:first + BLOCK_ROWS]
        total += block.T @ (block @ basis)
    return total


def _leading_directions(rows: Any, dimensions: int) -> Floats:
    """Right singular vectors of the greatest singular values, (columns, dimensions)."""
    random = np.random.default_rng(SEED)
    width = min(dimensions + OVERSAMPLING, rows.shape[1])
    basis = random.standard_normal((rows.shape[1], width), np.float32)
    for _ in range(ITERATIONS):
        basis = np.linalg.qr(_gram_times(rows, np.linalg.qr(basis)[0]))[0]
    _, vectors = np.linalg.eigh((basis.T @ _gram_times(rows, basis)).astype(np.float64))
    directions: Floats = (basis @ vectors[:, ::-1][:, :dimensions]).astype(np.float32)
    return directions


def _project(rows: Any, directions: Floats) -> Floats:
    found = np.empty((rows.shape[0], directions.shape[1]), np.float32)
    for first in range(0, rows.shape[0], BLOCK_ROWS):
        found[first:first + BLOCK_ROWS] = rows[first:first + BLOCK_ROWS] @ directions
    return found


def _top(scores: Floats, k: int) -> Any:
    return np.argpartition(-scores, k - 1, axis=1)[:, :k]


def _recall(rows: Any, reduced: Floats, top_k: int) -> tuple[float, int]:
    """Mean over random rows: of a row's neighbours with a positive exact cosine, at most top_k, the part found.

    Ties count as found. A row without such a neighbour has nothing to lose.
    """
    n = rows.shape[0]
    k = min(top_k, n - 1)
    sample = np.sort(np.random.default_rng(SEED).permutation(n)[:RECALL_ROWS])
    lengths = np.linalg.norm(reduced, axis=1, keepdims=True)
    scale = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0).ravel()
    parts: list[float] = []
    block = max(1, min(RECALL_BLOCK, 2**24 // n))
    for first in range(0, len(sample) if k > 0 else 0, block):
        part = sample[first:first + block]
        exact = (rows[part] @ rows.T).toarray()
        near = (reduced[part] @ reduced.T) * scale
        own = np.arange(len(part)), part
        exact[own], near[own] = 0, -np.inf
        threshold = np.take_along_axis(exact, _top(exact, k), axis=1).min(axis=1)
        wanted = np.minimum(k, (exact > 0).sum(axis=1))
        found = np.take_along_axis(exact, _top(near, k), axis=1)
        hits = ((found >= threshold[:, None] - 1e-6) & (found > 0)).sum(axis=1)
        parts += [min(1.0, hit / want) for hit, want in zip(hits, wanted) if want]
    return (float(np.mean(parts)) if parts else 1.0), len(sample)


def reduce(name: str, matrix: Any, top_k: int, dimensions: int = DIMENSIONS) -> Reduced:
    """The rows of a sparse matrix in at most `dimensions` dimensions; all of them where it has no more columns."""
    rows = _unit_rows(name, matrix)
    if rows.shape[1] <= dimensions:
        return Reduced(rows.toarray(), 1.0, 1.0, 0)
    reduced = _project(rows, _leading_directions(rows, dimensions))
    whole = float((rows.data.astype(np.float64) ** 2).sum())
    kept = float(np.einsum("ij,ij->", reduced, reduced, dtype=np.float64))
    recall, sampled = _recall(rows, reduced, top_k)
    return Reduced(reduced, kept / whole if whole else 1.0, recall, sampled)


def dense_rows(name: str, matrix: Any, choice: str, top_k: int) -> Floats:
    """The dense rows that stand for a sparse matrix, with a SparseWarning. DataError where `choice` refuses it."""
    if choice == "error":
        raise DataError(f"{name}: a sparse matrix of shape {matrix.shape}, and sparse='error' refuses it",
                        "sparse='svd' reduces it to dense rows, or give dense vectors")
    found = reduce(name, matrix, top_k)
    warnings.warn(
        f"{name}: sparse {matrix.shape[0]} x {matrix.shape[1]} reduced to {found.rows.shape[1]} dimensions: "
        f"{100 * found.energy:.1f}% of the energy retained, recall of the first {min(top_k, matrix.shape[0] - 1)} "
        f"against exact sparse cosines {found.recall:.3f} on {found.sampled} rows" if found.sampled else
        f"{name}: sparse {matrix.shape[0]} x {matrix.shape[1]} made dense, all columns kept",
        SparseWarning, stacklevel=_caller())
    return found.rows
