"""kin build --target-recall and --strict: what an approximate build says of its own recall, checked by
an oracle; effort that rises; targets that cannot be met."""
import os

import numpy as np

import kin_cli
from kin_cli import Case, Graph, Oracle, random_rows, read_bytes, tie_aware_recall

N, K = 1500, 20
KEYS = ["target", "mean", "lower_bound", "confidence", "alpha", "rows", "exhaustive", "k", "tie_aware",
        "attempts", "seed", "met", "at_1", "at_10", "at_least_90"]


class Recall(Case):
    def setUp(self):
        super().setUp()
        self.vectors = {"text": random_rows(N, 24, 1, clusters=40),
                        "image": random_rows(N, 16, 2, clusters=40)}
        self.vectors["text"][100:160] = self.vectors["text"][100]
        self.vectors["image"][::50] = 0
        for name, rows in self.vectors.items():
            self.save(name + ".npy", rows)
        self.weights = {"text": 0.6, "image": 0.4}
        self.arguments = ["build", "--modality", "text=text.npy:0.6", "--modality",
                          "image=image.npy:0.4", "--top-k", K, "--progress", "none"]
        # nothing that leads anywhere: no effort of searching makes up for such links
        self.hopeless = self.arguments + ["--engine", "hnsw", "--links", 2, "--ef-construction", 1,
                                          "--candidates", K, "--ef-search", 1, "--target-recall",
                                          0.9999]

    def build(self, out, *arguments):
        result = self.ok(*self.arguments, "--out", out, *arguments)
        return Graph(self.path(out)), result

    def check(self, graph, result):
        """What the manifest says agrees with itself, the log, and the graph."""
        recall = graph.manifest["recall"]
        self.assertEqual(list(recall), KEYS)
        self.assertEqual(recall["met"], recall["lower_bound"] >= recall["target"])
        self.assertEqual(graph.manifest["target_met"], recall["met"])
        self.assertEqual((recall["confidence"], recall["k"], recall["tie_aware"]), (0.95, K, True))
        self.assertEqual(recall["target"], graph.manifest["options"]["target_recall"])
        self.assertEqual(recall["alpha"], 0.05 / 2 ** min(recall["attempts"], 3))
        self.assertNotIn("strict", graph.manifest["options"])
        lines = [line for line in result.lines() if line.startswith("Recall ")]
        self.assertEqual(len(lines), recall["attempts"], str(result))
        if recall["exhaustive"]:
            self.assertRegex(lines[-1], r"^Recall \d\.\d{4} on all %d rows \(target 0\.\d+\)$" %
                             recall["rows"])
        else:
            self.assertRegex(lines[-1], r"^Recall %.4f on %d held-out rows, at least \d\.\d{4} with 95 %% "
                             r"confidence \(target 0\.\d+\)$" % (recall["mean"], recall["rows"]))
        truth = tie_aware_recall(graph, Oracle(self.vectors, self.weights), K)
        self.assertLessEqual(recall["lower_bound"], truth + 1e-9)
        self.assertLess(abs(recall["mean"] - truth), 1e-9 if recall["exhaustive"] else 0.02)
        self.check_nearest(graph, result, recall)
        return recall

    def check_nearest(self, graph, result, recall):
        """The first 1, the first 10, and rows at 0.9 or above."""
        for key, k in (("at_1", 1), ("at_10", 10)):
            truth = tie_aware_recall(graph, Oracle(self.vectors, self.weights), k)
            self.assertLessEqual(recall[key]["lower_bound"], truth + 1e-9)
            self.assertLess(abs(recall[key]["mean"] - truth), 1e-9 if recall["exhaustive"] else 0.05)
        for part in (recall[key] for key in KEYS[-3:]):
            self.assertLessEqual(part["lower_bound"], part["mean"])
            self.assertTrue(not recall["exhaustive"] or part["lower_bound"] == part["mean"])
        bound = "" if recall["exhaustive"] else r" \(at least \d\.\d{4}\)"
        lines = [line for line in result.lines() if line.startswith("The nearest is found in ")]
        self.assertEqual(len(lines), recall["attempts"], str(result))
        self.assertRegex(lines[-1], r"^The nearest is found in \d\.\d{4} of rows%s, of the nearest 10 a share of "
                         r"\d\.\d{4}%s; recall is 0.9 or more in \d\.\d{4} of rows%s$" % (bound, bound, bound))

    def test_hnsw_meets_its_target(self):
        for space in ("modality", "fused"):
            graph, result = self.build(space, "--engine", "hnsw", "--index-space", space)
            recall = self.check(graph, result)
            self.assertTrue(recall["met"], str(result))
            self.assertEqual(recall["target"], 0.97)
            self.assertEqual(recall["rows"], 339)
            tuned = graph.manifest["tuning"]
            options = graph.manifest["options"]
            self.assertGreater(tuned["rows"], 0)
            self.assertLessEqual(tuned["candidates"], options["candidates"])
            self.assertGreaterEqual(options["ef_search"], options["candidates"])
            self.assertFalse([x for x in result.lines("WARNING") if "target" in x], str(result))

    def test_join_is_evaluated(self):
        graph, result = self.build("g", "--engine", "join")
        self.assertTrue(self.check(graph, result)["met"])
        self.assertNotIn("tuning", graph.manifest)

    def test_effort_rises(self):
        """From a start that is too low; what is published is what the last effort alone gives."""
        low = ["--engine", "hnsw", "--threads", 1, "--candidates", 4, "--ef-search", 4]
        graph, result = self.build("risen", *low, "--target-recall", 0.9)
        recall = self.check(graph, result)
        self.assertGreater(recall["attempts"], 1)
        options = graph.manifest["options"]
        self.assertEqual(options["candidates"], 4 * 2 ** (recall["attempts"] - 1))
        self.assertEqual(len([x for x in result.lines() if x.startswith("Effort escalated: ")]),
                         recall["attempts"] - 1)
        self.build("once", "--engine", "hnsw", "--threads", 1, "--candidates",
                   options["candidates"], "--ef-search", options["ef_search"], "--target-recall", 0.5)
        for name in sorted(os.listdir(self.path("once"))):
            if name != "manifest.json":
                self.assertEqual(read_bytes(self.path("once", name)),
                                 read_bytes(self.path("risen", name)), name)
        self.ok("verify", "risen")

    def test_loss_free_sample(self):
        graph, result = self.build("g", "--engine", "hnsw", "--candidates", 1000)
        recall = self.check(graph, result)
        self.assertEqual(recall["mean"], 1)
        self.assertAlmostEqual(recall["lower_bound"], recall["alpha"] ** (1 / recall["rows"]), 12)
        self.assertLess(recall["lower_bound"], 1)

    def test_seed_and_rows(self):
        """Other rows with another seed; the same with the same."""
        low = ["--engine", "hnsw", "--threads", 1, "--candidates", 24, "--ef-search", 24,
               "--target-recall", 0.5]
        first, again = (self.build(out, *low)[0].manifest["recall"] for out in ("a", "b"))
        self.assertEqual(first, again)
        other = self.build("c", *low, "--seed", 2)[0].manifest["recall"]
        self.assertNotEqual(first["mean"], other["mean"])

    def test_hopeless(self):
        result = self.ok(*self.hopeless, "--out", "g")
        graph = Graph(self.path("g"))
        recall = self.check(graph, result)
        self.assertEqual((recall["met"], recall["attempts"]), (False, 4))
        self.assertFalse(graph.manifest["target_met"])
        warnings = [line for line in result.lines("WARNING") if "target of recall 0.9999" in line]
        self.assertEqual(len(warnings), 1, str(result))
        self.ok("verify", "g")

    def test_strict(self):
        self.refused(3, r"^recall is at least 0\.\d{4} with 95 % confidence after 4 attempts, the "
                     r"target is 0\.9999$", *self.hopeless, "--strict", "--out", "g",
                     hint="nothing was published")
        self.assertFalse(os.path.exists(self.path("g")))
        self.build("g", "--engine", "exact")
        self.refused(3, "the target is 0.9999", *self.hopeless, "--strict", "--out", "g", "--force")
        self.assertEqual(Graph(self.path("g")).manifest["engine"], "exact")
        self.nothing_left()
        graph, _ = self.build("met", "--engine", "hnsw", "--strict")
        self.assertTrue(graph.manifest["target_met"])

    def test_proven_engines(self):
        for engine in ("exact", "stream"):
            graph, result = self.build(engine, "--engine", engine, "--target-recall", 0.9999,
                                       "--strict")
            for key in ("recall", "target_met", "tuning"):
                self.assertNotIn(key, graph.manifest)
            self.assertFalse([line for line in result.lines() if line.startswith("Recall")])

    def test_nothing_to_find(self):
        """No two items share a modality: no row has anything to be evaluated by."""
        rows = np.eye(4, 3, dtype=np.float32) * 0
        one, other = rows.copy(), rows.copy()
        one[0, 0] = other[1, 1] = 1
        self.save("one.npy", one)
        self.save("other.npy", other)
        self.ok("build", "--modality", "one.npy", "--modality", "other.npy", "--top-k", 2,
                "--engine", "hnsw", "--max-empty", 1, "--out", "g")
        recall = Graph(self.path("g")).manifest["recall"]
        self.assertEqual((recall["rows"], recall["mean"], recall["met"]), (0, 1, True))

    def test_refusals(self):
        for value in ("0.4", "1", "0.99999", "nan", "x"):
            self.refused(2, "--target-recall", *self.arguments, "--target-recall", value, "--out",
                         "g")


if __name__ == "__main__":
    kin_cli.main()
