"""kin index, build --index, kin query: what the folder says, what may differ between the index and its
use (weights) and what may not (vectors), and answers against the oracle."""
import json
import os
import shutil

import numpy as np

import kin_cli
from kin_cli import (Case, Graph, Oracle, assert_scores, random_rows, read_bytes, read_json,
                     same_files, tie_aware_recall)

N, K = 900, 12
WEIGHTS = {"text": 0.6, "image": 0.4}
MODALITIES = ["--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4"]


class Indexes(Case):
    def setUp(self):
        super().setUp()
        self.vectors = {"text": random_rows(N, 20, 1), "image": random_rows(N, 28, 2)}
        self.vectors["text"][30:60] = self.vectors["text"][30]
        self.vectors["image"][30:40] = self.vectors["image"][30]
        self.vectors["text"][7] = 0
        self.vectors["image"][7] = self.vectors["image"][9] = 0
        for name, array in self.vectors.items():
            self.save(name + ".npy", array)

    def index(self, out, *arguments):
        result = self.ok("index", *MODALITIES, "--out", out, *arguments)
        self.nothing_left()
        return read_json(self.path(out, "manifest.json")), result


class Index(Indexes):
    def test_folders(self):
        for kind in ("ivf", "hnsw"):
            for space in ("modality", "fused"):
                with self.subTest(type=kind, space=space):
                    out = kind + space
                    manifest, result = self.index(out, "--type", kind, "--index-space", space)
                    self.assertEqual(result.out, "")
                    parts = ["fused"] if space == "fused" else ["text", "image"]
                    names = set(os.listdir(self.path(out)))
                    self.assertTrue({part + ".faiss" for part in parts} <= names, names)
                    self.assertTrue({"manifest.json", "ids.txt"} <= names)
                    self.assertEqual((manifest["kind"], manifest["format"], manifest["items"]),
                                     ("index", 1, N))
                    self.assertEqual(manifest["options"]["type"], kind)
                    self.assertEqual(sorted(names - {"manifest.json"}), sorted(manifest["files"]))
                    for entry in manifest["modalities"]:
                        self.assertRegex(entry["xxh3_128"], r"^[0-9a-f]{32}$")
                    self.assertTrue(manifest["run"]["sources"]["text"].endswith("/text.npy"))
                    self.ok("verify", out)
                    self.ok("info", out)

    def test_distinct(self):
        """An index holds each distinct vector once, and none of the zero rows."""
        manifest, _ = self.index("i", "--type", "ivf")
        parts = manifest["index"]["parts"]
        self.assertEqual(parts["text"]["distinct"], N - 29 - 1)
        self.assertEqual(parts["image"]["distinct"], N - 9 - 2)

    def test_last_line(self):
        """With --log json the line of the result has its numbers, as those of kin build and kin gen; text has both peaks."""
        for kind in ("ivf", "hnsw", "join"):
            manifest, result = self.index(kind, "--type", kind, "--top-k", K, "--log", "json")
            lines = [json.loads(line) for line in result.err.splitlines()]
            found = [line for line in lines if line["message"] == "Index folder: " + kind]
            self.assertEqual(len(found), 1, str(result))
            run = manifest["run"]
            for name, value in (("folder", kind), ("type", kind), ("items", N), ("seconds", run["seconds_total"]),
                                ("peak_memory_bytes", run["peak_memory_bytes"]),
                                ("peak_rss_bytes", run["peak_rss_bytes"])):
                self.assertEqual(found[0][name], value, name)
            self.assertTrue(0 < found[0]["peak_memory_bytes"] <= found[0]["peak_rss_bytes"])
        _, result = self.index("text")
        self.assertRegex(result.err, r"(?m)^INFO Memory: peak \d+ MiB, \d+ MiB with inputs as mapped pages$")

    def test_same_bytes(self):
        for number, arguments in enumerate((["--type", "ivf"],
                                            ["--type", "ivf", "--index-space", "fused"],
                                            ["--type", "ivf", "--project", 8])):
            first = None
            for threads in (1, 2, 3, 7):
                out = "i%d-%d" % (number, threads)
                self.index(out, *arguments, "--threads", threads)
                first = first or out
                same_files(self, self.path(first), self.path(out))

    def test_refusals(self):
        self.refused(2, "--out is missing", "index", *MODALITIES)
        self.refused(2, "--type exact: must be ivf, hnsw or join", "index", *MODALITIES, "--type",
                     "exact", "--out", "i")
        self.refused(2, "--project 21, but text has 20 dimensions", "index", *MODALITIES,
                     "--project", 21, "--out", "i")
        self.refused(65, "row 7 is all zero", "index", *MODALITIES, "--missing", "error", "--out",
                     "i")
        self.refused(66, "gone", "index", "--modality", "gone.npy", "--out", "i")
        self.index("i")
        self.refused(73, "^i exists already$", "index", *MODALITIES, "--out", "i")
        self.index("i", "--force", "--type", "hnsw")

    def test_memory(self):
        self.save("large.npy", random_rows(30000, 16, 1))
        self.refused(69, ".", "index", "--modality", "large.npy", "--memory", "1M", "--out", "i")


class BuildWithIndex(Indexes):
    def test_equals_build_without(self):
        """One thread builds the same HNSW twice. (What an ivf index is to a build: cli_join_index.py.)"""
        for number, arguments in enumerate(([], ["--index-space", "fused"], ["--project", 10],
                                            ["--project", 9, "--project-centre"],
                                            ["--links", 9, "--ef-construction", 50, "--seed", 4])):
            with self.subTest(options=arguments):
                index, whole, part = ("%s%d" % (name, number) for name in ("i", "whole", "part"))
                self.index(index, "--type", "hnsw", "--threads", 1, *arguments)
                self.ok("build", *MODALITIES, "--top-k", K, "--engine", "hnsw", "--out", whole,
                        "--threads", 1, *arguments)
                self.ok("build", *MODALITIES, "--top-k", K, "--index", index, "--out", part)
                for name in sorted(os.listdir(self.path(whole))):
                    if name != "manifest.json":
                        self.assertTrue(read_bytes(self.path(whole, name)) ==
                                        read_bytes(self.path(part, name)), name)
                graphs = Graph(self.path(whole)), Graph(self.path(part))
                self.assertEqual(graphs[0].manifest["engine"], graphs[1].manifest["engine"])
                self.assertEqual(graphs[0].manifest["index"], graphs[1].manifest["index"])
                self.assertEqual(graphs[0].manifest["recall"], graphs[1].manifest["recall"])

    def test_hnsw(self):
        self.index("i", "--type", "hnsw")
        for engine in ("auto", "hnsw"):
            self.ok("build", *MODALITIES, "--top-k", K, "--index", "i", "--out", engine, "--engine",
                    engine)
            graph = Graph(self.path(engine))
            self.assertEqual(graph.manifest["engine"], "hnsw")
            oracle = Oracle(self.vectors, WEIGHTS)
            assert_scores(self, graph, oracle)
            self.assertGreaterEqual(tie_aware_recall(graph, oracle, K), 0.95)
        self.assertEqual(read_bytes(self.path("auto", "graph.npz")),
                         read_bytes(self.path("hnsw", "graph.npz")),
                         "search in a stored index does not depend on threads")

    def test_other_weights(self):
        """Weights are free over per-modality indexes, and frozen into a fused one."""
        self.index("i", "--type", "hnsw")
        for kind in ("ivf", "hnsw"):
            self.index("f" + kind, "--type", kind, "--index-space", "fused")
        for text, image in ((0.1, 0.9), (5, 1)):
            other = ["--modality", "text=text.npy:%g" % text, "--modality",
                     "image=image.npy:%g" % image]
            self.ok("build", *other, "--top-k", K, "--index", "i", "--candidates", N, "--ef-search",
                    N, "--out", "g%g" % text)
            graph = Graph(self.path("g%g" % text))
            oracle = Oracle(self.vectors, {"text": text, "image": image})
            assert_scores(self, graph, oracle, tolerance=1e-6)
            self.assertGreaterEqual(tie_aware_recall(graph, oracle, K), 0.999)
            frozen = "%%s has weight 0.6 for text, asked for %g" % text
            self.refused(65, frozen % "fhnsw", "build", *other, "--top-k", K, "--index", "fhnsw",
                         "--out", "no")
            for kind in ("ivf", "hnsw"):
                self.refused(65, frozen % ("f" + kind), "query", "f" + kind, "--item", 5, *other)

    def test_other_inputs(self):
        self.index("i", "--type", "ivf")

        def refuse(message, *modalities, extra=()):
            self.refused(65, message, "build", *modalities, "--top-k", K, "--index", "i", "--out",
                         "g", *extra)

        refuse("1", "--modality", "text=text.npy")
        refuse("image", "--modality", "image=image.npy", "--modality", "text=text.npy")
        refuse("other", "--modality", "text=text.npy", "--modality", "other=image.npy")
        refuse("missing", *MODALITIES, extra=["--missing", "zero"])
        changed = self.vectors["text"].copy()
        changed[3, 3] += 1
        self.save("text.npy", changed)
        refuse("text", *MODALITIES)
        self.refused(65, "text", "query", "i", "--item", "5")

    def test_damaged(self):
        """Checksums are compared before FAISS sees a byte."""
        for kind in ("ivf", "hnsw"):
            self.index(kind, "--type", kind)
            for name in sorted(os.listdir(self.path(kind))):
                if not name.endswith((".faiss", ".npy")):
                    continue
                size = os.path.getsize(self.path(kind, name))
                for at in (0, 4, size // 3, size - 1, None):
                    shutil.rmtree(self.path("copy"), ignore_errors=True)
                    shutil.copytree(self.path(kind), self.path("copy"))
                    if at is None:
                        os.truncate(self.path("copy", name), size // 2)
                    else:
                        with open(self.path("copy", name), "r+b") as file:
                            file.seek(at)
                            byte = file.read(1)[0]
                            file.seek(at)
                            file.write(bytes([byte ^ 0x40]))
                    self.refused(65, "copy/" + name, "build", *MODALITIES, "--top-k", K, "--index",
                                 "copy", "--out", "g")
                    self.refused(65, "copy/" + name, "query", "copy", "--item", "5")

    def test_missing_file(self):
        self.index("i", "--type", "ivf")
        os.unlink(self.path("i", "text.faiss"))
        self.refused(65, "text.faiss", "build", *MODALITIES, "--top-k", K, "--index", "i", "--out",
                     "g")


class Query(Indexes):
    def answers(self, *arguments):
        return json.loads(self.ok("query", *arguments, "--json", "-").out)

    def test_json_file(self):
        """Into a file: then stdout has nothing."""
        self.index("i", "--type", "hnsw")
        result = self.ok("query", "i", "--item", "1", "--json", "answers.json")
        self.assertEqual(result.out, "")
        self.assertEqual(read_json(self.path("answers.json")), self.answers("i", "--item", "1"))

    def test_fewer_than_asked(self):
        """Said once, with what gives more; and that helps."""
        self.index("i", "--type", "hnsw")
        few = self.ok("query", "i", "--item", "100", "--item", "101", "--candidates", "1", "--top-k", "10")
        self.assertLess(len(few.out.splitlines()), 21)
        self.assertEqual(len(few.lines("WARNING")), 1, str(few))
        self.assertRegex(few.lines("WARNING")[0], "^2 of 2 queries have fewer than 10 neighbours: .*--candidates, now 1$")
        one = self.ok("query", "i", "--item", "100", "--candidates", "1", "--json", "-")
        self.assertRegex(one.lines("WARNING")[0], "^1 of 1 query has fewer than 10 neighbours: ")
        enough = self.ok("query", "i", "--item", "100", "--candidates", "10", "--top-k", "10")
        self.assertEqual(len(enough.out.splitlines()), 11)
        self.assertEqual(enough.lines("WARNING"), [])
        # item 9 has text alone, and every other item has a pair with it by that; item 7 has no
        # vector
        alone = self.ok("query", "i", "--item", "9", "--candidates", str(N), "--top-k", str(N - 1))
        self.assertRegex(alone.lines("WARNING")[0], "^1 of 1 .* no more items can be compared with them")

    def check(self, answer, scores, cosines, k, tolerance=2.5e-7):
        """Against one row of the oracle; everything was asked for, so the answer is exact."""
        rows = [entry["row"] for entry in answer["neighbors"]]
        stored = np.array([entry["score"] for entry in answer["neighbors"]])
        self.assertEqual(len(set(rows)), min(k, int(np.isfinite(scores).sum())))
        best = np.sort(scores)[::-1][:len(rows)]
        np.testing.assert_allclose(stored, best, rtol=0, atol=tolerance)
        np.testing.assert_allclose(stored, scores[rows], rtol=0, atol=tolerance)
        for entry in answer["neighbors"]:
            for name, row in cosines.items():
                if np.isnan(row[entry["row"]]):
                    self.assertIsNone(entry["cosine"][name])
                else:
                    self.assertAlmostEqual(entry["cosine"][name], row[entry["row"]], delta=1e-6)

    all_of_it = ["--probes", 10, "--candidates", N]

    def test_asking_for_everything_is_exact(self):
        """All lists probed and as many candidates as items: nothing can be missed."""
        rows = range(0, N, 15)
        items = [word for row in rows for word in ("--item", row)]
        for space in ("modality", "fused"):
            self.index(space, "--type", "ivf", "--lists", 10, "--index-space", space, "--missing",
                       "zero")
            document = self.answers(space, *items, "--top-k", K, *self.all_of_it)
            scores, cosines = Oracle(self.vectors, WEIGHTS, "zero").rows(rows)
            for at, answer in enumerate(document["queries"]):
                self.check(answer, scores[at], {name: c[at] for name, c in cosines.items()}, K)

    def test_items(self):
        self.text("ids", "".join("id-%d\n" % i for i in range(N)))
        self.index("i", "--type", "ivf", "--lists", 10, "--ids", "ids")
        oracle = Oracle(self.vectors, WEIGHTS)
        document = self.answers("i", "--item", "id-3", "--item", "id-31", "--item", "id-7", "--item",
                                "id-9", "--top-k", 8, *self.all_of_it)
        self.assertEqual((document["index"], document["top_k"]), ("i", 8))
        scores, cosines = oracle.rows([3, 31, 7, 9])
        for at, (answer, row) in enumerate(zip(document["queries"], (3, 31, 7, 9))):
            self.assertEqual(answer["query"], "id-%d" % row)
            self.check(answer, scores[at], {name: c[at] for name, c in cosines.items()}, 8)
            for entry in answer["neighbors"]:
                self.assertEqual(entry["id"], "id-%d" % entry["row"])
        self.assertEqual(document["queries"][2]["neighbors"], [], "an item without any vector")

    def test_as_build_writes_it(self):
        for kind in ("ivf", "hnsw"):
            self.index(kind, "--type", kind)
            self.ok("build", *MODALITIES, "--top-k", K, "--index", kind, "--out", "g" + kind)
            graph = Graph(self.path("g" + kind))
            rows = (0, 9, 35, 500, N - 1)
            document = self.answers(kind, "--top-k", K, *[word for row in rows
                                                          for word in ("--item", row)])
            for answer, row in zip(document["queries"], rows):
                near, scores = graph.row(row)
                self.assertEqual([entry["row"] for entry in answer["neighbors"]], near.tolist())
                self.assertEqual([np.float32(entry["score"]) for entry in answer["neighbors"]],
                                 scores.tolist())

    def test_outside(self):
        """Vectors from outside: an item's own vectors find the item itself first."""
        for number, (space, missing) in enumerate((("modality", "renorm"), ("modality", "zero"),
                                                   ("fused", "renorm"))):
            out = "i%d" % number
            self.index(out, "--type", "ivf", "--lists", 10, "--index-space", space, "--missing",
                       missing)
            for dtype, ending in ((np.float32, ".npy"), (np.float16, ".npy"), (np.float32, ".fbin")):
                queries = {name: (random_rows(6, array.shape[1], 50 + m)).astype(dtype)
                           for m, (name, array) in enumerate(self.vectors.items())}
                queries["text"][0] = self.vectors["text"][400]
                queries["image"][0] = self.vectors["image"][400]
                for name, array in queries.items():
                    self.save("q_" + name + ending, array)
                document = self.answers(out, "--query", "text=q_text" + ending, "--query",
                                        "image=q_image" + ending, "--top-k", 9, *self.all_of_it)
                self.assertEqual(len(document["queries"]), 6)
                self.check_outside(document, queries, missing)
                if dtype == np.float32:
                    first = document["queries"][0]["neighbors"][0]
                    self.assertEqual(first["row"], 400)
                    self.assertAlmostEqual(first["score"], 1, places=6)

    def check_outside(self, document, queries, missing):
        """The queries as further rows behind the catalog's."""
        names = [name for name in self.vectors if name in queries]
        stacked = {}
        for name, array in self.vectors.items():
            rows = queries.get(name, np.zeros((len(next(iter(queries.values()))), array.shape[1])))
            stacked[name] = np.concatenate([array, rows.astype(np.float32)])
        oracle = Oracle(stacked, WEIGHTS, missing)
        total = len(document["queries"])
        scores, cosines = oracle.rows(range(N, N + total))
        self.assertTrue(names)
        for at, answer in enumerate(document["queries"]):
            self.assertEqual(answer["query"], str(at))
            self.check(answer, scores[at, :N], {name: c[at, :N] for name, c in cosines.items()}, 9)

    def test_one_modality_alone(self):
        self.index("i", "--type", "ivf", "--lists", 10)
        queries = {"image": random_rows(4, 28, 9)}
        self.save("q.npy", queries["image"])
        document = self.answers("i", "--query", "image=q.npy", "--top-k", 9, *self.all_of_it)
        self.check_outside(document, queries, "renorm")

    def test_weights(self):
        self.index("i", "--type", "ivf", "--lists", 10)
        document = self.answers("i", "--item", 12, "--top-k", 9, "--modality", "text=text.npy:0.1",
                                "--modality", "image=image.npy:0.9", *self.all_of_it)
        scores, cosines = Oracle(self.vectors, {"text": 0.1, "image": 0.9}).rows([12])
        self.check(document["queries"][0], scores[0], {name: c[0] for name, c in cosines.items()}, 9)

    def test_table(self):
        self.index("i", "--type", "ivf")
        lines = self.ok("query", "i", "--item", 12, "--top-k", 4).out.splitlines()
        self.assertEqual(lines[0], "query\trank\tid\tscore\ttext\timage")
        self.assertEqual([line.split("\t")[:2] for line in lines[1:]],
                         [["12", str(rank)] for rank in range(1, 5)])

    def test_from_elsewhere(self):
        """The manifest knows where the vectors lie, from whatever folder it is asked."""
        self.index("i", "--type", "ivf")
        os.mkdir(self.path("away"))
        self.ok("query", "../i", "--item", 12, cwd=self.path("away"))

    def test_refusals(self):
        self.index("i", "--type", "ivf")
        self.save("q.npy", random_rows(3, 20, 1))
        self.save("wide.npy", random_rows(3, 21, 1))
        self.save("four.npy", random_rows(4, 28, 1))
        bad = random_rows(3, 20, 1)
        bad[1, 4] = np.nan
        self.save("bad.npy", bad)
        self.refused(2, "neither --item nor --query", "query", "i")
        self.refused(2, "exclude each other", "query", "i", "--item", "1", "--query", "text=q.npy")
        self.refused(2, "no modality other", "query", "i", "--query", "other=q.npy")
        self.refused(2, "given twice", "query", "i", "--query", "text=q.npy", "--query",
                     "text=q.npy")
        self.refused(2, "weights go with --modality", "query", "i", "--query", "text=q.npy:2")
        self.refused(65, "wide.npy has 21 dimensions, modality text has 20", "query", "i", "--query",
                     "text=wide.npy")
        self.refused(65, "four.npy has 4 rows", "query", "i", "--query", "text=q.npy", "--query",
                     "image=four.npy")
        self.refused(65, "top-k 900, but there are 899 items", "query", "i", "--item", "1",
                     "--top-k", N)
        self.refused(66, "gone.npy", "query", "i", "--query", "text=gone.npy")
        self.refused(66, "gone", "query", "gone", "--item", "1")
        self.refused(65, "bad.npy: row 1 is NaN at column 4", "query", "i", "--query",
                     "text=bad.npy")
        self.refused(65, "i has no item 'nothing'", "query", "i", "--item", "nothing")
        os.unlink(self.path("text.npy"))
        self.refused(66, "text.npy", "query", "i", "--item", "1")


if __name__ == "__main__":
    kin_cli.main()
