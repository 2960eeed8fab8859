"""What kin build refuses: each with one ERROR line that names the place and the limit, one hint, its
exit code, and nothing left behind. What goes wrong under way is in cli_under_way.py."""
import os
import struct
import subprocess
import unittest

import numpy as np

import kin_cli
from kin_cli import Case, random_rows

N = 60
VECTORS = "--modality"


def npy(header, body=b"", version=1):
    text = header.encode() + b"\n"
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + body


def header(descr="'<f4'", order="False", shape="(60, 8)"):
    return "{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)


class Vectors(Case):
    def setUp(self):
        super().setUp()
        self.rows = random_rows(N, 8, 1)
        self.save("good.npy", self.rows)

    def refuse(self, code, message, *arguments, hint="."):
        return self.refused(code, message, "build", "--out", "g", "--top-k", "5", *arguments,
                            hint=hint)

    def raw(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return name

    def test_values(self):
        for dtype in ("<f4", "<f2", "<f8"):
            for value, word in ((np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")):
                rows = self.rows.astype(dtype)
                rows[31, 3] = value
                rows[47, 0] = np.nan  # the first one is named
                self.save("bad.npy", rows)
                self.refuse(65, r"^bad\.npy: row 31 is %s at column 3$" % word, VECTORS, "bad.npy",
                            hint="zero row")

    def test_first_bad_row_with_any_threads(self):
        rows = random_rows(5000, 8, 1)
        rows[[4999, 3000, 1234]] = np.nan
        self.save("bad.npy", rows)
        for threads in (1, 2, 7):
            self.refuse(65, r"^bad\.npy: row 1234 is NaN at column 0$", VECTORS, "bad.npy",
                        "--threads", threads)

    def test_double_beyond_float(self):
        rows = self.rows.astype("<f8")
        rows[9, 2] = 1e300
        self.save("bad.npy", rows)
        self.refuse(65, r"^bad\.npy: row 9 is 1e\+300 at column 2, beyond float32", VECTORS,
                    "bad.npy", hint="scale")

    def test_double_below_float(self):
        rows = np.ones((N, 8))
        rows[7] = 1e-200
        self.save("tiny.npy", rows)
        self.refuse(65, r"^tiny\.npy: the greatest value of row 7 is 1e-200: below", VECTORS, "tiny.npy",
                    hint="scale")

    def test_raw_formats_are_looked_at_too(self):
        rows = self.rows.copy()
        rows[11, 6] = np.inf
        for ending in (".fbin", ".f16bin", ".fvecs"):
            self.save("bad" + ending, rows)
            self.refuse(65, "row 11 is infinite at column 6", VECTORS, "bad" + ending)

    def test_different_n(self):
        self.save("short.npy", self.rows[:59])
        self.refuse(65, r"^short\.npy has 59 rows, good\.npy has 60$", VECTORS, "good.npy", VECTORS,
                    "short.npy", hint="same item")

    def test_headers(self):
        body = self.rows.tobytes()
        cases = [
            ("dtype", npy(header("'<i4'"), body), r"dtype <i4; float32, float16 and float64"),
            ("int64", npy(header("'<i8'"), body + body), r"dtype <i8"),
            ("complex", npy(header("'<c8'"), body + body), r"dtype <c8"),
            ("longdouble", npy(header("'<f16'"), body * 4), r"dtype <f16"),
            ("bool", npy(header("'|b1'"), body), r"dtype \|b1"),
            ("bigendian", npy(header("'>f4'"), body), r"big-endian.*>f4"),
            ("object", npy(header("'|O'"), body), r"object arrays cannot be read"),
            ("structured", npy(header("[('x', '<f4')]"), body), r"structured"),
            ("fortran", npy(header(order="True"), body), r"Fortran order"),
            ("one", npy(header(shape="(480,)"), body), r"has 1 dimension, needs 2"),
            ("three", npy(header(shape="(60, 4, 2)"), body), r"has 3 dimensions, needs 2"),
            ("zero", npy(header(shape="()"), body[:4]), r"has 0 dimensions, needs 2"),
            ("norows", npy(header(shape="(0, 8)")), r"empty matrix \(0 x 8\)"),
            ("nocolumns", npy(header(shape="(60, 0)")), r"empty matrix \(60 x 0\)"),
            ("long", npy(header(), body + b"1234"), r"the header says 60 x 8 float32, which is"),
            ("short", npy(header(), body[:-1]), r"the header says 60 x 8 float32, which is"),
            ("huge", npy(header(shape="(18446744073709551615, 8)"), body),
             r"(rows, the limit is 2147483647|header cannot be read)"),
            ("wraps", npy(header(shape="(2147483647, 65536)"), body), r"the header says"),
            ("overflow", npy(header(shape="(99999999999999999999999, 8)"), body),
             r"header cannot be read"),
            ("negative", npy(header(shape="(-60, 8)"), body), r"header cannot be read"),
            ("wide", npy(header(shape="(1, 100000)"), body * 300), r"100000 dimensions, the limit"),
            ("garbled", npy("{'descr': '<f4', 'fortran_order': ", body), r"header cannot be read"),
            ("nokey", npy("{'descr': '<f4', 'shape': (60, 8), }", body), r"header cannot be read"),
            ("version9", npy(header(), body, 9), r"unknown \.npy header \(version 9"),
            ("magic", b"NUMPY" + body, r"not a \.npy file"),
            ("cut", npy(header(), body)[:9], r"truncated"),
            ("lengthlies", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", r"truncated"),
            ("empty", b"", r"(not a \.npy file|empty)"),
        ]
        for name, content, message in cases:
            with self.subTest(header=name):
                self.raw(name + ".npy", content)
                self.refuse(65, r"^%s\.npy: .*%s" % (name, message), VECTORS, name + ".npy")

    def test_saved_objects(self):
        ragged = np.empty(3, object)
        ragged[:] = [[1], [1, 2], [3]]
        np.save(self.path("ragged.npy"), ragged, allow_pickle=True)
        self.refuse(65, r"object arrays cannot be read", VECTORS, "ragged.npy", hint="stack")
        np.save(self.path("fortran.npy"), np.asfortranarray(self.rows))
        self.refuse(65, r"Fortran order", VECTORS, "fortran.npy", hint="ascontiguousarray")
        np.save(self.path("big.npy"), self.rows.astype(">f8"))
        self.refuse(65, r"big-endian", VECTORS, "big.npy", hint="newbyteorder")

    def test_raw_headers(self):
        body = self.rows.tobytes()
        cases = [
            ("a.fbin", struct.pack("<II", 61, 8) + body, "the header says 61 x 8"),
            ("b.fbin", struct.pack("<II", 60, 8) + body[:-4], "the header says 60 x 8"),
            ("c.fbin", b"1234567", "7 bytes are too few for a header"),
            ("d.fbin", b"", "0 bytes are too few for a header"),
            ("e.fbin", struct.pack("<II", 0, 8), "empty matrix"),
            ("f.fbin", struct.pack("<II", 60, 0), "empty matrix"),
            ("g.fbin", struct.pack("<II", 0xffffffff, 0xffffffff) + body, "limit"),
            ("h.f16bin", struct.pack("<II", 60, 8) + body, "the header says 60 x 8 float16"),
            ("i.i8bin", struct.pack("<II", 60, 8) + body, "the header says 60 x 8 int8"),
            ("j.fvecs", b"123", "3 bytes are too few"),
            ("k.fvecs", struct.pack("<I", 0) + body, "empty matrix"),
            ("l.fvecs", struct.pack("<I", 8) + body, "the header says"),
            ("m.fvecs", struct.pack("<I", 0xffffffff) + body, "(limit|empty)"),
            ("n.fvecs", struct.pack("<I2f", 2, 1, 2) * 3 + struct.pack("<I2f", 3, 1, 2),
             "row 3 has 3 dimensions, row 0 has 2"),
            ("o.bin", body, "unknown file format"),
        ]
        for name, content, message in cases:
            with self.subTest(file=name):
                self.raw(name, content)
                self.refuse(65, r"^%s: .*%s" % (name, message), VECTORS, "x=" + name)

    def test_missing_inputs(self):
        self.refuse(66, r"^gone\.npy: No such file", VECTORS, "gone.npy", hint="path")
        os.mkdir(self.path("folder.npy"))
        self.refuse(66, r"^folder\.npy: ", VECTORS, "folder.npy")
        os.mkfifo(self.path("pipe.npy"))
        subprocess_writer = os.open(self.path("pipe.npy"), os.O_RDWR)  # or opening it would wait
        try:
            self.refuse(66, r"^pipe\.npy: not a regular file", VECTORS, "pipe.npy")
        finally:
            os.close(subprocess_writer)
        self.refuse(66, r"^gone: ", VECTORS, "good.npy", "--ids", "gone")
        self.refuse(66, r"^gone: ", VECTORS, "good.npy", "--items", "gone")
        self.refuse(66, r"gone", VECTORS, "good.npy", "--index", "gone")

    @unittest.skipIf(os.geteuid() == 0, "root reads everything")
    def test_unreadable(self):
        os.chmod(self.path("good.npy"), 0)
        self.refuse(66, r"^good\.npy: Permission denied", VECTORS, "good.npy")

    def test_top_k(self):
        self.save("m.npy", random_rows(150, 4, 1))
        self.refused(65, r"^top-k 200 needs at least 201 items, the catalog has 150$", "build",
                     VECTORS, "m.npy", "--out", "g", hint="--top-k")
        self.save("one.npy", random_rows(1, 4, 1))
        for command in (("build", "--out", "g"), ("plan",), ("sweep",)):
            for engine in ("join", "hnsw", "stream", "exact")[:2 if command == ("sweep",) else 4]:
                for k in (1, 200):
                    self.refused(65, "^the catalog has 1 item, which has no neighbours$", *command, "--modality", "one.npy",
                                 "--engine", engine, "--top-k", k, hint="at least two items")
        self.refused(65, r"^top-k 150 needs at least 151 items, the catalog has 150$", "build",
                     VECTORS, "m.npy", "--out", "g", "--top-k", "150")

    def test_missing_error(self):
        rows = self.rows.copy()
        rows[17] = 0
        self.save("zero.npy", rows)
        self.refuse(65, r"^zero\.npy: row 17 is all zero, which --missing error refuses$", VECTORS,
                    "good.npy", VECTORS, "zero.npy", "--missing", "error", hint="renorm")

    def test_memory(self):
        self.save("large.npy", random_rows(20000, 8, 1))
        for engine in ("stream", "exact", "join", "hnsw"):
            self.refuse(69, r"memory|needs|MiB|bytes", VECTORS, "large.npy", "--engine", engine,
                        "--memory", "1M")


    @unittest.skipIf(kin_cli.SANITIZED, "a sanitizer needs more address space than any limit leaves")
    def test_address_space(self):
        """OpenBLAS would ask again and again for what ulimit -v refuses. FAISS's engines multiply by it."""
        for engine in ("hnsw", "ivf"):
            done = subprocess.run(
                ["bash", "-c", 'ulimit -v 500000; exec "$@"', "bash", kin_cli.KIN, "build", VECTORS,
                 "good.npy", "--top-k", "5", "--threads", "2", "--engine", engine, "--out", "g"],
                cwd=self.dir, env=kin_cli.clean_environment(), capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 69, done.stderr)
            self.assertRegex(done.stderr.decode(), r"address space .*\nhint: ")
        self.assertEqual(os.listdir(self.dir), ["good.npy"])


class Modalities(Case):
    def setUp(self):
        super().setUp()
        self.save("good.npy", random_rows(N, 8, 1))

    def refuse(self, code, message, *arguments, hint="."):
        return self.refused(code, message, "build", "--out", "g", "--top-k", "5", *arguments,
                            hint=hint)

    def test_weights(self):
        for weight in ("0", "-1", "nan", "inf", "-inf", "1e-9", "1e9"):
            with self.subTest(weight=weight):
                self.refuse(2, r"weight", VECTORS, "x=good.npy:" + weight)
        self.refuse(2, "^modality 'x=good.npy:heavy': the weight 'heavy' is not a number$", VECTORS, "x=good.npy:heavy")

    def test_names(self):
        for name in ("a b", "a/b", "", "\u00e9", "x" * 32):
            with self.subTest(name=name):
                result = self.kin("build", "--out", "g", "--top-k", "5", VECTORS,
                                  name + "=good.npy")
                self.assertIn(result.code, (2, 66), str(result))
        self.refuse(2, r"no file is named", VECTORS, "x=")

    def test_number(self):
        nine = [word for m in range(9) for word in (VECTORS, "m%d=good.npy" % m)]
        self.refuse(2, r"^9 modalities, needs 1 to 8$", *nine)
        self.refuse(2, r"^0 modalities, needs 1 to 8$")

    def test_duplicate_names(self):
        self.refuse(2, r"^two modalities are named 'x'$", VECTORS, "x=good.npy", VECTORS,
                    "x=good.npy", hint="NAME=FILE")
        self.refuse(2, r"^two modalities are named 'good'$", VECTORS, "good.npy", VECTORS,
                    "good.npy")

    def test_engine_and_index(self):
        self.ok("index", VECTORS, "good.npy", "--type", "ivf", "--out", "i")
        for engine in ("exact", "stream"):
            self.refuse(2, r"^--engine %s uses no index$" % engine, VECTORS, "good.npy", "--engine",
                        engine, "--index", "i", hint="join, hnsw or ivf")
        self.refuse(2, r"holds an index of type ivf, --engine is hnsw", VECTORS, "good.npy",
                    "--engine", "hnsw", "--index", "i")

    def test_project(self):
        self.refuse(2, r"--project 9, but good has 8 dimensions", VECTORS, "good.npy", "--engine",
                    "hnsw", "--project", "9")
        self.refused(2, r"--project 9, but good has 8 dimensions", "index", VECTORS, "good.npy",
                     "--type", "ivf", "--project", "9", "--out", "i")

    def test_lists(self):
        self.refused(2, r"--lists 61, but good has 60 distinct", "index", VECTORS, "good.npy",
                     "--type", "ivf", "--lists", "61", "--out", "i")

    def test_options_of_indexes(self):
        """The self-join searches no index: whatever is said of one is refused, never passed over."""
        for number in ("--probes", "--candidates", "--ef-search", "--project", "--lists", "--links",
                       "--ef-construction"):
            self.refuse_for_join(number, "8")
        self.refuse_for_join("--index-space", "fused")
        self.refuse_for_join("--project-centre")
        self.ok("build", "--out", "g", "--top-k", "5", VECTORS, "good.npy", "--engine", "join",
                "--seed", "9")

    def test_options_of_ivf(self):
        for option in ("--ef-search", "--links", "--ef-construction"):
            self.refuse(2, "^%s is nothing to --engine ivf" % option, VECTORS, "good.npy", "--engine", "ivf", option,
                        "8", hint="--probes")

    def refuse_for_join(self, option, *value):
        message = "^%s is nothing to --engine join, which joins items in fused space$" % option
        with self.subTest(option=option):
            for engine in (["--engine", "join"], ["--auto-threshold", "10"]):
                self.refuse(2, message, VECTORS, "good.npy", *engine, option, *value,
                            hint="--target-recall; --engine hnsw and ivf, kin index and kin query have it")

    def test_search_options_with_an_index(self):
        """What asks an index more or less is nothing to the join that the index keeps."""
        self.ok("index", VECTORS, "good.npy", "--type", "ivf", "--top-k", "5", "--out", "i")
        for option in ("--probes", "--candidates", "--ef-search"):
            for engine in ([], ["--engine", "join"]):
                self.refuse(2, "^%s is nothing to --engine join" % option, VECTORS, "good.npy",
                            "--index", "i", *engine, option, "8", hint="--target-recall")

    def test_kinds_of_folders(self):
        self.ok("build", VECTORS, "good.npy", "--top-k", "5", "--out", "graph")
        self.ok("index", VECTORS, "good.npy", "--type", "ivf", "--out", "index")
        os.mkdir(self.path("folder"))
        self.text("empty.txt", "")
        wrong = r'is a folder of kind "%s", needs "%s"'
        self.refuse(65, wrong % ("graph", "index"), VECTORS, "good.npy", "--index", "graph")
        self.ok("gen", "--items", "30", "--modality", "text=4", "--out", "catalog")
        self.refused(65, wrong % ("catalog", "index"), "query", "catalog", "--item", "1")
        options = {"show": [], "compare": ["--sample", "5"], "pairs": ["--out", "p.npz"], "export": ["--out", "p.tsv"]}
        for command, more in options.items():
            self.refused(65, wrong % ("index", "graph"), command, "index", *more)
            self.refused(66, "manifest.json", command, "folder", *more)
            self.refused(66, "^gone: No such file", command, "gone", *more)
        self.refused(66, "manifest.json", "verify", "folder")
        self.refused(66, "gone", "info", "gone")


class Replacing(Case):
    """--force replaces what the same command wrote before, and nothing else."""

    def test_inputs_are_kept(self):
        self.ok("gen", "--items", 60, "--modality", "text=8", "--out", "cat")
        build = ["build", VECTORS, "cat/text.npy", "--top-k", 5]
        self.refused(73, "cat exists and is no graph that kin wrote", *build, "--out", "cat",
                     "--force")
        self.refused(73, "is the catalog that --from reads", "gen", "--from", "cat", "--items", 90,
                     "--out", "cat/", "--force")
        self.ok("index", VECTORS, "cat/text.npy", "--out", "ix")
        self.refused(73, "ix exists and is no graph", *build, "--index", "ix", "--out", "ix",
                     "--force")
        self.ok(*build, "--out", "g")
        self.text("g/notes.txt", "mine")
        self.refused(73, "g holds notes.txt, which kin did not write", *build, "--out", "g",
                     "--force")
        os.unlink(self.path("g/notes.txt"))
        self.ok(*build, "--out", "g", "--force")
        self.ok("verify", "cat")
        self.ok("verify", "ix")

    def test_index_options(self):
        self.ok("gen", "--items", 60, "--modality", "text=8", "--out", "cat")
        self.ok("index", VECTORS, "cat/text.npy", "--out", "ix")
        build = ["build", VECTORS, "cat/text.npy", "--top-k", 5, "--index", "ix", "--out", "g"]
        for option in (["--lists", 3], ["--index-space", "fused"], ["--project", 4],
                       ["--project-centre"], ["--links", 9], ["--ef-construction", 50],
                       ["--seed", 9]):
            self.refused(2, "^%s is not what the index was built with" % option[0], *build, *option)

    def test_index_options_repeated(self):
        """What the index was built with may be said again."""
        self.ok("gen", "--items", 60, "--modality", "text=8", "--out", "cat")
        same = ["--lists", 3, "--project", 4, "--project-centre", "--links", 9,
                "--ef-construction", 50, "--seed", 9]
        self.ok("index", VECTORS, "cat/text.npy", "--out", "ix", *same)
        self.ok("build", VECTORS, "cat/text.npy", "--top-k", 5, "--index", "ix", "--out", "g", *same)
        self.ok("verify", "g")

    def test_closed_streams(self):
        """The log must not go into a file that got the descriptor of a closed stream."""
        self.save("v.npy", random_rows(N, 8, 1))
        for number, closed in enumerate((">&- 2>&-", "<&- 2>&-", "<&- >&- 2>&-")):
            out = "g%d" % number
            done = subprocess.run(
                ["bash", "-c", 'exec "$@" ' + closed, "bash", kin_cli.KIN, "build", VECTORS,
                 "v.npy", "--top-k", "5", "--out", out],
                cwd=self.dir, env=kin_cli.clean_environment(), timeout=120)
            self.assertEqual(done.returncode, 0)
            self.ok("verify", out)


class Names(Case):
    def setUp(self):
        super().setUp()
        self.save("good.npy", random_rows(N, 8, 1))
        self.ids = ["id%d" % i for i in range(N)]

    def refuse_ids(self, message, ids):
        self.text("ids", "".join(name + "\n" for name in ids))
        self.refused(65, message, "build", "--out", "g", "--top-k", "5", VECTORS, "good.npy",
                     "--ids", "ids")

    def test_ids(self):
        self.refuse_ids(r"^ids has 59 ids, the catalog has 60 items$", self.ids[:-1])
        self.refuse_ids(r"^ids has 61 ids, the catalog has 60 items$", self.ids + ["more"])
        self.refuse_ids(r"^ids: id 'id3' of line 11 stands in line 4 already$",
                        self.ids[:10] + ["id3"] + self.ids[11:])
        self.refuse_ids(r"^ids: line 8 has no id$", self.ids[:7] + [""] + self.ids[8:])

    def test_control_characters(self):
        """Whatever parts a line for a reader, or steers a terminal, in ids of files, tables and index folders."""
        for text in ("a\tb", "a\r\r", "a\x1b[31m", "\ufeff\ufeffa", "a\x85b", "\x9b31m", "\x7f", "a\u2028",
                     "\u2029"):
            with self.subTest(text=text):
                code = "U\\+%04X$" % ord(text.lstrip("ab")[0])
                self.refuse_ids("^ids: the id in line 1 holds a control character, " + code, [text] + self.ids[1:])
                if "\t" not in text and "\r" not in text:
                    self.refuse_items(r"^t\.tsv: the id in line 2 holds a control character, " + code,
                                      ["id"] + [text] + self.ids[1:])
        self.refuse_ids("^ids has 59", ["caf\u00e9 \u00a0\u2027"] + self.ids[2:])  # these may be there

    def test_not_text(self):
        for content in (b"\xff\xfe", b"a\x00b", b"\xc0\xaf", b"\xed\xa0\x80"):
            with open(self.path("ids"), "wb") as file:
                file.write(b"\n".join([content] + [name.encode() for name in self.ids[1:]]))
            self.refused(65, r"^ids: line 1 is not UTF-8 text", "build", "--out", "g", "--top-k",
                         "5", VECTORS, "good.npy", "--ids", "ids", hint="UTF-8")

    def refuse_items(self, message, lines, *arguments, hint="."):
        self.text("t.tsv", "".join(line + "\n" for line in lines))
        self.refused(65, message, "build", "--out", "g", "--top-k", "5", VECTORS, "good.npy",
                     "--items", "t.tsv", *arguments, hint=hint)

    def test_items(self):
        rows = ["%s\tt" % name for name in self.ids]
        self.refuse_items(r"^t\.tsv: empty file$", [])
        self.refuse_items(r"^t\.tsv has 59 lines of items, the catalog has 60 items$", rows,
                          hint="header missing")
        self.refuse_items(r"^t\.tsv: line 6 has 3 cells, the header has 2$",
                          ["id\ttitle"] + rows[:4] + ["a\tb\tc"] + rows[5:])
        self.refuse_items(r"^t\.tsv: the column 'id' stands twice$", ["id\tid"] + rows)
        self.refuse_items(r"^t\.tsv: column 2 has no name$", ["id\t"] + rows)
        self.refuse_items(r"^t\.tsv: id 'id0' of line 3 stands in line 2 already$",
                          ["id\ttitle", rows[0], rows[0]] + rows[2:])

    def test_items_against_ids(self):
        self.text("ids", "".join(name + "\n" for name in reversed(self.ids)))
        self.refuse_items(r"^t\.tsv: line 2 has the id 'id0', ids has another there$",
                          ["id\ttitle"] + ["%s\tt" % name for name in self.ids], "--ids", "ids")


if __name__ == "__main__":
    kin_cli.main()
