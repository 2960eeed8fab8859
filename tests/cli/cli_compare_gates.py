"""kin compare: gates and reports; what does not fit is refused, or compared with a warning."""
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

import numpy as np

import kin_cli
from compare_case import K, N, VECTORS, Compare, row_numbers
from kin_cli import Graph, random_rows, read_json
from web_page import Page, check_page


class Gates(Compare):
    def test_gates(self):
        self.build("exact")
        self.build("g", *self.few)
        mean = self.compare("g", "--reference", "exact")["recall"]["tie_aware"]["mean"]
        self.ok("compare", "g", "--reference", "exact", "--min-recall", "%.6f" % (mean - 1e-5))
        result = self.kin("compare", "g", "--reference", "exact", "--min-recall", 0.999, "--min-fill",
                          0.5, "--json", "out.json", "--out", "page.html", "--prom", "kin.prom")
        self.assertEqual((result.code, result.out), (3, ""), str(result))
        self.assertRegex(result.lines("ERROR")[0], "recall, lower bound is 0.*asks for at least 0.999")
        gates = read_json(self.path("out.json"))["gates"]
        self.assertEqual([(gate["name"], gate["met"]) for gate in gates],
                         [("min-recall", False), ("min-fill", True)])
        self.assertTrue(os.path.exists(self.path("page.html")), "written all the same")

    def test_a_narrow_miss(self):
        """What is missed by little is nowhere shown at its limit."""
        self.build("exact")
        self.build("g", *self.few)
        mean = self.compare("g", "--reference", "exact")["recall"]["tie_aware"]["mean"]
        limit = "%.6f" % (np.ceil(mean * 1e6) / 1e6)
        below = "%.10g" % (np.floor(mean * 1e6) / 1e6)
        self.assertNotEqual(float(limit), float(below))
        result = self.kin("compare", "g", "--reference", "exact", "--min-recall", limit, "--out", "p.html")
        self.assertEqual(result.code, 3, str(result))
        self.assertIn("is %s, --min-recall asks for at least %.10g" % (below, float(limit)), result.err)
        self.assertRegex(result.out, r"NOT MET: recall, lower bound %.6f, at least" % float(below))
        self.assertIn("<b>%.6f</b></span><small>must be at least %s" % (float(below), limit),
                      Page(self.path("p.html")).source)

    def test_bound(self):
        """The mean of a sample may pass where its lower bound does not."""
        self.build("g", *self.few)
        recall = self.compare("g", "--sample", 80)["recall"]["tie_aware"]
        between = "%.6f" % ((recall["mean"] + recall["interval"]["lower95"]) / 2)
        asked = ("compare", "g", "--sample", 80, "--min-recall", between)
        self.assertEqual(self.kin(*asked).code, 3)
        self.assertEqual(self.kin(*asked, "--bound", "lower").code, 3)
        self.ok(*asked, "--bound", "mean")

    def test_empty_rows(self):
        self.build("g", "--missing", "drop")
        self.ok("compare", "g", "--reference", "g", "--max-empty", 0)  # all by rule
        self.build("h", "--missing", "drop")
        result = self.kin("compare", "g", "--previous", "h", "--max-empty", 0.01)  # 15 of 600
        self.assertEqual(result.code, 3, str(result))
        self.ok("compare", "g", "--previous", "h", "--max-empty", 0.025)

    def test_nothing_to_evaluate(self):
        """A catalog that lost its vectors has nothing to find: that is no reason to publish it."""
        for name in self.vectors:
            self.save(name + ".npy", np.zeros((N, 4), np.float32))
        self.build("g", "--max-empty", 1)
        for truth in (("--reference", "g"), ("--sample", N), ("--sample", 50)):
            for gate in (("--min-recall", 0.1), ("--min-fill", 0.1), ("--max-empty", 0.9)):
                result = self.kin("compare", "g", *truth, *gate)
                self.assertEqual(result.code, 3, str(result))
            self.ok("compare", "g", *truth)

    def test_nothing_evaluated(self):
        """Means over no row are unknown, not 0, in every report."""
        self.save("none.npy", np.zeros((30, 4), np.float32))
        self.ok("build", "--modality", "none.npy", "--top-k", 5, "--max-empty", 1, "--out", "none")
        table = self.ok("compare", "none", "--reference", "none", "--out", "n.html", "--prom", "n.prom").out
        document = self.compare("none", "--reference", "none")
        recall = document["recall"]
        self.assertEqual((recall["evaluated"], recall["empty_by_rule"]), (0, 30))
        self.assertEqual([recall[name] for name in ("tie_aware", "strict", "fill", "score_ratio")],
                         [None] * 4)
        self.assertEqual(set(recall["at"][0].values()), {1, None})
        self.assertEqual(set(recall["epsilon"].values()), {None})
        check_page(self, Page(self.path("n.html")))
        with open(self.path("n.prom"), encoding="utf-8") as file:
            self.assertNotRegex(file.read(), "kin_(recall|fill)\\{|nan")
        self.assertNotIn("nan", table)

    def test_refusals(self):
        self.build("g")
        self.refused(2, "--min-recall and --min-fill need", "compare", "g", "--previous", "g",
                     "--min-recall", 0.5)
        self.refused(2, "--max-drift and --max-item-change need", "compare", "g", "--sample", 5,
                     "--max-drift", 0.5)
        self.refused(2, "--min-recall", "compare", "g", "--sample", 5, "--min-recall", 1.5)

    def test_prom(self):
        """The time of the last success outlives a failure."""
        self.build("g", *self.few)
        asked = ("compare", "g", "--sample", 100, "--prom", "kin.prom", "--min-recall")
        self.ok(*asked, 0.1)

        def numbers():
            with open(self.path("kin.prom"), encoding="utf-8") as file:
                text = file.read()
            found = dict(re.findall(r'(?m)^(kin_\w+)\{graph="g"\} (\S+)$', text))
            self.assertEqual(len(found), text.count("# TYPE"))
            self.assertEqual(len(found), len(re.findall("(?m)^# HELP kin_", text)))
            return {name: float(value) for name, value in found.items()}

        first = numbers()
        run = read_json(self.path("g", "manifest.json"))["run"]
        self.near(first["kin_build_seconds"], run["seconds_total"])
        self.assertEqual(first["kin_items"], N)
        self.assertTrue(90 <= first["kin_recall_rows"] <= 100)  # some have no neighbour to find
        self.assertLess(first["kin_recall_lower_bound"], first["kin_recall"])
        self.assertEqual((first["kin_gates"], first["kin_gates_met"]), (1, 1))
        self.assertEqual(self.kin(*asked, 0.9999).code, 3)
        second = numbers()
        self.assertEqual(second["kin_gates_met"], 0)
        self.assertEqual(second["kin_last_success_timestamp_seconds"],
                         first["kin_last_success_timestamp_seconds"])
        os.unlink(self.path("kin.prom"))
        self.assertEqual(self.kin(*asked, 0.9999).code, 3)
        self.assertNotIn("kin_last_success_timestamp_seconds", numbers())


# ---- what does not fit
# ----------------------------------------------------------------------------------

class Fit(Compare):
    def test_sources(self):
        """Vectors are found where the manifest says, or where the command line does. A folder is the same with a
        slash."""
        self.build("g")
        self.assertEqual(self.compare("g/", "--reference", "g//")["graph"]["path"], "g")
        os.mkdir(self.path("away"))
        self.ok("compare", "../g", "--sample", 50, cwd=self.path("away"))
        for name in ("text.npy", "image.npy"):
            shutil.move(self.path(name), self.path("away", name))
        self.refused(66, "text.npy", "compare", "g", "--sample", 50)
        self.ok("compare", "g", "--sample", 50, "--modality", "text=away/text.npy", "--modality",
                "image=away/image.npy")

    def test_changed_vectors(self):
        self.build("g")
        self.save("text.npy", random_rows(N, 16, 9))
        self.refused(65, "text", "compare", "g", "--sample", 50)

    def test_refusals(self):
        self.build("g")
        self.refused(2, "nothing to compare with", "compare", "g")
        self.refused(2, "both given", "compare", "g", "--reference", "g", "--sample", 5)
        self.refused(2, "--sample 601, g has 600 items", "compare", "g", "--sample", 601)
        self.refused(69, "--memory allows 1.0 MiB", "compare", "g", "--sample", 600, "--memory", "1M",
                     "--threads", 64, hint="^raise --memory, or lower --sample or --threads$")
        self.refused(2, "two graphs are compared with the same reference", "compare", "g", "g",
                     "--previous", "g")
        self.refused(66, "gone", "compare", "g", "--reference", "gone")
        self.refused(66, r"^text\.npy: not a folder$", "compare", "g", "--reference", "text.npy")
        os.mkdir(self.path("empty"))
        self.text("empty/manifest.json", "")
        self.refused(65, r"^empty/manifest\.json: line 1: ", "compare", "g", "--previous", "empty")
        self.text("page.html", "mine")
        for option, file in (("--out", "page.html"), ("--prom", "nowhere/kin.prom")):
            self.refused(73, file, "compare", "g", "--reference", "g", option, file, "--json", "f.json")
            self.assertFalse(os.path.exists(self.path("f.json")), "refused before the work")
        self.ok("compare", "g", "--reference", "g", "--out", "page.html", "--force")

    def test_outputs(self):
        """What could not be written in the end is refused before any work, and leaves nothing."""
        self.build("g")
        asked = ("compare", "g", "--reference", "g")
        os.mkdir(self.path("folder"))
        os.symlink("g", self.path("link"))
        os.mkfifo(self.path("pipe"))
        for option in ("--json", "--out", "--prom"):
            self.refused(73, "^gone/x cannot be created", *asked, option, "gone/x")
            for name in ("folder", "link") if option == "--json" else ("folder", "link", "pipe"):
                self.refused(73, "^%s exists already and is no regular file" % name, *asked, "--force",
                             option, name, hint="are not replaced")
        for options in (("--json", "x", "--out", "./x"), ("--json", "x", "--prom", self.path("x")),
                        ("--out", "x", "--prom", "folder/../x")):
            self.refused(2, "^%s and %s are the same file" % options[::2], *asked, *options)
        self.refused(2, "^--out -: is written to a file", *asked, "--out", "-")
        self.refused(2, "^--prom -: is written to a file", *asked, "--prom", "-")
        self.text("page.html", "mine")
        self.refused(73, "^page.html exists already$", *asked, "--json", "x", "--out", "page.html")
        self.ok(*asked, "--json", "x", "--out", "folder/x", "--prom", "p")
        self.nothing_left()

    def test_a_pipe_without_a_reader(self):
        """A signal ends the wait for one."""
        self.build("g")
        os.mkfifo(self.path("pipe"))
        waiting = kin_cli.Running("compare", "g", "--previous", "g", "--json", "pipe", cwd=self.dir)
        self.addCleanup(waiting.process.kill)
        time.sleep(4 if kin_cli.SANITIZED else 1)  # until it waits for the pipe
        waiting.process.send_signal(signal.SIGTERM)
        self.assertEqual(waiting.process.wait(timeout=20), -signal.SIGTERM)
        waiting.process.stderr.close()

    @unittest.skipIf(kin_cli.SANITIZED, "takes terabytes of address space")
    def test_too_large_to_map(self):
        """A sparse file of 16 GiB where 4 are allowed: for want of memory, not the disk's fault."""
        self.build("g")
        with open(self.path("g.ibin"), "wb") as file:
            np.array([2**31 - 1, 2], "<u4").tofile(file)
            file.truncate(8 + (2**31 - 1) * 8)
        done = subprocess.run(["sh", "-c", 'ulimit -v 4194304 && exec "$@"', "sh", kin_cli.KIN, "compare", "g.ibin",
                               "--reference", "g"], cwd=self.dir, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("g.ibin: 17179869184 bytes cannot be mapped", done.stderr)

    def test_an_approximate_reference(self):
        """Is told apart from the truth, in every report."""
        self.build("exact")
        self.build("g", *self.few)
        self.assertEqual(self.compare("g", "--reference", "exact")["warnings"], [])
        self.assertEqual(self.compare("exact", "--reference", "g")["warnings"],
                         ["g is by engine hnsw: recall says how far the two agree, not what is missed"])
        self.assertEqual(self.compare("g", "--sample", 50)["warnings"], [])

    def test_incompatible(self):
        """Refused with both values; with --force compared all the same, with a warning and no gate met."""
        self.build("g")
        self.build("policy", "--missing", "zero")
        self.build("weights", vectors=("--modality", "text=text.npy:0.7", "--modality",
                                       "image=image.npy:0.4"))
        self.build("names", items=None)
        self.ok("build", "--modality", "text.npy", "--top-k", K, "--out", "one", "--items", "items.tsv")
        self.ok("build", *VECTORS, "--top-k", 9, "--out", "nine", "--items", "items.tsv")
        self.save("text.npy", random_rows(N, 16, 9))
        self.build("other")
        for other, message in (("weights", "'text' has weight 0.6 in g, 0.7 in weights"),
                               ("policy", "--missing was renorm for g, zero for policy"),
                               ("one", "g has 2 modalities, one has 1"),
                               ("nine", "g has top-k 15, nine has 9"),
                               ("other", "'text' was made from other vectors")):
            self.refused(65, message, "compare", "g", "--reference", other, hint="--force")
            result = self.kin("compare", "g", "--reference", other, "--force", "--json", "f.json",
                              "--min-recall", 0)
            self.assertEqual(result.code, 3, str(result))
            document = read_json(self.path("f.json"))
            self.assertFalse(document["reference_fits"])
            self.assertRegex(document["warnings"][0], message)
            self.assertRegex("\n".join(result.lines("WARNING")), message)
            self.ok("compare", "g", "--reference", other, "--force", "--prom", "f.prom")
            with open(self.path("f.prom"), encoding="utf-8") as file:
                self.assertNotIn("last_success", file.read())
        self.refused(65, "have no item in common", "compare", "g", "--reference", "names")
        self.refused(65, "have no item in common", "compare", "g", "--reference", "names", "--force")
        self.assertEqual(self.compare("g", "--reference", "nine", "--force")["recall"]["k"], 9)

    def test_damaged(self):
        self.build("g", "--arrays")
        with open(self.path("g", "indices.npy"), "r+b") as file:
            file.seek(-4, os.SEEK_END)
            file.write(b"\xff\xff\xff\x7f")
        self.refused(65, r"g/indices\.npy: entry \d+ is 2147483647, must be 0 to 599", "compare",
                     "g", "--reference", "g", hint="damaged")


    def test_damaged_scores(self):
        """A score of infinity would be as good as every neighbour there is."""
        self.build("g", "--arrays")
        data = np.load(self.path("g", "data.npy"))
        for value in (np.inf, -np.inf, np.nan):
            data[7] = value
            np.save(self.path("g", "data.npy"), data)
            self.refused(65, r"^g/data\.npy: entry 7 is -?(inf|nan), must be finite$", "compare", "g",
                         "--reference", "g", hint="damaged")


class Reports(Compare):
    def test_page(self):
        self.build("exact")
        self.build("g", *self.few)
        self.build("before", "--seed", 5, *self.few)
        self.ok("compare", "g", "before", "--reference", "exact", "--previous", "before", "--stratify",
                "category", "--out", "page.html")
        page = Page(self.path("page.html"))
        check_page(self, page)
        text = "".join(page.words)
        recall = self.compare("g", "--reference", "exact")["recall"]["tie_aware"]["mean"]
        self.assertIn("%.4f" % recall, text)
        self.assertNotIn("nan", text.lower().split())

    def test_hostile_names(self):
        """Nothing of them steers a terminal or fills it, or is markup."""
        hostile = ["<script>alert(1)</script>", "\x1b[31mred", "\u65e5" * 4000, ""]
        self.text("items.tsv", "id\tcategory\n" + "".join("n%d\t%s\n" % (i, hostile[i % 4]) for i in range(N)))
        self.build("g\x1b[2J<b>", *self.few)
        asked = ("g\x1b[2J<b>", "--sample", 100, "--stratify", "category")
        table = self.ok("compare", *asked, "--out", "a.html").out
        self.assertNotIn("\x1b", table)
        self.assertIn("(g?[2J<b>)", table)
        self.assertRegex(table, "(?m) \u65e5{20}\\.\\.\\. \\(")
        self.assertLess(max(map(len, table.splitlines())), 200)
        names = [value["name"] for value in self.compare(*asked)["strata"]["values"]]
        self.assertEqual(names, sorted(hostile, key=str.encode))
        check_page(self, Page(self.path("a.html")))

    def test_a_name_that_is_no_utf8(self):
        """Documents, pages and textfiles are UTF-8 whatever folders are called, and lose no key; also where an id is cut
        in the middle of a letter for a warning."""
        name = os.fsdecode(b"caf\xe9")
        self.build(name, *self.few)
        self.text("long.ids", "".join("n%d\n" % i if i else "\u65e5" * 40 + "\n" for i in range(N)))
        self.build("long", "--ids", "long.ids", *self.few, items=None)
        self.ok("compare", name, "--reference", "long", "--force", "--json", "a.json", "--out", "a.html",
                "--prom", "a.prom")
        document = read_json(self.path("a.json"))
        self.assertEqual(document["graph"]["path"], "caf\ufffd")
        self.assertIn("\u65e5" * 21, document["warnings"][0])
        check_page(self, Page(self.path("a.html")))
        with open(self.path("a.prom"), encoding="utf-8") as file:
            self.assertIn('kin_recall{graph="caf\ufffd"}', file.read())
        self.ok("why", name, "n1", "n2", "--json", "why.json")
        self.assertEqual(read_json(self.path("why.json"))["graph"]["path"], "caf\ufffd")

    def test_traced(self):
        """With a trace of every row each lost neighbour has a reason."""
        self.build("exact")
        self.build("g", *self.few, "--trace-rows", N)
        document = self.compare("g", "--reference", "exact")
        loss = document["loss"]
        at = document["recall"]
        self.assertEqual(loss["lost"], sum(loss["reasons"].values()))
        self.assertGreater(loss["lost"], 0)
        self.assertEqual(loss["rows"], at["evaluated"])
        self.assertEqual(loss["reasons"]["ranked_out"], 0, "what is a candidate is found")
        lost = round(loss["entries"] - sum(
            tie * min(K, len(row)) for tie, row in self.row_recalls("g", "exact")))
        self.assertEqual(loss["lost"], lost)
        sampled = self.compare("g", "--sample", 50)["loss"]
        self.assertEqual(sampled, loss)

    def row_recalls(self, name, reference):
        graph, truth = Graph(self.path(name)), Graph(self.path(reference))
        for i in range(N):
            if len(truth.row(i)[0]):
                numbers = row_numbers(*graph.row(i), *truth.row(i))
                yield numbers["tie_aware", K], truth.row(i)[0]


if __name__ == "__main__":
    kin_cli.main()
