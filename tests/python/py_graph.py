"""A graph in Python: its rows, neighbours, pairs and manifest are those of the folder."""
import gc
import os
import weakref

import numpy as np
import scipy.sparse

import package
from package import Case, kin, kin_cli, two_matrices, weighted

N, K = 300, 15


class Rows(Case):
    def setUp(self):
        super().setUp()
        self.built = self.graph(weighted(*two_matrices(N)), K, out=self.path("g"), ids=["i%d" % i for i in range(N)])
        self.stored = kin_cli.Graph(self.path("g"))

    def test_what_it_is(self):
        graph = self.built
        self.assertEqual((len(graph), graph.top_k, graph.modalities, graph.path), (N, K, ("text", "image"), self.path("g")))
        self.assertEqual(graph.entries, len(self.stored.indices))
        self.assertEqual(graph.manifest, self.stored.manifest)
        self.assertEqual(graph.ids, self.stored.ids)
        self.assertRegex(repr(graph), "300 items.*15")

    def test_rows(self):
        rows = self.built.rows()
        np.testing.assert_array_equal(rows.indptr, self.stored.indptr)
        np.testing.assert_array_equal(rows.indices, self.stored.indices)
        np.testing.assert_array_equal(rows.scores, self.stored.data)
        for name, cosines in self.stored.cosines.items():
            self.assertEqual(rows.cosines[name].tobytes(), cosines.tobytes())
        part = self.built.rows(17, 40, cosines=False)
        span = slice(self.stored.indptr[17], self.stored.indptr[57])
        np.testing.assert_array_equal(part.indices, self.stored.indices[span])
        self.assertEqual((part.indptr[0], part.cosines), (0, {}))
        self.assertEqual(len(self.built.rows(N, 0).indices), 0)

    def test_rows_by_column(self):
        rows = self.built.rows(order="column")
        for row in range(N):
            span = slice(rows.indptr[row], rows.indptr[row + 1])
            columns, scores = self.stored.row(row)
            order = np.argsort(columns)
            np.testing.assert_array_equal(rows.indices[span], columns[order])
            np.testing.assert_array_equal(rows.scores[span], scores[order])

    def test_no_such_rows(self):
        for first, count in ((0, N + 1), (N + 1, 0), (-1, 2), (5, -1)):
            self.raises(kin.UsageError, "rows", self.built.rows, first, count)
        self.raises(kin.UsageError, "order: 'rank'", self.built.rows, order="rank")

    def test_to_scipy(self):
        matrix = self.built.to_scipy()
        self.assertIsInstance(matrix, scipy.sparse.csr_matrix)
        self.assertEqual((matrix.shape, matrix.dtype, matrix.indices.dtype), ((N, N), np.float32, np.int32))
        matrix.check_format(full_check=True)
        flags = matrix.has_sorted_indices, matrix.has_canonical_format
        fresh = scipy.sparse.csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=(N, N))
        self.assertEqual(flags, (bool(fresh.has_sorted_indices), bool(fresh.has_canonical_format)))
        self.assertFalse(matrix.diagonal().any())
        stored = scipy.sparse.load_npz(self.path("g", "graph.npz"))
        stored.sort_indices()
        self.assertEqual((matrix != stored).nnz, 0)

    def test_neighbors(self):
        for item in (0, 7, N - 1, np.int64(3)):
            indices, scores = self.built.neighbors(item)
            columns, stored = self.stored.row(int(item))
            np.testing.assert_array_equal(indices, columns)
            np.testing.assert_array_equal(scores, stored)
        np.testing.assert_array_equal(self.built.neighbors("i7").indices, self.built.neighbors(7).indices)
        for row in (-1, N, 1 << 40):
            self.raises(IndexError, "rows", self.built.neighbors, row)
        self.raises(KeyError, "gone", self.built.neighbors, "gone")
        self.raises(TypeError, "float", self.built.neighbors, 1.5)

    def test_closed(self):
        graph = kin.load(self.path("g"))
        matrix = graph.to_scipy()
        graph.close()
        graph.close()
        for use in (lambda: len(graph), graph.to_scipy, lambda: graph.neighbors(1), lambda: graph.rows()):
            self.raises(ValueError, "closed", use)
        self.assertEqual(matrix.nnz, self.built.entries)
        self.assertIn("closed", repr(graph))
        with kin.load(self.path("g")) as other:
            self.assertEqual(len(other), N)
        self.raises(ValueError, "closed", lambda: other.top_k)

    def test_files_without_a_name_go_with_the_graph(self):
        def descriptors():
            return len(os.listdir("/proc/self/fd"))

        def deleted():
            with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
                return sum("(deleted)" in line for line in file)

        before = descriptors(), deleted()
        graph = kin.build(weighted(*two_matrices(N)), K, directory=self.dir)
        self.assertEqual(sorted(os.listdir(self.dir)), ["g"])
        gone = weakref.ref(graph)
        del graph
        gc.collect()
        self.assertIsNone(gone())
        self.assertEqual((descriptors(), deleted()), before)

    def test_load_refuses(self):
        self.raises(kin.NoInputError, "gone", kin.load, self.path("gone"))
        os.mkdir(self.path("empty"))
        with self.assertRaises((kin.NoInputError, kin.DataError)):
            kin.load(self.path("empty"))
        with open(self.path("g", "graph.npz"), "r+b") as file:
            file.truncate(1000)
        with self.assertRaises((kin.DataError, kin.ReadWriteError)):
            kin.load(self.path("g"))


if __name__ == "__main__":
    package.main()
