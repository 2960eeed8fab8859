"""kin why: cosines, contributions, scores and ranks recomputed with numpy; what became of a lost pair by traces
written by hand; what it says without vectors, and what it refuses."""
import json
import os
import shutil

import numpy as np

import kin_cli
from kin_cli import Case, Graph, Oracle, random_rows, read_json

N, K = 400, 12
WEIGHTS = {"text": 0.6, "image": 0.4}
NAMES = list(WEIGHTS)


class Why(Case):
    """Items 20 to 59 are one and the same; 100 to 109 have no text, 105 to 114 no image."""

    def setUp(self):
        super().setUp()
        self.vectors = {"text": random_rows(N, 16, 1), "image": random_rows(N, 20, 2)}
        for name, array in self.vectors.items():
            array[20:60] = array[20]
            array[(slice(100, 110) if name == "text" else slice(105, 115))] = 0
            self.save(name + ".npy", array)
        self.text("ids.txt", "".join("i%d\n" % i for i in range(N)))

    def build(self, out, *arguments):
        self.ok("build", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4",
                "--ids", "ids.txt", "--top-k", K, "--out", out, *arguments)
        return Graph(self.path(out))

    def hnsw(self, out="hnsw"):
        """Few candidates and a low target: much is lost."""
        return self.build(out, "--engine", "hnsw", "--candidates", K, "--target-recall", 0.5)

    def why(self, graph, a, b, *arguments):
        return json.loads(self.ok("why", graph, "i%d" % a, "i%d" % b, "--json", "-",
                                  *arguments).out)

    def concludes(self, code, text, graph, a, b):
        document = self.why(graph, a, b)
        self.assertEqual((document["result"]["code"], document["result"]["text"]), (code, text))
        return document


def rank_of(values, item, own=1):
    """Place (of equal values the smaller row first) and 1 + the number of distinct larger ones, with the value
    of the item's own vector, as stored: in float32. None, None where there is no value."""
    values = values.astype(np.float32)
    if not np.isfinite(values[item]):
        return None, None
    values = np.where(np.isfinite(values), values, -np.inf)
    level = int((values[:item] == values[item]).sum())
    above = values[values > values[item]]
    return len(above) + level + 1, len(set(above) | {np.float32(own)} - {values[item]}) + 1


class Numbers(Why):
    def check_pair(self, document, oracle, graph, a, b):
        scores, cosines = oracle.rows([a])
        back, _ = oracle.rows([b])
        self.assertEqual(document["schema"], "kin-why/2")
        self.assertEqual(document["a"], {"id": "i%d" % a, "row": a})
        self.assertEqual(document["b"], {"id": "i%d" % b, "row": b})
        self.assertTrue(document["vectors"])
        paired = np.isfinite(scores[0, b])
        if paired:
            self.assertAlmostEqual(document["score"], scores[0, b], delta=1e-7)
            self.assertAlmostEqual(sum(entry["contribution"] or 0
                                       for entry in document["modalities"]), scores[0, b],
                                   delta=1e-6)
        else:
            self.assertIsNone(document["score"])
        for entry in document["modalities"]:
            cosine = cosines[entry["name"]][0].copy()
            cosine[a] = np.nan
            self.assertEqual(entry["weight"], WEIGHTS[entry["name"]])
            if np.isnan(cosine[b]):
                self.assertIsNone(entry["cosine"])
                self.assertIsNone(entry["contribution"])
            else:
                self.assertAlmostEqual(entry["cosine"], cosine[b], delta=1e-7)
            self.assertEqual((entry["rank"], entry["distinct_rank"]), rank_of(cosine, b))
        for side, row, start, end in (("b_for_a", scores[0], a, b), ("a_for_b", back[0], b, a)):
            columns, stored = graph.row(start)
            at = columns.tolist().index(end) + 1 if end in columns else None
            got = document[side]
            self.assertEqual((got["rank"], got["distinct_rank"]), rank_of(row, end))
            self.assertEqual(got["of"], int(np.isfinite(row).sum()) or None)
            self.assertEqual(got["place"], at)
            self.assertEqual(got["stored"], len(columns))
            if len(columns):
                self.assertEqual(np.float32(got["last_score"]), stored[-1])

    def test_an_exact_graph(self):
        graph = self.build("g")
        oracle = Oracle(self.vectors, WEIGHTS)
        random = np.random.default_rng(3)
        pairs = [(int(a), int(b)) for a, b in random.integers(N, size=(25, 2)) if a != b]
        pairs += [(a, int(graph.row(a)[0][place])) for a in (0, 33, 102, 112, 399)
                  for place in (0, K - 1)]
        pairs += [(20, 21), (20, 59), (59, 20), (102, 7), (7, 102), (112, 7)]
        codes = set()
        for a, b in pairs:
            document = self.why("g", a, b)
            self.check_pair(document, oracle, graph, a, b)
            place, rank = document["b_for_a"]["place"], document["b_for_a"]["rank"]
            self.assertIsNone(document["trace"])
            if place:
                self.assertEqual(document["result"], {"code": "stored",
                                                       "text": "stored at place %d" % place})
            elif rank is None:
                self.assertEqual(document["result"]["code"], "no_pair")
            else:
                self.assertEqual(document["result"]["code"], "not_among_exact")
                self.assertIn("not among the exact %d: rank %d" % (K, rank),
                              document["result"]["text"])
            codes.add(document["result"]["code"])
        self.assertEqual(codes, {"stored", "not_among_exact", "no_pair"})

    def test_twins(self):
        """39 are as good as one another; the smaller row number comes first."""
        self.build("g")
        document = self.concludes("not_among_exact", "not among the exact 12: rank 39, behind smaller "
                               "row numbers of the same score", "g", 20, 59)
        self.assertEqual(document["b_for_a"]["distinct_rank"], 1)
        self.assertEqual(self.why("g", 59, 20)["b_for_a"]["place"], 1)

    def test_column_order(self):
        graph = self.build("g")
        self.build("c", "--row-order", "column")
        for place in (0, 5, K - 1):
            b = int(graph.row(7)[0][place])
            by_column, by_score = self.why("c", 7, b), self.why("g", 7, b)
            by_column["graph"] = by_score["graph"]
            self.assertEqual(by_column, by_score)

    def test_missing_rules(self):
        for missing in ("zero", "drop"):
            graph = self.build(missing, "--missing", missing)
            oracle = Oracle(self.vectors, WEIGHTS, missing)
            for a, b in ((102, 7), (7, 102), (102, 112), (3, 4), (106, 3)):
                self.check_pair(self.why(missing, a, b), oracle, graph, a, b)

    def test_threads(self):
        self.build("g")
        self.assertEqual(self.why("g", 3, 9, "--threads", 1), self.why("g", 3, 9, "--threads", 3))

    def test_text(self):
        """What a person reads: the same numbers, and nothing from the catalog that moves the cursor."""
        self.text("items.tsv", "id\ttitle\n" + "".join("i%d\tRed \x1b[2J shoe\n" % i
                                                        for i in range(N)))
        self.ok("build", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4",
                "--items", "items.tsv", "--top-k", K, "--out", "g")
        document = self.why("g", 3, 9)
        out = self.ok("why", "g", "i3", "i9").out
        self.assertIn("Red ?[2J shoe", out)
        self.assertNotIn("\x1b", out)
        for entry in document["modalities"]:
            self.assertRegex(out, r"(?m)^%s +%g +%.6f +%.6f +%d +%d$" % (
                entry["name"], entry["weight"], entry["cosine"], entry["contribution"],
                entry["rank"], entry["distinct_rank"]))
        self.assertRegex(out, r"(?m)^fused score +%.6f +%d +%d$" % (
            document["score"], document["b_for_a"]["rank"], document["b_for_a"]["distinct_rank"]))
        self.assertIn("among the %d items that A has a score with" % (N - 1 - 5), out)
        self.assertRegex(out, r"(?m)^in A's row +B is not among its 12; place 12 has %.6f$" %
                         document["b_for_a"]["last_score"])
        self.assertRegex(out, r"(?m)^the other way .* its exact rank for B is %d of %d$" % (
            document["a_for_b"]["rank"], N - 1 - 5))
        self.assertTrue(out.endswith("result             %s\n" % document["result"]["text"]), out)
        self.assertEqual(self.ok("why", "g", "i3", "i9", "--json", "why.json").out, "")
        self.assertEqual(read_json(self.path("why.json")), document)


class Results(Why):
    def setUp(self):
        super().setUp()
        self.oracle = Oracle(self.vectors, WEIGHTS)

    def test_same_item(self):
        self.build("g")
        self.concludes("same_item", "A is B, and no item is its own neighbour", "g", 4, 4)
        self.assertIn("A is B", self.ok("why", "g", "i4", "i4").out)

    def test_no_pair(self):
        self.build("g")
        self.concludes("no_pair", "no pair: A lacks every modality that B has", "g", 102, 112)
        self.concludes("no_pair", "no pair: no modality has a vector for A", "g", 106, 3)
        self.concludes("no_pair", "no pair: no modality has a vector for B", "g", 3, 106)
        self.concludes("no_pair", "no pair: no modality has a vector for both A and B", "g", 105, 106)
        self.build("drop", "--missing", "drop")
        self.concludes("no_pair", "no pair: --missing drop left B out, for want of a vector in some "
                    "modality", "drop", 3, 102)
        self.concludes("no_pair", "no pair: --missing drop left both A and B out, for want of a vector "
                    "in some modality", "drop", 102, 103)

    def change_indices(self, folder, indices):
        """Over those in graph.npz, in place."""
        path = self.path(folder, "graph.npz")
        start, length = kin_cli.member_place(path, "indices.npy")
        with open(path, "r+b") as file:
            file.seek(start + length - indices.nbytes)
            file.write(indices.tobytes())

    def test_an_exact_graph_that_is_not(self):
        graph = self.build("g")
        indices = graph.indices.copy()
        first = int(graph.indptr[7])
        near = int(indices[first])
        far = next(i for i in range(N - 1, 0, -1) if i != 7 and i not in graph.row(7)[0])
        indices[first] = far
        self.change_indices("g", indices)
        self.concludes("disagree", "the graph and the vectors disagree: B's exact rank is 1 of 12, and "
                    "it is not stored", "g", 7, near)
        rank = self.why("g", 7, far)["b_for_a"]["rank"]
        self.concludes("disagree", "the graph and the vectors disagree: B's exact rank is %d of 12, and "
                    "it is stored" % rank, "g", 7, far)

    def test_as_good(self):
        """One duplicate for another is no loss."""
        graph = self.hnsw()
        indices = graph.indices.copy()
        span = slice(graph.indptr[20], graph.indptr[21])
        self.assertEqual(indices[span].tolist(), list(range(21, 21 + K)))
        indices[span.start] = 59
        self.change_indices("hnsw", indices)
        self.concludes("as_good", "nothing is lost: all 12 that are stored are as good", "hnsw", 20, 21)

    # ---- traces --------------------------------------------------------------------------------

    def lost(self, graph):
        """(A, B, rank of B, (rank by text, rank by image) as an index counts), of whole items."""
        for a in [*range(20), *range(60, 100)]:
            scores, cosines = self.oracle.rows([a])
            columns, stored = graph.row(a)
            for b in np.argsort(-scores[0], kind="stable")[:K]:
                if b in columns or scores[0, b] < stored[-1] + 1e-5 or 100 <= b < 115:
                    continue
                ranks = []
                for name in NAMES:
                    cosine = cosines[name][0].copy()
                    cosine[a] = np.nan
                    ranks.append(rank_of(cosine, b)[1])
                yield a, int(b), rank_of(scores[0], b)[0], tuple(ranks)

    def trace(self, folder, rows, sources, proposed, **join):
        """sources: [(name, modality, asked)]; proposed: {(name, row): items}."""
        path = self.path(folder, "manifest.json")
        manifest = read_json(path)
        manifest["trace"] = {"rows": len(rows), "seed": 1,
                             "sources": [{"name": name, "modality": modality, "asked": asked}
                                         for name, modality, asked in sources]}
        np.save(self.path(folder, "trace.row.npy"), np.array(rows, np.int32))
        for name, _, _ in sources:
            items = [sorted(proposed.get((name, row), [])) for row in rows]
            np.save(self.path(folder, "trace_%s.start.npy" % name),
                    np.cumsum([0] + [len(some) for some in items]).astype(np.int64))
            np.save(self.path(folder, "trace_%s.item.npy" % name),
                    np.array([item for some in items for item in some], np.int32))
        if join:
            manifest["trace"].update(clusters=join["sigmas"].shape[1], probe_sigmas=join["used"])
            np.save(self.path(folder, "trace.cluster.npy"), join["cluster"].astype(np.int32))
            np.save(self.path(folder, "trace.probe_sigmas.npy"), join["sigmas"].astype(np.float32))
        with open(path, "w", encoding="utf-8") as file:
            json.dump(manifest, file)

    def test_indexes(self):
        graph = self.hnsw()
        found = list(self.lost(graph))
        deep = next(it for it in found if min(it[3]) > K)
        a, b, rank, ranks = deep
        self.concludes("not_traced", "lost: its exact rank is %d of 12; a build with --trace-rows records "
                    "where such are lost" % rank, "hnsw", a, b)

        indexes = [("text", "text", K), ("image", "image", K)]
        best = int(np.argmin(ranks))
        self.trace("hnsw", [a, 399], indexes, {("text", a): [1, 2], ("image", 399): [b]})
        document = self.concludes(
            "depth", "lost: no modality ranks it within the 12 candidates that were asked for (best: "
            "%s, rank %d): --candidates" % (NAMES[best], ranks[best]), "hnsw", a, b)
        self.assertEqual(document["trace"], {
            "rows": 2, "traced": True,
            "sources": [{"name": name, "asked": K, "proposed": False} for name in NAMES]})
        out = self.ok("why", "hnsw", "i%d" % a, "i%d" % b).out
        self.assertRegex(out, r"(?m)^candidates +text did not propose it \(asked for 12\)$")

        # asked as deep as its rank: then the index should have come across it
        worst = 1 - best
        self.trace("hnsw", [a], [(name, name, ranks[best]) for name in NAMES], {})
        self.concludes("search", "lost by search in %s, whose index did not come across it (rank %d of "
                    "the %d that were asked for): --ef-search" % (NAMES[best], ranks[best],
                                                                   ranks[best]), "hnsw", a, b)
        # one that was asked deep enough counts, whatever the other's rank
        self.trace("hnsw", [a], [(NAMES[best], NAMES[best], ranks[best] - 1),
                                 (NAMES[worst], NAMES[worst], ranks[worst])], {})
        self.assertIn("lost by search in %s" % NAMES[worst],
                      self.why("hnsw", a, b)["result"]["text"])

        self.trace("hnsw", [a], indexes, {("image", a): [b]})
        document = self.concludes("ranked_out", "lost: image proposed it, and a rule or the last "
                               "selection dropped it", "hnsw", a, b)
        self.assertEqual([source["proposed"] for source in document["trace"]["sources"]],
                         [False, True])

        self.trace("hnsw", [398, 399], indexes, {})
        document = self.concludes("not_traced", "lost: its exact rank is %d of 12; A is not among the 2 "
                               "items that were traced: more --trace-rows" % rank, "hnsw", a, b)
        self.assertEqual(document["trace"], {"rows": 2, "traced": False, "sources": []})

    def test_fused_space(self):
        a, b, rank, _ = next(self.lost(self.hnsw()))
        scores, _ = self.oracle.rows([a])
        distinct = rank_of(scores[0], b)[1]
        self.trace("hnsw", [a], [("fused", None, distinct)], {})
        self.concludes("search", "lost by search in fused, whose index did not come across it (rank %d "
                    "of the %d that were asked for): --ef-search" % (distinct, distinct), "hnsw", a,
                    b)

    def test_join(self):
        a, b, _, _ = next(it for it in self.lost(self.hnsw()) if it[0] > 0)
        clusters = np.zeros(N)
        clusters[b] = 2
        for value, code, text in (
                (2.4, "not_looked_at", "lost: its cluster was not looked at (needs 2.40 sigmas, "
                                       "1.90 were used): --target-recall"),
                (np.inf, "not_looked_at", "lost: its cluster was not looked at, and no effort would "
                                          "have let it: --engine exact"),
                (-np.inf, "estimate", "lost: its cluster was looked at, but the estimate of its "
                                      "score was too low to be kept: --engine exact")):
            sigmas = np.full((2, 3), 9.0)
            sigmas[1, 2] = value
            self.trace("hnsw", [a - 1, a], [("join", None, None)], {}, cluster=clusters, sigmas=sigmas,
                       used=1.9)
            document = self.concludes(code, text, "hnsw", a, b)
            self.assertEqual(document["trace"]["looked_at"], value == -np.inf)
            self.assertEqual(document["trace"]["sigmas_used"], 1.9)
            self.assertEqual(document["trace"]["sources"],
                             [{"name": "join", "asked": None, "proposed": False}])

    def test_a_damaged_trace(self):
        self.hnsw()
        self.trace("hnsw", [3, 399], [("text", "text", K)], {})
        np.save(self.path("hnsw", "trace.row.npy"), np.array([3, 400], np.int32))
        self.refused(65, r"trace\.row\.npy: value 1 is 400, must be 4 to 399", "why", "hnsw", "i3",
                     "i9", hint="damaged")


class WithoutVectors(Why):
    def test_the_graph_alone(self):
        graph = self.build("g")
        os.unlink(self.path("text.npy"))
        b = int(graph.row(7)[0][3])
        result = self.ok("why", "g", "i7", "i%d" % b, "--json", "-")
        self.assertRegex(result.err, "WARNING Only the graph is asked, .*text.npy")
        document = json.loads(result.out)
        self.assertFalse(document["vectors"])
        self.assertEqual(document["result"], {"code": "stored", "text": "stored at place 4"})
        self.assertEqual(np.float32(document["score"]), graph.row(7)[1][3])
        for entry in document["modalities"]:
            stored = graph.cosines[entry["name"]][graph.indptr[7] + 3]
            self.assertEqual(entry["cosine"], float(stored))
            self.assertIsNone(entry["rank"])
        self.assertAlmostEqual(sum(entry["contribution"] for entry in document["modalities"]),
                               document["score"], delta=1e-3)
        self.assertIsNone(document["b_for_a"]["rank"])
        other = next(i for i in range(N) if i != 7 and i not in graph.row(7)[0])
        self.concludes("no_vectors", "not stored; whether it belongs there only the vectors can tell: "
                    "--modality", "g", 7, other)

    def test_files_named_again(self):
        self.build("g")
        before = self.why("g", 7, 8)
        shutil.move(self.path("text.npy"), self.path("moved.npy"))
        given = ["--modality", "text=moved.npy", "--modality", "image=image.npy"]
        self.assertEqual(self.why("g", 7, 8, *given), before)
        self.refused(65, "image.npy is not what g was made from", "why", "g", "i7", "i8",
                     "--modality", "text=image.npy", "--modality", "image=image.npy")
        self.refused(66, "gone.npy", "why", "g", "i7", "i8", "--modality", "text=gone.npy",
                     "--modality", "image=image.npy")


class Refusals(Why):
    def test_operands(self):
        self.build("g")
        self.refused(65, "g has no item 'i400'", "why", "g", "i3", "i400",
                     hint="the lines of the graph's ids.txt")
        self.refused(65, "g has no item '3'", "why", "g", "3", "i4")
        self.refused(2, "needs GRAPH A B", "why", "g", "i3")
        self.refused(2, "i5", "why", "g", "i3", "i4", "i5")
        self.refused(66, "nowhere", "why", "nowhere", "i3", "i4")
        self.refused(73, "gone/x", "why", "g", "i3", "i4", "--json", "gone/x")


if __name__ == "__main__":
    kin_cli.main()
