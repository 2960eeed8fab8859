"""100,000 synthetic items of 384 + 512 dimensions: `stream` against numpy in double on 1,000 rows,
within a memory budget, and join's own view of its recall against that of numpy.

Takes about ten minutes on two cores, and 3 GB (the oracle's own)."""
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "cli"))
import kin_cli  # noqa: E402
from kin_cli import Case, Graph  # noqa: E402

N, K, SAMPLE = 100000, 200, 1000
WEIGHTS = {"text": 0.6, "image": 0.4}
MEMORY = 1 << 30


class Large(Case):
    def oracle_rows(self, rows):
        """Scores [len(rows), N] in double, column block by column block; the policy is renorm."""
        total = np.zeros((len(rows), N), np.float64)
        weight = np.zeros((len(rows), N), np.float64)
        for name, factor in WEIGHTS.items():
            vectors = np.load(self.path("catalog", name + ".npy"), mmap_mode="r")
            queries = kin_cli.unit_rows(vectors[rows])
            asked = (queries != 0).any(axis=1)
            for first in range(0, N, 10000):
                block = kin_cli.unit_rows(vectors[first:first + 10000])
                both = asked[:, None] & (block != 0).any(axis=1)[None, :]
                total[:, first:first + 10000] += np.where(both, factor * (queries @ block.T), 0)
                weight[:, first:first + 10000] += np.where(both, factor, 0)
        whole = sum(WEIGHTS.values())
        with np.errstate(invalid="ignore", divide="ignore"):
            total = np.where(weight < whole, whole * total / weight, total)
        total[weight == 0] = -np.inf
        total[np.arange(len(rows)), rows] = -np.inf
        return total

    def check_rows(self, graph, rows):
        """Exact up to ties; returns the K-th scores."""
        last = np.empty(len(rows))
        for first in range(0, len(rows), 100):
            part = rows[first:first + 100]
            scores = self.oracle_rows(part)
            for at, row in enumerate(part):
                near, stored = graph.row(row)
                self.assertEqual(len(set(near.tolist())), K)
                best = np.sort(np.partition(scores[at], N - K)[N - K:])[::-1]
                np.testing.assert_allclose(stored, best, rtol=0, atol=2.5e-7)
                np.testing.assert_allclose(stored, scores[at][near], rtol=0, atol=2.5e-7)
                last[first + at] = best[-1]
        return last

    def test_large(self):
        self.ok("gen", "--items", N, "--modality", "text=384", "--modality", "image=512", "--seed",
                5, "--out", "catalog")
        modalities = ["--modality", "text=catalog/text.npy:0.6", "--modality",
                      "image=catalog/image.npy:0.4", "--ids", "catalog/ids.txt"]
        self.ok("build", *modalities, "--top-k", K, "--engine", "stream", "--memory", MEMORY, "--out",
                "stream")
        graph = Graph(self.path("stream"))
        kin_cli.assert_shape(self, graph, K)
        rows = np.sort(np.random.default_rng(1).choice(N, SAMPLE, replace=False))
        last = self.check_rows(graph, rows)
        peak = graph.manifest["run"]["peak_memory_bytes"]
        print("stream: %.0f s, peak %.0f MiB" % (graph.manifest["run"]["seconds_total"],
                                                 peak / 2 ** 20))
        self.assertLess(peak, MEMORY * 1.05 + (64 << 20))

        self.ok("build", *modalities, "--top-k", K, "--engine", "join", "--out", "join")
        approximate = Graph(self.path("join"))
        good = [min(K, int((approximate.row(row)[1] >= score - 1e-6).sum())) / K
                for row, score in zip(rows, last)]
        print("join: %.0f s, recall %.4f" % (approximate.manifest["run"]["seconds_total"],
                                            np.mean(good)))
        self.assertGreaterEqual(np.mean(good), 0.9)
        document = json.loads(self.ok("compare", "join", "--reference", "stream", "--json", "-").out)
        self.assertAlmostEqual(document["recall"]["tie_aware"]["mean"], np.mean(good), delta=0.01)
        sample = json.loads(self.ok("compare", "join", "--sample", 500, "--json", "-").out)
        self.assertLessEqual(sample["recall"]["tie_aware"]["interval"]["lower95"],
                             document["recall"]["tie_aware"]["mean"])
        for folder in ("catalog", "stream", "join"):
            self.ok("verify", folder)


if __name__ == "__main__":
    if kin_cli.SANITIZED:
        kin_cli.skip_script("a sanitized build is too slow for 100,000 items")
    kin_cli.main()
