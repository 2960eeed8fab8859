"""Refuses comment lines of more than 100 columns: code is held there by clang-format, which leaves comments alone.

A line counts where a comment ends it: C's block comments, also behind code, and lines of Python, shell and CMake
that begin with #. Prints offenders as file:line.
"""
import pathlib
import subprocess
import sys

MOST = 100
SKIPPED = ("tests/fuzz/corpus/", "tests/fuzz/folders/")
C_ENDINGS = (".c", ".h", ".cpp")
HASH_ENDINGS = (".py", ".cmake", "CMakeLists.txt")


def long_comments(name, text):
    """Numbers of the lines that are too long by a comment."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if name.endswith(C_ENDINGS):
            was_inside, opened = inside, line.rfind("/*")
            if opened >= 0 or inside:
                inside = line.rfind("*/") <= max(opened, -1) if opened >= 0 else "*/" not in line
            comment = was_inside or line.rstrip().endswith("*/") or inside or line.lstrip().startswith("//")
        else:
            comment = line.lstrip().startswith("#") and not line.startswith("#!")
        if comment and len(line) > MOST:
            yield number


def files(root):
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True)
    names = listed.stdout.splitlines() or [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    for name in names:
        path = root / name
        if name.startswith(SKIPPED + ("build/",)) or not path.is_file():
            continue
        script = name.startswith(("tools/", ".ci/")) and "." not in path.name
        if name.endswith(C_ENDINGS + HASH_ENDINGS) or script:
            yield name, path.read_text(encoding="utf-8")


def check_itself():
    long = "x" * MOST
    for text, bad in [("/* " + long + " */", [1]), ("int a; /* " + long + "\n * b */", [1]), ("char *a = \"" + long + "\";", []),
                      ("/* a */\n" + long, []), ("/*\n * " + long + "\n */\n" + long, [2]), ("/* a\n * b */ \n" + long, [])]:
        assert list(long_comments("a.c", text)) == bad, text
    assert list(long_comments("a.py", "# " + long + "\na = '# " + long + "'")) == [1]


def main():
    check_itself()
    root = pathlib.Path(__file__).resolve().parent.parent
    found, count = 0, 0
    for name, text in files(root):
        count += 1
        for number in long_comments(name, text):
            print(f"{name}:{number}: a comment line of more than {MOST} columns")
            found += 1
    print(f"{count} files, {found} comment lines of more than {MOST} columns")
    return 1 if found or count < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
