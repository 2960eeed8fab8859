"""Options from the environment, by the rules of the command.

KIN_<OPTION> comes before the older SIMILARITY_ name, and both before the default. An empty value is unset; blanks at
the ends and a trailing " # comment" are cut off. A name of either kind that nothing knows gets a warning, as it would
otherwise be a setting that has no effect.
"""
from __future__ import annotations

import os
import re
from typing import Any

from . import _options
from ._call import logger
from ._library import VARIABLE

# Names that the command reads and that are no option of a call of the library.
OF_THE_COMMAND = ("modality", "log", "log_time", "progress", "json", "print_config", "query", "item", "pictures")


def _value(name: str | None) -> str:
    """The variable without blanks and comment, "" where it is unset."""
    value = os.environ.get(name, "") if name else ""
    return re.split(r"\s#", value, maxsplit=1)[0].strip()


def warn_of_unknown() -> None:
    """A warning in the log for each KIN_ or SIMILARITY_ name that nothing reads."""
    options = [option for call in _options.description()["call"].values() for option in call]
    known = {VARIABLE, *("KIN_" + name.upper() for name in OF_THE_COMMAND)}
    for option in options:
        known.update([*option["environment"], option["deprecated"] or VARIABLE])
    for name in os.environ:
        if name.startswith(("KIN_", "SIMILARITY_")) and name not in known:
            logger.warning("%s: no such setting%s", name, _options.nearest(name, known))


def read(call: str, given: set[str]) -> dict[str, Any]:
    """The options of a call that the environment sets and that are not among `given`."""
    found: dict[str, Any] = {}
    for option, told in _options.table(call).items():
        names = [] if option in given else [*told["environment"], told["deprecated"]]
        name = next((name for name in names if _value(name)), None)
        if name is None:
            continue
        if name == told["deprecated"]:
            logger.warning("%s is deprecated: use %s", name, told["environment"][0])
        found[option] = re.split(r"[;\n]", _value(name)) if told["type"] == "list" else _value(name)
    return found
