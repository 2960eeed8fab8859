"""Comparing a graph with exact rows, with another graph, and with last night's."""
from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any, Union

from . import _options
from ._call import Progress, call_for_json
from ._graph import Graph, load
from ._input import Input, Modalities, is_path
from ._library import lib

GraphOrPath = Union[Graph, str, "os.PathLike[str]"]


def _opened(value: GraphOrPath, stack: ExitStack) -> Graph:
    if isinstance(value, Graph):
        return value
    if is_path(value):
        return stack.enter_context(load(value))
    raise TypeError(f"a kin.Graph or the path of a graph is needed, not a {type(value).__name__}")


def compare(graph: GraphOrPath, reference: GraphOrPath | None = None, *, modalities: Modalities | None = None,
            progress: Progress = None, **options: Any) -> dict[str, Any]:
    """What `graph` loses against `reference`, a graph of exact rows: the document of `kin compare --json`.

    reference: a graph, or a file of neighbours (.npz, .ivecs, .ibin). Without it the options say what to compare with:
    sample=1000 (exact rows of random items, computed now), previous="DIR" (last night's graph). modalities: the vectors
    that the graph was made of, {name: matrix or (matrix, weight)}, where they are not in the files that its manifest
    names, as of a graph made from arrays. Gates are options, as min_recall=.95: where one is not met GateError is
    raised, with the document in its `result`.
    """
    taken = ("reference", "modalities", "progress")
    _options.refuse_unknown("compare", options, [*_options.table("compare"), *taken])
    with ExitStack() as stack:
        opened = _opened(graph, stack)
        if reference is not None and is_path(reference) and not os.path.isdir(os.fspath(reference)):
            options, reference = {**options, "reference": reference}, None
        other = None if reference is None else _opened(reference, stack).handle
        given = None if modalities is None else stack.enter_context(Input(modalities, sparse="error")).handle
        texts = _options.array(_options.texts("compare", "compare", options))
        return call_for_json(lib.kin_compare, opened.handle, other, given, texts, progress=progress)
