"""kin info against numpy, kin gen's promises, kin verify on every file damaged in turn, kin doctor."""
import json
import os
import shutil

import numpy as np

import kin_cli
from kin_cli import Case, Graph, random_rows, read_bytes, read_json, same_files


class Info(Case):
    def facts(self, *arguments):
        return json.loads(self.ok("info", *arguments, "--json", "-").out)

    def check(self, facts, array):
        x = array.astype(np.float32).astype(np.float64)
        finite = np.isfinite(x).all(axis=1)
        zero = finite & (x == 0).all(axis=1)
        usable = x[finite & ~zero]
        norms = np.sqrt((usable ** 2).sum(axis=1))
        self.assertEqual((facts["rows"], facts["dimensions"]), array.shape)
        self.assertEqual(facts["nan_values"], int(np.isnan(x).sum()))
        self.assertEqual(facts["infinite_values"], int(np.isinf(x).sum()))
        self.assertEqual(facts["bad_rows"], int((~finite).sum()))
        self.assertEqual(facts["zero_rows"], int(zero.sum()))
        self.assertEqual(facts["usable_rows"], len(usable))
        for name, value in (("norm_min", norms.min()), ("norm_mean", norms.mean()),
                            ("norm_max", norms.max())):
            self.assertAlmostEqual(facts[name] / value, 1, places=9)
        for name, value in (("value_min", usable.min()), ("value_max", usable.max())):
            self.assertAlmostEqual(facts[name] / value, 1, places=13)
        unit = usable / norms[:, None]
        n = len(usable)
        mean = ((unit @ unit.T).sum() - n) / (n * (n - 1))
        self.assertAlmostEqual(facts["mean_cosine"], mean, places=6)
        distinct, counts = np.unique(array[finite & ~zero], axis=0, return_counts=True)
        self.assertEqual(facts["distinct_rows"], len(distinct))
        self.assertEqual(facts["repeated_rows"], n - len(distinct))
        self.assertEqual([entry["rows"] for entry in facts["shared_most"]],
                         sorted(counts[counts > 1].tolist(), reverse=True)[:5])
        for entry in facts["shared_most"]:
            same = (array == array[entry["first_row"]]).all(axis=1)
            self.assertEqual(int(same.sum()), entry["rows"])
            self.assertEqual(int(np.argmax(same)), entry["first_row"])

    def array(self, dtype):
        rows = random_rows(800, 17, 4).astype(dtype)
        rows[10:40] = rows[10]
        rows[60:65] = rows[60]
        rows[100:107] = 0
        if dtype != np.int8:
            rows[200, 3] = np.nan
            rows[201, :] = np.nan
            rows[202, 16] = np.inf
            rows[203, 0] = -np.inf
        return rows

    def test_health(self):
        for name, dtype in (("a.npy", np.float32), ("b.npy", np.float16), ("c.npy", np.float64),
                            ("d.fbin", np.float32), ("e.fvecs", np.float32),
                            ("f.f16bin", np.float16)):
            with self.subTest(file=name):
                array = self.array(dtype)
                facts = self.facts(self.save(name, array))
                self.check(facts, array)
                self.assertEqual(facts["first_bad"], {"row": 200, "column": 3})
                self.assertEqual(facts["dtype"], np.dtype(dtype).name)
        small = (random_rows(300, 9, 1) * 10).clip(-127, 127).astype(np.int8)
        self.check(self.facts(self.save("g.i8bin", small)), small)

    def test_threads(self):
        path = self.save("a.npy", self.array(np.float32))
        facts = [self.facts(path, "--threads", count) for count in (1, 2, 7)]
        self.assertEqual(facts[0], facts[1])
        self.assertEqual(facts[0], facts[2])

    def test_table(self):
        path = self.save("a.npy", self.array(np.float32))
        out = self.ok("info", path).out
        self.assertIn("800 x 17 float32", out)
        self.assertRegex(out, r"NaN values +18\n")
        self.assertRegex(out, r"first: row 200, column 3")
        self.assertRegex(out, r"zero rows +7 ")

    def test_folder(self):
        os.mkdir(self.path("c"))
        self.save("c/a.npy", random_rows(30, 4, 1))
        self.save("c/b.fbin", random_rows(30, 5, 2))
        np.save(self.path("c", "numbers.npy"), np.arange(5))
        facts = self.facts("c")
        self.assertEqual(facts["kind"], "catalog")
        self.assertEqual([entry["file"] for entry in facts["files"]],
                         ["a.npy", "b.fbin", "numbers.npy"])
        self.assertIn("dtype <i8", facts["files"][2]["fault"])
        os.mkdir(self.path("empty"))
        self.refused(65, "holds no file of vectors", "info", "empty")
        self.refused(66, "gone", "info", "gone.npy")

    def test_graph(self):
        rows = random_rows(200, 8, 1)
        rows[50:60] = 0
        self.save("a.npy", rows)
        self.ok("build", "--modality", "a.npy", "--top-k", 9, "--out", "g")
        graph = Graph(self.path("g"))
        facts = self.facts("g")
        degree = np.bincount(graph.indices, minlength=200)
        self.assertEqual((facts["items"], facts["pairs"], facts["top_k"]),
                         (200, len(graph.indices), 9))
        self.assertEqual(facts["empty_rows"], 10)
        self.assertEqual(facts["in_degree_max"], degree.max())
        self.assertEqual(facts["in_degree_max_item"], str(int(degree.argmax())))
        self.assertEqual(facts["unreached"], int((degree == 0).sum()))
        self.assertIn("graph of 200 items", self.ok("info", "g").out)


class Gen(Case):
    def gen(self, out, *arguments, items=1500):
        self.ok("gen", "--items", items, "--modality", "text=24", "--modality", "image=40", "--out",
                out, *arguments)
        return self.path(out)

    def test_shapes(self):
        folder = self.gen("c", "--seed", 3)
        self.assertEqual(sorted(os.listdir(folder)),
                         ["ids.txt", "image.npy", "manifest.json", "text.npy"])
        text, image = np.load(folder + "/text.npy"), np.load(folder + "/image.npy")
        self.assertEqual((text.shape, image.shape), ((1500, 24), (1500, 40)))
        self.assertEqual((text.dtype, image.dtype), (np.float32, np.float32))
        self.assertTrue(np.isfinite(text).all() and np.isfinite(image).all())
        with open(folder + "/ids.txt") as file:
            ids = file.read().split()
        self.assertEqual((len(ids), len(set(ids))), (1500, 1500))
        zero_text, zero_image = (text == 0).all(axis=1), (image == 0).all(axis=1)
        self.assertTrue(0 < zero_image.sum() < 60)
        self.assertFalse((zero_text & zero_image).any(), "no item lacks everything")
        self.assertLess(len(np.unique(text, axis=0)), 1500, "duplicates, as in life")
        manifest = read_json(folder + "/manifest.json")
        self.assertEqual((manifest["kind"], manifest["items"]), ("catalog", 1500))
        self.assertEqual(manifest["options"]["seed"], 3)
        self.ok("verify", "c")
        self.ok("build", "--modality", "text=c/text.npy:.6", "--modality", "image=c/image.npy:.4",
                "--ids", "c/ids.txt", "--top-k", 10, "--out", "g")
        self.assertEqual(Graph(self.path("g")).ids, ids)

    def test_same_bytes(self):
        first = self.gen("c1", "--threads", 1)
        for threads in (2, 3, 7):
            same_files(self, first, self.gen("c%d" % threads, "--threads", threads))
        self.assertNotEqual(read_bytes(first + "/text.npy"),
                            read_bytes(self.gen("other", "--seed", 2) + "/text.npy"))

    def test_dtype(self):
        """A float16 catalog is the float32 one, rounded."""
        whole, half = self.gen("c"), self.gen("h", "--dtype", "float16")
        for name in ("text.npy", "image.npy"):
            array = np.load(os.path.join(half, name))
            self.assertEqual(array.dtype, np.float16)
            self.assertTrue((np.load(os.path.join(whole, name)).astype(np.float16) == array).all())

    def test_from(self):
        real = self.gen("c", items=400)
        for threads in (1, 3):
            self.ok("gen", "--from", "c", "--items", 1000, "--out", "large%d" % threads,
                    "--threads", threads)
        same_files(self, self.path("large1"), self.path("large3"))
        for name in ("text.npy", "image.npy"):
            before = np.load(os.path.join(real, name))
            after = np.load(self.path("large1", name))
            self.assertEqual(after.shape, (1000, before.shape[1]))
            self.assertTrue((after[:400] == before).all(), "the real rows come first")
            self.assertTrue(np.isfinite(after).all())
        self.assertEqual(read_json(self.path("large1", "manifest.json"))["real_items"], 400)
        self.ok("verify", "large1")

    def test_from_plain_folder(self):
        os.mkdir(self.path("real"))
        for m, name in enumerate(("words", "looks")):
            self.save("real/%s.npy" % name, random_rows(120, 6 + m, m).astype(np.float16))
        self.ok("gen", "--from", "real", "--items", 300, "--out", "large")
        self.assertEqual(np.load(self.path("large", "words.npy")).shape, (300, 6))
        self.assertEqual(np.load(self.path("large", "looks.npy")).shape, (300, 7))

    def test_refusals(self):
        good = ["--modality", "text=8", "--out", "c"]
        self.refused(2, "--items is missing", "gen", *good)
        self.refused(2, "--items 0", "gen", "--items", 0, *good)
        self.refused(2, "--out is missing", "gen", "--items", 5, "--modality", "text=8")
        self.refused(2, "--modality is missing", "gen", "--items", 5, "--out", "c")
        for text in ("text", "text=", "text=x", "text=0", "text=65537", "text=8:2", "te xt=8"):
            self.refused(2, "modality", "gen", "--items", 5, "--modality", text, "--out", "c")
        self.refused(2, "two modalities are named 'text'", "gen", "--items", 5, "--modality",
                     "text=8", *good)
        self.refused(66, "gone", "gen", "--items", 5, "--from", "gone", "--out", "c")
        self.gen("c", items=50)
        self.refused(73, "c exists already", "gen", "--items", 5, *good)
        self.refused(2, "items", "gen", "--items", 49, "--from", "c", "--out", "less")
        self.gen("c", "--force", items=60)
        self.assertEqual(np.load(self.path("c", "text.npy")).shape, (60, 24))
        self.nothing_left()


class Verify(Case):
    def make(self):
        """A graph, an index and a catalog."""
        self.ok("gen", "--items", 300, "--modality", "text=8", "--modality", "image=12", "--out",
                "catalog")
        modalities = ["--modality", "text=catalog/text.npy", "--modality",
                      "image=catalog/image.npy"]
        items = "id\ttitle\n" + "".join("i%d\tt\n" % i for i in range(300))
        self.text("items.tsv", items)
        self.ok("build", *modalities, "--items", "items.tsv", "--top-k", 7, "--out", "graph")
        self.ok("index", *modalities, "--type", "ivf", "--out", "index")
        return ("catalog", "graph", "index")

    def test_whole(self):
        for name in self.make():
            out = self.ok("verify", name).out
            self.assertTrue(out)
            self.assertTrue(all(line.startswith("ok") for line in out.splitlines()), out)

    def broken(self, folder, name):
        """A damaged copy is refused, and the file is named."""
        result = self.kin("verify", folder)
        self.assertEqual(result.code, 65, str(result))
        errors = result.lines("ERROR")
        self.assertEqual(len(errors), 1, str(result))
        self.assertIn(name, errors[0])
        self.assertEqual(result.err.count("hint: "), 1)

    def test_damage(self):
        for folder in self.make():
            for name in sorted(os.listdir(self.path(folder))):
                if name == "manifest.json":
                    continue
                size = os.path.getsize(self.path(folder, name))
                for what in ("first", "middle", "last", "shorter", "longer", "empty", "gone"):
                    with self.subTest(folder=folder, file=name, damage=what):
                        shutil.rmtree(self.path("copy"), ignore_errors=True)
                        shutil.copytree(self.path(folder), self.path("copy"))
                        damage(self.path("copy", name), what, size)
                        self.broken("copy", name)

    def test_damaged_manifest(self):
        self.make()
        original = read_json(self.path("graph", "manifest.json"))

        def with_manifest(change):
            manifest = json.loads(json.dumps(original))
            change(manifest)
            with open(self.path("graph", "manifest.json"), "w") as file:
                json.dump(manifest, file)
            self.broken("graph", "manifest.json")

        with_manifest(lambda m: m.update(kind=None))
        with_manifest(lambda m: m.pop("files"))
        with_manifest(lambda m: m["files"].update({"../x": {"bytes": 1, "xxh3_128": "0"}}))
        with_manifest(lambda m: m["files"]["graph.npz"].pop("xxh3_128"))
        with_manifest(lambda m: m["options"].pop("top_k"))
        with_manifest(lambda m: m.update(pairs=m["pairs"] + 1))
        with_manifest(lambda m: m.update(items_with_neighbors=1))
        with_manifest(lambda m: m["modalities"].clear())
        self.text("graph/manifest.json", "{ this is no JSON")
        self.broken("graph", "manifest.json")
        self.text("graph/manifest.json", "[1, 2]")
        self.broken("graph", "manifest.json")

    def test_other_formats(self):
        self.make()
        manifest = read_json(self.path("graph", "manifest.json"))
        manifest["format"] = 99
        with open(self.path("graph", "manifest.json"), "w") as file:
            json.dump(manifest, file)
        self.refused(65, "graph has format 99, this kin reads 1", "verify", "graph")

    def test_missing(self):
        self.refused(66, "gone", "verify", "gone")
        os.mkdir(self.path("empty"))
        self.refused(66, "manifest.json", "verify", "empty")


def damage(path, what, size):
    if what == "gone":
        os.unlink(path)
        return
    with open(path, "r+b") as file:
        if what in ("first", "middle", "last"):
            file.seek({"first": 0, "middle": size // 2, "last": size - 1}[what])
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        elif what == "longer":
            file.seek(0, os.SEEK_END)
            file.write(b"\0")
        else:
            file.truncate(0 if what == "empty" else size - 1)


class Doctor(Case):
    def test_facts(self):
        facts = json.loads(self.ok("doctor", "--json", "-").out)
        for name in ("kin", "faiss", "blas", "blas_core", "blas_threading", "cpu", "kernels",
                     "compiler", "build_type", "system"):
            self.assertTrue(facts[name], name)
        self.assertRegex(facts["faiss"], r"^\d+\.\d+")
        self.assertNotIn("host", facts)
        self.assertGreaterEqual(facts["threads"], 1)
        self.assertEqual(json.loads(self.ok("doctor", "--json", "-", "--threads", 3).out)["threads"],
                         3)
        limited = json.loads(self.kin("doctor", "--json", "-", env={"OMP_NUM_THREADS": "1"}).out)
        self.assertEqual((limited["threads"], limited["threads_because_of"]),
                         (1, "OMP_NUM_THREADS"))

    def test_table(self):
        out = self.ok("doctor").out
        for name in ("kin", "faiss", "blas_core", "threads", "memory_available_bytes", "peak_memory_bytes"):
            self.assertRegex(out, r"(?m)^%s +\S" % name)

    def test_memory_with_and_without_mapped_pages(self):
        facts = json.loads(self.ok("doctor", "--json", "-").out)
        self.assertGreater(facts["peak_memory_bytes"], 0)
        self.assertGreater(facts["peak_rss_bytes"], facts["peak_memory_bytes"])


class Log(Case):
    GEN = ("gen", "--items", 20, "--modality", "text=4", "--out")
    TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ "

    def test_times(self):
        """Off unless asked for; then every line of text begins with one, those of refusals too."""
        self.assertNotRegex(self.ok(*self.GEN, "a").err, self.TIME)
        for result in (self.ok(*self.GEN, "b", "--log-time"), self.kin(*self.GEN, "c", env={"KIN_LOG_TIME": "1"}),
                       self.kin(*self.GEN, "c", "--log-time"), self.kin(*self.GEN, "d", "--log-time", "--itemz", 3)):
            self.assertTrue(result.err)
            for line in result.err.splitlines():
                self.assertRegex(line, "^" + self.TIME + r"(INFO|WARNING|ERROR|hint:) ")

    def test_result_fields(self):
        """The line of the result is text for people, and has its numbers as keys."""
        lines = [json.loads(line) for line in self.ok(*self.GEN, "a", "--log", "json").err.splitlines()]
        result = next(line for line in lines if "catalog" in line)
        self.assertEqual((result["catalog"], result["items"]), ("a", 20))
        self.assertGreater(result["seconds"], 0)
        self.assertGreater(result["peak_rss_bytes"], result["peak_memory_bytes"])


if __name__ == "__main__":
    kin_cli.main()
