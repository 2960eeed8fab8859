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

    def pairs(self, text, names):
        """{(item, neighbour): [numbers of the pair in every lane]} of show's text."""
        found = {}
        for block in text.split("\n\n\n" if "\n\n\n" in text else "\0"):
            item = block.split()[0]
            for line in block.splitlines():
                words = line.split()
                if words and words[0].isdigit() and len(words) >= 3 + len(names):
                    found.setdefault((item, words[-1]), []).append(words[1:2 + len(names)])
        return found

    def test_one_number_a_pair(self):
        """A pair that stands in several lanes has the same numbers there: the exact ones."""
        self.ok("build", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4", "--top-k", K, "--out",
                "g")
        oracle = Oracle(self.vectors, WEIGHTS)
        seen = 0
        for row in (7, 30, 102, 300):
            text = self.ok("show", "g", "--item", str(row), "--neighbors", str(K)).out
            scores, cosines = oracle.rows([row])
            for (_, other), numbers in self.pairs(text, WEIGHTS).items():
                wanted = [scores[0][int(other)]] + [cosines[name][0][int(other)] for name in WEIGHTS]
                seen += len(numbers) > 1
                for number in numbers:
                    self.assertEqual(number, numbers[0], text)
                    for shown, value in zip(number, wanted):
                        if shown != "-":
                            self.assertLessEqual(abs(float(shown) - value), 5.1e-5, text)
        self.assertGreater(seen, 10)

    def test_one_number_of_one_modality(self):
        """With one modality of weight 1 score and cosine are the same thing."""
        self.ok("build", "--modality", "text.npy", "--top-k", K, "--out", "g")
        for row in range(60, 100):
            text = self.ok("show", "g", "--item", str(row), "--neighbors", str(K)).out
            for numbers in self.pairs(text, ["text"]).values():
                self.assertEqual(numbers[0][0], numbers[0][1], text)

    def test_why_has_that_number(self):
        """With the vectors and without, a pair of an only modality has one cosine, and its score is that."""
        self.ok("build", "--modality", "text.npy", "--top-k", K, "--out", "h")
        others = [Graph(self.path("h")).row(row)[0][0] for row in range(60, 70)]
        for gone in (False, True):
            if gone:
                os.unlink(self.path("text.npy"))
            for row, other in zip(range(60, 70), others):
                lines = self.ok("why", "h", str(row), str(other)).out.splitlines()
                cosine = next(line.split()[2] for line in lines if line.startswith("text "))
                score = next(line.split()[2] for line in lines if line.startswith("fused score "))
                self.assertEqual(cosine, score, gone)

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
        self.refused(65, "nothing", "show", "g", "--item", "nothing", "--out", "page.html")
        self.refused(65, "nothing", "show", "g", "--item", "n1", "--item", "nothing")
        self.text("page.html", "mine")
        self.refused(73, "page.html exists already", "show", "g", "--out", "page.html")
        self.ok("show", "g", "--out", "page.html", "--force")
        self.refused(73, "gone/page.html", "show", "g", "--out", "gone/page.html")
        self.nothing_left()


class Pictures(Graphs):
    """What a page holds of files: pictures below the table's folder, by their first bytes, and nothing else."""
    JPEG = b"\xff\xd8\xff\xe0" + bytes(20)
    SVG = (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <html> -->\n<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x' "
           b"[<!ENTITY a 'b>'>]>\n<svg width='1'/>")
    SHOWN = {"in/a.png": ("png", PNG), "in/jpeg.png": ("jpeg", JPEG), "in/b.GIF": ("gif", b"GIF89a" + bytes(8)),
             "in/c.webp": ("webp", b"RIFF\0\0\0\0WEBPVP8 "), "in/d.svg": ("svg+xml", SVG),
             "in/e.svg": ("svg+xml", b"<svg:svg xmlns:svg='http://www.w3.org/2000/svg'/>"),
             "in/../in/a.png": ("png", PNG), "link.png": ("png", PNG), "linked/a.png": ("png", PNG)}
    SECRET = b"root:x:0:0:secret"
    LEFT = {"in/secret.png": SECRET, "in/secret.svg": SECRET, "in/svg.svg": b"<!-- <svg> " + SECRET,
            "in/page.svg": b"<html><svg></svg></html>", "in/short.png": b"\x89PNG", "in/empty.png": b"",
            "in/riff.webp": b"RIFF\0\0\0\0WAVE", "in/a.txt": PNG, "in/large.png": PNG + bytes(300000)}
    OUTSIDE = ["out.png", "outer/a.png", "../outside/a.png", "in/../../outside/a.png", "passwd.png"]

    def setUp(self):
        super().setUp()
        self.names = list(self.SHOWN) + list(self.LEFT) + self.OUTSIDE + [
            "gone.png", "pipe.png", "folder.png", "dangling.png", "in/a.png/a.png", "/dev/zero.png"]
        os.makedirs(self.path("catalog", "in"))
        os.makedirs(self.path("outside"))
        for name, content in list(self.LEFT.items()) + [(name, data) for name, (_, data) in self.SHOWN.items()]:
            if "link" not in name:
                self.write("catalog/" + name, content)
        self.write("outside/a.png", PNG + b"outside")
        self.write("outside/passwd", self.SECRET)
        os.mkfifo(self.path("catalog", "pipe.png"))
        os.mkdir(self.path("catalog", "folder.png"))
        for link, target in (("link.png", "in/a.png"), ("linked", "in"), ("out.png", "../outside/a.png"),
                             ("outer", self.path("outside")), ("passwd.png", "../outside/passwd"),
                             ("dangling.png", "gone")):
            os.symlink(target, self.path("catalog", link))
        self.names.append(self.path("catalog/in/a.png"))
        self.names.append(self.path("outside/a.png"))
        self.text("catalog/items.tsv", "id\timage\n" + "".join(
            "n%d\t%s\n" % (i, self.names[i] if i < len(self.names) else "") for i in range(N)))
        self.build("g", "--items", "catalog/items.tsv")
        self.items = [word for i in range(len(self.names)) for word in ("--item", "n%d" % i)]

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)

    def embedded(self, name):
        """[(type, bytes)] of a page's pictures, of the items themselves only."""
        page = Page(self.path(name))
        check_page(self, page)
        out = []
        for part in page.source.split("<article ")[1:]:
            own = part.split("</div>")[0]
            if "<img" in own:
                head, data = own.split("src=\"data:image/")[1].split("\"")[0].split(";base64,")
                out.append((head, base64.b64decode(data)))
        return out

    def test_what_is_embedded(self):
        result = self.ok("show", "g", *self.items, "--neighbors", "1", "--out", "page.html")
        self.assertEqual(self.embedded("page.html"), list(self.SHOWN.values()) + [("png", PNG)])
        source = kin_cli.read_bytes(self.path("page.html"))
        for secret in (self.SECRET, PNG + b"outside"):
            for shift in range(3): # as base64, at any place of a group
                code = base64.b64encode(bytes(shift) + secret)[4:-4]
                self.assertNotIn(code, source)
        self.assertRegex("\n".join(result.lines("WARNING")), "not below .*/catalog: --pictures")

    def test_another_folder(self):
        """--pictures, for the page of kin compare too."""
        self.ok("show", "g", "--item", "n%d" % self.names.index("out.png"), "--neighbors", "1", "--pictures", ".",
                "--out", "page.html")
        self.assertEqual(self.embedded("page.html"), []) # names start there: ./out.png is not
        self.ok("show", "g", "--item", "n%d" % (len(self.names) - 1), "--neighbors", "1", "--pictures", "outside",
                "--out", "other.html")
        self.assertEqual(self.embedded("other.html"), [("png", PNG + b"outside")])
        self.refused(66, "gone", "show", "g", "--pictures", "gone", "--out", "third.html")
        self.ok("build", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4", "--top-k", K, "--items",
                "catalog/items.tsv", "--engine", "hnsw", "--candidates", K, "--target-recall", ".5", "--out", "h")
        self.ok("compare", "h", "--reference", "g", "--out", "compare.html")
        self.refused(66, "gone", "compare", "h", "--reference", "g", "--pictures", "gone/er", "--out", "c.html")
        source = kin_cli.read_bytes(self.path("compare.html"))
        self.assertNotIn(base64.b64encode(PNG + b"outside"), source)
        self.assertNotIn(base64.b64encode(self.SECRET), source)


if __name__ == "__main__":
    kin_cli.main()
