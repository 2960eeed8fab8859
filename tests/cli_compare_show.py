"""kin compare: its numbers recomputed from the files, the sample, the document. kin show: the page is
one file that loads nothing and runs nothing, whatever the catalog says."""
import base64
import json
import math
import os
import re
import shutil
from html.parser import HTMLParser

import numpy as np

import kin_cli
from kin_cli import Case, Graph, Oracle, random_rows, read_json

N, K = 600, 15
WEIGHTS = {"text": 0.6, "image": 0.4}
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
                       "RU5ErkJggg==")


class Graphs(Case):
    def setUp(self):
        super().setUp()
        self.vectors = {"text": random_rows(N, 16, 1), "image": random_rows(N, 20, 2)}
        self.vectors["text"][20:60] = self.vectors["text"][20]
        self.vectors["image"][20:60] = self.vectors["image"][20]
        self.vectors["text"][100:110] = 0
        self.vectors["image"][105:115] = 0
        for name, array in self.vectors.items():
            self.save(name + ".npy", array)

    def build(self, out, *arguments, text="0.6"):
        self.ok("build", "--modality", "text=text.npy:" + text, "--modality",
                "image=image.npy:0.4", "--top-k", K, "--out", out, *arguments)
        return Graph(self.path(out))


def recall_of(graph, reference, rows):
    """(tie-aware, strict, fill, empty rows of both), by the formulas of compare/recall.h."""
    tie_aware, strict = [], []
    filled = entries = empty = empty_reference = 0
    for i in rows:
        columns, scores = graph.row(i)
        wanted, wanted_scores = reference(i)
        empty += len(columns) == 0
        if len(wanted) == 0:
            empty_reference += 1
            continue
        r = len(wanted)
        good = int((scores.astype(np.float64) >= float(wanted_scores.min()) - 1e-6).sum())
        tie_aware.append(min(r, good) / r)
        strict.append(len(set(columns.tolist()) & set(wanted.tolist())) / r)
        filled += min(r, len(columns))
        entries += r
    return np.array(tie_aware), np.array(strict), filled / entries, empty, empty_reference


class Compare(Graphs):
    few = ["--candidates", K, "--target-recall", 0.5]  # of a row's neighbours about half are found

    def check_summary(self, got, values):
        values = np.sort(values)
        for name, value in (("mean", values.mean()), ("min", values[0]),
                            ("p5", values[math.ceil(0.05 * len(values)) - 1]),
                            ("p50", values[math.ceil(0.5 * len(values)) - 1])):
            self.assertAlmostEqual(got[name], value, places=12)

    def check_document(self, document, graph, reference, rows):
        tie_aware, strict, fill, empty, empty_reference = recall_of(graph, reference, rows)
        self.assertEqual(document["schema"], "kin-compare/1")
        self.assertEqual(document["rows"], len(rows))
        self.assertEqual(document["rows_judged"], len(tie_aware))
        self.assertEqual(document["k"], K)
        self.check_summary(document["recall_tie_aware"], tie_aware)
        self.check_summary(document["recall_strict"], strict)
        self.assertAlmostEqual(document["fill"], fill, places=12)
        self.assertEqual(document["empty_rows"], {"graph": empty, "reference": empty_reference})
        return tie_aware

    def test_two_graphs(self):
        exact = self.build("exact")
        for number, (engine, *options) in enumerate((
                ("ivf",), ("hnsw", *self.few), ("hnsw", "--candidates", 3 * K),
                ("hnsw", "--row-order", "column", *self.few))):
            name = "%s%d" % (engine, number)
            graph = self.build(name, "--engine", engine, *options)
            result = self.ok("compare", name, "--reference", "exact", "--json", "report.json")
            document = read_json(self.path("report.json"))
            tie_aware = self.check_document(document, graph, exact.row, range(N))
            self.assertTrue(document["census"])
            self.assertIsNone(document["recall_tie_aware"]["lower95"])
            self.assertEqual(document["graph"]["engine"], engine)
            self.assertEqual(document["reference"]["engine"], "exact")
            self.assertEqual(document["graph"]["options"], graph.manifest["options"])
            self.assertIn("%.5f" % tie_aware.mean(), result.out)
            os.unlink(self.path("report.json"))
        self.assertLess(document["recall_tie_aware"]["mean"], 0.9)

    def test_itself(self):
        graph = self.build("g")
        document = json.loads(self.ok("compare", "g", "--reference", "g", "--json", "-").out)
        self.check_document(document, graph, graph.row, range(N))
        self.assertEqual(document["recall_strict"]["min"], 1)

    def test_sample(self):
        """A sample of all rows is a census, and equals the comparison with the exact graph."""
        exact = self.build("exact")
        graph = self.build("hnsw", "--engine", "hnsw", *self.few)
        census = json.loads(self.ok("compare", "hnsw", "--sample", N, "--json", "-").out)
        self.check_document(census, graph, exact.row, range(N))
        self.assertTrue(census["census"])
        part = json.loads(self.ok("compare", "hnsw", "--sample", 100, "--json", "-").out)
        self.assertEqual(part["rows"], 100)
        self.assertFalse(part["census"])
        lower = part["recall_tie_aware"]["lower95"]
        self.assertTrue(0 < lower < part["recall_tie_aware"]["mean"], lower)
        again = json.loads(self.ok("compare", "hnsw", "--sample", 100, "--json", "-").out)
        self.assertEqual(part, again)
        other = json.loads(self.ok("compare", "hnsw", "--sample", 100, "--seed", 2, "--json",
                                   "-").out)
        self.assertNotEqual(part["recall_strict"], other["recall_strict"])
        threads = json.loads(self.ok("compare", "hnsw", "--sample", 100, "--json", "-", "--threads",
                                     3).out)
        self.assertEqual(part, threads)

    def test_exact_is_exact(self):
        self.build("exact")
        document = json.loads(self.ok("compare", "exact", "--sample", 200, "--json", "-").out)
        self.assertEqual(document["recall_strict"]["min"], 1)
        self.assertEqual(document["recall_tie_aware"]["min"], 1)
        self.assertEqual(document["fill"], 1)

    def test_sources(self):
        """Vectors are found where the manifest says, or where the command line does."""
        self.build("g")
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
        self.refused(2, "--modality goes with --sample", "compare", "g", "--reference", "g",
                     "--modality", "text.npy")
        self.refused(66, "gone", "compare", "g", "--reference", "gone")

    def test_incomparable(self):
        self.build("g")
        self.build("weights", text="0.7")
        self.build("policy", "--missing", "zero")
        self.text("ids", "".join("i%d\n" % i for i in range(N)))
        self.build("names", "--ids", "ids")
        for other, message in (("weights", "'text' has weight 0.6 in g, 0.7 in weights"),
                               ("policy", "--missing was renorm for g, zero for policy"),
                               ("names", "row 0 is item '0' in g, 'i0' in names")):
            self.refused(65, message, "compare", "g", "--reference", other)
        self.ok("build", "--modality", "text.npy", "--top-k", K, "--out", "one")
        self.refused(65, "g has 2 modalities, one has 1", "compare", "g", "--reference", "one")
        self.ok("build", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4",
                "--top-k", 9, "--out", "nine")
        self.refused(65, "g has top-k 15, nine has 9", "compare", "g", "--reference", "nine")
        self.save("text.npy", random_rows(N, 16, 9))
        self.build("other")
        self.refused(65, "'text' was made from other vectors", "compare", "g", "--reference",
                     "other")

    def test_damaged(self):
        self.build("g")
        with open(self.path("g", "indices.npy"), "r+b") as file:
            file.seek(-4, os.SEEK_END)
            file.write(b"\xff\xff\xff\x7f")
        self.refused(65, r"g/indices\.npy: entry \d+ is 2147483647, must be 0 to 599", "compare",
                     "g", "--reference", "g", hint="damaged")


class Page(HTMLParser):
    """Tags with their attributes, and the text outside style."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.words, self.inside = [], [], []
        with open(path, encoding="utf-8") as file:
            self.source = file.read()
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "style":
            self.inside.append(tag)

    def handle_endtag(self, tag):
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside:
            self.words.append(data)


class Show(Graphs):
    titles = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(2)>", "a & b < c > d",
              "' onmouseover='alert(3)", "</title></style><script>alert(4)</script>",
              "\u202eright to left", "&lt;not a tag&gt;", "", "javascript:alert(5)", "\u4e2d\u6587"]

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("pictures"))
        for name, content in (("a.png", PNG), ("big.png", PNG + bytes(400000)),
                              ("evil.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>"),
                              ("page.html", b"<script>alert(6)</script>")):
            with open(self.path("pictures", name), "wb") as file:
                file.write(content)
        pictures = ["pictures/a.png", "pictures/big.png", "pictures/evil.svg", "pictures/page.html",
                    "pictures/gone.png", "http://example.org/x.png", "", "pictures/a.png"]
        self.text("items.tsv", "id\ttitle\tcategory\timage\n" + "".join(
            "n%d\t%s\t<b>c%d</b>\t%s\n" % (i, self.titles[i % len(self.titles)], i % 4,
                                         pictures[i % len(pictures)]) for i in range(N)))

    def build(self, out, *arguments, text="0.6"):
        return super().build(out, "--items", "items.tsv", *arguments, text=text)

    def check_page(self, page):
        """Nothing is fetched and nothing runs."""
        names = {tag for tag, _ in page.tags}
        self.assertFalse(names & {"script", "iframe", "object", "embed", "base", "form", "audio",
                                  "video", "source"})
        for tag, attributes in page.tags:
            for name, value in attributes.items():
                self.assertFalse(name.startswith("on"), (tag, name))
                if name in ("src", "href", "srcset", "action", "data", "poster", "background"):
                    self.assertTrue(value.startswith(("data:", "#")), (tag, name, value[:60]))
        outside = re.sub(r"data:[a-z+/]+;base64,[A-Za-z0-9+/=]*", "", page.source)
        for word in ("src=\"http", "url(http", "@import", "<script"):
            self.assertNotIn(word, outside)
        style = "".join(re.findall(r"(?s)<style>(.*?)</style>", page.source))
        self.assertNotIn("http", style)
        self.assertNotIn("@import", style)

    def test_page(self):
        graph = self.build("g")
        result = self.ok("show", "g", "--out", "page.html")
        self.assertEqual(result.out, "")
        page = Page(self.path("page.html"))
        self.check_page(page)
        articles = [attributes for tag, attributes in page.tags if tag == "article"]
        self.assertEqual(len(articles), 24)
        text = "".join(page.words)
        for title in self.titles[:5]:
            self.assertIn(title, text, "shown as it is written")
        self.assertIn("By text", text)
        self.assertIn("By image", text)
        self.assertIn("Fused", text)
        self.assertEqual(len(graph.ids), N)
        pictures = {attributes["src"][:22] for tag, attributes in page.tags if tag == "img"}
        self.assertIn("data:image/png;base64,", pictures)

    def test_items(self):
        """Named items, in the order they were named, with the neighbours that the graph has."""
        graph = self.build("g")
        self.ok("show", "g", "--item", "n300", "--item", "n2", "--neighbors", "3", "--out", "p.html")
        page = Page(self.path("p.html"))
        self.check_page(page)
        self.assertEqual(sum(tag == "article" for tag, _ in page.tags), 2)
        self.assertLess(page.source.index("n300"), page.source.index("<bdi>n2</bdi>"))
        columns, scores = graph.row(300)
        text = self.ok("show", "g", "--item", "n300", "--neighbors", "3").out
        fused = text[text.index("\n  fused"):].splitlines()[2:5]
        for line, column, score in zip(fused, columns, scores):
            self.assertIn("n%d" % column, line)
            self.assertIn("%.4f" % score, line)

    def test_lanes_are_exact(self):
        """The lane of one modality is that modality's own nearest, over the whole catalog."""
        self.build("g")
        text = self.ok("show", "g", "--item", "n7", "--neighbors", "5").out
        for name in ("text", "image"):
            oracle = Oracle({name: self.vectors[name]}, {})
            wanted = np.sort(oracle.rows([7])[0][0])[::-1][:5]
            lane = text[text.index("by " + name):].splitlines()
            column = lane[0].split().index(name, 2)
            got = [float(line.split()[column - 1]) for line in lane[1:6]]
            np.testing.assert_allclose(got, wanted, atol=6e-5)

    def test_without_vectors(self):
        self.build("g")
        os.unlink(self.path("text.npy"))
        result = self.ok("show", "g", "--out", "page.html")
        self.assertTrue(result.lines("WARNING"), str(result))
        self.check_page(Page(self.path("page.html")))

    def test_same_page(self):
        self.build("g")
        self.ok("show", "g", "--out", "one.html", "--threads", "1")
        self.ok("show", "g", "--out", "two.html", "--threads", "3")
        self.assertEqual(kin_cli.read_bytes(self.path("one.html")),
                         kin_cli.read_bytes(self.path("two.html")))

    def test_terminal(self):
        """Control characters of a catalog do not reach the terminal."""
        self.text("items.tsv", "id\ttitle\n" + "".join("n%d\t\x1b[31mred\x07\n" % i
                                                      for i in range(N)))
        self.build("g")
        out = self.ok("show", "g", "--item", "n5").out
        self.assertNotIn("\x1b", out)
        self.assertNotIn("\x07", out)
        self.assertIn("red", out)

    def test_one_modality_and_no_items(self):
        self.ok("build", "--modality", "text.npy", "--top-k", K, "--out", "g")
        self.ok("show", "g", "--out", "page.html", "--items-shown", "3")
        self.check_page(Page(self.path("page.html")))

    def test_refusals(self):
        self.build("g")
        self.refused(65, "nobody", "show", "g", "--item", "nobody", "--out", "page.html")
        self.refused(65, "nobody", "show", "g", "--item", "n1", "--item", "nobody")
        self.text("page.html", "mine")
        self.refused(73, "page.html exists already", "show", "g", "--out", "page.html")
        self.ok("show", "g", "--out", "page.html", "--force")
        self.refused(73, "gone/page.html", "show", "g", "--out", "gone/page.html")
        self.nothing_left()


if __name__ == "__main__":
    kin_cli.main()
