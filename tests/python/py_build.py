"""kin.build gives the command's graph, to the byte, and refuses what the command refuses."""
import json
import os
import pickle

import numpy as np
import scipy.sparse

import package
from package import Case, kin, kin_cli, same_files, same_matrix, two_matrices, weighted

K = 20


class SameAsTheCommand(Case):
    def setUp(self):
        super().setUp()
        self.text, self.image = two_matrices()
        for name, matrix in (("text", self.text), ("image", self.image)):
            self.save(name + ".npy", matrix)

    def command(self, out, *arguments):
        self.ok("build", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4", "--top-k", K, "--out",
                out, *arguments)
        return self.path(out)

    def inputs(self):
        """The same catalog as arrays, as memmaps, as files, and mixed."""
        files = [self.path("text.npy"), self.path("image.npy")]
        mapped = [np.load(path, mmap_mode="r") for path in files]
        return {"arrays": (self.text, self.image), "memmaps": mapped, "files": files, "mixed": (files[0], self.image)}

    def check_folder(self, expected, folder):
        """The same files; the manifest names no files where there were none."""
        for name in sorted(os.listdir(expected)):
            if name != "manifest.json":
                self.assertEqual(kin_cli.read_bytes(os.path.join(expected, name)),
                                 kin_cli.read_bytes(os.path.join(folder, name)), name)
        self.assertEqual(sorted(os.listdir(expected)), sorted(os.listdir(folder)))
        ours, theirs = [kin_cli.read_json(os.path.join(each, "manifest.json")) for each in (folder, expected)]
        for key in ("kind", "format", "items", "files", "engine", "pairs", "items_with_neighbors", "incomplete_items"):
            self.assertEqual(ours[key], theirs[key], key)
        for one, other in zip(ours["modalities"], theirs["modalities"]):
            for key in ("name", "dimensions", "dtype", "weight", "missing", "xxh3_128", "vectors"):
                self.assertEqual(one[key], other[key], key)

    def test_engines_inputs_and_threads(self):
        for engine in ("stream", "exact", "join"):
            expected = self.command(engine, "--engine", engine)
            matrix = scipy.sparse.load_npz(os.path.join(expected, "graph.npz"))
            matrix.sort_indices()
            for number, (name, given) in enumerate(self.inputs().items()):
                with self.subTest(engine=engine, given=name):
                    out = self.path("%s-%s" % (engine, name))
                    graph = self.graph(weighted(*given), K, engine=engine, threads=1 + number % 3, out=out)
                    self.assertEqual(graph.path, out)
                    self.check_folder(expected, out)
                    same_matrix(self, graph.to_scipy(), matrix)
                    unnamed = self.graph(weighted(*given), K, engine=engine, threads=1 + (number + 1) % 3)
                    self.assertIsNone(unnamed.path)
                    same_matrix(self, unnamed.to_scipy(), matrix)
                    self.ok("verify", out)

    def test_files_give_the_manifest_too(self):
        expected = self.command("g")
        self.graph(weighted(*self.inputs()["files"]), K, out=self.path("p"))
        ours, theirs = [kin_cli.read_json(os.path.join(each, "manifest.json")) for each in (self.path("p"), expected)]
        for manifest in (ours, theirs):
            del manifest["run"], manifest["checksum"]
            manifest["options"].pop("modality")  # paths as they were given
            for modality in manifest["modalities"]:
                modality.pop("file")
        self.assertEqual(ours, theirs)

    def test_ids(self):
        ids = ["id-%d" % i for i in range(len(self.text))]
        expected = self.command("g", "--ids", self.text_file(ids))
        graph = self.graph(weighted(self.text, self.image), K, ids=ids, out=self.path("p"))
        self.assertEqual(graph.ids, ids)
        self.assertEqual(kin_cli.read_bytes(self.path("p", "ids.txt")),
                         kin_cli.read_bytes(os.path.join(expected, "ids.txt")))

    def text_file(self, ids):
        path = self.path("ids")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(each + "\n" for each in ids))
        return path

    def test_defaults_are_the_commands(self):
        graph = self.graph(weighted(self.text, self.image))
        options = graph.manifest["options"]
        self.assertEqual((options["top_k"], options["target_recall"]), (200, 0.97))
        told = {option["name"]: option["default"] for option in kin._options.description()["call"]["build"]}
        self.assertEqual((float(told["top-k"]), float(told["target-recall"])), (200, 0.97))

    def test_an_index_of_either(self):
        """Arrays have the fingerprint of their files: an index of one serves the other."""
        self.ok("index", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4", "--type", "join",
                "--top-k", K, "--out", "index")
        expected = self.command("g", "--engine", "join", "--index", "index")
        self.graph(weighted(self.text, self.image), K, engine="join", index=self.path("index"), out=self.path("p"))
        self.check_folder(expected, self.path("p"))

    def test_save(self):
        graph = self.graph(weighted(self.text, self.image), K)
        graph.save(self.path("saved"))
        out = self.graph(weighted(self.text, self.image), K, out=self.path("out"))
        same_files(self, self.path("saved"), self.path("out"))
        self.raises(kin.OutputError, "saved", graph.save, self.path("saved"))
        graph.save(self.path("saved"), force=True)
        with kin.load(self.path("saved")) as loaded:
            same_matrix(self, loaded.to_scipy(), graph.to_scipy())
            self.assertEqual(loaded.manifest["pairs"], graph.entries)
        with pickle.loads(pickle.dumps(out)) as copy:
            self.assertEqual(copy.path, out.path)
        self.raises(TypeError, "cannot be pickled", pickle.dumps, graph)


class Refusals(Case):
    def setUp(self):
        super().setUp()
        self.text, self.image = two_matrices(120)

    def refused(self, kind, message, hint=".", top_k=K, **options):
        before = kin_cli.listing(self.dir)
        error = self.raises(kind, message, kin.build, weighted(self.text, self.image), top_k, hint=hint, **options)
        self.assertEqual(kin_cli.listing(self.dir), before)
        return error

    def test_unknown_options(self):
        self.refused(TypeError, r"build\(\) has no option 'topk': did you mean top_k\?", topk=3)
        self.refused(TypeError, r"no option 'target_recal': did you mean target_recall\?", target_recal=.9)
        self.refused(TypeError, r"no option 'xyzzy'$", xyzzy=1)
        self.refused(TypeError, "modality", modality="text=text.npy")
        for function in (kin.plan, kin.compare, kin.build_index):
            with self.assertRaisesRegex(TypeError, "no option 'xyzzy'"):
                function({"text": self.text}, "out" if function is not kin.plan else 3, xyzzy=1)

    def test_values(self):
        self.refused(kin.UsageError, "top-k.*0", top_k=0)
        self.refused(kin.UsageError, "engine.*quick", engine="quick")
        self.refused(kin.UsageError, "target-recall", target_recall=2)
        self.refused(kin.UsageError, "target-recall.*nan|nan.*target-recall", target_recall=float("nan"))
        self.refused(kin.UsageError, "threads", threads=-1)
        self.refused(kin.UsageError, "memory", memory="lots")
        self.refused(TypeError, "engine: ", engine=b"exact")
        self.refused(TypeError, "engine: ", engine=object())
        for options in ({"items": "a\0b"}, {"out": "a\0b"}, {"directory": "a\0b"}):
            self.refused(kin.UsageError, "without NUL", **options)
        self.raises(kin.UsageError, "without NUL", kin.load, "a\0b")
        self.raises(kin.UsageError, "without NUL", kin.build, {"a\0b": self.text}, K)
        self.refused(TypeError, "progress", progress="bars")

    def test_the_codes(self):
        self.refused(kin.BudgetError, "memory", memory="1M")
        self.refused(kin.NoInputError, "gone", items=self.path("gone"))
        self.refused(kin.OutputError, "no/such", out=self.path("no/such/folder"))
        self.refused(kin.DataError, "missing|lack", missing="error")
        os.mkdir(self.path("taken"))
        self.text_in("taken")
        self.refused(kin.OutputError, "taken", out=self.path("taken"))
        self.refused(kin.OutputError, "taken", out=self.path("taken"), force=True)

    def text_in(self, folder):
        with open(self.path(folder, "mine"), "w", encoding="utf-8") as file:
            file.write("mine")

    def test_classes(self):
        """Each error is also of the built-in class that fits, and survives a pickle."""
        for kind, built_in in ((kin.UsageError, ValueError), (kin.DataError, ValueError), (kin.BudgetError, MemoryError),
                               (kin.NoInputError, FileNotFoundError), (kin.OutputError, OSError),
                               (kin.ReadWriteError, OSError), (kin.InternalError, RuntimeError)):
            error = kind("what", "to do")
            error.result = {"a": 1}
            self.assertIsInstance(error, built_in)
            self.assertIsInstance(error, kin.KinError)
            copy = pickle.loads(pickle.dumps(error))
            self.assertIs(type(copy), kind)
            self.assertEqual((copy.message, copy.hint, copy.result, str(copy)), ("what", "to do", {"a": 1},
                                                                              "what\nhint: to do"))
        codes = kin._options.description()["code"]
        self.assertEqual({kind.code for kind in kin._errors.BY_CODE.values()} | {0}, set(codes.values()))

    def test_strict(self):
        """A target out of reach: a gate."""
        text, image = two_matrices(3000)
        error = self.raises(kin.GateError, "recall", kin.build, {"text": text, "image": image}, 50, engine="ivf", probes=1,
                            lists=300, candidates=50, target_recall=0.9999, strict=True)
        self.assertEqual(error.code, -3)


class Plans(Case):
    def test_plan(self):
        text, image = two_matrices()
        told = kin.plan(weighted(text, image), K)
        for name, matrix in (("text", text), ("image", image)):
            self.save(name + ".npy", matrix)
        command = json.loads(self.ok("plan", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4",
                                     "--top-k", K, "--json", "-").out)
        self.assertEqual(sorted(told), sorted(command))
        self.assertEqual(told["items"], 600)

    def test_refused(self):
        error = self.raises(kin.BudgetError, "memory", kin.plan, weighted(*two_matrices(2000)), K, memory="1M")
        self.assertTrue(error.result)


if __name__ == "__main__":
    package.main()
