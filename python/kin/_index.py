"""Indexes: the top-K of vectors from outside, or of items."""
from __future__ import annotations

import json
import operator
import os
import threading
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple, Union

import numpy as np

from . import _options
from ._call import Progress, call, call_for_handle
from ._errors import UsageError
from ._input import Ids, Input, Modalities, is_path
from ._library import lib, take_ids


class Answers(NamedTuple):
    """Of q queries: indices (q, k) int32, scores (q, k) float32, best first, and by modality the cosines (q, k) float32.

    Rows that are shorter than k are filled up with -1 and NaN.
    """
    indices: np.ndarray[Any, np.dtype[np.int32]]
    scores: np.ndarray[Any, np.dtype[np.float32]]
    cosines: dict[str, np.ndarray[Any, np.dtype[np.float32]]]


def _as_queries(modalities: Modalities) -> Modalities:
    """A single vector is one query. Files are refused: their rows are not known before they are open."""
    for name, value in modalities.items():
        if is_path(value):
            raise TypeError(f"{name}: a query is an array: numpy.load(path, mmap_mode='r') maps a file")
    return {name: value[None] if getattr(value, "ndim", 0) == 1 else value for name, value in modalities.items()}


def _with_weights(path: str, modalities: Modalities) -> Modalities:
    """The modalities, with the weights of the index's manifest where none are given."""
    try:
        with open(os.path.join(path, "manifest.json"), encoding="utf-8") as file:
            weights = {each["name"]: each["weight"] for each in json.load(file)["modalities"]}
    except (OSError, ValueError, KeyError, TypeError):
        return modalities  # kin_searcher_open says what is wrong
    return {name: value if isinstance(value, tuple) else (value, weights.get(name, 1)) for name, value in modalities.items()}


def _count(name: str, value: int) -> int:
    """A whole number from 1 on. UsageError."""
    count = operator.index(value)
    if count < 1:
        raise UsageError(f"{name}: {count}", "give a whole number from 1 on")
    return count


def _free(handle: int, given: Input | None) -> None:
    """The searcher before the vectors that it reads."""
    lib.kin_searcher_free(handle)
    if given is not None:
        given.close()


class Index:
    """An index that `kin index` or kin.build_index wrote, open for queries.

    path: its folder. modalities: the vectors that it was made of, {name: matrix or (matrix, weight)}, where they are not in
    the files that its manifest names; weights are the manifest's where none are given. Any thread may ask, one at a time: others wait.
    """

    def __init__(self, path: Union[str, os.PathLike[str]], modalities: Modalities | None = None, *,
                 progress: Progress = None) -> None:
        self._input = None if modalities is None else Input(_with_weights(os.fspath(path), modalities), sparse="error")
        handle = call_for_handle(lib.kin_searcher_free, lib.kin_searcher_open, _options.path_bytes("path", path),
                                 None if self._input is None else self._input.handle, progress=progress)
        self._handle: int | None = handle
        self._finalizer = weakref.finalize(self, _free, handle, self._input)
        self._lock = threading.Lock()

    @property
    def handle(self) -> int:
        """libkin's kin_searcher. ValueError when the index is closed."""
        if self._handle is None:
            raise ValueError("the index is closed")
        return self._handle

    def __len__(self) -> int:
        """The number of items, n."""
        return int(lib.kin_searcher_item_count(self.handle))

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names, in the index's order."""
        return tuple(lib.kin_searcher_modality(self.handle, m).decode()
                     for m in range(lib.kin_searcher_modality_count(self.handle)))

    @property
    def ids(self) -> list[str]:
        """The items' ids by row."""
        return take_ids(lib.kin_searcher_ids, self.handle)

    def _answers(self, function: Any, count: int, k: int, arguments: tuple[Any, ...], options: dict[str, Any],
                 progress: Progress) -> Answers:
        names = self.modalities
        texts = _options.array(_options.texts("query", "search", options, ("k", "progress")))
        indices = np.empty((count, k), np.int32)
        scores = np.empty((count, k), np.float32)
        cosines = np.empty((count, k, len(names)), np.float32)
        with self._lock:
            call(function, self.handle, *arguments, k, texts, indices.ctypes.data, scores.ctypes.data,
                 cosines.ctypes.data, progress=progress)
        return Answers(indices, scores, {name: cosines[:, :, m] for m, name in enumerate(names)})

    def query(self, modalities: Modalities, k: int = 10, *, progress: Progress = None, **options: Any) -> Answers:
        """The k most similar items of each row of the queries, vectors from outside: {name: matrix (q, dimensions)}.

        A modality of the index that is left out is missing; weights are the index's. A vector of one dimension is one
        query. options: those of the search, as probes=64.
        """
        k = _count("k", k)
        with Input(_as_queries(modalities), sparse="error") as queries:
            return self._answers(lib.kin_searcher_find, queries.rows, k, (queries.handle,), options, progress)

    def query_items(self, items: Sequence[int], k: int = 10, *, progress: Progress = None, **options: Any) -> Answers:
        """The same of items of the index, by their row numbers; an item is not its own neighbour."""
        k = _count("k", k)
        rows = np.ascontiguousarray(items, np.int64).reshape(-1)
        return self._answers(lib.kin_searcher_find_items, len(rows), k, (rows.ctypes.data, len(rows)), options, progress)

    def close(self) -> None:
        """Frees the index."""
        self._handle = None
        self._finalizer()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def build_index(modalities: Modalities, out: Union[str, os.PathLike[str]], *, ids: Ids = None, sparse: str = "svd",
                progress: Progress = None, **options: Any) -> str:
    """Builds an index of a catalog into the folder `out`, as `kin index` does, and returns the folder's path.

    modalities, ids, sparse, progress: as of kin.build, which takes the folder as index="DIR"; kin.Index(path) answers
    queries from it. options: those of `kin index --help`, as type="hnsw", force=True.
    """
    taken = ("ids", "sparse", "progress", "out")
    _options.refuse_unknown("build_index", options, [*_options.table("index"), *taken])
    with Input(modalities, ids, sparse) as given:
        if given.ids_path is not None:
            options["ids"] = given.ids_path
        texts = _options.array(_options.texts("build_index", "index", {"out": out, **options}))
        call(lib.kin_build_index, given.handle, texts, progress=progress)
    return os.fspath(out)
