"""kin compare: its numbers recomputed from the files with numpy, to 1e-9; samples, strata, imported files, drift."""

import numpy as np
import scipy.sparse

import kin_cli
from compare_case import CUTS, K, N, VECTORS, Compare, all_numbers
from kin_cli import Graph, random_rows, read_json
from web_page import Page, check_page


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


# ---- files of others
# ------------------------------------------------------------------------------------

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

    def test_ids_lent_by_any_graph(self):
        """A file without ids has those of its reference also where another night is in another order, whichever of the
        graphs they come from."""
        self.mixed_night()
        wanted = self.compare("exact", "--previous", "mixed")["drift"]["drift"]
        self.assertLess(wanted, 0.1)  # duplicates change places
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


# ---- nights
# ---------------------------------------------------------------------------------------------

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


if __name__ == "__main__":
    kin_cli.main()
