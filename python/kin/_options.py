"""Options: from Python's keywords to the texts "top-k=200" that libkin reads.

Names, limits and defaults are the library's own (kin_describe), those of the command's --help. A name that it does not
know is a TypeError here; what a value may be the library says.
"""
from __future__ import annotations

import ctypes
import difflib
import functools
import json
import numbers
import os
from collections.abc import Iterable, Mapping
from typing import Any

from ._errors import UsageError
from ._library import check, lib, take_text


@functools.lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """What kin_describe tells: versions, codes, and of each call its options."""
    text = ctypes.c_void_p()
    check(lib.kin_describe, ctypes.byref(text))
    told: dict[str, Any] = json.loads(take_text(text))
    return told


def table(call: str) -> dict[str, dict[str, Any]]:
    """The options of a call by their Python names ("top_k")."""
    return {option["name"].replace("-", "_"): option for option in description()["call"][call]}


def nearest(name: str, names: Iterable[str]) -> str:
    """": did you mean X?", or nothing."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f": did you mean {found[0]}?" if found else ""


def refuse_unknown(function: str, options: Mapping[str, Any], known: Iterable[str]) -> None:
    """TypeError for the first name that is none of `known`, with the nearest."""
    names = list(known)
    for name in options:
        if name not in names:
            raise TypeError(f"{function}() has no option {name!r}{nearest(name, names)}")


def path_bytes(name: str, path: Any) -> bytes:
    """A path, or another text, for libkin. TypeError, and UsageError where it holds a NUL, which would end it."""
    text = os.fsencode(path)
    if b"\0" in text:
        raise UsageError(f"{name}: a text without NUL is needed", "give a str or a path of str")
    return text


def _text_of(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return repr(float(value))
    if isinstance(value, (str, os.PathLike)):
        return os.fsdecode(path_bytes(name, value))
    if getattr(value, "dtype", None) is not None and getattr(value, "ndim", None) == 0:
        return _text_of(name, value.item())
    raise TypeError(f"{name}: {type(value).__name__} is no value of an option: give a number, a text or a path")


def texts(function: str, call: str, options: Mapping[str, Any], taken: Iterable[str] = ()) -> list[bytes]:
    """The options as libkin reads them. None is an option that is not given; a list gives it several times.

    taken: names that the function has as parameters of its own, for the nearest name.
    """
    known = table(call)
    refuse_unknown(function, options, [*known, *taken])
    found = []
    for name, value in options.items():
        values = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
        found += [os.fsencode(f"{known[name]['name']}={_text_of(name, each)}") for each in values]
    return found


def array(found: list[bytes]) -> Any:
    """A NULL-ended char *[]."""
    return (ctypes.c_char_p * (len(found) + 1))(*found, None)
