"""Graph.pairs gives the rows that `kin pairs` writes."""
import numpy as np

import package
from package import Case, kin, two_matrices, weighted


class Pairs(Case):
    def setUp(self):
        super().setUp()
        self.built = self.graph(weighted(*two_matrices(300)), 15, out=self.path("g"))

    def check(self, *arguments, **options):
        self.ok("pairs", "g", "--out", "pairs.npz", "--force", *arguments)
        ours = self.built.pairs(**options)
        with np.load(self.path("pairs.npz")) as theirs:
            self.assertEqual(sorted(ours), sorted(theirs.files))
            for name, column in ours.items():
                self.assertEqual(column.dtype, theirs[name].dtype, name)
                self.assertEqual(column.tobytes(), theirs[name].tobytes(), name)
        return ours

    def test_all(self):
        rows = self.check()
        stored = self.built.rows()
        np.testing.assert_array_equal(rows["neighbor"], stored.indices)
        np.testing.assert_array_equal(rows["item"], np.repeat(np.arange(300), np.diff(stored.indptr)))
        self.assertEqual(len(self.check("--max-rows", 0, max_rows=0)["item"]), self.built.entries)

    def test_sampled(self):
        for seed in (1, 7):
            rows = self.check("--max-rows", 500, "--seed", seed, max_rows=500, seed=seed)
            self.assertEqual(len(rows["item"]), 500)
        self.assertEqual(list(rows), ["item", "neighbor", "rank", "score", "cosine_text", "cosine_image"])
        self.assertEqual(len(self.built.pairs(10**9)["item"]), self.built.entries)

    def test_refused(self):
        self.raises(kin.UsageError, "max-rows", self.built.pairs, -1)
        self.raises(kin.UsageError, "seed", self.built.pairs, 5, -1)


if __name__ == "__main__":
    package.main()
