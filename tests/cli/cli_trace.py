"""kin build --trace-rows: the files and what the manifest says of them, the same graph with and without, the
candidates held against the graph and an oracle, the last attempt, and every refusal."""
import os

import numpy as np

import kin_cli
from kin_cli import Build, Graph, Oracle, random_rows, read_bytes, same_files

N, K, T = 4000, 15, 300
WEIGHTS = {"text": 0.6, "image": 0.4}
SMALL = dict(clusters=40, spread=0.3)


class Trace:
    """What a folder keeps of traced rows, read with numpy alone."""

    def __init__(self, graph):
        self.facts = graph.manifest["trace"]
        self.row = self.load(graph, "trace.row.npy", np.int32)
        self.sources = {}
        for source in self.facts["sources"]:
            start = self.load(graph, "trace_%s.start.npy" % source["name"], np.int64)
            item = self.load(graph, "trace_%s.item.npy" % source["name"], np.int32)
            assert len(start) == len(self.row) + 1 and start[0] == 0 and start[-1] == len(item)
            self.sources[source["name"]] = [item[a:b] for a, b in zip(start, start[1:])]
        if "clusters" in self.facts:
            self.cluster = self.load(graph, "trace.cluster.npy", np.int32)
            self.probe_sigmas = self.load(graph, "trace.probe_sigmas.npy", np.float32)

    @staticmethod
    def load(graph, name, dtype):
        array = np.load(os.path.join(graph.directory, name))
        assert array.dtype == dtype and array.flags.c_contiguous, name
        assert name in graph.manifest["files"], name
        return array

    def candidates(self, t):
        return np.unique(np.concatenate([source[t] for source in self.sources.values()]))


def trace_files(directory):
    return sorted(name for name in os.listdir(directory) if name.startswith("trace"))


class Traced(Build):
    """Duplicates, items that lack a modality and items that have none."""

    def setUp(self):
        super().setUp()
        text, image = random_rows(N, 12, 1, **SMALL), random_rows(N, 9, 1, **SMALL)
        text[1000:1040], image[1000:1040] = text[1000], image[1000]
        text[2000:2400] = text[1600:2000]
        image[2000:2400:2] = image[1600:2000:2]
        text[::31] = 0
        image[::37] = 0
        self.vectors = {"text": text, "image": image}
        for name, array in self.vectors.items():
            self.save(name + ".npy", array)
        self.takes_part = np.flatnonzero((text != 0).any(axis=1) | (image != 0).any(axis=1))
        self.assertLess(len(self.takes_part), N)

    def trace(self, out, *arguments, rows=T, k=K):
        words = ["--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4", "--top-k",
                 k, "--out", out, *arguments]
        if rows:
            words += ["--trace-rows", rows]
        result = self.ok("build", *words)
        self.nothing_left()
        graph = Graph(self.path(out))
        return graph, Trace(graph) if rows else None, result

    def check(self, graph, trace, rows=T):
        """Rows ascend and take part; candidates ascend, without the item; and the best of them are the row."""
        self.assertEqual(trace.facts["rows"], rows)
        self.assertEqual(len(trace.row), rows)
        self.assertTrue((np.diff(trace.row) > 0).all())
        self.assertTrue(np.isin(trace.row, self.takes_part).all())
        scores, _ = Oracle(self.vectors, WEIGHTS).rows(trace.row)
        for t, row in enumerate(trace.row):
            for source in trace.sources.values():
                self.assertTrue((np.diff(source[t]) > 0).all())
                self.assertFalse((source[t] == row).any())
            candidates = trace.candidates(t)
            columns, stored = graph.row(row)
            self.assertTrue(np.isin(columns, candidates).all())
            best = np.sort(scores[t, candidates])[::-1][:len(columns)]
            np.testing.assert_allclose(stored, best, rtol=0, atol=2.5e-7)
            self.assertEqual(len(columns), min(graph.manifest["options"]["top_k"], len(candidates)))
        self.ok("verify", graph.directory)


class Join(Traced):
    def test_files(self):
        graph, trace, result = self.trace("g", "--engine", "join", "--target-recall", 0.8)
        self.check(graph, trace)
        join = graph.manifest["join"]
        self.assertEqual(trace.facts, {"rows": T, "seed": 1, "clusters": join["clusters"],
                                       "probe_sigmas": join["probe_sigmas"],
                                       "sources": [{"name": name, "modality": None, "asked": None}
                                                   for name in ("join", "refinement")]})
        self.assertEqual(trace_files(graph.directory),
                         ["trace.cluster.npy", "trace.probe_sigmas.npy", "trace.row.npy",
                          "trace_join.item.npy", "trace_join.start.npy",
                          "trace_refinement.item.npy", "trace_refinement.start.npy"])
        self.assertEqual(trace.cluster.shape, (N,))
        self.assertEqual(trace.probe_sigmas.shape, (T, join["clusters"]))
        self.assertTrue(any("Trace: %d rows" % T in line for line in result.lines()))
        self.assertIn("trace", graph.manifest["run"]["seconds"])
        self.assertEqual(graph.manifest["options"]["trace_rows"], T)

    def test_clusters(self):
        graph, trace, _ = self.trace("g", "--engine", "join", "--target-recall", 0.8)
        used = graph.manifest["join"]["probe_sigmas"]
        self.assertIsNotNone(used, "clusters were left out")
        left_out = np.setdiff1d(np.arange(N), self.takes_part)
        self.assertTrue((trace.cluster[left_out] == -1).all())
        self.assertEqual(set(trace.cluster[self.takes_part]), set(range(trace.facts["clusters"])))
        self.assertEqual(len(set(trace.cluster[1001:1023])), 1, "duplicates are in one cluster")
        looked = np.isneginf(trace.probe_sigmas)
        self.assertTrue((trace.probe_sigmas[~looked] > used).all())
        self.assertTrue(0.01 < looked.mean() < 0.9)
        # what the scan found lies in clusters that were looked at; the refinement is there for
        # those that were not
        inside = {name: np.concatenate([looked[t, trace.cluster[items]] for t, items in enumerate(rows)])
                  for name, rows in trace.sources.items()}
        self.assertTrue(inside["join"].all())
        self.assertFalse(inside["refinement"].all())
        # a cluster has one modality mask; those that lack what the row has are never probed
        pattern = sum((self.vectors[name] != 0).any(axis=1) << m
                      for m, name in enumerate(self.vectors))
        of_cluster = np.zeros(trace.facts["clusters"], int)
        of_cluster[trace.cluster[self.takes_part]] = pattern[self.takes_part]
        apart = pattern[trace.row][:, None] & of_cluster == 0
        self.assertTrue(apart.any())
        self.assertTrue((apart == np.isposinf(trace.probe_sigmas)).all())

    def test_reach_tells(self):
        """A build with more probe_sigmas looks at the clusters of which it was said that they want
        no more, and at few others: those that come while thresholds are low."""
        _, less, _ = self.trace("less", "--engine", "join", "--target-recall", 0.7)
        _, more, _ = self.trace("more", "--engine", "join", "--target-recall", 0.97)
        self.assertEqual(less.row.tolist(), more.row.tolist())
        self.assertLess(less.facts["probe_sigmas"], more.facts["probe_sigmas"])
        unprobed = ~np.isneginf(less.probe_sigmas)
        told = unprobed & (less.probe_sigmas <= more.facts["probe_sigmas"])
        self.assertGreater(told.sum(), 100)
        self.assertGreater(np.isneginf(more.probe_sigmas)[told].mean(), 0.9)
        self.assertLess(np.isneginf(more.probe_sigmas)[unprobed & ~told].mean(), 0.25)

    def test_all_clusters(self):
        graph, trace, _ = self.trace("g", "--engine", "join", "--target-recall", 0.9999)
        if graph.manifest["join"]["probe_sigmas"] is not None:
            self.skipTest("clusters were left out all the same")
        self.assertIsNone(trace.facts["probe_sigmas"])
        self.assertTrue(np.isinf(trace.probe_sigmas).all())
        self.check(graph, trace)

    def test_same_bytes(self):
        arguments = ["--engine", "join", "--target-recall", 0.8]
        graph, _, _ = self.trace("one", *arguments, "--threads", 1)
        for threads in (2, 3):
            self.trace("more", *arguments, "--threads", threads, "--force")
            same_files(self, graph.directory, self.path("more"))
        least = graph.manifest["run"]["join"]["plan_bytes"]
        self.trace("least", *arguments, "--threads", 1, "--memory", "%dK" % (least // 1024 + 1))
        same_files(self, graph.directory, self.path("least"))

    def test_index(self):
        """The order of an index, and the trace is that of a build without."""
        _, plain, _ = self.trace("plain", "--engine", "join")
        self.ok("index", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4",
                "--type", "ivf", "--top-k", K, "--out", "index")
        _, trace, _ = self.trace("g", "--index", "index")
        self.assertEqual(trace.facts, plain.facts)
        for name in trace_files(self.path("g")):
            self.assertEqual(read_bytes(self.path("g", name)), read_bytes(self.path("plain", name)))


class Hnsw(Traced):
    one = ["--engine", "hnsw", "--threads", 1]

    def test_modalities(self):
        graph, trace, _ = self.trace("g", *self.one, "--candidates", 40, "--target-recall", 0.5)
        self.check(graph, trace)
        self.assertEqual(trace.facts, {"rows": T, "seed": 1, "sources": [
            {"name": name, "modality": name, "asked": 40} for name in ("text", "image")]})
        self.assertEqual(trace_files(graph.directory),
                         ["trace.row.npy", "trace_image.item.npy", "trace_image.start.npy",
                          "trace_text.item.npy", "trace_text.start.npy"])
        for name, source in trace.sources.items():
            has = (self.vectors[name] != 0).any(axis=1)[trace.row]
            counts = np.array([len(items) for items in source])
            self.assertTrue((counts[~has] == 0).all() and (~has).any())
            self.assertTrue(((counts[has] >= 39) & (counts[has] <= 80)).all())
            # an index without projection is asked for the nearest by cosine, and finds most of them
            scores, _ = Oracle({name: self.vectors[name]}, {}).rows(trace.row)
            nearest = [len(np.intersect1d(items, np.argsort(-scores[t])[:20])) / 20
                       for t, items in enumerate(source) if has[t]]
            self.assertGreater(np.mean(nearest), 0.9)

    def test_fused(self):
        graph, trace, _ = self.trace("g", *self.one, "--index-space", "fused")
        self.check(graph, trace)
        asked = graph.manifest["options"]["candidates"]
        self.assertEqual(trace.facts["sources"], [{"name": "fused", "modality": None, "asked": asked}])
        self.assertNotIn("clusters", trace.facts)

    def test_last_attempt(self):
        """The effort was raised: what is kept is what the last attempt found."""
        graph, trace, _ = self.trace("g", *self.one, "--candidates", K, "--target-recall", 0.97)
        self.assertGreater(graph.manifest["recall"]["attempts"], 1)
        asked = graph.manifest["options"]["candidates"]
        self.assertGreater(asked, K)
        self.assertEqual({source["asked"] for source in trace.facts["sources"]}, {asked})
        self.check(graph, trace)
        text = (self.vectors["text"] != 0).any(axis=1)[trace.row]
        self.assertTrue(all(len(items) >= asked - 1
                            for has, items in zip(text, trace.sources["text"]) if has))

    def test_index(self):
        self.ok("index", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4",
                "--type", "hnsw", "--out", "index", "--threads", 1)
        graph, trace, _ = self.trace("g", "--index", "index")
        self.check(graph, trace)
        self.trace("again", "--index", "index", "--threads", 3)
        same_files(self, graph.directory, self.path("again"))


class Both(Traced):
    def test_same_graph(self):
        """With and without: the same graph, and nothing of the trace in the other folder."""
        for engine in (["--engine", "join"], Hnsw.one):
            out = engine[1]
            graph, _, _ = self.trace(out, *engine)
            plain, _, _ = self.trace(out + "-plain", *engine, rows=None)
            self.assertEqual(trace_files(plain.directory), [])
            self.assertNotIn("trace", plain.manifest)
            self.assertNotIn("trace", plain.manifest["run"]["seconds"])
            self.assertEqual(plain.manifest["options"]["trace_rows"], 0)
            for name in plain.manifest["files"]:
                self.assertEqual(plain.manifest["files"][name], graph.manifest["files"][name], name)
            for key in ("recall", "join", "index", "pairs"):
                self.assertEqual(plain.manifest.get(key), graph.manifest.get(key), key)
            self.trace(out, *engine, "--force", rows=None)
            self.assertEqual(trace_files(self.path(out)), [])

    def test_rows(self):
        """Drawn by the seed, whatever the engine; and all there are where more are asked for."""
        _, join, _ = self.trace("join", "--engine", "join")
        _, hnsw, _ = self.trace("hnsw", *Hnsw.one)
        _, other, _ = self.trace("other", "--engine", "join", "--seed", 7)
        self.assertEqual(join.row.tolist(), hnsw.row.tolist())
        self.assertLess(len(np.intersect1d(join.row, other.row)), T / 2)
        self.assertEqual(other.facts["seed"], 7)
        graph, trace, _ = self.trace("all", "--engine", "join", rows=N + 5)
        self.assertEqual(trace.row.tolist(), self.takes_part.tolist())
        self.check(graph, trace, rows=len(self.takes_part))

    def test_nobody(self):
        """No item takes part in pairs: nothing to trace, and a folder that is whole."""
        self.save("zero.npy", np.zeros((50, 4), np.float32))
        for engine in ("join", "hnsw"):
            self.ok("build", "--modality", "a=zero.npy", "--top-k", 3, "--engine", engine,
                    "--trace-rows", 10, "--max-empty", 1, "--out", engine)
            graph = Graph(self.path(engine))
            self.assertEqual(graph.manifest["trace"]["rows"], 0)
            self.assertEqual(len(np.load(self.path(engine, "trace.row.npy"))), 0)
            self.ok("verify", engine)


class Refused(Traced):
    def test_exact(self):
        """Nothing can be lost: refused where the engine was asked for, left out where it was not."""
        common = ["--modality", "text.npy", "--top-k", 5, "--trace-rows", 10]
        for engine in ("exact", "stream"):
            for command in (["build", "--out", "g"], ["plan"]):
                self.refused(2, "^--trace-rows is nothing to --engine %s, " % engine, *command,
                             *common, "--engine", engine, hint="leave it out")
        result = self.ok("build", *common, "--out", "auto")
        self.assertEqual(sum("No trace of rows is kept: engine exact" in line
                             for line in result.lines()), 1)
        graph = Graph(self.path("auto"))
        self.assertEqual(trace_files(graph.directory), [])
        self.assertNotIn("trace", graph.manifest)
        self.assertEqual(graph.manifest["options"]["trace_rows"], 0)
        result = self.ok("build", *common, "--auto-threshold", 100, "--out", "join")
        self.assertFalse(any("No trace" in line for line in result.lines()))
        self.assertEqual(Graph(self.path("join")).manifest["trace"]["rows"], 10)

    def test_numbers(self):
        for value in (0, -1, 100001, "many"):
            self.refused(2, "trace-rows", "build", "--modality", "text.npy", "--engine", "join",
                         "--trace-rows=%s" % value, "--out", "g")

    def test_memory(self):
        """The join's plan has the trace in it."""
        plan = {}
        for rows in ([], ["--trace-rows", 10]):
            self.ok("build", "--modality", "text.npy", "--top-k", 5, "--engine", "join", "--threads",
                    1, "--out", "g", "--force", *rows)
            plan[bool(rows)] = Graph(self.path("g")).manifest["run"]["join"]["plan_bytes"]
        self.assertGreaterEqual(plan[True], plan[False] + 3 * 4 * N)
        self.refused(69, "memory|needs", "build", "--modality", "text.npy", "--top-k", 5, "--engine",
                     "join", "--threads", 1, "--memory", "%dK" % (plan[False] // 1024 + 1),
                     "--trace-rows", 10, "--out", "h")


if __name__ == "__main__":
    kin_cli.main()
