"""kin build on small catalogs: the graph against an oracle in double, every file it writes, and the words
it says."""
import itertools
import os
import re

import numpy as np
import scipy.sparse

import kin_cli
from kin_cli import (Build, Graph, Oracle, assert_exact, assert_scores, assert_shape, random_rows,
                     read_bytes, tie_aware_recall)

N, K = 700, 20


def two_modalities(n=N):
    """Text and image, with duplicates, and items that lack one or both."""
    text, image = random_rows(n, 24, 1), random_rows(n, 33, 2)
    text[40:60] = text[40]
    image[50:70] = image[50]
    text[5] = text[333] = 0
    image[7] = image[333] = 0
    image[n - 40:] = 0
    return {"text": text, "image": image}


class Engines(Build):
    weights = {"text": 0.6, "image": 0.4}

    def test_exact_engines(self):
        for engine, missing in itertools.product(("stream", "exact"),
                                                 ("renorm", "zero", "drop")):
            with self.subTest(engine=engine, missing=missing):
                vectors = two_modalities()
                graph, _ = self.build(vectors, self.weights, "--top-k", K, "--engine", engine,
                                      "--missing", missing, out=engine + missing)
                assert_shape(self, graph, K)
                assert_exact(self, graph, Oracle(vectors, self.weights, missing), K)
                self.assertEqual(graph.manifest["engine"], engine)
        for missing in ("renorm", "zero", "drop"):
            for name in ("graph.npz", "scores_text.npy", "scores_image.npy"):
                self.assertEqual(read_bytes(self.path("stream" + missing, name)),
                                 read_bytes(self.path("exact" + missing, name)))

    def test_approximate_engines(self):
        for (engine, *space), missing in itertools.product(
                (("join",), *((engine, "--index-space", space) for engine in ("hnsw", "ivf")
                              for space in ("modality", "fused"))), ("renorm", "zero", "drop")):
            with self.subTest(engine=engine, space=space, missing=missing):
                vectors = two_modalities()
                oracle = Oracle(vectors, self.weights, missing)
                graph, _ = self.build(vectors, self.weights, "--top-k", K, "--engine", engine,
                                      "--missing", missing, *space,
                                      out="-".join((engine, *space[1:], missing)))
                assert_shape(self, graph, K)
                assert_scores(self, graph, oracle)
                self.assertGreaterEqual(tie_aware_recall(graph, oracle, K), 0.97)
                self.assertEqual(graph.manifest["engine"], engine)
                self.assertEqual("join" in graph.manifest, engine == "join")
                self.assertEqual("index" in graph.manifest, engine in ("hnsw", "ivf"))

    def test_all_lists_are_exact(self):
        """Few items lie in too few lists to leave any out: nothing can be missed."""
        vectors = two_modalities()
        for missing in ("renorm", "zero", "drop"):
            graph, result = self.build(vectors, self.weights, "--top-k", K, "--engine", "join",
                                       "--missing", missing, out=missing)
            self.assertIsNone(graph.manifest["join"]["probe_sigmas"])
            self.assertTrue(any(line.startswith("Effort: all clusters") for line in result.lines()))
            assert_exact(self, graph, Oracle(vectors, self.weights, missing), K)

    def test_project(self):
        vectors = two_modalities()
        for extra in ([], ["--project-centre"]):
            graph, _ = self.build(vectors, self.weights, "--top-k", K, "--engine", "hnsw",
                                  "--project", 12, *extra, out="p%d" % len(extra))
            oracle = Oracle(vectors, self.weights)
            assert_scores(self, graph, oracle)
            self.assertGreaterEqual(tie_aware_recall(graph, oracle, K), 0.9)
            for facts in graph.manifest["index"].values():
                self.assertEqual(facts["dimensions"], 12)
                self.assertTrue(0 < facts["retained_energy"] <= 1.0000001)

    def test_auto(self):
        vectors = {"a": random_rows(300, 8, 1)}
        for threshold, engine in ((301, "exact"), (300, "join"), (1000000, "exact")):
            graph, _ = self.build(vectors, {}, "--top-k", 5, "--auto-threshold", threshold,
                                  out="g%d" % threshold)
            self.assertEqual(graph.manifest["engine"], engine)
            self.assertEqual(graph.manifest["options"]["engine"], engine)

    def test_auto_of_few_wide_items(self):
        """stream, whose rows exact would have written too, in more time."""
        vectors = {"a": random_rows(300, 4000, 1), "b": random_rows(300, 4000, 2)}
        graph, _ = self.build(vectors, {}, "--top-k", 5, out="wide")
        self.assertEqual(graph.manifest["engine"], "stream")
        exact, _ = self.build(vectors, {}, "--top-k", 5, "--engine", "exact", out="exact")
        for name in ("indices", "data"):
            np.testing.assert_array_equal(getattr(graph, name), getattr(exact, name))


class Modalities(Build):
    def test_one_three_and_eight(self):
        for count in (1, 3, 8):
            vectors = {"m%d" % m: random_rows(300, 5 + 3 * m, m) for m in range(count)}
            for m, array in enumerate(vectors.values()):
                array[m::29] = 0
            weights = {name: 0.25 * (m + 1) for m, name in enumerate(vectors)}
            for engine in ("stream", "join"):
                with self.subTest(count=count, engine=engine):
                    graph, _ = self.build(vectors, weights, "--top-k", 12, "--engine", engine,
                                          out="g%d%s" % (count, engine))
                    oracle = Oracle(vectors, weights)
                    tolerance = 1.2e-7 * sum(weights.values()) + 1e-7
                    assert_shape(self, graph, 12)
                    if engine == "stream":
                        assert_exact(self, graph, oracle, 12, tolerance=tolerance)
                    else:
                        assert_scores(self, graph, oracle, tolerance=tolerance)
                        self.assertGreaterEqual(tie_aware_recall(graph, oracle, 12), 0.95)

    def test_weight_and_name_defaults(self):
        vectors = {"a": random_rows(80, 6, 1), "b": random_rows(80, 6, 2)}
        for name, array in vectors.items():
            self.save(name + ".npy", array)
        self.ok("build", "--modality", "a.npy", "--modality", "b.npy:2", "--out", "g",
                "--top-k", 5)
        graph = Graph(self.path("g"))
        self.assertEqual([(entry["name"], entry["weight"])
                          for entry in graph.manifest["modalities"]], [("a", 1), ("b", 2)])
        assert_exact(self, graph, Oracle(vectors, {"b": 2}), 5, tolerance=5e-7)

    def test_colons_in_paths(self):
        self.save("a:b.npy", random_rows(40, 4, 1))
        self.ok("build", "--modality", "x=a:b.npy", "--out", "g", "--top-k", 5)
        self.ok("build", "--modality", "x=a:b.npy:0.5", "--out", "h", "--top-k", 5)
        self.assertEqual(Graph(self.path("h")).manifest["modalities"][0]["weight"], 0.5)

    def test_all_missing(self):
        """No item has a vector: a graph without pairs, which SciPy still opens."""
        graph, result = self.build({"a": np.zeros((30, 4), np.float32)}, {}, "--top-k", 5, "--max-empty", 1)
        self.assertEqual(graph.manifest["pairs"], 0)
        self.assertEqual(graph.manifest["items_with_neighbors"], 0)
        self.assertIn("Total items with neighbors: 0", result.lines())
        self.assertEqual(scipy.sparse.load_npz(self.path("g", "graph.npz")).nnz, 0)
        graph, _ = self.build({"a": np.zeros((30, 4), np.float32)}, {}, "--top-k", 5,
                              "--engine", "join", "--max-empty", 1, out="h")
        self.assertEqual(graph.manifest["pairs"], 0)

    def test_empty_rows(self):
        """Rows that nothing but lost vectors empties are held against --max-empty, all of them without it; what is
        refused leaves last night's graph as it is. Rows that --missing drop empties do not count."""
        text, image = random_rows(40, 4, 1), random_rows(40, 4, 2)
        self.save("text.npy", text)
        self.save("image.npy", image)
        self.save("zero.npy", np.zeros((40, 4), np.float32))
        both = ("--modality", "text.npy", "--modality", "image.npy", "--top-k", 5, "--out", "g", "--force")
        lost = ("--modality", "zero.npy", *both[4:])
        message = "^no item has a neighbour: of 40 rows all are empty, 0 by --missing drop$"
        for engine in ("stream", "exact", "join", "hnsw", "ivf", "auto"):
            self.refused(3, message, *("build", *lost, "--engine", engine), hint="nothing was published.*--max-empty 1")
        self.ok("build", *both)
        self.refused(3, message, "build", *lost)
        self.assertEqual(Graph(self.path("g")).manifest["pairs"], 200)
        text[:10] = 0  # lack text; 2 of these have nothing at all
        image[:2] = 0
        self.save("text.npy", text)
        self.save("image.npy", image)
        self.ok("build", *both, "--max-empty", 0.05)
        self.refused(3, r"^share of empty rows is 0\.05 \(2 of 40\), --max-empty asks for at most 0\.04", "build", *both,
                     "--max-empty", 0.04, hint="the log says")
        self.ok("build", *both, "--max-empty", 0.07, "--missing", "drop")  # 2 of 32: 8 are left out by rule
        self.refused(3, r"^share of empty rows is 0\.0625 \(2 of 32\)", "build", *both, "--max-empty", 0.06,
                     "--missing", "drop")
        self.refused(3, "^no item has a neighbour: of 40 rows all are empty, 38 by --missing drop", "build", *both,
                     "--modality", "zero.npy", "--missing", "drop")
        self.ok("build", *both, "--modality", "zero.npy", "--missing", "drop", "--max-empty", 1)

    def test_fewer_than_k(self):
        rows = np.zeros((30, 4), np.float32)
        rows[3:7] = random_rows(4, 4, 1)
        for engine in ("stream", "join", "hnsw", "ivf"):
            graph, _ = self.build({"a": rows}, {}, "--top-k", 10, "--engine", engine, out=engine)
            self.assertEqual(np.diff(graph.indptr).tolist(), [0] * 3 + [3] * 4 + [0] * 23)
            self.assertEqual(graph.manifest["items_with_neighbors"], 4)

    def test_largest_k(self):
        vectors = {"a": random_rows(40, 4, 1)}
        graph, _ = self.build(vectors, {}, "--top-k", 39)
        assert_exact(self, graph, Oracle(vectors, {}), 39)


class SameBits(Build):
    def test_canonical_scores(self):
        """Small whole numbers: every sum is exact in double, so numpy can follow the definition
        to the last bit, ties and all."""
        random = np.random.default_rng(5)
        vectors = {"a": random.integers(-3, 4, (300, 6)).astype(np.int8),
                   "b": random.integers(-3, 4, (300, 4)).astype(np.int8)}
        vectors["b"][::11] = 0
        weights = {"a": 0.6, "b": 0.4}
        wide = {name: array.astype(np.float64) for name, array in vectors.items()}
        square = {name: (array ** 2).sum(axis=1) for name, array in wide.items()}
        for missing in ("renorm", "zero"):
            graph, _ = self.build(vectors, weights, "--top-k", 25, "--engine", "stream",
                                  "--missing", missing, out=missing,
                                  endings={"a": ".i8bin", "b": ".i8bin"})
            total, shared = np.zeros((300, 300)), np.zeros((300, 300))
            for name, array in wide.items():
                with np.errstate(divide="ignore"):
                    inverse = np.where(square[name] > 0, 1 / np.sqrt(square[name]), 0)
                cosine = (array @ array.T) * (inverse[:, None] * inverse[None, :])
                both = (square[name] > 0)[:, None] & (square[name] > 0)[None, :]
                total = np.where(both, total + weights[name] * cosine, total)
                shared = np.where(both, shared + weights[name], shared)
            whole = weights["a"] + weights["b"]
            if missing == "renorm":
                partly = (shared > 0) & (shared < whole)
                total = np.where(partly, whole * total / np.where(partly, shared, 1), total)
            score = total.astype(np.float32) + np.float32(0)
            score[shared == 0] = -np.inf
            np.fill_diagonal(score, -np.inf)
            for i in range(300):
                order = np.lexsort((np.arange(300), -score[i]))[:25]
                order = order[np.isfinite(score[i][order])]
                columns, stored = graph.row(i)
                self.assertEqual(columns.tolist(), order.tolist(), "row %d" % i)
                self.assertEqual(stored.tolist(), score[i][order].tolist(), "row %d" % i)

    def test_twins(self):
        """Forty equal items and K of ten: the ten smallest row numbers, in that order."""
        rows = random_rows(100, 8, 3)
        rows[30:70] = rows[30]
        for engine in ("stream", "join", "hnsw", "ivf"):
            graph, _ = self.build({"a": rows}, {}, "--top-k", 10, "--engine", engine, out=engine)
            for i in range(30, 70):
                wanted = [j for j in range(30, 70) if j != i][:10]
                self.assertEqual(graph.row(i)[0].tolist(), wanted, engine)
                self.assertTrue((graph.row(i)[1] == 1).all(), engine)


class Files(Build):
    def test_column_order(self):
        """The same entries as in score order, cosines with them, sorted by column."""
        vectors = two_modalities()
        score, _ = self.build(vectors, {}, "--top-k", K, out="score")
        column, _ = self.build(vectors, {}, "--top-k", K, "--row-order", "column", out="column")
        self.assertTrue((score.indptr == column.indptr).all())
        for i in range(N):
            span = slice(score.indptr[i], score.indptr[i + 1])
            order = np.argsort(score.indices[span])
            self.assertTrue((np.diff(column.indices[span]) > 0).all())
            self.assertTrue((score.indices[span][order] == column.indices[span]).all())
            self.assertTrue((score.data[span][order] == column.data[span]).all())
            for name in score.names:
                np.testing.assert_array_equal(score.cosines[name][span][order],
                                              column.cosines[name][span])

    def test_names_of_files(self):
        self.build(two_modalities(), {})
        self.assertEqual(sorted(os.listdir(self.path("g"))),
                         ["graph.npz", "ids.txt", "manifest.json", "scores_image.npy",
                          "scores_text.npy"])

    def test_ids(self):
        ids = ["item %d \u00e9" % i for i in range(50)]
        vectors = {"a": random_rows(50, 4, 1)}
        graph, _ = self.build(vectors, {}, "--top-k", 5, out="numbers")
        self.assertEqual(graph.ids, [str(i) for i in range(50)])
        for ending in ("\n", "\r\n"):
            self.text("ids", ending.join(ids))  # the last line without its end
            graph, _ = self.build(vectors, {}, "--top-k", 5, "--ids", "ids", out="i%d" % len(ending))
            self.assertEqual(graph.ids, ids)
            self.assertEqual(graph.manifest["ids"]["file"], "ids")

    def test_items(self):
        table = "id\ttitle\tcategory\n" + "".join("x%d\tTitle <%d>\tc%d\n" % (i, i, i % 3)
                                                 for i in range(50))
        path = self.text("table.tsv", table)
        vectors = {"a": random_rows(50, 4, 1)}
        graph, _ = self.build(vectors, {}, "--top-k", 5, "--items", "table.tsv")
        self.assertEqual(graph.ids, ["x%d" % i for i in range(50)])
        self.assertEqual(read_bytes(self.path("g", "items.tsv")), read_bytes(path))
        self.assertIn("items_table", graph.manifest)
        self.assertIn("items.tsv", graph.manifest["files"])
        # a table without ids leaves row numbers; ids beside a table must agree with it
        self.text("plain.tsv", "title\n" + "t\n" * 50)
        graph, _ = self.build(vectors, {}, "--top-k", 5, "--items", "plain.tsv", out="h")
        self.assertEqual(graph.ids[:2], ["0", "1"])
        self.text("ids", "".join("x%d\n" % i for i in range(50)))
        self.build(vectors, {}, "--top-k", 5, "--items", "table.tsv", "--ids", "ids", out="both")

    def test_manifest(self):
        vectors = two_modalities()
        weights = {"text": 0.6, "image": 0.4}
        graph, _ = self.build(vectors, weights, "--top-k", K, "--engine", "join", "--seed", 7,
                              "--threads", 2)
        manifest = graph.manifest
        self.assertEqual((manifest["kind"], manifest["format"]), ("graph", 1))
        self.assertEqual(manifest["items"], N)
        self.assertEqual(manifest["pairs"], len(graph.indices))
        self.assertEqual(manifest["items_with_neighbors"], int((np.diff(graph.indptr) > 0).sum()))
        incomplete = ((vectors["text"] == 0).all(axis=1) | (vectors["image"] == 0).all(axis=1)).sum()
        self.assertEqual(manifest["incomplete_items"], int(incomplete))
        options = manifest["options"]
        self.assertEqual((options["top_k"], options["seed"], options["engine"]), (K, 7, "join"))
        for name in ("threads", "memory", "out", "force"):
            self.assertNotIn(name, options)
        for entry in manifest["modalities"]:
            array = vectors[entry["name"]]
            self.assertEqual(entry["weight"], weights[entry["name"]])
            self.assertEqual(entry["dimensions"], array.shape[1])
            self.assertEqual(entry["missing"], int((array == 0).all(axis=1).sum()))
            self.assertRegex(entry["xxh3_128"], r"^[0-9a-f]{32}$")
        self.assertEqual(sorted(list(manifest["files"]) + ["manifest.json"]),
                         sorted(os.listdir(self.path("g"))))
        for name, entry in manifest["files"].items():
            self.assertEqual(entry["bytes"], os.path.getsize(self.path("g", name)))
            self.assertRegex(entry["xxh3_128"], r"^[0-9a-f]{32}$")
        self.check_run(manifest["run"])

    def test_manifest_of_an_index(self):
        """Options of indexes are there as resolved, not as left open."""
        graph, _ = self.build(two_modalities(), {}, "--top-k", K, "--engine", "hnsw", "--seed", 7)
        options = graph.manifest["options"]
        for name in ("candidates", "ef_search", "links", "ef_construction"):
            self.assertGreater(options[name], 0)
        self.assertEqual(sorted(graph.manifest["index"]), ["image", "text"])
        self.assertEqual(graph.manifest["tuning"]["candidates"], options["candidates"])

    def test_manifest_of_a_join(self):
        weights = {"text": 0.6, "image": 0.4}
        vectors = two_modalities()
        graph, _ = self.build(vectors, weights, "--top-k", K, "--engine", "join", "--seed", 7,
                              "--target-recall", 0.9)
        join = graph.manifest["join"]
        both = np.concatenate([vectors["text"], vectors["image"]], axis=1)
        distinct = len(np.unique(both[(both != 0).any(axis=1)], axis=0))
        self.assertEqual(sorted(join), sorted([
            "clusters", "rows", "top_k", "target", "seed", "weights", "probe_sigmas", "rare_widening",
            "tail_fraction", "clusters_most", "sampled", "sample_recall", "rows_scanned_share"]))
        self.assertEqual(join["rows"], distinct)
        self.assertEqual((join["top_k"], join["target"], join["seed"], join["weights"]),
                         (K, 0.9, 7, [0.6, 0.4]))
        self.assertEqual(join["sampled"], 512)
        self.assertTrue(0 < join["tail_fraction"] <= 1)
        self.assertTrue(1 - 0.1 / 0.75 <= join["sample_recall"] <= 1)  # the refinement finds a quarter
        self.assertTrue(0 < join["rows_scanned_share"] <= 1)
        self.assertTrue(0 < join["clusters"] <= distinct)
        self.assertNotIn("tuning", graph.manifest)
        run = graph.manifest["run"]
        self.assertEqual(sorted(run["join"]), sorted([
            "lead_dimensions", "tail_dimensions", "probes", "pairs", "tiles", "tiles_abandoned",
            "pairs_refined", "candidates_collected", "candidates_scored_in_full", "rows_refined",
            "neighbors_added", "plan_bytes"]))
        self.assertTrue({"read", "plan", "encode", "tune", "neighbors", "recall", "write"}
                        <= set(run["seconds"]))

    def check_run(self, facts):
        for name in ("kin", "faiss", "blas", "blas_core", "host", "started"):
            self.assertTrue(facts[name], name)
        self.assertEqual(facts["threads"], 2)
        self.assertGreater(facts["seconds_total"], 0)
        self.assertGreater(facts["peak_memory_bytes"], 1 << 20)
        self.assertGreaterEqual(facts["peak_rss_bytes"], facts["peak_memory_bytes"])
        self.assertLessEqual(sum(facts["seconds"].values()), facts["seconds_total"] + 0.1)
        self.assertIn("neighbors", facts["seconds"])
        self.assertEqual(facts["sources"]["text"], os.path.realpath(self.path("text.npy")))

    def test_fingerprint_is_of_the_contents(self):
        rows = random_rows(40, 4, 1)
        first, _ = self.build({"a": rows}, {}, "--top-k", 5, out="first")
        again, _ = self.build({"a": rows}, {}, "--top-k", 5, out="again")
        rows[7, 2] += 1
        other, _ = self.build({"a": rows}, {}, "--top-k", 5, out="other")
        marks = [graph.manifest["modalities"][0]["xxh3_128"] for graph in (first, again, other)]
        self.assertEqual(marks[0], marks[1])
        self.assertNotEqual(marks[0], marks[2])


class Words(Build):
    progress = re.compile(r"^Progress: (\d+)/(\d+) items \((\d+\.\d)%\)"
                          r"(, \d+ items/s, ETA (\d+:)?\d\d:\d\d)?$")

    def check_progress(self, lines, total):
        found = [self.progress.match(line) for line in lines if line.startswith("Progress")]
        self.assertTrue(all(found), lines)
        done = [int(match.group(1)) for match in found]
        self.assertEqual(done[0], 0)
        self.assertEqual(done[-1], total)
        self.assertEqual(done, sorted(set(done)))
        for match in found:
            self.assertEqual(int(match.group(2)), total)
            self.assertEqual(match.group(3), "%.1f" % (100 * int(match.group(1)) / total))
        self.assertTrue(all(match.group(4) for match in found[1:]), "a rate and an ETA behind")
        return len(found)

    def test_stream(self):
        _, result = self.build(two_modalities(), {}, "--top-k", K, "--engine", "stream",
                               "--micro-batch", 10)
        lines = result.lines()
        self.assertEqual(result.out, "")
        self.assertIn("Computing similarity in micro-batches (total=700, micro_batch_size=10, "
                      "top_k=20)", lines)
        self.assertIn("Total items with neighbors: 699", lines)
        self.assertIn("Progress: 0/700 items (0.0%)", lines)
        count = self.check_progress(lines, N)
        self.assertTrue(20 <= count <= 22, "a line at every 5 %% and the first: %d" % count)

    def test_other_engines(self):
        for engine in ("exact", "join", "hnsw", "ivf"):
            _, result = self.build(two_modalities(), {}, "--top-k", K, "--engine", engine,
                                   out=engine)
            lines = result.lines()
            self.assertIn("Computing similarity (engine=%s, total=700, top_k=20)" % engine, lines)
            self.check_progress(lines, N)

    def test_end(self):
        graph, result = self.build(two_modalities(), {}, "--top-k", K)
        lines = result.lines()
        at = lines.index("Total items with neighbors: 699")
        summary = lines[at:]
        self.assertEqual(len(summary), 6, "six lines:\n" + "\n".join(summary))
        pairs = graph.manifest["pairs"]
        self.assertEqual(summary[1], "Pairs: %d, %.1f per row, sparsity %.4f%%" % (
            pairs, pairs / N, 100 * (1 - pairs / N / N)))
        self.assertRegex(summary[-1], r"kin (show|compare|verify)")
        self.assertIn("g", summary[-1])

    def test_missing_is_counted(self):
        _, result = self.build(two_modalities(), {}, "--top-k", K)
        self.assertIn("43 of 700 items lack a modality (--missing renorm)", result.lines())


if __name__ == "__main__":
    kin_cli.main()
