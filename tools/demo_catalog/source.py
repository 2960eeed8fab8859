"""Which drawings there are, which of them are the same, and the fingerprint of the recipe.

The package lists one drawing under several folders (mostly by symbolic links): animals/frog.svg and
animals/amphibian/frog.svg. They are told by their bytes; the path that says most about the drawing stays.
"""
import hashlib
import os
import pathlib
import subprocess

import numpy
import scipy

PACKAGE = "openclipart-svg"
PACKAGE_FOLDER = pathlib.Path("/usr/share/openclipart/svg")

# Folders that say where a drawing came from, not what it shows.
VAGUE_FOLDERS = {"unsorted", "special", "examples"}


def list_drawings(folder):
    """Sorted relative paths of the readable .svg files below `folder`, links included."""
    found = []
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            relative = os.path.relpath(path, folder)
            # A path is an id, a line and a table cell: one that cannot be is not an item.
            if name.endswith(".svg") and relative.isprintable() and os.path.isfile(path):
                found.append(relative)
    return sorted(found)


def _telling(path):
    """Sort key: the most telling of several paths comes first."""
    parts = path.split("/")[:-1]
    return (any(p in VAGUE_FOLDERS for p in parts), -len(parts), -sum(map(len, parts)), path)


def distinct_drawings(folder, paths):
    """One path for each distinct drawing, sorted, and how many paths were further names of them."""
    by_bytes = {}
    for path in paths:
        digest = hashlib.sha256((folder / path).read_bytes()).digest()
        by_bytes.setdefault(digest, []).append(path)
    chosen = sorted(min(group, key=_telling) for group in by_bytes.values())
    return chosen, len(paths) - len(chosen)


def _first_line(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        return done.stdout.split("\n", 1)[0]
    except OSError:
        return ""


def recipe_fingerprint(folder, paths, limit):
    """Hash of everything that the catalog's content depends on: these sources, the drawings, the renderer, the libraries."""
    here = pathlib.Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in [here / "demo-catalog", *sorted(here.glob("*.py"))]:
        digest.update(path.read_bytes())
    versions = [
        _first_line(["dpkg-query", "-W", "-f", "${Version}", PACKAGE]),
        _first_line(["rsvg-convert", "--version"]),
        numpy.__version__,
        scipy.__version__,
    ]
    sizes = [f"{p}:{os.stat(folder / p).st_size}" for p in paths]
    digest.update("\n".join([*versions, f"limit {limit}", *sizes]).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
