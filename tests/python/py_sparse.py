"""Sparse text: the reduction states what it costs, and the numbers it states are right."""
import re
import warnings

import numpy as np
import scipy.sparse

import package
from package import Case, kin

N, WORDS, K = 700, 1300, 10


def texts(seed=1, rank=40):
    """Rows of word weights that a few topics explain, as TF-IDF: float64 CSR."""
    random = np.random.default_rng(seed)
    topics = random.dirichlet(np.full(WORDS, 0.02), rank)
    rows = np.zeros((N, WORDS))
    for row in rows:
        chosen = random.choice(WORDS, 60, p=topics[random.integers(rank)])
        np.add.at(row, chosen, random.uniform(0.5, 1.5, 60))
    return scipy.sparse.csr_matrix(rows)


def exact_recall(matrix, reduced, k):
    """Of each row's k best exact cosines the part among the k best of the reduced rows; all rows."""
    unit = matrix.toarray() / np.maximum(np.linalg.norm(matrix.toarray(), axis=1, keepdims=True), 1e-300)
    near = reduced / np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-300)
    exact, other = unit @ unit.T, near @ near.T
    np.fill_diagonal(exact, -1)
    np.fill_diagonal(other, -1)
    best = np.sort(exact, axis=1)[:, -k]
    top = np.argpartition(-other, k - 1, axis=1)[:, :k]
    return (np.take_along_axis(exact, top, 1) >= best[:, None] - 1e-6).mean()


class Sparse(Case):
    def reduced(self, matrix, **options):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            graph = kin.build({"text": matrix}, K, **options)
        self.addCleanup(graph.close)
        self.assertEqual([each.category for each in caught], [kin.SparseWarning])
        self.assertEqual(caught[0].filename, __file__)
        return graph, str(caught[0].message)

    def test_the_stated_numbers(self):
        matrix = texts()
        graph, message = self.reduced(matrix)
        match = re.fullmatch(r"text: sparse 700 x 1300 reduced to 512 dimensions: (\d+\.\d)% of the energy retained, recall "
                             r"of the first 10 against exact sparse cosines (\d\.\d{3}) on 700 rows", message)
        self.assertTrue(match, message)
        unit = matrix.toarray()
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        values = np.linalg.svd(unit, compute_uv=False) ** 2
        best = 100 * values[:512].sum() / values.sum()
        self.assertLessEqual(float(match[1]), best + 0.1)
        self.assertGreater(float(match[1]), best - 1)
        found = kin._sparse.reduce("text", matrix, K)
        self.assertAlmostEqual(float(match[2]), exact_recall(matrix, found.rows, K), delta=0.002)
        self.assertEqual(graph.manifest["modalities"][0]["dimensions"], 512)
        self.assertGreater(float(match[2]), 0.7)

    def test_formats_and_zero_rows(self):
        matrix = texts().tolil()
        matrix[7] = 0
        first = None
        for kind in ("csr", "csc", "coo", "lil"):
            graph, message = self.reduced(matrix.asformat(kind))
            first = first or message
            self.assertEqual(message, first)
            self.assertEqual(graph.manifest["modalities"][0]["missing"], 1)
            self.assertEqual(len(graph.neighbors(7).indices), 0)

    def test_few_columns_stay(self):
        matrix = texts()[:, :300]
        graph, message = self.reduced(matrix)
        self.assertRegex(message, "sparse 700 x 300 made dense, all columns kept")
        self.assertEqual(graph.manifest["modalities"][0]["dimensions"], 300)

    def test_stored_duplicates_add_up(self):
        matrix = scipy.sparse.coo_matrix(([1.0, 2.0, 3.0, 1.0], ([0, 0, 1, 2], [0, 0, 0, 1])), shape=(3, 2))
        rows = kin._sparse.reduce("m", matrix, 1).rows
        np.testing.assert_allclose(rows, [[1, 0], [1, 0], [0, 1]])

    def test_recall_does_not_count_what_was_never_there(self):
        """Rows without a word in common have nothing to lose; those that have, do."""
        alone = scipy.sparse.identity(600, format="csr")
        self.assertEqual(kin._sparse.reduce("m", alone, 5, dimensions=10).recall, 1)
        loose = scipy.sparse.random(600, 400, 0.02, "csr", random_state=1)
        self.assertLess(kin._sparse.reduce("m", loose, 5, dimensions=10).recall, 0.5)

    def test_refused(self):
        bad = texts()
        bad.data[70] = np.nan
        row = int(np.searchsorted(bad.indptr, 70, side="right")) - 1
        self.raises(kin.DataError, "text: row %d is nan at column %d" % (row, bad.indices[70]), kin.build, {"text": bad}, K)
        for dtype in (bool, complex):
            self.raises(kin.DataError, "text: dtype", kin.build, {"text": texts().astype(dtype)}, K)
        self.raises(kin.DataError, "holds no values", kin.build, {"text": scipy.sparse.csr_matrix((0, 5))}, K)
        self.raises(kin.DataError, "sparse='error'", kin.build, {"text": texts()}, K, sparse="error")


if __name__ == "__main__":
    package.main()
