"""What kin says in words is true and whole: no sentence that cannot be meant, no name that is cut, no "1 items"."""
import re

import kin_cli
from kin_cli import Case, random_rows
from web_page import Page

N, K = 400, 10


class Words(Case):
    def setUp(self):
        super().setUp()
        for m, name in enumerate(("text", "image")):
            self.save(name + ".npy", random_rows(N, 16 + m, m))
        self.modalities = ["--modality", "text=text.npy:.6", "--modality", "image=image.npy:.4"]

    def build(self, out, *more):
        return self.ok("build", *self.modalities, "--top-k", K, "--out", out, *more)

    def words(self, name):
        return re.sub(r"\s+", " ", "|".join(Page(self.path(name)).words))

    def test_spread_of_recall(self):
        """Quantiles of 1 are no bound: what is said instead is how many rows lack nothing."""
        self.build("exact")
        self.build("approximate", "--engine", "hnsw", "--candidates", "11", "--target-recall", ".5")
        for graph in ("exact", "approximate"):
            result = self.ok("compare", graph, "--reference", "exact", "--out", graph + ".html")
            words = self.words(graph + ".html")
            self.assertNotIn("1.0000 or less", words)
            median = float(re.search(r"tie-aware +(.*)", result.out).group(1).split()[7])
            self.assertIn("Every row has all of its neighbours." if graph == "exact" else
                          "At least half of the rows lack nothing" if median == 1 else "Half of the rows have", words)
        self.assertIn("each item has in |exact|, how many does |exact| have?", self.words("exact.html"))
        self.assertIn("|approximate| (hnsw) have?", self.words("approximate.html"))

    def test_no_name_is_cut(self):
        """Names of modalities are shown whole, on pages and in tables."""
        name = "a_name_as_long_as_one_may_be_31"
        self.ok("build", "--modality", name + "=text.npy", "--modality", "image=image.npy", "--top-k", K, "--out", "g")
        self.ok("show", "g", "--out", "show.html")
        self.ok("compare", "g", "--reference", "g", "--out", "compare.html")
        for page in ("show.html", "compare.html"):
            style = "".join(re.findall(r"(?s)<style>(.*?)</style>", Page(self.path(page)).source))
            self.assertNotIn("ellipsis", style)
        self.assertIn("by " + name, self.ok("show", "g", "--item", "1").out)
        self.assertIn(name, self.ok("why", "g", "1", "2").out)

    def test_help_says_nothing_twice(self):
        """No option's help repeats what stands in its brackets."""
        for command in kin_cli.COMMANDS:
            words = re.sub(r"\s+", " ", self.ok(command, "--help").out)
            self.assertNotRegex(words, r"(repeated|more than once)[^()]{0,40}\(may be repeated", command)

    def test_hints_lead_on(self):
        """A hint says what to type instead, as far as kin can know what was meant."""
        self.build("g")
        for command in ("build", "plan", "sweep", "index"):
            self.refused(2, "unexpected operand 'text.npy'", command, "text.npy", hint="--modality NAME=FILE; ")
        self.refused(2, "unexpected operand 'x'", "doctor", "x", hint="^kin doctor --help")
        for arguments in (["g", "--reference", "text.npy"], ["text.npy", "--reference", "g"],
                          ["g", "--previous", "text.npy"]):
            self.refused(66, "text.npy", "compare", *arguments, hint=r"folder of kin build's, or .*\.ivecs")
        self.refused(65, "--modality is given 1 time, g has 2 modalities", "show", "g", "--modality", "text.npy",
                     hint="kin info")

    def test_counts_of_one(self):
        """Two items, one neighbour, one thread, one modality: nothing is said of "1 items"."""
        self.save("two.npy", random_rows(2, 4, 1))
        self.save("three.npy", random_rows(3, 1, 2))
        self.save("q.npy", random_rows(1, 4, 3))
        self.text("items.tsv", "id\ttitle\tcategory\timage\na\tx\tc\tgone.png\nb\ty\tc\t\n")
        two = ["--modality", "two.npy"]
        said = []
        for arguments in (["build", *two, "--top-k", "1", "--threads", "1", "--items", "items.tsv", "--out", "g"],
                          ["build", *two, "--top-k", "1", "--threads", "1", "--engine", "hnsw", "--trace-rows", "1",
                           "--items", "items.tsv", "--out", "h"],
                          ["index", *two, "--type", "hnsw", "--threads", "1", "--out", "i"],
                          ["index", *two, "--type", "ivf", "--lists", "1", "--out", "j"],
                          ["query", "i", "--query", "two=q.npy", "--candidates", "1", "--top-k", "2"],
                          ["query", "i", "--query", "two=q.npy", "--top-k", "3"],
                          ["query", "i", "--query", "two=three.npy"], ["show", "g", "--item", "a", "--out", "show.html"],
                          ["show", "g", "--modality", "two.npy", "--modality", "text.npy"],
                          ["compare", "g", "--sample", "1", "--out", "sample.html"],
                          ["compare", "h", "--reference", "g", "--out", "compare.html"],
                          ["compare", "h", "--reference", "h", "--previous", "g", "--out", "h.html"],
                          ["compare", "g", "--sample", "3"], ["why", "g", "a", "b"], ["why", "h", "a", "b"], ["info", "g"],
                          ["info", "i"], ["info", "two.npy"], ["info", "three.npy"], ["verify", "g"], ["verify", "h"],
                          ["verify", "i"], ["verify", "j"], ["plan", *two, "--top-k", "1", "--threads", "1"],
                          ["sweep", *two, "--top-k", "1", "--rows", "1", "--threads", "1", "--engine", "all", "--out", "s.html"],
                          ["build", *two, "--modality", "three.npy", "--top-k", "1", "--out", "k"],
                          ["build", *two, "--top-k", "2", "--out", "k"],
                          ["gen", "--items", "2", "--modality", "a=1", "--out", "c"], ["verify", "c"]):
            result = self.kin(*arguments)
            self.assertIn(result.code, (0, 2, 3, 65), str(result))
            said.append((result.command, result.out + result.err))
        for page in ("show.html", "sample.html", "compare.html", "h.html"):
            said.append((page, self.words(page)))
        nouns = "item|row|pair|thread|modalit|picture|neighbour|dimension|id|file|quer|source|vector|list|group|time|" \
                "candidate|categor|block|place|copy|copie|entr|cpu|processor"
        found = []
        for command, text in said:
            found += [(command, text[match.start() - 40:match.end() + 20]) for match in re.finditer(r"(?<![\d.,=:/-])1 (?:[a-z]+ )?(?:%s)(?:s|ies)\b(?!/s)" % nouns, text)]
        self.assertEqual(found, [], "\n".join(repr(one[1]) for one in found))


if __name__ == "__main__":
    kin_cli.main()
