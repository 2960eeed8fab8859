"""Building a graph, and the plan of a build."""
from __future__ import annotations

import os
import tempfile
from typing import Any, Union

from . import _options
from ._call import Progress, call_for_handle, call_for_json
from ._graph import Graph
from ._input import Ids, Input, Modalities
from ._library import lib

_TAKEN = ("ids", "sparse", "progress", "directory")


def _texts(function: str, given: Input, options: dict[str, Any]) -> Any:
    """The options as libkin reads them; ids in a file are one."""
    if given.ids_path is not None:
        options = {**options, "ids": given.ids_path}
    return _options.array(_options.texts(function, function, options, _TAKEN))


def build(modalities: Modalities, top_k: int = 200, *, target_recall: float = 0.97,
          out: Union[str, os.PathLike[str], None] = None, ids: Ids = None, sparse: str = "svd",
          progress: Progress = None, directory: Union[str, os.PathLike[str], None] = None, **options: Any) -> Graph:
    """The similarity graph of a catalog: for each item its top_k others of the highest sum of weight times cosine.

    modalities: {name: matrix} or {name: (matrix, weight)}, one to eight; a matrix has shape (items, dimensions), row i
    of each the same item, a row of zeros where the item lacks the modality. It is an array (float32, float16, float64
    and int8 in C order are read where they lie), a memmap, a path of a vector file (.npy .fbin .f16bin .i8bin .fvecs),
    or a sparse matrix, which is reduced (`sparse`: "svd", or "error" to refuse it).
    top_k: neighbours of an item, 1 to 10,000 and fewer than items. target_recall: mean recall that the approximate
    engines have to reach. out: the folder to write, as `kin build --out` does; None: files without a name in
    `directory` (None: tempfile.gettempdir()), which go with the graph. ids: texts or integers, one an item, or the path
    of a file with an id a line. progress: a function of (done, total) items, or "tqdm".
    options: those of `kin build --help`, as engine="exact", threads=2, memory="8G", missing="zero", force=True.

    The result has the command's bytes. Ctrl-C and an exception of `progress` stop the build, and nothing is left
    behind. The log goes to logging.getLogger("kin").

    TypeError: an unknown option, a value that is no matrix. UsageError, DataError, NoInputError, BudgetError (the plan
    does not fit into `memory`), GateError (strict, max_empty), OutputError, ReadWriteError, TryAgainError (inputs
    changed meanwhile).
    """
    _options.refuse_unknown("build", options, [*_options.table("build"), *_TAKEN])
    with Input(modalities, ids, sparse, top_k) as given:
        texts = _texts("build", given, {"top_k": top_k, "target_recall": target_recall, "out": out, **options})
        place = _options.path_bytes("directory", directory or tempfile.gettempdir())
        return Graph(call_for_handle(lib.kin_graph_free, lib.kin_build, given.handle, texts, place, progress=progress))


def plan(modalities: Modalities, top_k: int = 200, *, ids: Ids = None, sparse: str = "svd", progress: Progress = None,
         **options: Any) -> dict[str, Any]:
    """What kin.build would take with these arguments: time, memory and disk of each engine (docs/PLAN.md).

    The document of `kin plan --json`. Where the build would be refused its exception is raised, with the document in
    `result`.
    """
    _options.refuse_unknown("plan", options, [*_options.table("plan"), *_TAKEN])
    with Input(modalities, ids, sparse, top_k) as given:
        texts = _texts("plan", given, {"top_k": top_k, **options})
        return call_for_json(lib.kin_plan_build, given.handle, texts, progress=progress)
