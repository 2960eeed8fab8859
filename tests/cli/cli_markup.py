"""Markup in every text that reaches a page: no element and no attribute of a page comes from data."""
import json
import os
from html.parser import HTMLParser

import kin_cli
from kin_cli import Case, random_rows, read_json
from web_page import Page, check_page

N, K = 300, 12
# As content, in both kinds of quotes, behind the elements that end otherwise than by a tag.
EVIL = ["<kinevil kinevil=1 onclick=x>", "\"><kinevil kinevil=\"1", "' kinevil='1'><kinevil>",
        "</title></style></pre></svg><kinevil>", "--><kinevil><!--", "\" kinevil=\"1\" x=\"",
        "]]><kinevil>", "&lt;kinevil&gt;<kinevil/>"]


def evil(number):
    return EVIL[number % len(EVIL)] + str(number)


def name_of_file(number):
    return "".join(c for c in evil(number) if c != "/")


class Marks(HTMLParser):
    """Where the marker stands: only texts, and attributes that are texts, may hold it."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.bad, self.words = [], ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            said = "kinevil" in (value or "") and name not in ("alt", "title", "aria-label")
            if "kinevil" in name or said:
                self.bad.append((tag, name, value))
        if "kinevil" in tag:
            self.bad.append(tag)

    def handle_endtag(self, tag):
        if "kinevil" in tag:
            self.bad.append("/" + tag)

    def handle_data(self, data):
        if self.cdata_elem and "kinevil" in data: # inside <style> it would be no text
            self.bad.append((self.cdata_elem, data))
        self.words += data

    def handle_comment(self, data):
        self.bad.append(data)

    unknown_decl = handle_pi = handle_comment


class Markup(Case):
    def check(self, path, *shown):
        page = Page(path)
        check_page(self, page)
        marks = Marks(page.source)
        self.assertEqual(marks.bad, [])
        for text in shown:
            self.assertIn(text, marks.words)
        return marks

    def build(self, out, engine="exact", seed=1, *more):
        for m, name in enumerate(("text", "image")):
            self.save(name + ".npy", random_rows(N, 12 + m, seed + m))
        self.text("items.tsv", "id\ttitle\tcategory\t%s\timage\n" % evil(0) + "".join(
            "%s\t%s\t%s\t%s\t%s.png\n" % ("%d%s" % (i, evil(i)), evil(i + 1), evil(i % 5), evil(i % 3),
                                          name_of_file(i)) for i in range(N)))
        self.ok("build", "--modality", "text=text.npy:.6", "--modality", "image=image.npy:.4",
                "--items", "items.tsv", "--top-k", K, "--engine", engine, "--out", out, *more)

    def spoil(self, directory):
        """Every text of the manifest but those that say what it is becomes markup, keys of options too."""
        path = self.path(directory, "manifest.json")
        manifest = read_json(path)
        seen = [0]

        def hostile(value, key):
            if isinstance(value, str):
                seen[0] += 1
                return value if key in ("kind", "row_order", "missing") else evil(seen[0])
            if isinstance(value, list):
                return [hostile(item, key) for item in value]
            if isinstance(value, dict):
                return {name: hostile(item, name) for name, item in value.items()}
            return value

        spoiled = {key: value if key in ("files", "modalities", "trace") else hostile(value, key)
                   for key, value in manifest.items()}
        spoiled["options"][evil(3)] = evil(4)
        spoiled["run"]["sources"] = {}
        for m, modality in enumerate(manifest["modalities"]):
            name = "<kinevil %d>\"'&" % m
            os.rename(self.path(directory, "scores_%s.npy" % modality["name"]),
                      self.path(directory, "scores_%s.npy" % name))
            modality.update({key: evil(m) for key, value in modality.items() if isinstance(value, str)})
            modality["name"] = name
        spoiled["modalities"] = manifest["modalities"]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(spoiled, file)

    def test_show(self):
        """Names of the folder, of modalities, engine, dates, ids, titles, categories, pictures; with the vectors and
        without."""
        name = name_of_file(6)
        self.build(name)
        self.ok("show", name, "--out", "exact.html")
        self.check(self.path("exact.html"), name, evil(1))
        self.spoil(name)
        result = self.ok("show", name, "--out", "stored.html")
        self.assertTrue(result.lines("WARNING"))
        marks = self.check(self.path("stored.html"), name, "By <kinevil 0>\"'&", "as the vectors were not at hand")
        self.assertGreaterEqual(marks.words.count("<kinevil 1>\"'&"), 24)

    def test_show_of_one_modality(self):
        self.save("text.npy", random_rows(N, 12, 1))
        self.ok("build", "--modality", "text.npy", "--top-k", K, "--out", "g")
        self.spoil("g")
        self.ok("show", "g", "--out", "page.html")
        self.check(self.path("page.html"), "<kinevil 0>\"'&")

    def test_compare(self):
        """All sides of a comparison, with strata, losses, gates, warnings, items that came and went."""
        self.build("<kinevil>now", "exact")
        self.build("<kinevil>approximate", "hnsw", 1, "--trace-rows", "40", "--candidates", "14")
        self.build("<kinevil>then", "exact", 5)
        lines = kin_cli.read_bytes(self.path("<kinevil>then", "ids.txt")).decode().split("\n")
        lines[3:9] = ["gone %d%s" % (i, evil(i)) for i in range(6)]
        self.text("<kinevil>then/ids.txt", "\n".join(lines))
        for spoiled in (False, True):
            out = "page%d.html" % spoiled
            result = self.kin("compare", "<kinevil>approximate", "--reference", "<kinevil>now", "--previous",
                              "<kinevil>then", "--stratify", evil(0), "--min-recall", "0.999", "--out", out,
                              *(["--force"] if spoiled else []))
            self.assertIn(result.code, (0, 3), str(result))
            self.check(self.path(out), "<kinevil>now", "<kinevil>then", "<kinevil>approximate", evil(0),
                       evil(1), "gone 0")
            for directory in ("<kinevil>approximate", "<kinevil>now", "<kinevil>then"):
                if not spoiled:
                    self.spoil(directory)

    def test_compare_of_two_graphs_with_an_imported_one(self):
        """Names of files that other tools wrote."""
        self.build("g")
        indices = kin_cli.Graph(self.path("g")).indices.reshape(N, K)
        name = name_of_file(1) + ".ivecs"
        with open(self.path(name), "wb") as file:
            kin_cli.np.hstack([kin_cli.np.full((N, 1), K), indices]).astype("<i4").tofile(file)
        self.ok("compare", name, "g", "--reference", "g", "--modality", "text=text.npy:.6", "--modality",
                "image=image.npy:.4", "--out", "page.html")
        self.check(self.path("page.html"), name)

    def test_sweep(self):
        """Files of vectors, which the page's title and its commands name."""
        name = name_of_file(3) + ".npy"
        self.save(name, random_rows(2000, 16, 1))
        self.ok("sweep", "--modality", "text=" + name, "--rows", "50", "--top-k", "5", "--engine", "join", "--out",
                "page.html")
        self.check(self.path("page.html"), name)


if __name__ == "__main__":
    kin_cli.main()
