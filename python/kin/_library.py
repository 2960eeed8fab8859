"""libkin through ctypes: where it is, its functions, and errors as exceptions.

The library is looked for in the package (a wheel), then at $KIN_LIBRARY, then where the loader finds libkin.so.0. It
is loaded once, when kin is imported; that starts no thread.
"""
from __future__ import annotations

import ctypes
import os
import pathlib
from ctypes import (CFUNCTYPE, POINTER, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t, c_uint16,
                    c_uint64, c_void_p)
from typing import Any

from . import _cpu, _errors

SONAME = "libkin.so.0"
VARIABLE = "KIN_LIBRARY"
GATE = _errors.GateError.code
ORDER_SCORE, ORDER_COLUMN = 0, 1
EVENT_TICK, EVENT_PROGRESS, EVENT_STAGE, EVENT_INFO, EVENT_WARNING = range(5)


class Error(ctypes.Structure):
    """kin_error."""
    _fields_ = [("code", c_int), ("message", ctypes.c_char * 512), ("hint", ctypes.c_char * 256)]


Callback = CFUNCTYPE(c_int, c_void_p, c_int, c_char_p, c_size_t, c_size_t)
NO_CALLBACK = Callback()  # NULL

_ERR = POINTER(Error)
_TEXT = POINTER(c_void_p)  # char **: a text of the library's, read and freed by take_text
_OPTIONS = POINTER(c_char_p)
_HANDLE = POINTER(c_void_p)

# name: (result, arguments), in the order of kin/kin.h.
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "kin_code_name": (c_char_p, [c_int]),
    "kin_version": (c_char_p, []),
    "kin_cpu_check": (c_int, [_ERR]),
    "kin_describe": (c_int, [_TEXT, _ERR]),
    "kin_string_free": (None, [c_void_p]),
    "kin_input_new": (c_void_p, []),
    "kin_input_free": (None, [c_void_p]),
    "kin_input_add_array": (c_int, [c_void_p, c_char_p, c_double, c_void_p, c_int, c_size_t, c_size_t, c_size_t, _ERR]),
    "kin_input_add_file": (c_int, [c_void_p, c_char_p, c_double, c_char_p, _ERR]),
    "kin_input_set_ids": (c_int, [c_void_p, c_char_p, c_size_t, _ERR]),
    "kin_build": (c_int, [_HANDLE, c_void_p, _OPTIONS, c_char_p, Callback, c_void_p, _ERR]),
    "kin_plan_build": (c_int, [_TEXT, c_void_p, _OPTIONS, Callback, c_void_p, _ERR]),
    "kin_graph_load": (c_int, [_HANDLE, c_char_p, _ERR]),
    "kin_graph_free": (None, [c_void_p]),
    "kin_graph_save": (c_int, [c_void_p, c_char_p, c_int, _ERR]),
    "kin_graph_item_count": (c_size_t, [c_void_p]),
    "kin_graph_entry_count": (c_size_t, [c_void_p]),
    "kin_graph_top_k": (c_size_t, [c_void_p]),
    "kin_graph_modality_count": (c_size_t, [c_void_p]),
    "kin_graph_modality": (c_char_p, [c_void_p, c_size_t]),
    "kin_graph_has_cosines": (c_int, [c_void_p, c_size_t]),
    "kin_graph_path": (c_char_p, [c_void_p]),
    "kin_graph_manifest": (c_int, [c_void_p, _TEXT, _ERR]),
    "kin_graph_ids": (c_int, [c_void_p, _TEXT, POINTER(c_size_t), _ERR]),
    "kin_graph_rows": (c_int, [c_void_p, c_size_t, c_size_t, c_int, c_void_p, c_void_p, c_void_p, POINTER(c_void_p),
                               _ERR]),
    "kin_graph_neighbors": (c_size_t, [c_void_p, c_size_t, c_void_p, c_void_p, c_size_t]),
    "kin_graph_pair_count": (c_int, [c_void_p, _OPTIONS, POINTER(c_size_t), _ERR]),
    "kin_graph_pairs": (c_int, [c_void_p, _OPTIONS, c_void_p, c_void_p, c_void_p, c_void_p, POINTER(c_void_p), Callback,
                                c_void_p, _ERR]),
    "kin_compare": (c_int, [_TEXT, c_void_p, c_void_p, c_void_p, _OPTIONS, Callback, c_void_p, _ERR]),
    "kin_build_index": (c_int, [c_void_p, _OPTIONS, Callback, c_void_p, _ERR]),
    "kin_searcher_open": (c_int, [_HANDLE, c_char_p, c_void_p, Callback, c_void_p, _ERR]),
    "kin_searcher_free": (None, [c_void_p]),
    "kin_searcher_item_count": (c_size_t, [c_void_p]),
    "kin_searcher_modality_count": (c_size_t, [c_void_p]),
    "kin_searcher_modality": (c_char_p, [c_void_p, c_size_t]),
    "kin_searcher_ids": (c_int, [c_void_p, _TEXT, POINTER(c_size_t), _ERR]),
    "kin_searcher_find": (c_int, [c_void_p, c_void_p, c_size_t, _OPTIONS, c_void_p, c_void_p, c_void_p, Callback,
                                  c_void_p, _ERR]),
    "kin_searcher_find_items": (c_int, [c_void_p, c_void_p, c_size_t, c_size_t, _OPTIONS, c_void_p, c_void_p, c_void_p,
                                        Callback, c_void_p, _ERR]),
}


def library_path() -> str:
    """What is loaded: a path, or a name for the loader."""
    inside = pathlib.Path(__file__).with_name("_lib") / SONAME
    if inside.exists():
        return str(inside)
    return os.environ.get(VARIABLE) or SONAME


def load(path: str) -> ctypes.CDLL:
    """The library with its functions declared. ImportError says in one line what is missing."""
    try:
        library = ctypes.CDLL(path)
    except OSError as failure:
        raise ImportError(f"libkin cannot be loaded ({failure}): install kin's wheel or library, "
                          f"or name the file in {VARIABLE}") from None
    for name, (result, arguments) in _FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(f"{path} has no {name}: this package is for another version of libkin") from None
        function.restype, function.argtypes = result, arguments
    error = Error()
    if library.kin_cpu_check(ctypes.byref(error)) != 0:
        raise ImportError(error.message.decode(errors="replace"))
    return library


_cpu.check()
lib = load(library_path())
version: str = lib.kin_version().decode()


def exception_of(error: Error) -> _errors.KinError:
    """The exception that a kin_error stands for."""
    return _errors.error_of(error.code, error.message.decode(errors="replace"), error.hint.decode(errors="replace"))


def check(function: Any, *arguments: Any) -> None:
    """Calls a function whose last parameter is kin_error *, which is added; raises what it failed at."""
    error = Error()
    if function(*arguments, ctypes.byref(error)) != 0:
        raise exception_of(error)


def take_text(text: c_void_p, bytes_: int | None = None) -> bytes:
    """A text that the library gave, as bytes; frees it. `bytes_`: its length where it may hold any byte."""
    if not text:
        return b""
    try:
        return ctypes.string_at(text) if bytes_ is None else ctypes.string_at(text, bytes_)
    finally:
        lib.kin_string_free(text)


def take_ids(function: Any, handle: int) -> list[str]:
    """The ids that kin_graph_ids or kin_searcher_ids gives, one a line."""
    text, length = c_void_p(), c_size_t()
    check(function, handle, ctypes.byref(text), ctypes.byref(length))
    return take_text(text, length.value).decode("utf-8", "surrogateescape").split("\n")[:-1]
