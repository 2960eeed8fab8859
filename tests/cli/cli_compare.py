"""kin compare: its numbers recomputed from the files with numpy, to 1e-9; samples, strata, imported files, drift,
gates, reports; what does not fit is refused, or compared with a warning."""
import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

import numpy as np
import scipy.sparse

import kin_cli
from kin_cli import Case, Graph, Oracle, random_rows, read_json
from web_page import Page, check_page

N, K = 600, 15
WEIGHTS = {"text": 0.6, "image": 0.4}
CUTS = (1, 10, K)
VECTORS = ("--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4")


class Compare(Case):
    few = ["--engine", "hnsw", "--candidates", K, "--target-recall", 0.5, "--threads",
           1]  # about half is found, each time the same

    def setUp(self):
        super().setUp()
        self.vectors = {"text": random_rows(N, 16, 1), "image": random_rows(N, 20, 2)}
        for x in self.vectors.values():
            x[20:60] = x[20]
        self.vectors["text"][100:110] = 0
        self.vectors["image"][105:115] = 0
        for name, array in self.vectors.items():
            self.save(name + ".npy", array)
        self.text("items.tsv", "id\tcategory\tprice\n" + "".join(
            "n%d\tc%d\t1\n" % (i, 0 if i < 300 else i % 3) for i in range(N)))

    def build(self, out, *arguments, vectors=VECTORS, items="items.tsv"):
        table = ("--items", items) if items else ()
        self.ok("build", *vectors, "--top-k", K, "--out", out, *table, *arguments)
        return Graph(self.path(out))

    def compare(self, *arguments):
        return json.loads(self.ok("compare", *arguments, "--json", "-").out)

    def near(self, got, wanted, places=9):
        self.assertAlmostEqual(got, wanted, places=places)


# ---- the formulas of docs/METRICS.md, row by row ------------------------------------------------------

def row_numbers(columns, scores, wanted, wanted_scores):
    """One row's numbers; rows come best first."""
    out = {}
    scores, wanted_scores = scores.astype(np.float64), wanted_scores.astype(np.float64)
    r = len(wanted)
    for k in CUTS:
        rk = min(k, r)
        out["strict", k] = len(set(columns[:k].tolist()) & set(wanted[:k].tolist())) / rk
        out["tie_aware", k] = min(rk, (scores[:k] >= wanted_scores[rk - 1] - 1e-6).sum()) / rk
        out["nearest_found", k] = float(wanted[0] in columns[:k])
        out["nearest_true", k] = float(len(columns) > 0 and columns[0] in wanted[:k])
    for epsilon in (0.01, 0.1):
        limit = (1 + epsilon) * (1 - wanted_scores[-1]) + 1e-6
        out["epsilon", epsilon] = min(r, (1 - scores <= limit).sum()) / r
    both = min(r, len(columns))
    out["ratio"] = scores[:r].sum() / wanted_scores.sum() if wanted_scores.sum() > 0 else np.nan
    out["loss"] = (wanted_scores[:both] - scores[:both]).mean() if both else np.nan
    out["filled"], out["entries"], out["empty"] = both, r, len(columns) == 0
    return out


def all_numbers(graph, reference, rows):
    evaluated = [i for i in rows if len(reference.row(i)[0])]
    table = [row_numbers(*graph.row(i), *reference.row(i)) for i in evaluated]
    return {name: np.array([row[name] for row in table]) for name in table[0]}, evaluated


class Numbers(Compare):
    def check_distribution(self, got, values):
        values = np.sort(values)
        s = len(values)
        self.near(got["mean"], values.mean())
        self.near(got["min"], values[0])
        for name, percent in (("p1", 1), ("p5", 5), ("p50", 50)):
            self.near(got[name], values[-(-s * percent // 100) - 1])
        self.near(got["below_90"], (values < 0.9).mean())
        bins = np.minimum((values * 20).astype(int), 19)
        self.assertEqual(got["histogram"], np.bincount(bins, minlength=20).tolist())

    def check_recall(self, got, graph, reference, rows):
        table, evaluated = all_numbers(graph, reference, rows)
        self.assertEqual(got["rows"], len(rows))
        self.assertEqual(got["evaluated"], len(evaluated))
        self.assertEqual([at["k"] for at in got["at"]], list(CUTS))
        for at in got["at"]:
            for name in ("strict", "tie_aware", "nearest_found", "nearest_true"):
                self.near(at[name], table[name, at["k"]].mean())
        self.check_distribution(got["tie_aware"], table["tie_aware", K])
        self.check_distribution(got["strict"], table["strict", K])
        for epsilon in (0.01, 0.1):
            self.near(got["epsilon"][str(epsilon)], table["epsilon", epsilon].mean())
        self.near(got["score_ratio"], np.nanmean(table["ratio"]))
        self.near(got["score_loss"], np.nanmean(table["loss"]))
        self.near(got["fill"], table["filled"].sum() / table["entries"].sum())
        self.assertEqual(got["short_rows"], int((table["filled"] < table["entries"]).sum()))
        self.assertEqual(got["empty_rows"], int(table["empty"].sum()))
        self.assertEqual(got["empty_by_rule"], len(rows) - len(evaluated))
        order = sorted((value, row) for value, row in zip(table["tie_aware", K], evaluated) if value < 1)
        self.assertEqual([worst["row"] for worst in got["worst"]], [row for _, row in order[:20]])
        for worst, (value, _) in zip(got["worst"], order):
            self.near(worst["value"], value)
        self.assertEqual([worst["id"] for worst in got["worst"]],
                         [graph.ids[row] for _, row in order[:20]])
        return table

    def test_two_graphs(self):
        exact = self.build("exact")
        for number, arguments in enumerate((["--engine", "join"], self.few,
                                            [*self.few, "--row-order", "column"],
                                            [*self.few, "--missing", "drop"])):
            name = "g%d" % number
            reference, truth = "exact", exact
            graph = self.build(name, *arguments)
            if "column" in arguments:
                graph = Graph(self.path("g1"))  # the same graph in score order
            if "drop" in arguments:
                reference, truth = "exact-drop", self.build("exact-drop", "--missing", "drop")
            document = self.compare(name, "--reference", reference)
            self.assertEqual(document["schema"], "kin-compare/3")
            self.check_recall(document["recall"], graph, truth, range(N))
            self.assertTrue(document["recall"]["exhaustive"])
            self.assertIsNone(document["recall"]["tie_aware"]["interval"])
            self.assertEqual(document["graph"]["options"],
                             read_json(self.path(name, "manifest.json"))["options"])
        self.assertLess(document["recall"]["tie_aware"]["mean"], 0.95)
        self.assertEqual(document["recall"]["empty_by_rule"], 15)

    def test_itself(self):
        graph = self.build("g")
        document = self.compare("g", "--reference", "g")
        self.check_recall(document["recall"], graph, graph, range(N))
        self.assertEqual(document["recall"]["strict"]["min"], 1)

    def test_sample(self):
        """A sample of all rows is exhaustive, and equals the comparison with the exact graph."""
        exact = self.build("exact")
        graph = self.build("hnsw", *self.few)
        whole = self.compare("hnsw", "--sample", N)
        self.check_recall(whole["recall"], graph, exact, range(N))
        self.assertTrue(whole["recall"]["exhaustive"])
        part = self.compare("hnsw", "--sample", 100)["recall"]
        self.assertEqual(part["rows"], 100)
        self.assertFalse(part["exhaustive"])
        bounds = part["tie_aware"]["interval"]
        mean = part["tie_aware"]["mean"]
        self.assertTrue(0 < bounds["low95"] < bounds["lower95"] < mean, bounds)
        self.assertTrue(mean < bounds["upper95"] < bounds["high95"] <= 1, bounds)
        self.assertGreater(part["rows_for_half"], 100)
        self.assertEqual(part, self.compare("hnsw", "--sample", 100, "--threads", 3)["recall"])
        other = self.compare("hnsw", "--sample", 100, "--seed", 2)["recall"]
        self.assertNotEqual(part["strict"], other["strict"])

    def test_difference(self):
        exact = self.build("exact")
        a, b = self.build("a", "--engine", "join"), self.build("b", *self.few)
        document = self.compare("a", "b", "--reference", "exact")
        first = self.check_recall(document["recall"], a, exact, range(N))["tie_aware", K]
        second = self.check_recall(document["other_recall"], b, exact, range(N))["tie_aware", K]
        self.near(document["difference"]["mean"], (first - second).mean())
        self.assertEqual(document["difference"]["better"], int((first > second).sum()))
        self.assertEqual(document["difference"]["worse"], int((first < second).sum()))
        sample = self.compare("a", "b", "--sample", 200)["difference"]
        interval = sample["interval"]
        self.assertTrue(interval["low95"] < sample["mean"] < interval["high95"])
        self.assertGreater(interval["low95"], 0, "200 rows tell these two apart")

    def test_strata(self):
        exact = self.build("exact")
        graph = self.build("hnsw", *self.few)
        table, evaluated = all_numbers(graph, exact, range(N))
        of = {row: "c%d" % (0 if row < 300 else row % 3) for row in range(N)}
        document = self.compare("hnsw", "--reference", "exact", "--stratify", "category")
        self.assertEqual(document["strata"]["column"], "category")
        for value in document["strata"]["values"]:
            mine = [at for at, row in enumerate(evaluated) if of[row] == value["name"]]
            self.assertEqual(value["evaluated"], len(mine))
            self.assertEqual(value["items"], sum(name == value["name"] for name in of.values()))
            self.near(value["mean"], table["tie_aware", K][mine].mean())
        sample = self.compare("hnsw", "--sample", 60, "--stratify", "category")
        shares = {value["name"]: value["evaluated"] for value in sample["strata"]["values"]}
        for name, wanted in (("c0", 40), ("c1", 10), ("c2", 10)):  # in proportion: 400, 100, 100
            self.assertTrue(abs(shares[name] - wanted) <= 1 + (name == "c0"), shares)
        self.refused(65, "no items.tsv with a column 'colour'", "compare", "hnsw", "--sample", 60,
                     "--stratify", "colour")

    def test_exact_is_exact(self):
        self.build("exact")
        document = self.compare("exact", "--sample", 200)
        self.assertEqual(document["recall"]["strict"]["min"], 1)
        self.assertEqual(document["recall"]["fill"], 1)
        self.assertEqual(document["recall"]["worst"], [])


# ---- files of others ------------------------------------------------------------------------------------

class Imported(Compare):
    def write(self, name, rows, width):
        """Rows of neighbours, best first, as .ivecs or .ibin, padded with -1."""
        table = np.full((len(rows), width), -1, "<i4")
        for i, row in enumerate(rows):
            table[i, :len(row)] = row
        with open(self.path(name), "wb") as file:
            if name.endswith(".ivecs"):
                np.hstack([np.full((len(rows), 1), width, "<i4"), table]).astype("<i4").tofile(file)
            else:
                np.array([len(rows), width], "<u4").tofile(file)
                table.tofile(file)

    def test_files(self):
        """Every format gives the numbers that the graph itself has, scores are computed again, and the item
        itself, as searches return it, is left out."""
        self.build("exact")
        graph = self.build("g", *self.few)
        wanted = self.compare("g", "--reference", "exact")
        rows = [np.concatenate([[i], graph.row(i)[0]]) for i in range(N)]
        self.write("g.ivecs", rows, K + 1)
        self.write("g.ibin", rows, K + 1)
        matrix = scipy.sparse.load_npz(self.path("g", "graph.npz"))
        matrix.data = (matrix.data * 3 + 1).astype(np.float64)  # scores of another scale
        matrix.sort_indices()
        scipy.sparse.save_npz(self.path("g.npz"), matrix)
        for name in ("g.ivecs", "g.ibin", "g.npz"):
            got = self.compare(name, "--reference", "exact", *VECTORS)
            self.assertEqual(got["recall"], wanted["recall"], name)
            self.assertEqual(got["graph"]["engine"], "imported")
            strata = self.compare(name, "--reference", "exact", "--stratify", "category")["strata"]
            self.assertEqual([value["items"] for value in strata["values"]], [400, 100, 100])
            plain = self.compare(name, "--reference", "exact")["recall"]
            self.assertFalse(plain["scored"])
            self.assertIsNone(plain["tie_aware"])
            self.assertEqual(plain["strict"], wanted["recall"]["strict"], name)
            self.assertIsNone(plain["at"][0]["tie_aware"])
        left_out = self.compare("g.ivecs", "--reference", "exact")["graph"]["left_out"]
        self.assertEqual(left_out["to_self"], N)

    def test_worst_row_on_the_page(self):
        """A row that loses its twelfth neighbour alone is shown from where that matters."""
        exact = self.build("exact")
        rows = [exact.row(i)[0] for i in range(N)]
        rows[7] = np.delete(rows[7], 11)
        self.write("g.ivecs", rows, K)
        self.ok("compare", "g.ivecs", "--reference", "exact", "--out", "page.html")
        page = Page(self.path("page.html"))
        check_page(self, page)
        text = "".join(page.words)
        self.assertIn("8 to 14 of 14; nothing is lost before", text)
        self.assertIn("8 to 15 of 15; nothing is lost before", text)
        self.assertEqual(page.source.count("<em>missing</em>"), 1)

    def test_as_reference_and_sampled(self):
        exact = self.build("exact")
        self.build("g", *self.few)
        wanted = self.compare("g", "--reference", "exact")["recall"]
        self.write("exact.ivecs", [exact.row(i)[0] for i in range(N)], K)
        got = self.compare("g", "--reference", "exact.ivecs", *VECTORS)
        self.assertEqual(got["recall"], wanted)
        sample = self.compare("exact.ivecs", "--sample", 50, *VECTORS)["recall"]
        self.assertEqual(sample["strict"]["min"], 1)
        self.assertEqual(self.compare("exact.ivecs", "--reference", "exact.ivecs")["recall"]["strict"]["mean"],
                         1)

    def test_other_order(self):
        """Rows in another order are matched by their ids."""
        self.build("exact")
        graph = self.build("g", *self.few)
        wanted = self.compare("g", "--reference", "exact")["recall"]
        order = np.random.default_rng(5).permutation(N)
        place = np.argsort(order)
        self.write("mixed.ivecs", [place[graph.row(i)[0]] for i in order], K)
        self.text("mixed.ids", "".join(graph.ids[i] + "\n" for i in order))
        got = self.compare("mixed.ivecs", "--ids", "mixed.ids", "--reference", "exact")["recall"]
        for name in ("strict", "fill", "short_rows"):
            self.assertEqual(got[name], wanted[name])
        self.refused(65, "^row 0 is item 'n%d' in mixed.ivecs, 'n0' in exact$" % order[0], "compare",
                     "mixed.ivecs", "--ids", "mixed.ids", "--reference", "exact", *VECTORS)
        self.text("strangers.ids", "".join("x%d\n" % i for i in range(N)))
        self.refused(65, "no item in common", "compare", "mixed.ivecs", "--ids", "strangers.ids",
                     "--reference", "exact")

    def test_vectors_are_the_graphs(self):
        """Vectors that are named for a file beside a graph of kin's come in the graph's order, with its weights and
        its --missing, or are refused."""
        exact = self.build("exact", "--missing", "zero")
        graph = self.build("g", *self.few, "--missing", "zero")
        self.ok("build", *VECTORS, "--top-k", K, "--out", "traced", "--items", "items.tsv",
                "--missing", "zero", *self.few, "--trace-rows", 100)
        self.write("g.ivecs", [graph.row(i)[0] for i in range(N)], K)
        self.write("exact.ivecs", [exact.row(i)[0] for i in range(N)], K)
        loss = self.compare("traced", "--reference", "exact")["loss"]
        self.assertGreater(loss["lost"], 0)
        for order in (VECTORS, VECTORS[2:] + VECTORS[:2]):
            got = self.compare("exact", "g.ivecs", "--sample", 100, *order)
            self.assertEqual(got["recall"]["strict"]["min"], 1)
            self.assertEqual(got["other_recall"],
                             self.compare("g", "--sample", 100)["recall"])
            self.assertEqual(self.compare("traced", "--reference", "exact.ivecs", *order)["loss"], loss)
        self.refused(65, "'text' is given weight 0.5", "compare", "exact", "g.ivecs", "--sample", 9,
                     "--modality", "text=text.npy:0.5", "--modality", "image=image.npy:0.4")
        self.refused(65, "exact has 2 modalities", "compare", "exact", "g.ivecs", "--sample", 9,
                     "--modality", "text=text.npy:0.6")

    def test_lent_ids(self):
        """A file without ids has the reference's, row by row; last night's graph of as many items is then matched
        by id, not by row."""
        self.build("exact")
        graph = self.build("g", *self.few)
        self.write("g.ivecs", [graph.row(i)[0] for i in range(N)], K)
        order = np.random.default_rng(6).permutation(N)
        for name, x in self.vectors.items():
            self.save("mixed-" + name + ".npy", x[order])
        self.text("mixed.tsv", "id\n" + "".join("n%d\n" % i for i in order))
        self.build("previous", vectors=("--modality", "text=mixed-text.npy:0.6", "--modality",
                                        "image=mixed-image.npy:0.4"), items="mixed.tsv")
        wanted = self.compare("g", "--reference", "exact", "--previous", "previous")["drift"]
        got = self.compare("g.ivecs", "--reference", "exact", "--previous", "previous")["drift"]
        for name in ("common", "jaccard", "changed", "worst"):
            self.assertEqual(got[name], wanted[name])
        sample = self.compare("g.ivecs", "g", "--sample", 100, "--previous", "previous", *VECTORS)
        self.assertEqual(sample["drift"]["jaccard"], wanted["jaccard"])
        self.write("few.ivecs", [graph.row(i)[0] % 50 for i in range(50)], K)
        self.refused(65, "few.ivecs has 50 rows without ids, exact has 600 items", "compare",
                     "few.ivecs", "--previous", "exact")

    def mixed_night(self):
        """The exact graph as a file without ids, and a night with the same items in another order."""
        exact = self.build("exact")
        self.write("g.ivecs", [exact.row(i)[0] for i in range(N)], K)
        order = np.random.default_rng(6).permutation(N)
        for name, array in self.vectors.items():
            self.save("mixed-%s.npy" % name, array[order])
        self.text("mixed.ids", "".join("n%d\n" % i for i in order))
        self.build("mixed", "--ids", "mixed.ids", items=None, vectors=(
            "--modality", "text=mixed-text.npy:0.6", "--modality", "image=mixed-image.npy:0.4"))

    def test_lent_ids(self):
        """A file without ids has those of its reference also where another night is in another order, whichever of the
        graphs they come from."""
        self.mixed_night()
        wanted = self.compare("exact", "--previous", "mixed")["drift"]["drift"]
        self.assertLess(wanted, 0.1)  # twins change places
        for asked in (("g.ivecs", "--reference", "exact"), ("g.ivecs", "exact", "--reference", "g.ivecs"),
                      ("g.ivecs", "exact", "--sample", 50, *VECTORS)):
            drift = self.compare(*asked, "--previous", "mixed")["drift"]
            self.near(drift["drift"], wanted)
            self.assertEqual(drift["common"], N)

    def test_refusals(self):
        graph = self.build("exact")
        self.write("g.ivecs", [graph.row(i)[0] for i in range(N)], K)
        self.refused(65, "'text' has weight 1 in g.ivecs, 0.6 in exact", "compare", "g.ivecs",
                     "--reference", "exact", "--modality", "text.npy", "--modality",
                     "image=image.npy:0.4")
        self.refused(2, "--sample computes exact rows", "compare", "g.ivecs", "--sample", 9)
        self.refused(2, "--ids goes with a file", "compare", "exact", "--ids", "x", "--sample", 9)
        self.refused(2, "--reference-ids goes with a file", "compare", "exact", "--reference-ids",
                     "x", "--sample", 9)
        self.refused(2, "--missing goes with a file", "compare", "exact", "--missing", "zero",
                     "--sample", 9)
        self.write("few.ivecs", [graph.row(i)[0] % 50 for i in range(50)], K)
        self.refused(65, "few.ivecs has 50 items, exact has 600", "compare", "few.ivecs", "--reference",
                     "exact", "--ids", self.text("few.ids", "".join("n%d\n" % i for i in range(50))))


# ---- nights ---------------------------------------------------------------------------------------------

class Drift(Compare):
    def test_two_nights(self):
        """The second night lost ten items, got five, and mixes the order of the others."""
        monday = self.build("monday")
        rng = np.random.default_rng(3)
        keep = rng.permutation(N)[:N - 10]
        for name in self.vectors:
            new = random_rows(5, self.vectors[name].shape[1], 8)
            self.save("tuesday-" + name + ".npy", np.vstack([self.vectors[name][keep], new]))
        names = ["n%d" % i for i in keep] + ["new%d" % i for i in range(5)]
        self.text("tuesday.tsv", "id\n" + "".join(name + "\n" for name in names))
        tuesday = self.build("tuesday", vectors=(
            "--modality", "text=tuesday-text.npy:0.6", "--modality", "image=tuesday-image.npy:0.4"),
            items="tuesday.tsv")
        document = self.compare("tuesday", "--previous", "monday")
        drift = document["drift"]
        self.assertEqual((drift["new"], drift["gone"], drift["common"]), (5, 10, N - 10))
        self.near(drift["item_change"], 15 / 605)
        jaccard, changed = [], 0
        for at, i in enumerate(keep):
            now = {tuesday.ids[j] for j in tuesday.row(at)[0]}
            then = {monday.ids[j] for j in monday.row(i)[0]}
            jaccard.append(len(now & then) / len(now | then) if now | then else 1)
            changed += now != then
        self.near(drift["jaccard"]["mean"], np.mean(jaccard))
        self.near(drift["drift"], 1 - np.mean(jaccard))
        self.assertEqual(drift["changed"], changed)
        missing = drift["inputs"]["text"]["missing_share"]
        self.near(missing["then"], 10 / N)
        self.near(missing["now"], sum(100 <= i < 110 for i in keep) / (N - 5))
        self.assertIsNone(document["recall"])
        self.ok("compare", "tuesday", "--previous", "monday", "--max-drift", 0.5)
        result = self.kin("compare", "tuesday", "--previous", "monday", "--max-drift", 0.0001,
                          "--max-item-change", 0.01)
        self.assertEqual(result.code, 3, str(result))
        self.assertRegex(result.lines("ERROR")[0], "drift is .* items that came or went is ")


class Gates(Compare):
    def test_gates(self):
        self.build("exact")
        self.build("g", *self.few)
        mean = self.compare("g", "--reference", "exact")["recall"]["tie_aware"]["mean"]
        self.ok("compare", "g", "--reference", "exact", "--min-recall", "%.6f" % (mean - 1e-5))
        result = self.kin("compare", "g", "--reference", "exact", "--min-recall", 0.999, "--min-fill",
                          0.5, "--json", "out.json", "--out", "page.html", "--prom", "kin.prom")
        self.assertEqual(result.code, 3, str(result))
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
        table = self.ok("compare", "none", "--reference", "none", "--json", "n.json", "--out",
                        "n.html", "--prom", "n.prom").out
        document = read_json(self.path("n.json"))
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


# ---- what does not fit ----------------------------------------------------------------------------------

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
        self.build("g")
        with open(self.path("g", "indices.npy"), "r+b") as file:
            file.seek(-4, os.SEEK_END)
            file.write(b"\xff\xff\xff\x7f")
        self.refused(65, r"g/indices\.npy: entry \d+ is 2147483647, must be 0 to 599", "compare",
                     "g", "--reference", "g", hint="damaged")


    def test_damaged_scores(self):
        """A score of infinity would be as good as every neighbour there is."""
        self.build("g")
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
        table = self.ok("compare", "g\x1b[2J<b>", "--sample", 100, "--stratify", "category", "--json", "a.json", "--out",
                        "a.html").out
        self.assertNotIn("\x1b", table)
        self.assertIn("(g?[2J<b>)", table)
        self.assertRegex(table, "(?m) \u65e5{20}\\.\\.\\. \\(")
        self.assertLess(max(map(len, table.splitlines())), 200)
        names = [value["name"] for value in read_json(self.path("a.json"))["strata"]["values"]]
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
