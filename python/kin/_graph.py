"""A similarity graph: its rows as SciPy CSR, single neighbours, its manifest."""
from __future__ import annotations

import ctypes
import json
import operator
import os
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import numpy as np

from . import _pairs, _parquet
from ._call import Progress
from ._errors import UsageError
from ._library import ORDER_COLUMN, ORDER_SCORE, check, lib, take_ids, take_text
from ._options import path_bytes

if TYPE_CHECKING:
    import scipy.sparse

    IntArray = np.ndarray[Any, np.dtype[np.int32]]
    FloatArray = np.ndarray[Any, np.dtype[np.float32]]


class Neighbors(NamedTuple):
    """One item's neighbours, best first: row numbers (int32) and fused scores (float32), both of shape (k,)."""
    indices: IntArray
    scores: FloatArray


class Rows(NamedTuple):
    """Rows of a graph as CSR: indptr (rows + 1,) int64, indices (entries,) int32, scores (entries,) float32, and by
    modality the cosines (entries,) float16, NaN where an item lacks it."""
    indptr: np.ndarray[Any, np.dtype[np.int64]]
    indices: IntArray
    scores: FloatArray
    cosines: dict[str, np.ndarray[Any, np.dtype[np.float16]]]


class Graph:
    """The K most similar items of each of n items; made by kin.build, opened by kin.load.

    Its arrays lie in mapped files. Those of a graph without a folder go with the object: after close(), at the end of a
    `with` block, or when nothing refers to it any more. Threads may read one graph at the same time.
    """

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle
        self._finalizer = weakref.finalize(self, lib.kin_graph_free, handle)
        self._ids: list[str] | None = None
        self._row_of: dict[str, int] | None = None
        self._manifest: dict[str, Any] | None = None

    # ---- what it is ------------------------------------------------------------------------------

    @property
    def handle(self) -> int:
        """libkin's kin_graph. ValueError when the graph is closed."""
        if self._handle is None:
            raise ValueError("the graph is closed")
        return self._handle

    def __len__(self) -> int:
        """The number of items, n."""
        return int(lib.kin_graph_item_count(self.handle))

    @property
    def entries(self) -> int:
        """The number of neighbours in all rows."""
        return int(lib.kin_graph_entry_count(self.handle))

    @property
    def top_k(self) -> int:
        """K: no row has more neighbours."""
        return int(lib.kin_graph_top_k(self.handle))

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names, in the order of their weights in the score."""
        return tuple(lib.kin_graph_modality(self.handle, m).decode()
                     for m in range(lib.kin_graph_modality_count(self.handle)))

    @property
    def path(self) -> str | None:
        """The folder, None where it has no name."""
        path: bytes | None = lib.kin_graph_path(self.handle)
        return None if path is None else os.fsdecode(path)

    @property
    def manifest(self) -> dict[str, Any]:
        """What the folder's manifest.json says (docs/FORMATS.md): options, inputs, recall, and `run`."""
        if self._manifest is None:
            text = ctypes.c_void_p()
            check(lib.kin_graph_manifest, self.handle, ctypes.byref(text))
            self._manifest = json.loads(take_text(text))
        return self._manifest

    @property
    def ids(self) -> list[str]:
        """The items' ids by row; row numbers as texts where none were given. Read once, then kept."""
        if self._ids is None:
            self._ids = take_ids(lib.kin_graph_ids, self.handle)
        return self._ids

    def row_of(self, item: str) -> int:
        """The row of an id. KeyError. The first call makes a table of all ids."""
        if self._row_of is None:
            self._row_of = {name: row for row, name in enumerate(self.ids)}
        return self._row_of[item]

    def __repr__(self) -> str:
        if self._handle is None:
            return "<kin.Graph, closed>"
        return f"<kin.Graph of {len(self)} items, top_k {self.top_k}, {self.entries} entries, {self.path or 'no folder'}>"

    # ---- its rows --------------------------------------------------------------------------------

    def rows(self, first: int = 0, count: int | None = None, *, order: str = "score", cosines: bool = True) -> Rows:
        """Rows first .. first + count - 1 (None: to the end), copied.

        order: "score", best first and of equal scores the smaller row number, or "column", by neighbour. cosines: those
        that were stored, too. UsageError where there are no such rows.
        """
        if order not in ("score", "column"):
            raise UsageError(f"order: {order!r}", "one of 'score', 'column'")
        count = len(self) - first if count is None else count
        if first < 0 or count < 0 or first + count > len(self):
            raise UsageError(f"rows {first} to {first + count}: the graph has {len(self)}", "rows count from 0")
        code = ORDER_SCORE if order == "score" else ORDER_COLUMN
        indptr = np.zeros(count + 1, np.int64)
        head = self.handle, first, count, code, indptr.ctypes.data
        check(lib.kin_graph_rows, *head, None, None, None)
        entries = int(indptr[-1])
        indices, scores = np.empty(entries, np.int32), np.empty(entries, np.float32)
        stored = [name if cosines and lib.kin_graph_has_cosines(self.handle, m) else None
                  for m, name in enumerate(self.modalities)]
        halves = {name: np.empty(entries, np.float16) for name in stored if name}
        places = (ctypes.c_void_p * len(stored))(*(halves[name].ctypes.data if name else None for name in stored))
        check(lib.kin_graph_rows, *head, indices.ctypes.data, scores.ctypes.data, places if halves else None)
        return Rows(indptr, indices, scores, halves)

    def to_scipy(self) -> scipy.sparse.csr_matrix:
        """Fused scores as a CSR matrix of shape (n, n): float32, columns sorted, no item its own neighbour."""
        import scipy.sparse
        n = len(self)
        rows = self.rows(order="column", cosines=False)
        narrow = self.entries < 2**31
        matrix = scipy.sparse.csr_matrix(
            (rows.scores, rows.indices, rows.indptr.astype(np.int32) if narrow else rows.indptr), shape=(n, n),
            copy=False)
        matrix.has_sorted_indices = True
        matrix.has_canonical_format = True
        return matrix

    def neighbors(self, item: int | str) -> Neighbors:
        """The neighbours of an item, best first: of a row number, or of an id that is a str.

        IndexError where the row is not there, KeyError where the id is not.
        """
        row = self.row_of(item) if isinstance(item, str) else operator.index(item)
        if not 0 <= row < len(self):
            raise IndexError(f"row {row}: the graph has {len(self)} rows, from 0 on")
        indices, scores = np.empty(self.top_k, np.int32), np.empty(self.top_k, np.float32)
        count = lib.kin_graph_neighbors(self.handle, row, indices.ctypes.data, scores.ctypes.data, self.top_k)
        return Neighbors(indices[:count], scores[:count])

    def pairs(self, max_rows: int = 0, seed: int = 1, *, progress: Progress = None) -> dict[str, np.ndarray[Any, Any]]:
        """Training rows for a ranking model, those of `kin pairs`: a row for each item and neighbour.

        max_rows: no more than so many, drawn uniformly without replacement by `seed`; 0 is no limit. Rows are in the
        graph's order, an item's best first. Arrays of equal length: item and neighbor (row numbers, int32), rank (from 1
        on, int32), score (float32), and for each modality cosine_NAME (float32, NaN where an item lacks it).
        """
        return _pairs.pairs(self, max_rows, seed, progress)

    # ---- what is made of it ----------------------------------------------------------------------

    def save(self, path: Union[str, os.PathLike[str]], force: bool = False) -> None:
        """Writes the folder that `kin build --out` writes. force: replaces a graph of kin's there. OutputError."""
        check(lib.kin_graph_save, self.handle, path_bytes("path", path), 1 if force else 0)

    def to_parquet(self, path: Union[str, os.PathLike[str]], force: bool = False) -> None:
        """Writes a row for each item and neighbour: id, neighbor, rank, score, cosine_NAME. Needs pyarrow.

        force: replaces a file that is there; else OutputError.
        """
        _parquet.write_graph(self, path, force)

    def close(self) -> None:
        """Frees the graph, and its files where they have no name. Arrays that it gave stay."""
        self._handle = None
        self._finalizer()

    def __enter__(self) -> Graph:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __reduce__(self) -> Any:
        if self.path is None:
            raise TypeError("a graph without a folder cannot be pickled: save(path) it, and load it there")
        return load, (self.path,)


def load(path: Union[str, os.PathLike[str]]) -> Graph:
    """Opens a folder that `kin build` or Graph.save wrote. NoInputError, DataError."""
    handle = ctypes.c_void_p()
    check(lib.kin_graph_load, ctypes.byref(handle), path_bytes("path", path))
    assert handle.value is not None
    return Graph(handle.value)
