"""The catalog of a call: modalities, each an array or a file with its weight, and the items' ids."""
from __future__ import annotations

import ctypes
import numbers
import os
import weakref
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Union

from . import _sparse
from ._arrays import Rows, rows_of
from ._errors import BudgetError, UsageError
from ._library import check, lib
from ._options import path_bytes

if TYPE_CHECKING:
    from typing import TypeGuard

# A matrix of shape (items, dimensions) or the path of a vector file, alone or with its weight.
Modality = Any
Modalities = Mapping[str, Modality]
Ids = Union[Iterable[Any], str, "os.PathLike[str]", None]


def _weighted(name: str, value: Any) -> tuple[Any, float]:
    """(matrix, weight); the weight 1 where none is given."""
    if not isinstance(value, tuple):
        return value, 1.0
    if len(value) != 2 or not isinstance(value[1], numbers.Real) or isinstance(value[1], bool):
        raise TypeError(f"{name}: give a matrix, or the pair (matrix, weight)")
    return value[0], float(value[1])


def _id_text(number: int, value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        value = str(int(value))
    if not isinstance(value, str):
        raise TypeError(f"ids: item {number} is a {type(value).__name__}: give texts or integers")
    if "\n" in value or "\r" in value:
        raise UsageError(f"ids: item {number} is {value!r}, with a line end in it", "an id is one line of text")
    return value


def is_path(value: Any) -> TypeGuard[Union[str, os.PathLike[str]]]:
    return isinstance(value, (str, os.PathLike))


class Input:
    """A kin_input with what it reads kept alive: use it as a context, so that it is freed."""

    def __init__(self, modalities: Modalities, ids: Ids = None, sparse: str = "svd", top_k: int = 200) -> None:
        """sparse: "svd" reduces sparse matrices (kin._sparse), "error" refuses them. top_k: for their recall."""
        if not isinstance(modalities, Mapping):
            raise TypeError(f"modalities: a dict {{name: matrix or (matrix, weight)}} is needed, "
                            f"not a {type(modalities).__name__}")
        if not modalities:
            raise UsageError("modalities: none is given", "give {name: matrix}, as {'text': text}")
        _sparse.check_choice(sparse)
        self.ids_path: str | None = None
        self.rows = 0  # of the first matrix in memory
        self._kept: list[Any] = []
        self.handle = lib.kin_input_new()
        if not self.handle:
            raise BudgetError("no memory for the list of modalities", "free memory on this machine")
        self._finalizer = weakref.finalize(self, lib.kin_input_free, self.handle)
        try:
            for name, value in modalities.items():
                self._add(name, *_weighted(name, value), sparse, top_k)
            self._set_ids(ids)
        except BaseException:
            self.close()
            raise

    def _add(self, name: str, value: Any, weight: float, sparse: str, top_k: int) -> None:
        if not isinstance(name, str):
            raise TypeError(f"modalities: the name {name!r} is no text")
        label = path_bytes("modalities: a name", name)
        if is_path(value):
            check(lib.kin_input_add_file, self.handle, label, weight, path_bytes(name, value))
            return
        if _sparse.is_sparse(value):
            value = _sparse.dense_rows(name, value, sparse, top_k)
        rows: Rows = rows_of(name, value)
        self._kept.append(rows)
        self.rows = self.rows or rows.n
        check(lib.kin_input_add_array, self.handle, label, weight, rows.pointer, rows.dtype, rows.n, rows.d,
              rows.row_bytes)

    def _set_ids(self, ids: Ids) -> None:
        if ids is None:
            return
        if is_path(ids):
            self.ids_path = os.fspath(ids)
            return
        values: Any = ids.tolist() if hasattr(ids, "tolist") else ids
        text = "\n".join(_id_text(number, value) for number, value in enumerate(values)).encode()
        kept = ctypes.create_string_buffer(text)
        self._kept.append(kept)
        check(lib.kin_input_set_ids, self.handle, ctypes.cast(kept, ctypes.c_char_p), len(text))

    def close(self) -> None:
        self.handle = None
        self._finalizer()
        self._kept.clear()

    def __enter__(self) -> Input:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
