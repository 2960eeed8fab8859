"""Reads the #include lines of every C file and fails on one that crosses a layer.

The may-use table is the one in docs/ARCHITECTURE.md. What a folder may include is what it is
built on; who may include FAISS is one file. Prints offenders as file:line.
"""
import pathlib
import re
import sys

MAY_USE = {
    "core": {"core"},
    "scan": {"scan", "core"},
    "exact": {"exact", "core", "scan"},
    "ann": {"ann", "core", "scan"},
    "compare": {"compare", "core"},
    "job": {"job", "core", "scan", "exact", "ann", "compare"},
    "tools": {"tools", "core", "scan", "exact", "ann", "compare", "job"},
    "tests": {"tests", "support", "core", "scan", "exact", "ann", "compare", "job", "tools"},
}
# The baseline judges the other engines, so it shares no engine room with them.
CLOSER = {"exact/stream.c": {"exact", "core"}, "exact/stream.h": {"exact", "core"}}
FAISS_FILE = "ann/faiss_index.c"
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def offence(name, bracket, target):
    """What is wrong with the file `name` including `target`, or None."""
    folder = name.split("/")[0]
    first = target.split("/")[0]
    if re.match(r"faiss(/|$)", target, re.IGNORECASE) and name != FAISS_FILE:
        return f"only {FAISS_FILE} includes FAISS"
    if first in MAY_USE and "/" in target:
        if bracket == "<":
            return "the project's own headers are included in quotes"
        allowed = CLOSER.get(name, MAY_USE[folder])
        return None if first in allowed else f"{folder} may not use {first}"
    if bracket == '"' and folder != "tests":
        return "name the header by its path from the root, as in \"core/error.h\""
    return None


def check(root):
    """All offences under `root`, and how many include lines were read."""
    found, lines = [], 0
    for folder in MAY_USE:
        for path in sorted((root / folder).rglob("*.[ch]")):
            name = path.relative_to(root).as_posix()
            for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                match = INCLUDE.match(text)
                if not match:
                    continue
                lines += 1
                fault = offence(name, *match.groups())
                if fault:
                    found.append(f"{name}:{number}: {text.strip()}: {fault}")
    return found, lines


def check_itself():
    """The rules on lines whose answer is known."""
    cases = [
        ("core/a.c", '"', "core/b.h", True), ("core/a.c", '"', "exact/stream.h", False),
        ("exact/exact.c", '"', "scan/tile.h", True), ("exact/stream.c", '"', "scan/tile.h", False),
        ("exact/exact.c", '"', "ann/index.h", False), ("ann/index.c", '"', "exact/stream.h", False),
        ("ann/index.c", "<", "faiss/c_api/Index_c.h", False), (FAISS_FILE, "<", "faiss/c_api/Index_c.h", True),
        ("compare/r.c", '"', "ann/index.h", False), ("tools/kin.c", '"', "tests/support/test.h", False),
        ("tools/kin.c", '"', "ann/index.h", True), ("tests/a.c", '"', "support/test.h", True),
        ("core/a.c", "<", "core/b.h", False), ("core/a.c", '"', "b.h", False),
        ("core/a.c", "<", "stdio.h", True), ("core/a.c", "<", "sys/stat.h", True),
    ]
    for name, bracket, target, good in cases:
        fault = offence(name, bracket, target)
        assert (fault is None) == good, (name, target, fault)


def main():
    check_itself()
    found, lines = check(pathlib.Path(__file__).resolve().parent.parent)
    for line in found:
        print(line)
    if lines < 100:
        print(f"only {lines} include lines were found: is this the source tree?")
    print(f"{lines} include lines, {len(found)} across a layer")
    return 1 if found or lines < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
