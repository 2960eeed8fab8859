"""Catalogs that tools/bench/exact and -plan name by a word, made in a folder where they are missing.

    fashion      the real catalog, ../shared/catalogs/fashion, weights .6/.4
    gen100k      kin gen --items 100000 --modality text=384 --modality image=512 --seed 5
    gen1m        the same with 1,000,000 items
    isotropic    50,000 x 512, normal rows (needs NumPy)
"""
import os

import common

GEN = {"gen100k": 100000, "gen1m": 1000000}
NAMES = ("fashion", *GEN, "isotropic")
FASHION = os.path.join(common.ROOT, "..", "shared", "catalogs", "fashion")
MODALITIES = ("text", "image")


def generated(name, work):
    folder = os.path.join(work, name)
    if not os.path.exists(folder):
        common.timed([common.KIN, "gen", "--items", str(GEN[name]), "--modality", "text=384",
                      "--modality", "image=512", "--seed", "5", "--out", folder])
        os.sync()  # else the disk is still busy while contenders are timed
    return [os.path.join(folder, modality + ".npy") for modality in MODALITIES]


def isotropic(work):
    path = os.path.join(work, "isotropic.npy")
    if not os.path.exists(path):
        import numpy
        rows = numpy.random.default_rng(1).standard_normal((50000, 512), dtype=numpy.float32)
        numpy.save(path, rows)
    return [path]


def sources(name, work):
    """--modality values of kin build."""
    if name == "fashion":
        return [f"{modality}={os.path.join(FASHION, modality)}.npy:{weight}"
                for modality, weight in zip(MODALITIES, ("0.6", "0.4"))]
    return isotropic(work) if name == "isotropic" else generated(name, work)
