"""The catalogs of tools/bench/ann: real, generated, enlarged, and those made to be hard."""
import math
import os
import shutil
import sys

import numpy as np

import common
from sample import open_vectors, unit_rows

NAMES = ("text", "image")
DIMENSIONS = (384, 512)
WEIGHTS = (0.6, 0.4)
SEED = 5
BLOCK = 65536  # rows of a vector file at a time


class Catalog:
    """A folder with text.npy and image.npy, and the weights they are asked with."""

    def __init__(self, folder, weights=WEIGHTS):
        self.folder, self.weights = folder, weights
        self.paths = [os.path.join(folder, name + ".npy") for name in NAMES]
        vectors = [open_vectors(path) for path in self.paths]
        self.items = len(vectors[0])
        self.dimensions = [x.shape[1] for x in vectors]

    def sources(self):
        return [f"{name}={path}:{weight:g}"
                for name, path, weight in zip(NAMES, self.paths, self.weights)]

    def weighed(self, weights):
        return Catalog(self.folder, weights)

    def incomplete(self):
        """How many items lack a modality. Reads everything, which also warms the page cache."""
        lacking = np.zeros(self.items, bool)
        for path in self.paths:
            x = open_vectors(path)
            for first in range(0, self.items, BLOCK):
                lacking[first:first + BLOCK] |= ~x[first:first + BLOCK].any(axis=1)
        return int(lacking.sum())


class Maker:
    """Makes catalogs below `folder`, each once; what is there already is taken as it is."""

    def __init__(self, folder, fashion, scale):
        """scale: generated catalogs have so many times the items, real ones their first rows."""
        self.folder, self.real, self.scale = folder, fashion, scale

    def count(self, items):
        return max(1000, round(items * self.scale))

    def fashion(self):
        whole = Catalog(self.real)
        items = min(whole.items, self.count(whole.items))
        if items == whole.items:
            return whole
        return self._arrays(f"fashion-{items}", lambda: [open_vectors(path)[:items]
                                                         for path in whole.paths])

    def generated(self, items, *options, dimensions=DIMENSIONS, seed=SEED):
        items = self.count(items)
        command = ["--items", str(items), "--seed", str(seed), *options]
        for name, d in zip(NAMES, dimensions):
            command += ["--modality", f"{name}={d}"]
        differs = [f"seed-{seed}"] if seed != SEED else []
        differs += ["x".join(map(str, dimensions))] if dimensions != DIMENSIONS else []
        words = ["gen", str(items), *differs, *(o.lstrip("-") for o in options)]
        return self._gen("-".join(words), command)

    def enlarged(self, items):
        items = max(self.count(items), Catalog(self.real).items + 1)
        return self._gen(f"from-fashion-{items}",
                         ["--from", self.real, "--items", str(items), "--seed", str(SEED)])

    def giant_cluster(self, items, share):
        """One cluster with that share of all items: the first of a Zipf distribution."""
        clusters = round(1.5 * math.sqrt(self.count(items)))
        return self.generated(items, "--clusters", str(clusters), "--zipf",
                              f"{zipf_exponent(clusters, share):.4f}")

    def duplicates(self, items, share):
        """So many items repeat another one in every modality."""
        def change(vectors, random):
            order = random.permutation(len(vectors[0]))
            copies = round(share * len(order))
            originals = random.choice(order[copies:], copies)
            for x in vectors:
                x[order[:copies]] = x[originals]
        return self._changed(items, f"duplicates-{share:g}", change)

    def without_image(self, items, share):
        def change(vectors, random):
            n = len(vectors[1])
            vectors[1][random.choice(n, round(share * n), replace=False)] = 0
        return self._changed(items, f"without-image-{share:g}", change)

    def cone(self, items, cosine):
        """Any two items have about that cosine, in both modalities."""
        def change(vectors, random):
            for m, x in enumerate(vectors):
                unit = unit_rows(x)
                there = unit.any(axis=1)
                unit[there] = unit_rows(unit[there] - unit[there].mean(axis=0))
                axis = unit_rows(random.standard_normal((1, x.shape[1])))
                unit[there] += math.sqrt(cosine / (1 - cosine)) * axis
                vectors[m] = unit.astype(np.float32)
        return self._changed(items, f"cone-{cosine:g}", change)

    def isotropic(self, items):
        items = self.count(items)

        def make():
            random = np.random.default_rng(SEED)
            return [random.standard_normal((items, d), dtype=np.float32) for d in DIMENSIONS]
        return self._arrays(f"isotropic-{items}", make)

    def _changed(self, items, name, change):
        base = self.generated(items)

        def make():
            vectors = [np.array(open_vectors(path)) for path in base.paths]
            change(vectors, np.random.default_rng(SEED))
            return vectors
        return self._arrays(f"{name}-{base.items}", make)

    def _gen(self, name, arguments):
        folder = os.path.join(self.folder, name)
        if not os.path.isdir(folder):
            print(f"making {name}", file=sys.stderr)
            common.timed([common.KIN, "gen", *arguments, "--out", folder])
            os.sync()  # else the disk is still busy while contenders are timed
        return Catalog(folder)

    def _arrays(self, name, make):
        folder = os.path.join(self.folder, name)
        if not os.path.isdir(folder):
            print(f"making {name}", file=sys.stderr)
            partial = folder + ".partial"
            shutil.rmtree(partial, ignore_errors=True)
            os.makedirs(partial)
            for modality, x in zip(NAMES, make()):
                np.save(os.path.join(partial, modality + ".npy"), x)
            os.rename(partial, folder)
            os.sync()
        return Catalog(folder)


def zipf_exponent(clusters, share):
    """The exponent with which the largest of so many clusters has that share."""
    low, high = 0.0, 4.0
    for _ in range(60):
        middle = (low + high) / 2
        if 1 / (np.arange(1, clusters + 1) ** -middle).sum() < share:
            low = middle
        else:
            high = middle
    return low
