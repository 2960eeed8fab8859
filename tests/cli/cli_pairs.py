"""kin pairs and kin export: every row against the graph's own files, samples, ids of any kind, numbers of each format,
places that cannot be written, signals."""
import json
import os
import shutil
import signal
import subprocess

import kin_cli
import numpy as np
from kin_cli import Case, Graph, random_rows, read_bytes

N, K = 400, 12
HOSTILE = ["back\\slash", "\\N", "\\.", "tab-less \"quoted\"", "'single'", "日本語 🎁", "a,b;c", " blanks  ", "{}", "é\u0301"]


def mix(x):
    """The finaliser of splitmix64."""
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 % 2 ** 64
    x = (x ^ x >> 27) * 0x94d049bb133111eb % 2 ** 64
    return x ^ x >> 31


def selection(pairs, rows, seed):
    """The places that are drawn: Knuth's Algorithm S on kin's random numbers (core/random.h)."""
    def bits(key, counter):
        return mix((key + (counter + 1) * 0x9e3779b97f4a7c15) % 2 ** 64)
    key = bits(bits(mix(seed), 0x70616972), 0)
    drawn = []
    for place in range(pairs):
        if bits(key, place) * (pairs - place) >> 64 < rows - len(drawn):
            drawn.append(place)
    return np.array(drawn)


class Pairs(Case):
    @classmethod
    def setUpClass(cls):
        """One graph of each row order for all tests: some items lack the image, one of them the text too."""
        cls.shared = kin_cli.tempfile.mkdtemp(prefix="kin-test-")
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        text, image = random_rows(N, 12, 1), random_rows(N, 16, 2)
        image[5:40] = 0
        text[7] = 0
        np.save(os.path.join(cls.shared, "text.npy"), text)
        np.save(os.path.join(cls.shared, "image.npy"), image)
        cls.ids = [HOSTILE[i] if i < len(HOSTILE) else "item %d" % i for i in range(N)]
        with open(os.path.join(cls.shared, "ids.txt"), "w", encoding="utf-8") as file:
            file.write("".join(name + "\n" for name in cls.ids))
        modalities = ["--modality", "text=text.npy:.6", "--modality", "image=image.npy:.4", "--ids", "ids.txt"]
        for order in ("score", "column"):
            result = kin_cli.run("build", *modalities, "--top-k", K, "--row-order", order, "--out", order, cwd=cls.shared)
            assert result.code == 0, str(result)
        result = kin_cli.run("build", "--modality", "text.npy", "--top-k", 3, "--out", "one", cwd=cls.shared)
        assert result.code == 0, str(result)

    def graph(self, name="score"):
        return os.path.join(self.shared, name)

    def wanted(self, name="score"):
        """The table of all pairs, best first, from the files: item, neighbor, rank, score, cosines."""
        graph = Graph(self.graph(name))
        length = np.diff(graph.indptr)
        item = np.repeat(np.arange(graph.n), length)
        order = np.lexsort((graph.indices, -graph.data, item))
        rank = np.arange(len(item)) - np.repeat(graph.indptr[:-1], length) + 1
        table = {"item": item, "neighbor": graph.indices[order], "rank": rank, "score": graph.data[order]}
        for modality in graph.names:
            table["cosine_" + modality] = graph.cosines[modality][order].astype(np.float32)
        return table

    def load(self, name):
        with np.load(self.path(name), allow_pickle=False) as archive:
            return {column: archive[column] for column in archive.files}

    def same(self, table, wanted, where=None):
        self.assertEqual(list(table), list(wanted))
        for column, values in wanted.items():
            np.testing.assert_array_equal(table[column], values if where is None else values[where], column)


class Npz(Pairs):
    def test_all(self):
        for name in ("score", "column"):
            result = self.ok("pairs", self.graph(name), "--out", name + ".npz")
            self.assertEqual(result.out, "")
            table = self.load(name + ".npz")
            self.same(table, self.wanted(name))
            self.assertEqual([str(values.dtype) for values in table.values()],
                             ["int32", "int32", "int32", "float32", "float32", "float32"])
            self.assertTrue(np.isnan(table["cosine_image"]).any())
            self.assertRegex(result.err, "Wrote %s.npz: %d pairs, " % (name, len(table["item"])))
        self.assertEqual(read_bytes(self.path("score.npz")), read_bytes(self.path("column.npz")))
        self.nothing_left()

    def test_one_modality(self):
        """Its cosine follows from the score, which has more digits than float16."""
        self.ok("pairs", self.graph("one"), "--out", "p.npz")
        table = self.load("p.npz")
        np.testing.assert_array_equal(table["cosine_text"], table["score"])

    def test_sample(self):
        wanted = self.wanted()
        pairs = len(wanted["item"])
        place = {(item, rank): at for at, (item, rank) in enumerate(zip(wanted["item"].tolist(), wanted["rank"].tolist()))}
        for rows in (1, 7, 500, pairs - 1):
            result = self.ok("pairs", self.graph(), "--out", "%d.npz" % rows, "--max-rows", rows)
            table = self.load("%d.npz" % rows)
            where = np.array([place[key] for key in zip(table["item"].tolist(), table["rank"].tolist())])
            self.assertEqual(len(where), rows)
            self.assertTrue((np.diff(where) > 0).all(), "in the graph's order, without replacement")
            self.same(table, wanted, where)
            self.assertIn("a sample of %d" % pairs, result.err)
        self.ok("pairs", self.graph("column"), "--out", "c.npz", "--max-rows", 500, "--threads", 1)
        self.assertEqual(read_bytes(self.path("500.npz")), read_bytes(self.path("c.npz")))
        self.ok("pairs", self.graph(), "--out", "s.npz", "--max-rows", 500, "--seed", 2)
        self.assertNotEqual(read_bytes(self.path("500.npz")), read_bytes(self.path("s.npz")))
        self.ok("pairs", self.graph(), "--out", "1s.npz", "--max-rows", 500, "--seed", 1)
        self.assertEqual(read_bytes(self.path("500.npz")), read_bytes(self.path("1s.npz")))

    def test_the_same_sample_everywhere(self):
        """The pairs that selection sampling in whole numbers draws, here with Python's, on any machine."""
        wanted = self.wanted()
        for rows, seed in ((6, 42), (300, 0), (4000, 10 ** 15)):
            self.ok("pairs", self.graph(), "--out", "p.npz", "--force", "--max-rows", rows, "--seed", seed)
            self.same(self.load("p.npz"), wanted, selection(len(wanted["item"]), rows, seed))

    def test_names_of_the_limit(self):
        pairs = len(self.wanted()["item"])
        for environment, options, rows in (({"MAX_RANKING_SAMPLES": "5"}, [], 5), ({"MAX_RANKING_SAMPLES": "0"}, [], pairs),
                                           ({"MAX_RANKING_SAMPLES": ""}, [], pairs), ({}, ["--max-rows", "0"], pairs),
                                           ({"MAX_RANKING_SAMPLES": "5000000"}, [], pairs),
                                           ({"MAX_RANKING_SAMPLES": "5", "KIN_MAX_ROWS": "6"}, [], 6),
                                           ({"KIN_MAX_ROWS": "6"}, ["--max-rows", "7"], 7),
                                           ({}, ["--max-rows", "1000000000000000"], pairs)):
            self.ok("pairs", self.graph(), "--out", "p.npz", "--force", *options, env=environment)
            self.assertEqual(len(self.load("p.npz")["item"]), rows, str((environment, options)))
        os.unlink(self.path("p.npz"))
        self.refused(2, "^MAX_RANKING_SAMPLES=-1: ", "pairs", self.graph(), "--out", "p.npz",
                     env={"MAX_RANKING_SAMPLES": "-1"})
        self.refused(2, "^--max-rows 1e3", "pairs", self.graph(), "--out", "p.npz", "--max-rows", "1e3")

    def test_empty(self):
        """Rows without neighbours, and a graph of nothing else."""
        self.save("none.npy", np.zeros((30, 4), np.float32))
        self.ok("build", "--modality", "none.npy", "--top-k", 5, "--max-empty", 1, "--out", "none")
        for arguments in ([], ["--max-rows", "5"]):
            self.ok("pairs", "none", "--out", "p.npz", "--force", *arguments)
            self.assertEqual([len(values) for values in self.load("p.npz").values()], [0] * 5)
            self.ok("pairs", "none", "--out", "p.tsv", "--force", *arguments)
            self.assertEqual(read_bytes(self.path("p.tsv")), b"item\tneighbor\trank\tscore\tcosine_none\n")
        self.ok("export", "none", "--out", "p.jsonl")
        self.assertEqual(read_bytes(self.path("p.jsonl")), b"")


class Lines(Pairs):
    def check(self, rows, wanted):
        """rows: item, neighbor, rank, score, cosines (None: lacking), with ids."""
        self.assertEqual(len(rows), len(wanted["item"]))
        self.assertEqual([row[0] for row in rows], [self.ids[i] for i in wanted["item"]])
        self.assertEqual([row[1] for row in rows], [self.ids[i] for i in wanted["neighbor"]])
        self.assertEqual([int(row[2]) for row in rows], wanted["rank"].tolist())
        np.testing.assert_array_equal(np.array([float(row[3]) for row in rows]).astype(np.float32), wanted["score"])
        for at, name in enumerate(("cosine_text", "cosine_image")):
            cosines = [np.nan if row[4 + at] is None else float(row[4 + at]) for row in rows]
            np.testing.assert_array_equal(np.array(cosines).astype(np.float32), wanted[name])

    def copy_rows(self, name):
        """What COPY makes of the file, by its documentation."""
        def cell(text):
            return None if text == "\\N" else text.replace("\\\\", "\0").replace("\\t", "\t").replace("\0", "\\")
        with open(self.path(name), encoding="utf-8", newline="") as file:
            lines = file.read().split("\n")
        self.assertEqual((lines[0], lines[-1]), ("item\tneighbor\trank\tscore\tcosine_text\tcosine_image", ""))
        self.assertNotIn("\\.", lines)
        return [[cell(text) for text in line.split("\t")] for line in lines[1:-1]]

    def test_tsv(self):
        for name in ("score", "column"):
            self.ok("export", self.graph(name), "--out", name + ".tsv")
            self.check(self.copy_rows(name + ".tsv"), self.wanted(name))
        self.ok("pairs", self.graph(), "--out", "p.tsv")
        self.assertEqual(read_bytes(self.path("p.tsv")), read_bytes(self.path("score.tsv")), "one format")
        self.ok("export", self.graph(), "--out", "one.tsv", "--threads", 1)
        self.assertEqual(read_bytes(self.path("one.tsv")), read_bytes(self.path("score.tsv")))

    def test_sample(self):
        """The .tsv has the ids of the rows that the .npz numbers."""
        self.ok("pairs", self.graph(), "--out", "p.tsv", "--max-rows", 99)
        self.ok("pairs", self.graph(), "--out", "p.npz", "--max-rows", 99)
        self.check(self.copy_rows("p.tsv"), self.load("p.npz"))

    def test_jsonl(self):
        result = self.ok("export", self.graph(), "--out", "g.jsonl", "--log", "json")
        with open(self.path("g.jsonl"), encoding="utf-8") as file:
            pairs = [json.loads(line) for line in file]
        self.assertEqual({tuple(pair) for pair in pairs}, {("item", "neighbor", "rank", "score", "cosine")})
        self.check([[*list(pair.values())[:4], pair["cosine"]["text"], pair["cosine"]["image"]] for pair in pairs],
                   self.wanted())
        said = json.loads(result.err.splitlines()[-1])
        self.assertEqual((said["file"], said["rows"], said["bytes"]),
                         ("g.jsonl", len(pairs), os.path.getsize(self.path("g.jsonl"))))

    def test_ids_with_tabs(self):
        """kin build refuses them; a folder that was changed by hand may have them."""
        shutil.copytree(self.graph(), self.path("g"))
        with open(self.path("g", "ids.txt"), "w", encoding="utf-8") as file:
            file.write("".join("a\tb %d\r%d\n" % (i, i) for i in range(N)))
        self.ids = ["a\tb %d\r%d" % (i, i) for i in range(N)]
        self.ok("export", "g", "--out", "g.jsonl")
        with open(self.path("g.jsonl"), encoding="utf-8") as file:
            self.assertEqual(json.loads(file.readline())["item"], self.ids[0])
        self.ok("export", "g", "--out", "g.tsv")
        row = read_bytes(self.path("g.tsv")).split(b"\n")[1].split(b"\t")
        self.assertEqual((row[0], len(row)), (b"a\\tb 0\\r0", 6))


class Places(Pairs):
    def test_names(self):
        graph = self.graph()
        self.refused(2, "^--out is missing$", "pairs", graph, hint=r"FILE\.npz")
        self.refused(2, "^--out is missing$", "export", graph, hint=r"FILE\.tsv")
        for name in ("p.csv", "npz", ".npz.gz", "-", "p.jsonl"):
            self.refused(2, "must end in .npz or .tsv$", "pairs", graph, "--out", name)
        for name in ("p.csv", "-", "p.npz"):
            self.refused(2, "must end in .tsv or .jsonl$", "export", graph, "--out", name)
        self.refused(2, r"^--out p\.parquet: .*Python package, graph\.to_parquet$", "export", graph, "--out", "p.parquet",
                     hint="kin.load")
        self.ok("pairs", graph, "--out", "P.NPZ")
        self.same(self.load("P.NPZ"), self.wanted())

    def test_force(self):
        """A result of the same kind is replaced; vectors, graphs of others and parts of folders are not."""
        graph = self.graph()
        for command, name in (("pairs", "p.npz"), ("pairs", "p.tsv"), ("export", "g.tsv"), ("export", "g.jsonl")):
            self.ok(command, graph, "--out", name)
            self.refused(73, "exists already", command, graph, "--out", name, hint="--force")
            before = read_bytes(self.path(name))
            self.ok(command, self.graph("one"), "--out", name, "--force")
            self.assertNotEqual(read_bytes(self.path(name)), before)
        np.savez(self.path("n.npz"), item=np.arange(3))
        self.text("text.npz", "text")
        shutil.copytree(graph, self.path("g"))
        for name in ("n.npz", "text.npz", "g/graph.npz"):
            self.refused(73, "named as vectors", "pairs", graph, "--out", name, "--force")
        shutil.copy(self.path("g", "ids.txt"), self.path("g", "ids.tsv"))
        os.mkdir(self.path("folder.tsv"))
        self.refused(73, "no regular file", "export", graph, "--out", "folder.tsv", "--force")
        self.refused(73, "gone/p.npz", "pairs", graph, "--out", "gone/p.npz")
        self.ok("verify", "g")

    def test_no_graph(self):
        self.text("file", "")
        os.mkdir(self.path("folder"))
        for command, name in (("pairs", "p.npz"), ("pairs", "p.tsv"), ("export", "p.tsv"), ("export", "p.jsonl")):
            self.refused(66, "^gone: No such file", command, "gone", "--out", name)
            self.refused(66, "manifest.json", command, "folder", "--out", name)
            self.refused(66, "^file: not a folder$", command, "file", "--out", name)

    def test_a_score_that_is_none(self):
        shutil.copytree(self.graph(), self.path("g"))
        start, size = kin_cli.member_place(self.path("g", "graph.npz"), "data.npy")
        with open(self.path("g", "graph.npz"), "r+b") as file:
            file.seek(start + size - 4)
            file.write(np.array([np.nan], "<f4").tobytes())
        for command, name in (("pairs", "p.npz"), ("export", "p.tsv"), ("export", "p.jsonl")):
            self.refused(65, "^g: neighbour %d of item %d has score -?nan$" % (K, N - 1), command, "g", "--out", name)

    def test_full_disk(self):
        os.mkdir(self.path("disk"))
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", self.path("disk")],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) if shutil.which("mount") else None
        if not mounted or mounted.returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", self.path("disk")])
        for command, name in (("pairs", "p.npz"), ("pairs", "p.tsv"), ("export", "g.jsonl")):
            result = self.kin(command, self.graph(), "--out", "disk/" + name)
            self.check_refusal(result, 74, "disk/%s cannot be written.*No space left" % name, "make room")
            self.assertEqual(os.listdir(self.path("disk")), [])


class Stop(Pairs):
    def test_signals(self):
        """At any moment: the file is whole or not there, and nothing is left beside it."""
        for number, (command, name) in ((signal.SIGTERM, ("pairs", "p.npz")), (signal.SIGINT, ("export", "p.tsv")),
                                        (signal.SIGHUP, ("export", "p.jsonl"))):
            stopped = 0
            for turn in range(60):
                running = kin_cli.Running(command, self.graph(), "--out", name, "--threads", 1, cwd=self.dir)
                if turn % 3 == 0:
                    running.wait_for("Progress: 0/")
                else:
                    while not os.listdir(self.dir) and running.process.poll() is None:
                        pass
                running.process.send_signal(number)
                result = running.finish()
                self.assertIn(result.code, (0, -number), str(result))
                stopped += result.code != 0
                self.assertEqual(os.listdir(self.dir), [name] if result.code == 0 else [], str(result))
                if result.code == 0:
                    os.unlink(self.path(name))
                if turn > 6 and stopped > 2:
                    break
            self.assertGreater(stopped, 0, command)


if __name__ == "__main__":
    kin_cli.main()
