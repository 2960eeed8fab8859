"""The old loop and the function in its place, side by side on a generated catalog, or on files of vectors.

    python3 replace_the_loop.py [--items N] [--text FILE.npy --image FILE.npy] [--top-k K] [--rows R]

The loop runs on R rows, from which the time of all rows follows. Rows have to be the same but for ties within the
loop's rounding.
"""
import argparse
import time

import numpy as np
import similarity_loop
from kin import build_sparse_similarity_matrix

TIE = 1e-5  # the loop's products are float32


def generated(items, dimensions, seed):
    """Clustered vectors."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((max(2, items // 50), dimensions))
    return (centres[random.integers(len(centres), size=items)] + 0.5 * random.standard_normal((items, dimensions))).astype(
        np.float32)


def same_rows(matrix, which, found, tie=TIE):
    """Of each row, whether it holds what the loop found, where a score that is no tie of the last decides."""
    for row, (neighbors, scores) in zip(which, found):
        start, end = matrix.indptr[row], matrix.indptr[row + 1]
        ours = matrix.indices[start:end]
        certain = neighbors[scores > scores[-1] + tie]
        yield len(ours) == len(neighbors) and np.isin(certain, ours).all() and np.allclose(
            np.sort(matrix.data[start:end])[::-1], scores, rtol=0, atol=tie)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--text", help="a .npy file in place of generated vectors")
    parser.add_argument("--image")
    parser.add_argument("--top-k", type=int, default=200)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--anew", action="store_true", help="the loop calls cosine_similarity for each row, so to speak: all rows "
                        "are made unit again each time")
    options = parser.parse_args()
    text = np.load(options.text, mmap_mode="r") if options.text else generated(options.items, 96, 1)
    image = np.load(options.image, mmap_mode="r") if options.image else (
        None if options.text else generated(options.items, 128, 2))
    n, top_k = len(text), min(options.top_k, len(text) - 1)

    begin = time.perf_counter()
    matrix = build_sparse_similarity_matrix(text, image, top_k)
    ours = time.perf_counter() - begin

    which = np.linspace(0, n - 1, min(options.rows, n)).astype(int)
    loop = similarity_loop.rows(text, image, which, top_k, anew=options.anew)
    found = [next(loop)]  # with it, what the loop may do once: unit rows
    begin = time.perf_counter()
    found += list(loop)
    theirs = (time.perf_counter() - begin) / max(1, len(which) - 1) * n

    same = sum(same_rows(matrix, which, found))
    print(f"{n} items, top {top_k}: kin {ours:.2f} s, the loop {theirs:.1f} s (from {len(which)} rows), "
          f"{theirs / ours:.0f} times as long; {same} of {len(which)} same rows")
    return 0 if same == len(which) else 1


if __name__ == "__main__":
    raise SystemExit(main())
