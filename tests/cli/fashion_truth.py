"""A real catalog of 44,072 items (KIN_SHARED/catalogs/fashion), and a truth that was computed
independently for 2,000 of its rows: what cli_fashion.py and long/fashion.py have in common."""
import os

import numpy as np

import kin_cli
from kin_cli import Case, Graph, SANITIZED, SHARED

CATALOG = os.path.join(SHARED, "catalogs", "fashion")
N, K = 44072, 200
TIE = 1e-7


class FashionCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.rows = np.load(os.path.join(CATALOG, "truth_rows.npy"))
        cls.ids = np.load(os.path.join(CATALOG, "truth_ids.npy"))
        cls.scores = np.load(os.path.join(CATALOG, "truth_scores.npy"))

    def build(self, engine):
        self.ok("build", "--modality", "text=%s/text.npy:0.6" % CATALOG, "--modality",
                "image=%s/image.npy:0.4" % CATALOG, "--top-k", K, "--engine", engine, "--out",
                engine)
        graph = Graph(self.path(engine))
        kin_cli.assert_shape(self, graph, K)
        facts = graph.manifest["run"]
        print("%s: %.1f s, peak memory %.0f MiB" % (engine, facts["seconds_total"],
                                                    facts["peak_memory_bytes"] / 2 ** 20))
        return graph

    def recall(self, graph):
        """Mean share of the K entries that reach the true K-th score."""
        good = [min(K, int((graph.row(row)[1] >= best[K - 1] - 1e-6).sum())) / K
                for row, best in zip(self.rows, self.scores)]
        return float(np.mean(good))

    def check_cosines(self, graph):
        """The stored cosines of a hundred rows against numpy's, in float16."""
        for name in graph.names:
            vectors = np.load(os.path.join(CATALOG, name + ".npy"), mmap_mode="r")
            for row in self.rows[::20]:
                near = graph.row(row)[0]
                unit = kin_cli.unit_rows(np.concatenate([vectors[row:row + 1], vectors[near]]))
                want = unit[1:] @ unit[0]
                got = graph.cosines[name][graph.indptr[row]:graph.indptr[row + 1]]
                self.assertTrue(np.abs(got.astype(np.float64) - want).max() <= 2.0 ** -11 * 1.001)

    def check_proven(self, graph):
        """Every row holds what the truth says it has to, and nothing that the truth excludes."""
        for row, ids, scores in zip(self.rows, self.ids, self.scores):
            near, stored = graph.row(row)
            self.assertEqual(len(near), K)
            np.testing.assert_allclose(stored, scores[:K], rtol=0, atol=TIE)
            best = dict(zip(ids.tolist(), scores))
            last = scores[K - 1]
            self.assertTrue(set(ids[scores > last + TIE].tolist()) <= set(near.tolist()))
            for item in near.tolist():
                # beyond the 256 that the truth lists, only a tie with the last of them can be meant
                self.assertGreaterEqual(best.get(item, scores[-1]), last - TIE, "row %d" % row)
        self.assertLess(graph.manifest["run"]["peak_memory_bytes"], 1 << 30)
        self.check_cosines(graph)

    def check_recall(self, graph, name):
        recall = self.recall(graph)
        print("%s: tie-aware recall %.4f" % (name, recall))
        self.assertGreaterEqual(recall, 0.95)


def main():
    if SANITIZED:
        kin_cli.skip_script("a sanitized build is too slow for 44,072 items")
    if not SHARED or not os.path.exists(os.path.join(CATALOG, "truth_scores.npy")):
        kin_cli.skip_script("no real catalog: KIN_SHARED/catalogs/fashion is not there")
    kin_cli.main()
