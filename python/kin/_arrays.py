"""Arrays as libkin reads them: rows of float32, float16, float64 or int8 in the machine's byte order.

Rows may lie any number of bytes apart, so C-contiguous arrays, slices of rows and columns, and memmaps are passed as
they are. Everything else is copied once, with a CopyWarning that names the bytes and the reason.
"""
from __future__ import annotations

import mmap
import sys
import warnings
from typing import Any, NamedTuple

import numpy as np

from ._errors import CopyWarning, DataError

# numpy's name of a dtype: kin_dtype.
DTYPES = {"float32": 0, "float16": 1, "float64": 2, "int8": 3}


class Rows(NamedTuple):
    """A matrix in memory: `array` keeps it there."""
    array: Any
    pointer: int
    dtype: int
    n: int
    d: int
    row_bytes: int


def _is_closed(value: Any) -> bool:
    """Whether the file behind the array was closed: reading it would end the process."""
    seen = 0
    while value is not None and seen < 64:
        if isinstance(value, memoryview):
            try:
                value = value.obj
            except ValueError:  # released
                return True
        if isinstance(value, mmap.mmap):
            return value.closed
        value, seen = getattr(value, "base", None), seen + 1
    return False


def _as_array(name: str, value: Any) -> tuple[np.ndarray[Any, Any], str]:
    """The value as an array, not copied where it is one, and why it had to be, or ""."""
    if value is None or isinstance(value, (str, bytes, dict, set)):
        raise TypeError(f"{name}: {type(value).__name__} is no matrix: give an array of shape (items, dimensions)")
    if isinstance(value, np.ma.MaskedArray):
        raise DataError(f"{name}: a masked array, and no score is defined for a masked value",
                        "fill it (array.filled(0)); an item without a vector has a row of zeros")
    if isinstance(value, np.ndarray):
        if _is_closed(value):
            raise DataError(f"{name}: the file that the array is mapped from is closed",
                            "open it again (numpy.load(path, mmap_mode='r')) and keep it until the call is over")
        return value, ""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError(f"{name}: no array can be made of it: {error}",
                        "give rows of one length, of numbers") from None
    return array, f"a {type(value).__name__}" if isinstance(value, (list, tuple)) else ""


def _check_shape(name: str, array: np.ndarray[Any, Any]) -> None:
    if array.ndim != 2:
        raise DataError(f"{name}: {array.ndim} dimensions, shape {array.shape}; needs 2, (items, dimensions)",
                        "array.reshape(items, -1) makes a row of each item" if array.ndim else
                        "give a matrix, a row for each item")
    if array.shape[0] == 0 or array.shape[1] == 0:
        raise DataError(f"{name}: shape {array.shape} holds no values", "give at least one item and one dimension")


def _target_dtype(name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that libkin reads the values as."""
    if dtype.name in DTYPES:
        native: np.dtype[Any] = np.dtype(dtype.name)
        return native
    if dtype.kind in "iu":
        return np.dtype(np.float32)
    if dtype.kind == "f" or dtype.name == "bfloat16":
        return np.dtype(np.float32 if dtype.itemsize < 4 else np.float64)
    raise DataError(f"{name}: dtype {dtype} holds no vectors", "give float32, float16, float64 or int8")


def _lies_in_rows(array: np.ndarray[Any, Any]) -> bool:
    """Whether each row's values lie side by side, and the rows one behind the other without overlap."""
    n, d = array.shape
    return (d == 1 or array.strides[1] == array.itemsize) and (n == 1 or array.strides[0] >= d * array.itemsize)


def _reason_to_copy(array: np.ndarray[Any, Any], target: np.dtype[Any]) -> str:
    """Why libkin cannot read the array where it lies, or ""."""
    if target != array.dtype:
        return f"dtype {array.dtype.str if array.dtype.name == target.name else array.dtype} becomes {target}"
    if _lies_in_rows(array):
        return ""
    if array.shape[1] > 1 and array.strides[1] != array.itemsize:
        return "the values of a row do not lie side by side (Fortran order?)"
    return "the rows do not lie one behind the other"


def warn_of_copy(name: str, count: int, reason: str) -> None:
    """CopyWarning, of the line that called kin."""
    warnings.warn(f"{name}: copied {count} bytes ({count / 2**20:.1f} MiB): {reason}", CopyWarning, stacklevel=_caller())


def _caller() -> int:
    """stacklevel of the first frame outside this package, as warnings.warn one frame up counts it."""
    package, level, frame = __name__.rpartition(".")[0], 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == package:
        frame, level = frame.f_back, level + 1
    return level


def rows_of(name: str, value: Any) -> Rows:
    """The matrix behind `value`, copied only where it has to be. DataError, TypeError."""
    array, reason = _as_array(name, value)
    _check_shape(name, array)
    target = _target_dtype(name, array.dtype)
    another = _reason_to_copy(array, target)
    if another:
        array = np.array(array, dtype=target, order="C", copy=True, subok=False)
    if reason or another:
        warn_of_copy(name, array.nbytes, reason or another)
    n, d = array.shape
    row_bytes = array.strides[0] if n > 1 else d * array.itemsize
    return Rows(array, array.ctypes.data, DTYPES[array.dtype.name], n, d, row_bytes)
