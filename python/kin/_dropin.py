"""The call of the job that kin replaces."""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _environment, _options
from ._arrays import rows_of
from ._build import build
from ._call import logger
from ._errors import UsageError
from ._input import is_path
from ._sparse import is_sparse

if TYPE_CHECKING:
    import scipy.sparse

TOP_K = 200
PERCENT_STEP = 5  # a line of progress at every so many percent


class _Lines:
    """The job's lines of progress."""

    def __init__(self) -> None:
        self._step = -1

    def __call__(self, done: int, total: int) -> None:
        percent = 100 * done / total if total else 100.0
        step = int(percent // PERCENT_STEP)
        if step != self._step:
            self._step = step
            logger.info("Progress: %d/%d items (%.1f%%)", done, total, percent)


def _modalities(text: Any, image: Any, text_weight: float, image_weight: float) -> dict[str, tuple[Any, float]]:
    """What is there and counts. A cosine of weight 0 adds nothing to any score."""
    given = {"text": (text, text_weight), "image": (image, image_weight)}
    found = {name: pair for name, pair in given.items() if pair[0] is not None and pair[1] != 0}
    if not found:
        raise UsageError("neither text_matrix nor image_matrix is given with a weight", "give one of them")
    return found


def _items_of_file(path: Any) -> int | None:
    """n by the file's header (docs/FORMATS.md); None where that says nothing: kin.build will tell why."""
    ending = os.path.splitext(os.fspath(path))[1].lower()
    try:
        if ending == ".npy":
            return int(np.load(path, mmap_mode="r").shape[0])
        head = np.fromfile(path, "<u4", 2)
        return os.path.getsize(path) // (4 + 4 * int(head[0])) if ending == ".fvecs" else int(head[0])
    except (OSError, ValueError, IndexError):
        return None


def _items(matrix: Any) -> int | None:
    """n, None where it is not to be learned."""
    if is_path(matrix):
        return _items_of_file(matrix)
    shape = getattr(matrix, "shape", None)
    return int(shape[0]) if shape else len(matrix) if isinstance(matrix, (list, tuple)) else None


def _single(modalities: dict[str, tuple[Any, float]]) -> scipy.sparse.csr_matrix:
    """The matrix of one item, which has no neighbours. Its vectors are looked at all the same."""
    import scipy.sparse
    for name, (matrix, _) in modalities.items():
        if not is_sparse(matrix) and not is_path(matrix):
            rows_of(name, matrix)
    return scipy.sparse.csr_matrix((1, 1), dtype=np.float32)


def build_sparse_similarity_matrix(text_matrix: Any, image_matrix: Any = None, top_k: int | None = None, *,
                                   text_weight: float = 0.6, image_weight: float = 0.4, progress: Any = None,
                                   **options: Any) -> scipy.sparse.csr_matrix:
    """The top_k most similar items of each, as the job before kin gave them.

    text_matrix, image_matrix: arrays of shape (n, dimensions), memmaps, paths of vector files or sparse matrices; row i
    of both the same item; None: no such modality. top_k None: KIN_TOP_K, else SIMILARITY_TOP_K, else 200; more than
    n - 1 gives what there is. The score of a pair is text_weight * cosine + image_weight * cosine, a zero vector's
    cosine 0 (the option missing="zero").

    Returns a CSR matrix of shape (n, n), float32, columns sorted, no item its own neighbour.

    options: those of kin.build. What is not given is read from the environment, as the command does (KIN_ENGINE,
    KIN_THREADS, SIMILARITY_MICRO_BATCH_SIZE, ...): this function alone reads it. The job's lines ("Computing similarity
    ...", "Progress: 25000/500000 items (5.0%)", "Total items with neighbors: N") go to logging.getLogger("kin").
    Errors are those of kin.build.
    """
    own = ("sparse", "directory")
    _options.refuse_unknown("build_sparse_similarity_matrix", options,
                            [*_options.table("build"), *own, "text_weight", "image_weight", "progress"])
    _environment.warn_of_unknown()
    if top_k is not None:
        options["top_k"] = top_k
    settings = {"top_k": TOP_K, "missing": "zero", "max_empty": 1, **_environment.read("build", set(options)), **options}
    modalities = _modalities(text_matrix, image_matrix, text_weight, image_weight)
    n = _items(next(iter(modalities.values()))[0])
    if n == 1:
        return _single(modalities)
    if n is not None and n > 1:
        settings["top_k"] = min(_number("top_k", settings["top_k"]), n - 1)
    with build(modalities, **settings, progress=_Lines() if progress is None else progress) as graph:
        logger.info("Total items with neighbors: %d", graph.manifest["items_with_neighbors"])
        return graph.to_scipy()


def _number(name: str, value: Any) -> int:
    """A whole number, also from a text of the environment. UsageError."""
    try:
        return int(value)
    except (TypeError, ValueError):
        raise UsageError(f"{name}: {value!r} is no whole number", "give a number from 1 to 10000") from None
