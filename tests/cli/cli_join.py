"""kin build --engine join, the self-join in fused space, on catalogs large enough that clusters are left out:
recall, duplicates, every policy for missing modalities, the same bytes whatever the machine does, and the
smallest and largest K."""
import os

import numpy as np

import kin_cli
from kin_cli import (Build, Graph, Oracle, assert_exact, assert_scores, assert_shape, random_rows,
                     same_files, tie_aware_recall)

N, K = 5000, 20
WEIGHTS = {"text": 0.6, "image": 0.4}


class Joins(Build):
    """Builds of one generated catalog."""
    share = ["--duplicate-share", 0.25, "--missing-share", 0.03]

    def setUp(self):
        super().setUp()
        self.ok("gen", "--items", N, "--modality", "text=32", "--modality", "image=24", "--clusters", 25,
                *self.share, "--out", "cat")
        self.vectors = {name: np.load(self.path("cat", name + ".npy")) for name in WEIGHTS}

    def join(self, out, *arguments, weights=None, k=K):
        modalities = [word for name, weight in (weights or WEIGHTS).items()
                      for word in ("--modality", "%s=cat/%s.npy:%r" % (name, name, weight))]
        result = self.ok("build", *modalities, "--engine", "join", "--top-k", k, "--out", out,
                         *arguments)
        self.nothing_left()
        return Graph(self.path(out)), result

    def check_left_out(self, graph):
        """Lists were really left out, of what was planned and of what was done."""
        join, done = graph.manifest["join"], graph.manifest["run"]["join"]
        self.assertIsNotNone(join["probe_sigmas"])
        self.assertLess(join["rows_scanned_share"], 1)
        self.assertLess(done["probes"], join["rows"] * join["clusters"])
        self.assertLess(done["pairs"], join["rows"] ** 2)


class FarWeights(Build):
    """Weights far apart with items that lack the heavy modality: pairs that share the light one alone count W / w times
    what they are in fused space, where codes tell them apart no more."""

    def test_against_exact(self):
        n, centres = 2500, random_rows(40, 24, 1)
        generator = np.random.default_rng(2)
        for name, lack in (("t", 0.3), ("i", 0.2)):
            rows = centres[generator.integers(0, 40, n)] + 0.5 * generator.standard_normal((n, 24))
            rows[generator.random(n) < lack] = 0
            self.save(name + ".npy", rows.astype(np.float32))
        for ratio in ("1e-6", "1e-4"):
            with self.subTest(ratio=ratio):
                vectors = ("--modality", "t.npy:1", "--modality", "i.npy:" + ratio, "--top-k", K)
                self.ok("build", *vectors, "--engine", "exact", "--out", "exact" + ratio)
                result = self.ok("build", *vectors, "--engine", "join", "--strict", "--out", "join" + ratio)
                self.assertNotIn("same rows", result.err)
                self.assertIn("exact scans every pair once and proves its rows", result.err)
                self.ok("compare", "join" + ratio, "--reference", "exact" + ratio, "--min-recall", 0.99, "--min-fill", 1)


class Recall(Joins):
    def test_policies(self):
        for missing in ("renorm", "zero", "drop"):
            with self.subTest(missing=missing):
                graph, _ = self.join(missing, "--missing", missing)
                oracle = Oracle(self.vectors, WEIGHTS, missing)
                self.check_left_out(graph)
                assert_shape(self, graph, K)
                assert_scores(self, graph, oracle, rows=np.arange(0, N, 5))
                self.assertGreaterEqual(tie_aware_recall(graph, oracle, K), 0.97)
                self.ok("build", "--modality", "text=cat/text.npy:0.6", "--modality",
                        "image=cat/image.npy:0.4", "--engine", "stream", "--top-k", K, "--missing",
                        missing, "--out", "stream" + missing)
                stream = Graph(self.path("stream" + missing))
                self.assertTrue((graph.indptr == stream.indptr).all(), "as many neighbours as exact")

    def test_targets(self):
        """More is asked, more is looked at, more is found."""
        oracle = Oracle(self.vectors, WEIGHTS)
        looked_at = []
        for target in (0.7, 0.9, 0.97, 0.99):
            graph, _ = self.join("g%g" % target, "--target-recall", target)
            self.assertEqual(graph.manifest["join"]["target"], target)
            self.assertTrue(graph.manifest["target_met"])
            self.assertGreaterEqual(tie_aware_recall(graph, oracle, K), target)
            looked_at.append(graph.manifest["run"]["join"]["pairs"])
        self.assertEqual(looked_at, sorted(set(looked_at)))

    def test_nearest(self):
        """The nearest are not lost, whether or not a modality is missing, at the default target."""
        n, k = 12000, 40
        self.ok("gen", "--items", n, "--modality", "text=32", "--modality", "image=24", "--clusters", 150,
                "--duplicate-share", 0.05, "--missing-share", 0.01, "--out", "large")
        vectors = {name: np.load(self.path("large", name + ".npy")) for name in WEIGHTS}
        graph, _ = self.build(vectors, WEIGHTS, "--top-k", k, "--engine", "join", out="nearest")
        self.check_left_out(graph)
        self.assertGreater(graph.manifest["run"]["join"]["rows_refined"], 0)
        self.assertGreater(graph.manifest["run"]["join"]["neighbors_added"], 0)
        self.assertGreaterEqual(graph.manifest["join"]["rare_widening"], 1)
        oracle = Oracle(vectors, WEIGHTS)
        lack = np.flatnonzero([any(not v[i].any() for v in vectors.values()) for i in range(n)])
        self.assertGreater(len(lack), n // 100)
        for rows in (np.arange(0, n, 4), lack):
            self.assertGreaterEqual(tie_aware_recall(graph, oracle, 1, rows), 0.9995)
            self.assertGreaterEqual(tie_aware_recall(graph, oracle, 10, rows), 0.999)
        self.assertGreaterEqual(tie_aware_recall(graph, oracle, k, np.arange(0, n, 4)), 0.97)

    def test_compare(self):
        """What the build says of its own recall is what compare finds."""
        graph, _ = self.join("g")
        self.ok("build", "--modality", "text=cat/text.npy:0.6", "--modality",
                "image=cat/image.npy:0.4", "--top-k", K, "--out", "exact")
        self.ok("compare", "g", "--reference", "exact", "--json", "report.json")
        mean = kin_cli.read_json(self.path("report.json"))["recall"]["tie_aware"]["mean"]
        self.assertLess(mean, 1, "a graph that misses nothing shows nothing here")
        self.assertGreaterEqual(mean, graph.manifest["recall"]["lower_bound"])
        self.assertGreaterEqual(mean, graph.manifest["recall"]["target"])


class SmallAndLarge(Build):
    def test_k(self):
        """K = 1 where clusters are left out, and K = n - 1, which is all others."""
        rows = random_rows(12000, 16, 1, clusters=120)
        graph, _ = self.build({"a": rows}, {}, "--top-k", 1, "--engine", "join", out="one")
        self.assertIsNotNone(graph.manifest["join"]["probe_sigmas"])
        self.assertGreaterEqual(tie_aware_recall(graph, Oracle({"a": rows}, {}), 1), 0.97)
        for n in (2, 3, 33, 700):
            vectors = {"a": random_rows(n, 8, n), "b": random_rows(n, 5, n + 1)}
            for k in {1, n - 1}:
                graph, _ = self.build(vectors, {}, "--top-k", k, "--engine", "join",
                                      out="n%d-%d" % (n, k))
                assert_shape(self, graph, k)
                assert_exact(self, graph, Oracle(vectors, {}), k, tolerance=4e-7)
                self.ok("verify", "n%d-%d" % (n, k))

    def test_two_items(self):
        """Equal ones, opposite ones, one that lacks all, both."""
        one = np.array([[3, 4]], np.float32)
        for name, other, scores in (("equal", one, [1, 1]), ("opposite", -one, [-1, -1]),
                                    ("alone", 0 * one, []), ("longer", 2 * one, [1, 1])):
            graph, _ = self.build({"a": np.concatenate([one, other])}, {}, "--top-k", 1, "--engine",
                                  "join", "--max-empty", 1, out=name)
            self.assertEqual(graph.data.tolist(), scores, name)
            self.assertEqual(graph.indices.tolist(), [1, 0][:len(scores)], name)

    def test_too_large_k(self):
        self.save("a.npy", random_rows(40, 4, 1))
        self.refused(65, "^top-k 40 needs at least 41 items, the catalog has 40$", "build",
                     "--modality", "a.npy", "--top-k", 40, "--engine", "join", "--out", "g")
        self.save("one.npy", random_rows(1, 4, 1))
        self.refused(65, "^the catalog has 1 item, which has no neighbours$", "build", "--modality",
                     "one.npy", "--top-k", 1, "--engine", "join", "--out", "g")

    def test_no_numbers(self):
        """NaN and infinite values are refused before anything is made of them."""
        for value, word in ((np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")):
            rows = random_rows(4000, 8, 1)
            rows[3210, 5] = value
            self.save("bad.npy", rows)
            for command in (["build", "--engine", "join"], ["index", "--type", "ivf"]):
                result = self.refused(65, r"^bad\.npy: row 3210 is %s at column 5$" % word, *command,
                                      "--modality", "bad.npy", "--top-k", 5, "--out", "g",
                                      hint="zero row")
                self.assertNotIn("Plan", result.err)

    def test_wide(self):
        """Wider than codes can add up: refused, and auto takes another engine."""
        self.save("wide.npy", np.ones((20, 32769), np.float32))
        self.refused(65, r"32769 dimensions in all, --engine join takes 32768", "build", "--modality",
                     "wide.npy", "--top-k", 5, "--engine", "join", "--out", "g", hint="stream")


class Duplicates(Build):
    """A quarter of the items are copies of others, here and there, in groups of two to many."""
    n, copies = 5000, 1250

    def setUp(self):
        super().setUp()
        random = np.random.default_rng(5)
        text = random_rows(self.n, 16, 1, clusters=30, spread=0.3)
        image = random_rows(self.n, 12, 1, clusters=30, spread=0.3)
        image[::101] = 0
        order = random.permutation(self.n)
        originals, copies = order[:self.n - self.copies], order[self.n - self.copies:]
        self.of = np.arange(self.n)
        self.of[copies] = originals[np.minimum(random.zipf(1.5, self.copies), 900) - 1]
        self.vectors = {"text": text[self.of], "image": image[self.of]}
        self.oracle = Oracle(self.vectors, WEIGHTS)

    def check(self, graph, k):
        """Copies are neighbours of each other before all else, and of their rows each has what the
        others have, itself apart."""
        groups = [np.flatnonzero(self.of == o) for o in np.unique(self.of)]
        groups = [group for group in groups if len(group) > 1]
        self.assertGreater(max(map(len, groups)), 10 * k, "some have more copies than neighbours")
        self.assertGreater(sum(len(group) == 2 for group in groups), 50)
        self.assertTrue(any((self.vectors["image"][group] == 0).all() for group in groups),
                        "rows of few modalities lie in clusters of all kinds of rows")
        whole = np.float32(sum(WEIGHTS.values()))
        for group in groups:
            rows = [graph.row(i) for i in group]
            for i, (columns, scores) in zip(group, rows):
                same = [j for j in group if j != i][:k]
                self.assertEqual(columns[:len(same)].tolist(), same)
                np.testing.assert_allclose(scores[:len(same)], whole, rtol=0, atol=2.5e-7)
            if len(group) > k:
                continue
            first = rows[0]
            others = k - len(group) + 1  # entries behind the copies
            for columns, scores in rows[1:]:
                self.assertEqual(columns[-others:].tolist(), first[0][-others:].tolist())
                self.assertEqual(scores.tolist(), first[1].tolist())

    def test_copies(self):
        for k in (8, 30):
            graph, result = self.build(self.vectors, WEIGHTS, "--top-k", k, "--engine", "join",
                                       out="g%d" % k)
            join = graph.manifest["join"]
            self.assertEqual(join["rows"], len(np.unique(self.of)))
            self.assertTrue(any("%d distinct items" % join["rows"] in line
                                for line in result.lines()))
            self.assertIsNotNone(join["probe_sigmas"])
            self.assertLess(join["rows_scanned_share"], 1)
            assert_shape(self, graph, k)
            assert_scores(self, graph, self.oracle, rows=np.arange(0, self.n, 5))
            self.assertGreaterEqual(tie_aware_recall(graph, self.oracle, k), 0.97)
            self.check(graph, k)

    def test_all_the_same(self):
        rows = np.tile(random_rows(1, 6, 1), (500, 1))
        graph, _ = self.build({"a": rows}, {}, "--top-k", 5, "--engine", "join")
        self.assertEqual(graph.manifest["join"]["rows"], 1)
        for i in range(500):
            self.assertEqual(graph.row(i)[0].tolist(), [j for j in range(6) if j != i][:5])
            self.assertTrue((graph.row(i)[1] == 1).all())


class SameBytes(Joins):
    def check(self, common, variants, **options):
        first = None
        for number, variant in enumerate(variants):
            with self.subTest(variant=variant):
                out = "%d" % number
                graph, _ = self.join(out, *common, *variant, "--force", **options)
                self.check_left_out(graph)
                first = first or out
                same_files(self, self.path(first), self.path(out))
        return Graph(self.path(first))

    threads = [["--threads", count] for count in (1, 2, 3, 7)]

    def test_threads_and_memory(self):
        """Budgets from just what it takes up."""
        graph = self.check([], 2 * self.threads)
        least = graph.manifest["run"]["join"]["plan_bytes"]
        self.check([], [["--threads", 1]] +
                   [["--threads", threads, "--memory", budget]
                    for threads, budget in ((1, "%dK" % (least // 1024 + 1)), (2, "30M"),
                                            (3, "100M"), (7, "8G"))])

    def test_too_little_memory(self):
        self.refused(69, r"memory|needs|MiB|bytes", "build", "--modality", "cat/text.npy", "--engine",
                     "join", "--top-k", K, "--memory", "2M", "--out", "g", hint=".")

    def test_order_of_entries(self):
        self.check(["--row-order", "column"], self.threads)

    def test_policies(self):
        for missing in ("zero", "drop"):
            self.check(["--missing", missing], self.threads)

    def test_seeds(self):
        """The seed draws the rows that effort is chosen on, and is no part of the run's chances."""
        first, _ = self.join("s1", "--seed", 1)
        again, _ = self.join("s1again", "--seed", 1)
        other, _ = self.join("s2", "--seed", 2)
        same_files(self, first.directory, again.directory)
        joins = [graph.manifest["join"] for graph in (first, other)]
        self.assertEqual(joins[0]["clusters"], joins[1]["clusters"])
        chosen = ("probe_sigmas", "sample_recall", "rows_scanned_share")
        self.assertNotEqual(*[[join[name] for name in chosen] for join in joins])


if __name__ == "__main__":
    kin_cli.main()
