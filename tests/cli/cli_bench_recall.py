"""The evaluator of tools/bench/ann: its recall against `kin compare`, its peers, its picture."""
import json
import os
import subprocess
import sys
import types
import xml.dom.minidom

import numpy as np
import scipy.sparse

import kin_cli
from kin_cli import Case, random_rows

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "bench"))
import ann_catalogs  # noqa: E402
import ann_cases  # noqa: E402
import ann_contenders  # noqa: E402
import ann_plot  # noqa: E402
import ann_report  # noqa: E402
import recall  # noqa: E402
from graph_file import Graph  # noqa: E402
from sample import TIE, Truth  # noqa: E402

N, K = 900, 20
SOURCES = ["text=text.npy:0.6", "image=image.npy:0.4"]
WEIGHTS = [0.6, 0.4]


class Evaluating(Case):
    def setUp(self):
        super().setUp()
        text, image = random_rows(N, 16, 1), random_rows(N, 20, 2)
        text[20:80], image[20:80] = text[20], image[20]  # more duplicates than neighbours asked for
        image[100:150] = 0
        self.save("text.npy", text)
        self.save("image.npy", image)
        self.paths = [self.path("text.npy"), self.path("image.npy")]

    def build(self, out, *arguments):
        modalities = [word for source in SOURCES for word in ("--modality", source)]
        self.ok("build", *modalities, "--top-k", K, "--out", out, *arguments)
        return self.path(out)

    def test_recall_is_that_of_kin_compare(self):
        exact = self.build("exact", "--engine", "stream")
        for name, arguments in (("poor", ("hnsw", "--candidates", K + 1, "--links", 4)),
                                ("same", ("exact",))):
            graph = self.build(name, "--engine", *arguments)
            self.ok("compare", name, "--reference", "exact", "--json", name + ".json")
            with open(self.path(name + ".json"), encoding="utf-8") as file:
                wanted = json.load(file)["recall"]["tie_aware"]["mean"]
            rows = np.arange(N)
            truth = Truth(self.paths, WEIGHTS, rows)
            found = Graph(graph).rows(rows)
            for evaluator in (recall.Evaluator.of_vectors(truth, K), recall.Evaluator.of_graph(truth, exact)):
                self.assertAlmostEqual(evaluator.recalls(found).mean(), wanted, 9)
            self.assertAlmostEqual(recall.of_graphs(graph, exact).mean(), wanted, 9)
            self.assertEqual(wanted == 1, name == "same")

    def test_recall_of_the_first(self):
        exact = self.build("exact", "--engine", "stream")
        graph = self.build("poor", "--engine", "hnsw", "--candidates", K + 1, "--links", 4)
        rows = np.arange(N)
        truth = Truth(self.paths, WEIGHTS, rows)
        found = Graph(graph).rows(rows)
        scores = np.array([Graph(exact).row(row)[1] for row in rows])
        for first in (1, 10, K):
            wanted = np.mean([min((Graph(graph).row(row)[1] >= scores[row][first - 1] - TIE).sum(), first) / first
                              for row in rows])
            self.assertAlmostEqual(recall.of_graphs(graph, exact, first).mean(), wanted, 9)
            for evaluator in (recall.Evaluator.of_vectors(truth, K), recall.Evaluator.of_graph(truth, exact)):
                self.assertAlmostEqual(evaluator.recalls(found, first).mean(), wanted, 9)
        self.assertLess(wanted, 1)

    def test_a_graph_is_read_from_its_archive(self):
        graph = self.build("graph", "--engine", "exact")
        wanted = [scipy.sparse.load_npz(os.path.join(graph, "graph.npz")).getrow(row) for row in (0, 60, N - 1)]
        for name in ("indptr", "indices", "data"):
            if os.path.exists(os.path.join(graph, name + ".npy")):
                os.remove(os.path.join(graph, name + ".npy"))
        found = Graph(graph)
        self.assertIsInstance(found.scores, np.memmap)
        for row, one in zip((0, 60, N - 1), wanted):
            ids, scores = found.row(row)
            self.assertEqual(ids.tolist(), one.indices.tolist())
            self.assertEqual(scores.tolist(), one.data.tolist())

    def test_missing_as_zero(self):
        graph = self.build("zero", "--engine", "stream", "--missing", "zero")
        rows = np.arange(90, 160)
        found = Graph(graph).rows(rows)
        by_rule = [recall.Evaluator.of_vectors(Truth(self.paths, WEIGHTS, rows, renorm), K)
                   .recalls(found).mean() for renorm in (True, False)]
        self.assertLess(by_rule[0], 1)
        self.assertEqual(by_rule[1], 1)

    def test_nobody_oneself_and_repeated_ids_count_for_nothing(self):
        rows = np.array([500])
        evaluator = recall.Evaluator.of_vectors(Truth(self.paths, WEIGHTS, rows), K)
        best = evaluator.ids[0]
        self.assertEqual(evaluator.recalls([best])[0], 1)
        padded = np.concatenate([best[:5], best[:5], best[:5], [-1, -1, 500]])
        self.assertEqual(evaluator.recalls([padded])[0], 5 / K)

    def peer(self, program, words, effort):
        """Recall of a peer on random rows, missing taken as zero, or None if it was not built."""
        path = os.path.join(os.path.dirname(kin_cli.KIN), program)
        if not os.path.exists(path):
            return None
        rows = np.arange(3, N, 7)
        np.savetxt(self.path("rows.txt"), rows, fmt="%d")
        sources = [f"text={self.paths[0]}:.6", f"image={self.paths[1]}:.4"]
        done = subprocess.run([path, *words, str(K), self.path("rows.txt"), self.path("."),
                               str(effort), *sources], capture_output=True, check=True)
        line = json.loads(done.stdout)
        self.assertAlmostEqual(line["total_seconds"], line["load_seconds"] + line["build_seconds"] +
                               line["search_seconds"], 6)
        found = np.load(line["ids"])
        self.assertEqual(found.shape, (len(rows), K))
        self.assertFalse((found == rows[:, None]).any())
        truth = Truth(self.paths, WEIGHTS, rows, False)
        return recall.Evaluator.of_vectors(truth, K).recalls(list(found)).mean()

    def test_peers_find_what_there_is(self):
        self.assertEqual(self.peer("bench-ann-peers", ["ivf"], N), 1)
        self.assertLess(self.peer("bench-ann-peers", ["ivf"], 1), 0.9)
        # Duplicates trap a graph's search (docs/PERFORMANCE.md), so these are not asked for
        # everything.
        self.assertGreater(self.peer("bench-ann-peers", ["hnsw"], N), 0.8)
        found = self.peer("bench-hnswlib", [], N)
        if found is not None:
            self.assertGreater(found, 0.8)


class Telling(Case):
    def test_a_manifest_may_say_more_or_less(self):
        for facts, bound in (({"run": {}}, None), ({"run": {}, "recall": 0.9}, None),
                             ({"run": {}, "recall": {"mean": 0.9, "lower_bound": 0.8}}, 0.8),
                             ({"run": {"recall": {"lower_bound": None, "lower95": 0.7}}}, 0.7)):
            run = {"promise": ann_contenders.promise(facts)}
            self.assertEqual(ann_cases.lower_bound(run), bound)

    def test_zipf_exponent_gives_the_share(self):
        x = ann_catalogs.zipf_exponent(474, 0.3)
        self.assertAlmostEqual(1 / (np.arange(1, 475) ** -x).sum(), 0.3, 6)

    def test_efforts_start_where_they_count(self):
        options = types.SimpleNamespace(top_k=200, ef=None, probes=None)
        for items in (1000, 1000000):
            efforts = ann_contenders.efforts(options, items)
            self.assertEqual(efforts[ann_contenders.HNSWLIB][0], 201)
            self.assertLess(efforts[ann_contenders.HNSW][0], 201)
            for effort in efforts.values():
                self.assertEqual(sorted(set(effort)), list(effort))
        options.ef = [10, 20, 300]
        self.assertEqual(ann_contenders.efforts(options, 1000)[ann_contenders.HNSWLIB], [201, 300])

    def test_the_picture_is_xml_and_shows_every_point(self):
        def point(series, effort, seconds, found):
            return {"series": series, "effort": effort,
                    "rounds": [{"seconds": seconds, "recall": found}]}
        points = [point(ann_contenders.KIN, "0.9", 1.0, 0.91),
                  point(ann_contenders.KIN, "0.99", 2.0, 0.992),
                  point(ann_contenders.EXACT, "", 4.0, 1.0),
                  point(ann_contenders.HNSWLIB, "201", 3.0, 0.3)]
        case = {"kind": "curve", "items": 5, "dimensions": [2, 3], "k": 1, "points": points}
        ann_plot.draw({"cases": {"a & b": case, "c": {"kind": "growth"}}}, self.path("plot.svg"))
        with xml.dom.minidom.parse(self.path("plot.svg")) as document:
            titles = [node.firstChild.data for node in document.getElementsByTagName("title")]
        self.assertEqual(len(titles), 1 + len(points))
        self.assertEqual(ann_report.fastest(points[:2], 0.95), 2.0)
        self.assertIsNone(ann_report.fastest(points[:2], 0.995))


if __name__ == "__main__":
    kin_cli.main()
