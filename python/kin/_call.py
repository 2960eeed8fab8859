"""Calls that take time: progress, messages, and exceptions that stop them.

The function of libkin runs on a thread of this module's, and the caller's thread waits for what it tells. So
KeyboardInterrupt and whatever else a signal handler raises arrives where Python raises it, in a wait, and never inside
a callback of ctypes, which would print and forget it. The caller's progress function runs on the caller's thread. What
is raised stops the function, is kept until that has ended, and goes on to the caller: nothing is left running.
"""
from __future__ import annotations

import ctypes
import json
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Union

from ._errors import BudgetError, KinError
from ._library import (EVENT_INFO, EVENT_PROGRESS, EVENT_TICK, EVENT_WARNING, Callback, Error, exception_of, take_text)

Progress = Union[Callable[[int, int], object], str, None]

logger = logging.getLogger("kin")
logger.addHandler(logging.NullHandler())

JOIN_SECONDS = 0.005
PROGRESS_SECONDS = 0.05  # progress that follows sooner is left out, but for the last


class _Bar:
    """Progress as a bar of tqdm's."""

    def __init__(self) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            raise ImportError("progress='tqdm' needs the package tqdm: pip install tqdm") from None
        self._bar = tqdm(unit=" items", unit_scale=True)

    def __call__(self, done: int, total: int) -> None:
        if self._bar.total != total:
            self._bar.reset(total)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


def _reporter(progress: Progress) -> Callable[[int, int], object] | None:
    if progress is None or callable(progress):
        return progress
    if progress == "tqdm":
        return _Bar()
    raise TypeError(f"progress: {progress!r} is neither a function of (done, total) nor 'tqdm'")


class _Running:
    """One call of a function of libkin, on a thread of its own."""

    def __init__(self, function: Any, arguments: tuple[Any, ...]) -> None:
        self.told: queue.SimpleQueue[tuple[int, str, int, int] | None] = queue.SimpleQueue()
        self.stop = False
        self.code = 0
        self.error = Error()
        self.failure: BaseException | None = None  # of Python's, before the function began
        self._last = 0.0
        self._function, self._arguments = function, arguments
        self._entered = self._ended = False
        # Daemon: where the interpreter ends while this runs it is not waited for.
        self.thread = threading.Thread(target=self._run, name="kin", daemon=True)

    def _tell(self, _: Any, event: int, text: bytes | None, done: int, total: int) -> int:
        if event == EVENT_PROGRESS:
            now = time.monotonic()
            if now - self._last >= PROGRESS_SECONDS or done in (0, total):
                self._last = now
                self.told.put((event, "", done, total))
        elif event != EVENT_TICK:
            self.told.put((event, (text or b"").decode(errors="replace"), done, total))
        return 1 if self.stop else 0

    def _run(self) -> None:
        self._entered = True
        try:
            if self.stop:
                return
            callback = Callback(self._tell)
            self.code = self._function(*self._arguments, callback, None, ctypes.byref(self.error))
        except BaseException as failure:
            self.failure = failure
        finally:
            self._ended = True
            self.told.put(None)

    def wait(self, report: Callable[[int, int], object] | None) -> None:
        """Passes on what the function tells until it has ended."""
        for event, text, done, total in iter(self.told.get, None):
            if event == EVENT_PROGRESS and report:
                report(done, total)
            elif event == EVENT_INFO:
                logger.info("%s", text)
            elif event == EVENT_WARNING:
                logger.warning("%s", text)

    def join(self) -> None:
        """Waits for the end, whatever signals bring meanwhile: the function reads memory of the caller's.

        No lock is taken, as an exception may come between any two steps. A thread that was interrupted before it
        began finds `stop`, which was set before `_entered` is asked here, and calls nothing.
        """
        while self._entered and not self._ended:
            try:
                time.sleep(JOIN_SECONDS)
            except BaseException:  # the first one is on its way to the caller
                continue


def call(function: Any, *arguments: Any, progress: Progress = None) -> None:
    """function(*arguments, callback, self, err), stopped by what is raised meanwhile.

    progress: a function of (done, total) items, or "tqdm".
    """
    report = _reporter(progress)
    running = _Running(function, arguments)
    try:
        try:
            running.thread.start()
        except RuntimeError as error:
            raise BudgetError(f"no thread can be started: {error}", "raise the limit on processes: ulimit -u") from None
        running.wait(report)
    except BaseException:
        running.stop = True
        raise
    finally:
        running.join()
        if isinstance(report, _Bar):
            report.close()
    if running.failure is not None:
        raise running.failure
    if running.code == 0:
        return
    raise exception_of(running.error)


def call_for_handle(free: Any, function: Any, *arguments: Any, progress: Progress = None) -> int:
    """The handle that a function leaves at its first parameter; freed where an exception came too late to stop it."""
    handle = ctypes.c_void_p()
    try:
        call(function, ctypes.byref(handle), *arguments, progress=progress)
    except BaseException:
        if handle.value is not None:
            free(handle.value)
        raise
    assert handle.value is not None
    return handle.value


def call_for_json(function: Any, *arguments: Any, progress: Progress = None) -> dict[str, Any]:
    """The document that a function leaves at its first parameter; of a failed call it is the exception's `result`."""
    text = ctypes.c_void_p()
    try:
        call(function, ctypes.byref(text), *arguments, progress=progress)
    except KinError as failure:
        failure.result = json.loads(take_text(text) or b"null")
        raise
    except BaseException:
        take_text(text)
        raise
    told: dict[str, Any] = json.loads(take_text(text))
    return told
