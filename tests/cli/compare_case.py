"""What the scripts of kin compare share: graphs of a small catalog, and the formulas of docs/METRICS.md row by row."""
import json

import numpy as np

from kin_cli import Case, Graph, random_rows

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


# ---- the formulas of docs/METRICS.md, row by row
# ------------------------------------------------------

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
