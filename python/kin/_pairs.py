"""The pairs of a graph as training rows, those of `kin pairs`."""
from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _options
from ._call import Progress, call
from ._library import check, lib

if TYPE_CHECKING:
    from ._graph import Graph


def pairs(graph: Graph, max_rows: int, seed: int, progress: Progress) -> dict[str, np.ndarray[Any, Any]]:
    """See Graph.pairs."""
    texts = _options.array(_options.texts("pairs", "pairs", {"max_rows": max_rows, "seed": seed}))
    count = ctypes.c_size_t()
    check(lib.kin_graph_pair_count, graph.handle, texts, ctypes.byref(count))
    columns: dict[str, np.ndarray[Any, Any]] = {
        name: np.empty(count.value, np.int32) for name in ("item", "neighbor", "rank")}
    columns["score"] = np.empty(count.value, np.float32)
    fixed = [column.ctypes.data for column in columns.values()]
    cosines = {"cosine_" + name: np.empty(count.value, np.float32) for name in graph.modalities}
    places = (ctypes.c_void_p * len(cosines))(*(column.ctypes.data for column in cosines.values()))
    call(lib.kin_graph_pairs, graph.handle, texts, *fixed, places, progress=progress)
    return {**columns, **cosines}
