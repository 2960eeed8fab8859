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
        return re.sub(r"\s+", " ", " ".join(Page(self.path(name)).words))

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
        self.assertIn("each item has in exact , how many does exact have?", self.words("exact.html"))
        self.assertIn("approximate (hnsw) have?", self.words("approximate.html"))

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


if __name__ == "__main__":
    kin_cli.main()
