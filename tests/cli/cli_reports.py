"""A page, a JSON document or a textfile never takes the place of what kin reads."""
import errno
import json
import unittest

import kin_cli
import kin_faults
from kin_cli import Case, listing, random_rows, read_bytes, read_json


class Reports(Case):

    def setUp(self):
        super().setUp()
        self.save("a.npy", random_rows(60, 8, 1))
        self.text("ids.txt", "".join("id%d\n" % i for i in range(60)))
        self.text("items.tsv", "id\ttitle\n" + "".join("id%d\tT\n" % i for i in range(60)))
        self.text("note.json", "{}\n")
        self.catalog = ("--modality", "a=a.npy", "--top-k", "5")
        self.ok("build", *self.catalog, "--ids", "ids.txt", "--items", "items.tsv", "--out", "g")
        self.ok("index", *self.catalog, "--ids", "ids.txt", "--out", "x")
        sweep = ("sweep", *self.catalog, "--items", "40", "--rows", "10")
        compare = ("compare", "g", "--sample", "10")
        self.writers = (
            ("show", "g", "--force", "--out"), compare + ("--force", "--out"),
            sweep + ("--force", "--out"), compare + ("--prom",), compare + ("--json",),
            ("info", "g", "--json"), ("info", "a.npy", "--json"), ("doctor", "--json"),
            ("query", "x", "--item", "id3", "--json"), ("why", "g", "id1", "id2", "--json"),
            sweep + ("--json",), ("plan", *self.catalog, "--json"))

    def test_vectors_and_folders(self):
        """Vectors by their ending, and every file of a kin folder, whichever command is asked."""
        vectors = ["a.npy", self.path("a.npy")]
        for ending in ("FBIN", "npz", "f16bin", "i8bin", "fvecs", "ivecs", "ibin"):
            vectors.append("n." + ending)
            self.text(vectors[-1], "rows")
        inside = ["g/manifest.json", "x/manifest.json", "g/ids.txt", "./g//items.tsv"]
        for at, writer in enumerate(self.writers):
            # every command meets both kinds, the first of them all names
            for name in vectors if at == 0 else vectors[:1]:
                self.refused(73, "exists and is named as vectors are", *writer, name)
            for name in inside if at == 0 else inside[:1]:
                self.refused(73, "is part of a folder that kin wrote", *writer, name,
                             hint="outside")
        self.ok("verify", "g")

    def test_json_file(self):
        """A document in a file leaves stdout empty, and has the keys of the one on stdout."""
        for *command, option in self.writers:
            if option != "--json":
                continue
            self.assertEqual(self.ok(*command, "--json", "note.json").out, "", command)
            printed = json.loads(self.ok(*command, "--json", "-").out)
            self.assertEqual(list(read_json(self.path("note.json"))), list(printed), command)
            self.assertGreater(len(printed), 2, command)

    def test_files_of_text(self):
        """Ids and tables that the same command reads, by another name and through a link too."""
        self.ok("doctor", "--json", "note.json")
        for option, file in (("--ids", "ids.txt"), ("--items", "items.tsv")):
            for name in (file, "g/../" + file):
                self.refused(2, "^--json .* is a file that is read$", "plan", *self.catalog,
                             option, file, "--json", name)
        before = read_bytes(self.path("ids.txt"))
        for output in ("--json", "--prom", "--out"):
            self.refused(2, "^%s ids.txt is a file that is read$" % output, "compare", "g", "--ids",
                         "ids.txt", "--sample", "5", "--force", output, "ids.txt")
        self.assertEqual(read_bytes(self.path("ids.txt")), before)

    def test_what_may_be_replaced(self):
        """Other files as before, in folders whose manifest is not kin's too, and free names anywhere."""
        self.text("manifest.json", "{}\n")
        self.text("page.html", "old")
        self.ok("show", "g", "--out", "page.html", "--force")
        self.ok("info", "g", "--json", "note.json")
        self.ok("info", "g", "--json", "manifest.json")
        self.ok("doctor", "--json", "g/new.json")
        self.assertIn("g/new.json", listing(self.dir))

    @unittest.skipIf(kin_faults.available(), kin_faults.available())
    def test_a_manifest_that_cannot_be_read(self):
        """Whose file it is cannot be told: it is kept, and that is said before the work."""
        before = read_bytes(self.path("x", "manifest.json"))
        arguments = ["show", "g", "--force", "--out", "x/manifest.json"]
        calls = self.path("calls")
        kin_faults.run(arguments, self.dir, record=calls)
        with open(calls, encoding="utf-8") as file:
            opened = file.read().split().count("openat")
        told = []
        for number in range(1, opened + 1):
            result = kin_faults.run(arguments, self.dir, fault="%d:%d" % (number, errno.EMFILE), call="openat")
            self.assertIn(result.code, (73, 74), str(result))
            self.assertEqual(read_bytes(self.path("x", "manifest.json")), before)
            told += [line for line in result.lines("ERROR") if "x/manifest.json: Too many" in line]
        self.assertTrue(told)

    def test_show_looks_first(self):
        """A place that cannot be written is refused before the graph is read."""
        self.text("page.html", "mine")
        self.refused(73, "^page.html exists already", "show", "gone", "--out", "page.html")
        self.refused(2, "^--out -: is written to a file", "show", "g", "--out", "-")


if __name__ == "__main__":
    kin_cli.main()
