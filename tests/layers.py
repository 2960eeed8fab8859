"""Reads the #include lines of every C file and fails on one that crosses a layer, and on JSON that forgets.

The may-use table is the one in docs/ARCHITECTURE.md. What a folder may include is what it is
built on; who may include FAISS is one file. JSON is built, read and printed by core/json.c, which remembers
that memory was refused: jansson's own functions for it leave out what did not fit, and "*" in a
format of json_pack does so too. Prints offenders as file:line.
"""
import pathlib
import re
import sys

MAY_USE = {
    "kin": {"kin", "report", "job", "core", "scan", "exact", "ann", "compare"},
    "core": {"core"},
    "scan": {"scan", "core"},
    "exact": {"exact", "core", "scan"},
    "ann": {"ann", "core", "scan"},
    "compare": {"compare", "core"},
    "job": {"job", "core", "scan", "exact", "ann", "compare"},
    "report": {"report", "job", "compare", "core"},
    "tools": {"tools", "tools/gen", "core", "scan", "exact", "ann", "compare", "job", "report"},
    "tools/gen": {"tools/gen", "core", "scan"},
    "tests": {"tests", "support", "core", "scan", "exact", "ann", "compare", "job", "report", "tools", "tools/gen",
              "kin"},
}
# The baseline is what other engines are compared with, so it shares no engine room with them.
CLOSER = {"exact/stream.c": {"exact", "core"}, "exact/stream.h": {"exact", "core"}}
# The library's interface has the codes, the error and the types of values that core uses too.
PUBLIC_HEADER, PUBLIC_USERS = "kin/kin.h", ("kin", "core", "tests")
FAISS_FILE = "ann/faiss_api.c"
JSON_FILE = "core/json.c"
FORGETS = re.compile(r'\bjson_(?:(?:object|array)_(?:set|append|insert|update|extend)\w*|copy|deep_copy|dump\w*|load\w*)\('
                     r'|"\{[^"]*s:\w[%?]?\*')
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def room(path):
    """The folder of MAY_USE that a path belongs to: the longest."""
    parts = path.split("/")
    longer = "/".join(parts[:2])
    return longer if longer in MAY_USE and len(parts) > 2 else parts[0]


def offence(name, bracket, target):
    """What is wrong with the file `name` including `target`, or None."""
    folder = room(name)
    first = room(target)
    if re.match(r"faiss(/|$)", target, re.IGNORECASE) and name != FAISS_FILE:
        return f"only {FAISS_FILE} includes FAISS"
    if first in MAY_USE and "/" in target:
        if bracket == "<":
            return "the project's own headers are included in quotes"
        if target == PUBLIC_HEADER:
            return None if folder in PUBLIC_USERS else f"{folder} gets {PUBLIC_HEADER} from core"
        tested = re.match(r"tests/unit/(\w+)/", name)
        folder = tested[1] if tested and tested[1] in MAY_USE else folder
        allowed = CLOSER.get(name, MAY_USE[folder])
        return None if first in allowed else f"{folder} may not use {first}"
    if bracket == '"' and folder != "tests":
        return "name the header by its path from the root, as in \"core/error.h\""
    return None


def forgets(name, text):
    """Whether the line builds, reads or prints JSON beside core/json.h."""
    return name.split("/")[0] != "tests" and name != JSON_FILE and FORGETS.search(text)


def leaves_out(name, text):
    """Whether the line opens glibc's stream into memory, which leaves out what memory was refused for."""
    return name.split("/")[0] != "tests" and "open_memstream(" in text and not text.lstrip().startswith(("/*", "*"))


def check(root):
    """All offences under `root`, and how many include lines were read."""
    found, lines = [], 0
    for folder in sorted({name.split("/")[0] for name in MAY_USE}):
        for path in sorted((root / folder).rglob("*.[ch]")):
            name = path.relative_to(root).as_posix()
            for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if forgets(name, text):
                    found.append(f"{name}:{number}: {text.strip()}: JSON goes through core/json.h")
                if leaves_out(name, text):
                    found.append(f"{name}:{number}: {text.strip()}: texts go through kin_text_stream")
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
        ("exact/exact.c", '"', "ann/faiss_index.h", False), ("ann/faiss_index.c", '"', "exact/stream.h", False),
        ("ann/faiss_index.c", "<", "faiss/c_api/Index_c.h", False), (FAISS_FILE, "<", "faiss/c_api/Index_c.h", True),
        ("compare/r.c", '"', "ann/faiss_index.h", False), ("tools/kin.c", '"', "tests/unit/support/test.h", False),
        ("tools/kin.c", '"', "ann/faiss_index.h", True), ("tests/a.c", '"', "support/test.h", True),
        ("tools/gen/a.c", '"', "tools/command.h", False), ("tools/gen/a.c", '"', "tools/gen/gen.h", True),
        ("tools/cmd_gen.c", '"', "tools/gen/gen.h", True), ("job/a.c", '"', "tools/gen/gen.h", False),
        ("tests/unit/core/a.c", '"', "scan/tile.h", False), ("tests/unit/exact/a.c", '"', "scan/tile.h", True),
        ("tests/unit/support/a.c", '"', "exact/stream.h", True),
        ("core/error.h", '"', "kin/kin.h", True), ("kin/a.c", '"', "report/a.h", True), ("core/a.c", '"', "kin/a.h", False),
        ("job/a.c", '"', "kin/kin.h", False), ("tools/a.c", '"', "kin/a.h", False), ("kin/a.c", '"', "tools/a.h", False),
        ("core/a.c", "<", "core/b.h", False), ("core/a.c", '"', "b.h", False),
        ("core/a.c", "<", "stdio.h", True), ("core/a.c", "<", "sys/stat.h", True),
    ]
    for name, bracket, target, good in cases:
        fault = offence(name, bracket, target)
        assert (fault is None) == good, (name, target, fault)
    for text, bad in [("json_object_set_new(a, b, c);", True), ("x = json_copy(y)", True), ('"{s:s, s:s*}"', True),
                      ("json_loadb(", True), ("json_dumpf(", True), ("kin_json_set(&a, b, c);", False),
                      ('"{s:s%, s:O?}"', False), ("json_object_get(a, b)", False), ("json_array_append_new(", True)]:
        assert bool(forgets("tools/a.c", text)) == bad, text
    assert not forgets(JSON_FILE, "json_copy(")
    assert leaves_out("tools/a.c", "x = open_memstream(&a, &b);") and not leaves_out("core/a.h", " * open_memstream(3)")


def main():
    check_itself()
    found, lines = check(pathlib.Path(__file__).resolve().parent.parent)
    for line in found:
        print(line)
    if lines < 100:
        print(f"only {lines} include lines were found: is this the source tree?")
    print(f"{lines} include lines, {len(found)} across a layer or past core/json.h")
    return 1 if found or lines < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
