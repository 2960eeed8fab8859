#!/usr/bin/python3
"""kin gen is no easier than life: a long test.

    gen_hardness.py KIN [--seed S]

Makes a catalog of the shape that the model was fitted to (44,072 items, text and image of 512
dimensions) and measures it at K = 200, weights .6/.4, a missing row counting as cosine 0:

  (a) the share of the true fused top-200 that the union of the exact top-C lists of the two
      modalities holds, for 500 sampled rows, computed here with numpy;
  (b) the recall of an inverted index over fused space (256 lists, 16 probes) for the same rows, by
      `kin index` and `kin query` against `kin build --engine exact`.

Two real catalogs stand behind the limits: (a) C=200 .665 and .569, C=400 .886 and .811, C=800 .982
and .963; (b) .980 on the first. A synthetic catalog outside the limits would flatter the engines,
or punish them for what no catalog does. Then the promises about duplicates, missing rows, norms and
anisotropy, small shapes, and `--from`.

Exit: 0 all held, 1 not (each broken promise on a line), 77 skipped (numpy is missing).
Takes about three minutes and 1 GB on two cores.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("skipped: this Python has no numpy (Debian: python3-numpy, run with /usr/bin/python3)")
    sys.exit(77)

ITEMS, DIM, K, SAMPLE = 44072, 512, 200, 500
QUERY_ITEMS = 60  # of one call
WEIGHTS = {"text": 0.6, "image": 0.4}
UNION_LIMITS = {200: (0.50, 0.72), 400: (0.75, 0.93), 800: (0.92, 0.985)}
INVERTED_LIMITS = (0.90, 0.985)

failures = []


def expect(what, value, low, high):
    good = bool(low <= value <= high)
    print(f"{'ok  ' if good else 'FAIL'} {what}: {value:.4f}, wanted {low:g} to {high:g}", flush=True)
    if not good:
        failures.append(what)


def kin(*arguments):
    command = [str(a) for a in arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KIN_")}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean)
    if done.returncode:
        sys.exit(f"exit {done.returncode} from {' '.join(command)}\n{done.stdout[-2000:]}")


def load(directory):
    return {name: np.load(directory / f"{name}.npy").astype(np.float32) for name in WEIGHTS}


def unit(rows):
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def best(scores, count):
    """Columns of the `count` highest scores of each row, best first."""
    found = np.argpartition(-scores, count, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(scores, found, 1), axis=1, kind="stable")
    return np.take_along_axis(found, order, 1)


def check_union(catalog):
    units = {name: unit(rows) for name, rows in catalog.items()}
    sample = np.random.default_rng(1).choice(ITEMS, SAMPLE, replace=False)
    cosine = {name: rows[sample] @ rows.T for name, rows in units.items()}
    for scores in cosine.values():
        scores[np.arange(SAMPLE), sample] = -2  # never one's own neighbour
    fused = best(sum(WEIGHTS[name] * scores for name, scores in cosine.items()), K)
    lists = {name: best(scores, max(UNION_LIMITS)) for name, scores in cosine.items()}
    for depth, (low, high) in UNION_LIMITS.items():
        held = [
            np.isin(fused[q], np.concatenate([found[q, :depth] for found in lists.values()])).mean()
            for q in range(SAMPLE)
        ]
        expect(f"fused top-{K} held by the union of top-{depth} lists", np.mean(held), low, high)
    for name, scores in cosine.items():
        expect(f"mean cosine of {name}", scores[scores > -2].mean(), 0.4, 0.8)


def distinct_share(rows):
    return len(np.unique(rows.view(f"V{4 * rows.shape[1]}").ravel())) / len(rows)


def check_promises(catalog):
    text, image = catalog["text"], catalog["image"]
    no_text, no_image = (~rows.any(axis=1) for rows in (text, image))
    for name, rows in catalog.items():
        expect(f"{name} is finite", np.isfinite(rows).all(), 1, 1)
    expect("distinct texts (real: .723)", distinct_share(text), 0.68, 0.76)
    expect("distinct images (real: .982)", distinct_share(image), 0.96, 0.99)
    expect("items without image", no_image.mean(), 0.007, 0.013)
    expect("items without text", no_text.mean(), 0.001, 0.004)
    expect("items without both", (no_text & no_image).sum(), 0, 0)
    norms = np.linalg.norm(image[~no_image], axis=1)
    expect("deviation of the logarithm of image norms", np.log(norms).std(), 0.25, 0.45)


def fused(source):
    return [word for name, weight in WEIGHTS.items()
            for word in ("--modality", f"{name}={source}/{name}.npy:{weight}")] + ["--missing", "zero"]


def build(binary, source, out, *engine):
    kin(binary, "build", *fused(source), "--top-k", K, "--out", out, *engine)
    return [np.load(out / f"{part}.npy", mmap_mode="r") for part in ("indptr", "indices", "data")]


def check_inverted(binary, source, scratch):
    start, _, score = build(binary, source, scratch / "exact", "--engine", "exact")
    kin(binary, "index", *fused(source), "--type", "ivf", "--index-space", "fused", "--lists", 256,
        "--out", scratch / "index")
    sample = np.random.default_rng(1).choice(ITEMS, SAMPLE, replace=False)
    hits = wanted = 0
    for part in np.array_split(sample, -(-SAMPLE // QUERY_ITEMS)):
        items = [word for q in part for word in ("--item", q)]
        kin(binary, "query", scratch / "index", *items, "--top-k", K, "--probes", 16, "--candidates",
            K, "--json", scratch / f"{part[0]}.json")
        answers = json.loads((scratch / f"{part[0]}.json").read_text(encoding="utf-8"))["queries"]
        for q, answer in zip(part, answers):
            # Found scores are exact, so those at least as good as the true last one are hits, ties
            # too.
            true = score[start[q]:start[q + 1]]
            found = np.array([entry["score"] for entry in answer["neighbors"]])
            hits += min(len(true), int((found >= true.min(initial=np.inf) - 1e-7).sum()))
            wanted += len(true)
    expect("recall of 256 lists, 16 probes in fused space", hits / wanted, *INVERTED_LIMITS)


def generate(binary, out, items, text, image, seed=1):
    kin(binary, "gen", "--items", items, "--modality", f"text={text}",
        "--modality", f"image={image}", "--seed", seed, "--out", out)
    return load(out)


def check_small(binary, scratch):
    for items in (1, 10, 300):
        for dims in ((1, 1), (3, 1), (32, 3)):
            rows = generate(binary, scratch / f"small-{items}-{dims[0]}", items, *dims)
            empty = sum(~part.any(axis=1) for part in rows.values())
            good = all(part.shape == (items, d) and np.isfinite(part).all()
                       for part, d in zip(rows.values(), dims)) and (empty < 2).all()
            expect(f"{items} items of {dims[0]} + {dims[1]} dimensions are sound", good, 1, 1)


def check_from(binary, scratch):
    few = generate(binary, scratch / "few", 2000, 48, 64)
    kin(binary, "gen", "--from", scratch / "few", "--items", 5000, "--seed", 1,
        "--out", scratch / "more")
    more = load(scratch / "more")
    for name, rows in more.items():
        expect(f"--from keeps the originals of {name}", (rows[:2000] == few[name]).all(), 1, 1)
        expect(f"--from: new {name} rows are finite", np.isfinite(rows).all(), 1, 1)
        nearest = (unit(rows[2000:2500]) @ unit(few[name]).T).max(axis=1)
        expect(f"--from: cosine of new {name} rows with the nearest real one", np.median(nearest), 0.8, 1)
    expect("--from: items without both",
           (~more["text"].any(axis=1) & ~more["image"].any(axis=1)).sum(), 0, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kin", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kin-gen-") as name:
        scratch = pathlib.Path(name)
        catalog = generate(arguments.kin, scratch / "catalog", ITEMS, DIM, DIM, arguments.seed)
        check_promises(catalog)
        check_union(catalog)
        del catalog
        check_inverted(arguments.kin, scratch / "catalog", scratch)
        check_small(arguments.kin, scratch)
        check_from(arguments.kin, scratch)
    if failures:
        sys.exit(f"{len(failures)} of kin gen's promises broken: {'; '.join(failures)}")


if __name__ == "__main__":
    main()
