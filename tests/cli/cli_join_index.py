"""What an ivf index is to kin build: the order of its rows and the effort of the self-join. With it or
without, the graph is the same; tuned for something else, it is tuned again; damaged, it is refused."""
import json
import os
import re
import shutil

import numpy as np

import kin_cli
from kin_cli import (Case, Graph, Oracle, assert_scores, assert_shape, random_rows, read_bytes,
                     read_json, same_files, tie_aware_recall)

N, K = 5000, 20
WEIGHTS = {"text": 0.6, "image": 0.4}
AGAIN = "The index was tuned for other weights, top-k, target or seed: tuning again"
NONE = "The index keeps no order of rows and no effort: making them"


class Indexes(Case):
    def setUp(self):
        super().setUp()
        self.ok("gen", "--items", N, "--modality", "text=32", "--modality", "image=24", "--clusters", 25,
                "--duplicate-share", 0.25, "--missing-share", 0.03, "--out", "cat")

    def modalities(self, weights=None):
        return [word for name, weight in (weights or WEIGHTS).items()
                for word in ("--modality", "%s=cat/%s.npy:%r" % (name, name, weight))]

    def index(self, out, *arguments, k=K, kind="ivf"):
        self.ok("index", *self.modalities(), "--type", kind, "--top-k", k, "--out", out, *arguments)
        self.nothing_left()
        return read_json(self.path(out, "manifest.json"))

    def build(self, out, *arguments, weights=None, k=K):
        result = self.ok("build", *self.modalities(weights), "--engine", "join", "--top-k", k, "--out",
                         out, *arguments)
        self.nothing_left()
        return Graph(self.path(out)), result

    def check_same(self, with_index, without):
        """The graphs are the same bytes, and their manifests but for --index itself."""
        manifests = []
        for graph in (with_index, without):
            manifest = json.loads(json.dumps(graph.manifest))
            for name in ("run", "checksum"):
                del manifest[name]
            del manifest["options"]["index"]
            manifests.append(manifest)
        self.assertEqual(*manifests)
        for name in manifests[0]["files"]:
            self.assertTrue(read_bytes(os.path.join(with_index.directory, name)) ==
                            read_bytes(os.path.join(without.directory, name)), name)
        self.assertIsNotNone(with_index.manifest["join"]["probe_sigmas"])
        self.assertLess(with_index.manifest["join"]["rows_scanned_share"], 1)


class OrderAlone(Indexes):
    """An index of type join has no files of FAISS's, serves the self-join and answers no query."""

    def test_order_alone(self):
        manifest = self.index("i", kind="join")
        self.assertEqual(sorted(manifest["files"]), ["ids.txt", "join.row.npy", "join.start.npy"])
        self.assertEqual(manifest["index"]["type"], "join")
        self.ok("verify", "i")
        self.ok("info", "i")
        without, _ = self.build("without")
        self.check_same(self.build("with", "--index", "i")[0], without)
        self.ok("build", *self.modalities(), "--top-k", K, "--index", "i", "--out", "auto")
        self.assertEqual(Graph(self.path("auto")).manifest["engine"], "join")
        self.refused(2, "^i holds an order of the self-join, which answers no query$", "query", "i", "--item", "0",
                     hint="--type ivf")
        for engine in ("ivf", "hnsw"):
            self.refused(2, "^i holds an index of type join, --engine is %s$" % engine, "build", *self.modalities(),
                         "--engine", engine, "--index", "i", "--out", "g", hint="built for")
        self.refused(2, "^--lists is not what the index was built with$", "build", *self.modalities(), "--engine", "join",
                     "--index", "i", "--lists", "5", "--out", "g")

    def test_what_only_faiss_has(self):
        """Refused before anything is opened, and an order has no space to log."""
        for arguments in (["--lists", 5], ["--project", 8], ["--project-centre"], ["--links", 8],
                          ["--ef-construction", 50], ["--index-space", "fused"]):
            self.refused(2, "^%s is nothing to --type join" % arguments[0], "index", "--modality", "gone.npy",
                         "--type", "join", "--out", "i", *arguments, hint="leave it out")
        for kind, said in (("join", "type=join"), ("ivf", "type=ivf, space=modality")):
            result = self.ok("index", *self.modalities(), "--type", kind, "--top-k", K, "--out", kind)
            self.assertIn("Building the index (%s, total=%d)" % (said, N), result.lines())

    def test_ivf_serves_both(self):
        self.index("i")
        for name, arguments, engine in (("a", [], "join"), ("b", ["--engine", "ivf"], "ivf")):
            self.ok("build", *self.modalities(), "--top-k", K, "--index", "i", "--out", name, *arguments)
            self.assertEqual(Graph(self.path(name)).manifest["engine"], engine)
        self.ok("build", *self.modalities(), "--top-k", K, "--engine", "ivf", "--out", "c")
        same = [read_bytes(self.path(name, "graph.npz")) for name in ("b", "c")]
        self.assertTrue(same[0] == same[1])


class Kept(Indexes):
    def test_files(self):
        manifest = self.index("i")
        join = manifest["join"]
        self.assertTrue({"join.row.npy", "join.start.npy"} <= set(manifest["files"]))
        row = np.load(self.path("i", "join.row.npy"))
        start = np.load(self.path("i", "join.start.npy"))
        self.assertEqual((row.dtype, row.shape), (np.int32, (join["rows"],)))
        self.assertEqual((start.dtype, start.shape), (np.int32, (join["clusters"] + 1,)))
        both = np.concatenate([np.load(self.path("cat", name + ".npy")) for name in WEIGHTS], axis=1)
        _, first = np.unique(both, axis=0, return_index=True)
        self.assertEqual(np.sort(row).tolist(), np.sort(first).tolist(), "the first of equal items")
        self.assertEqual((start[0], start[-1]), (0, len(row)))
        self.assertTrue((np.diff(start) > 0).all() and (np.diff(start) <= 544).all())
        lacks = (both[row][:, 32:] == 0).all(axis=1)
        for first, last in zip(start, start[1:]):
            self.assertEqual(len(set(lacks[first:last])), 1, "a cluster has rows of one kind")
        self.ok("verify", "i")

    def test_same_bytes(self):
        self.index("first", "--threads", 1)
        for threads in (2, 3, 7):
            self.index("other", "--threads", threads, "--force")
            same_files(self, self.path("first"), self.path("other"))

    def test_not_of_hnsw(self):
        self.ok("index", *self.modalities(), "--type", "hnsw", "--out", "h")
        self.assertNotIn("join", read_json(self.path("h", "manifest.json")))
        self.assertFalse([name for name in os.listdir(self.path("h")) if name.startswith("join")])

    def test_fewer_items_than_k(self):
        """The default K is for large catalogs; a small one's index is tuned for all there are."""
        self.save("small.npy", random_rows(50, 8, 1))
        self.ok("index", "--modality", "small.npy", "--out", "i")
        self.assertEqual(read_json(self.path("i", "manifest.json"))["join"]["top_k"], 49)
        result = self.ok("build", "--modality", "small.npy", "--index", "i", "--top-k", 49, "--out",
                         "g")
        self.assertNotIn(AGAIN, result.lines())
        self.save("one.npy", random_rows(1, 8, 1))
        self.ok("index", "--modality", "one.npy", "--out", "one")
        self.assertNotIn("join", read_json(self.path("one", "manifest.json")))

    def test_no_vectors(self):
        self.save("zero.npy", np.zeros((30, 4), np.float32))
        self.ok("index", "--modality", "zero.npy", "--top-k", 5, "--out", "i")
        self.ok("build", "--modality", "zero.npy", "--index", "i", "--top-k", 5, "--max-empty", 1, "--out", "g")
        self.assertEqual(Graph(self.path("g")).manifest["pairs"], 0)


class Used(Indexes):
    def test_equals_build_without(self):
        """Whatever the FAISS files were built with, any number of threads, either way."""
        whole, _ = self.build("whole")
        for number, arguments in enumerate(([], ["--index-space", "fused"],
                                            ["--project", 10, "--project-centre"],
                                            ["--lists", 15])):
            manifest = self.index("i%d" % number, *arguments)
            for threads in (1, 2, 3, 7) if number == 0 else (2,):
                part, result = self.build("part", "--index", "i%d" % number, "--force", "--threads",
                                          threads)
                self.assertNotIn(AGAIN, result.lines())
                self.check_same(part, whole)
                self.assertEqual(part.manifest["join"], manifest["join"])
        self.build("part", "--index", "i0", "--force", "--memory", "30M")
        self.check_same(Graph(self.path("part")), whole)

    def test_seed(self):
        self.index("i", "--seed", 5)
        part, result = self.build("part", "--index", "i", "--seed", 5)
        self.assertNotIn(AGAIN, result.lines())
        self.check_same(part, self.build("whole", "--seed", 5)[0])

    def test_tuned_again(self):
        """For another K, target or seed: then it is the order alone that serves."""
        self.index("i")
        self.index("seed", "--seed", 5)
        for number, (index, arguments, k) in enumerate((
                ("i", [], 7), ("i", ["--target-recall", 0.9], K), ("seed", [], K))):
            with self.subTest(index=index, arguments=arguments, k=k):
                whole, result = self.build("whole%d" % number, *arguments, k=k)
                self.assertNotIn(AGAIN, result.lines())
                part, result = self.build("part%d" % number, "--index", index, *arguments, k=k)
                self.assertEqual(result.lines().count(AGAIN), 1, str(result))
                self.check_same(part, whole)

    def test_other_weights(self):
        """The order stays that of the index's weights, also of a fused one's: another order than
        without an index, so other neighbours may be missed, but as few."""
        self.index("i")
        self.index("f", "--index-space", "fused")
        vectors = {name: np.load(self.path("cat", name + ".npy")) for name in WEIGHTS}
        for text, image in ((0.5, 0.5), (0.8, 0.1)):
            weights = {"text": text, "image": image}
            oracle = Oracle(vectors, weights)
            out = "g%g" % text
            graph, result = self.build(out, "--index", "i", "--threads", 1, weights=weights)
            self.assertEqual(result.lines().count(AGAIN), 1, str(result))
            self.assertEqual(graph.manifest["join"]["weights"], [text, image])
            assert_shape(self, graph, K)
            assert_scores(self, graph, oracle, rows=np.arange(0, N, 5))
            self.assertGreaterEqual(tie_aware_recall(graph, oracle, K), 0.97)
            for index, threads in (("i", 2), ("i", 3), ("f", 7)):
                other, _ = self.build("other", "--index", index, "--force", "--threads", threads,
                                      weights=weights)
                self.check_same(other, graph)


class Damaged(Indexes):
    def setUp(self):
        super().setUp()
        self.index("i")

    def change(self, edit):
        """A copy of the index whose manifest was changed, by someone who left the checksum alone."""
        shutil.rmtree(self.path("copy"), ignore_errors=True)
        shutil.copytree(self.path("i"), self.path("copy"))
        manifest = read_json(self.path("copy", "manifest.json"))
        edit(manifest)
        self.write(manifest)

    def write(self, manifest):
        with open(self.path("copy", "manifest.json"), "w", encoding="utf-8") as file:
            json.dump(manifest, file)

    def seal(self):
        """Makes the copy's checksums those of what it holds now, as kin itself works them out."""
        for _ in range(4):
            result = self.kin("verify", "copy")
            found = re.search(r"copy/(\S+) has checksum (\w{32}), ", result.err)
            if result.code == 0:
                return
            self.assertTrue(found, str(result))
            manifest = read_json(self.path("copy", "manifest.json"))
            if found.group(1) == "manifest.json":
                manifest["checksum"] = found.group(2)
            else:
                manifest["files"][found.group(1)]["xxh3_128"] = found.group(2)
            self.write(manifest)
        self.fail("the copy cannot be sealed")

    def refuse(self, message, hint="."):
        self.refused(65, message, "build", *self.modalities(), "--top-k", K, "--index", "copy",
                     "--out", "g", hint=hint)

    def test_bytes(self):
        """(cli_index_query.py flips more bytes of more files.)"""
        for name in ("join.row.npy", "join.start.npy"):
            for at in (0, 130, os.path.getsize(self.path("i", name)) - 1):
                self.change(lambda manifest: None)
                with open(self.path("copy", name), "r+b") as file:
                    file.seek(at)
                    byte = file.read(1)[0]
                    file.seek(at)
                    file.write(bytes([byte ^ 1]))
                self.refuse(r"^copy/%s has checksum \w{32}, the manifest says \w{32}$" % name,
                            hint="damaged")
            self.change(lambda manifest: None)
            os.unlink(self.path("copy", name))
            self.refuse("^copy/%s is missing$" % name, hint="damaged")

    def test_manifest_without_its_checksum(self):
        def forget(manifest):
            del manifest["join"]

        for edit in (lambda m: m["join"].update(rows=m["join"]["rows"] - 1),
                     lambda m: m["join"].update(clusters=1), lambda m: m["join"].update(probe_sigmas=0.5),
                     forget):
            self.change(edit)
            self.refuse(r"^copy/manifest\.json has checksum \w{32}, it says \w{32}$", hint="damaged")

    def test_other_counts(self):
        """Whole by its checksums, but not of this catalog."""
        rows = read_json(self.path("i", "manifest.json"))["join"]["rows"]
        for name, value in (("rows", rows - 1), ("rows", rows + 1), ("rows", -1), ("rows", "many"),
                            ("clusters", 0), ("clusters", rows + 1), ("clusters", -1)):
            self.change(lambda manifest: manifest["join"].update({name: value}))
            self.seal()
            self.refuse(r"^copy/manifest\.json has \d+ distinct rows in \d+ clusters, the catalog %d$"
                        % rows, hint="kin index")
        self.change(lambda manifest: manifest["join"].update(clusters=3))
        self.seal()
        self.refuse(r"^copy/join\.start\.npy: is \(\d+, 1\) of <i4, expected \(4, 1\) of <i4$")

    def test_no_order(self):
        """Arrays of the right size that are no order of the rows."""
        def repeat(row):
            row[7] = row[8]

        def outside(row):
            row[7] = N

        def negative(row):
            row[-1] = -1

        def not_from_0(start):
            start[0] = 1

        def empty_list(start):
            start[1] = start[2]

        def backwards(start):
            start[2] = start[1] - 1

        def short(start):
            start[-1] -= 1

        for name, edits in (("row", (repeat, outside, negative)),
                            ("start", (not_from_0, empty_list, backwards, short))):
            for edit in edits:
                with self.subTest(edit=edit.__name__):
                    self.change(lambda manifest: None)
                    path = self.path("copy", "join.%s.npy" % name)
                    array = np.load(path)
                    edit(array)
                    with open(path, "r+b") as file:
                        file.seek(128)
                        file.write(array.tobytes())
                    self.seal()
                    self.refuse(r"^copy/join\.%s\.npy is no order of the catalog's rows: " % name,
                                hint="kin index")

    def test_without_a_join(self):
        """An index of before there was one: all of it is made, as without an index."""
        def forget(manifest):
            del manifest["join"]
            for name in ("join.row.npy", "join.start.npy"):
                del manifest["files"][name]
                os.unlink(self.path("copy", name))

        self.change(forget)
        self.seal()
        part, result = self.build("part", "--index", "copy")
        self.assertEqual(result.lines().count(NONE), 1, str(result))
        self.assertNotIn(AGAIN, result.lines())
        self.check_same(part, self.build("whole")[0])
        self.ok("build", *self.modalities(), "--top-k", K, "--index", "copy", "--out", "auto")
        same = [read_bytes(self.path(name, "graph.npz")) for name in ("auto", "whole")]
        self.assertTrue(same[0] == same[1], "join, where no engine is named")
        self.ok("build", *self.modalities(), "--top-k", K, "--engine", "ivf", "--index", "copy", "--out", "ivf")
        self.ok("query", "copy", "--item", 5, "--top-k", 5)

    def test_too_little_effort(self):
        """What is kept is no promise: rows are evaluated, and effort rises, alike for any threads."""
        target = ["--target-recall", 0.8]
        self.index("i", "--force", *target)
        self.change(lambda manifest: manifest["join"].update(probe_sigmas=0.5))
        self.seal()
        first = None
        for threads in (1, 2, 3, 7):
            out = "g%d" % threads
            graph, result = self.build(out, "--index", "copy", "--threads", threads, *target)
            recall = graph.manifest["recall"]
            self.assertGreaterEqual(recall["attempts"], 2)
            self.assertTrue(recall["met"])
            self.assertNotIn(AGAIN, result.lines())
            self.assertGreater(graph.manifest["join"]["probe_sigmas"], 0.5)
            self.assertEqual(sum(line.startswith("Effort: ") for line in result.lines()),
                             recall["attempts"])
            first = first or out
            same_files(self, self.path(first), self.path(out))
        strict = self.build("strict", "--index", "copy", "--strict", *target)[0]
        self.check_same(strict, graph)


if __name__ == "__main__":
    kin_cli.main()
