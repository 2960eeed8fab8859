"""One exception class for each code of libkin, each also of the built-in class that fits."""
from __future__ import annotations

from typing import Any


class KinError(Exception):
    """What kin refuses or fails at.

    message: one line that names the place, the value and the limit. hint: one line that says what to do, or "".
    code: the command's exit status, negated (kin_code in kin/kin.h). result: what a call found all the same, as the
    comparison of which a gate was not met; else None.
    """
    code = -1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.result: dict[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.hint), self.__dict__


class InternalError(KinError, RuntimeError):
    """A bug of kin's."""
    code = -1


class UsageError(KinError, ValueError):
    """An option or argument that makes no sense."""
    code = -2


class GateError(KinError):
    """The result is there (`result`, where the call gives one), a promised quality is not."""
    code = -3


class DataError(KinError, ValueError):
    """An input says something that cannot be used: NaN, a shape, a dtype."""
    code = -65


class NoInputError(KinError, FileNotFoundError):
    """An input file is missing or unreadable."""
    code = -66


class BudgetError(KinError, MemoryError):
    """More memory or threads are needed than allowed, or another CPU."""
    code = -69


class OutputError(KinError, OSError):
    """The output cannot be created."""
    code = -73


class ReadWriteError(KinError, OSError):
    """Reading or writing failed under way."""
    code = -74


class TryAgainError(KinError):
    """A lock is held, or an input changed under way."""
    code = -75


class NothingToDoError(KinError):
    """There is nothing to do."""
    code = -99


class StoppedError(KinError):
    """The call was stopped and no exception says why."""
    code = -128


class CopyWarning(UserWarning):
    """An array had to be copied: the message names the bytes and the reason."""


class SparseWarning(UserWarning):
    """A sparse matrix was reduced to fewer dimensions: the message states energy and recall."""


BY_CODE: dict[int, type[KinError]] = {
    each.code: each for each in (InternalError, UsageError, GateError, DataError, NoInputError, BudgetError,
                                 OutputError, ReadWriteError, TryAgainError, NothingToDoError, StoppedError)}


def error_of(code: int, message: str, hint: str) -> KinError:
    """The exception for a code of libkin."""
    return BY_CODE.get(code, InternalError)(message, hint)
