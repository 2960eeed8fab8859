"""kin show: the page is one file that loads nothing and runs nothing, whatever the catalog says."""
import base64
import os

import numpy as np

import kin_cli
from kin_cli import Case, Graph, Oracle, random_rows
from web_page import Page, check_page

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

    def test_page(self):
        graph = self.build("g")
        result = self.ok("show", "g", "--out", "page.html")
        self.assertEqual(result.out, "")
        page = Page(self.path("page.html"))
        check_page(self, page)
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
        check_page(self, page)
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
        check_page(self, Page(self.path("page.html")))

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
        check_page(self, Page(self.path("page.html")))

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
