"""What is a matrix: arrays that are read where they lie, those that are copied with a warning, and those refused."""
import ctypes
import mmap
import warnings

import numpy as np
import scipy.sparse

import package
from package import Case, kin, random_rows, same_matrix

N, D, K = 80, 12, 5


class Layouts(Case):
    def setUp(self):
        super().setUp()
        self.rows = random_rows(N, D, 1)
        self.expected = self.graph({"m": self.rows}, K).to_scipy()

    def check(self, matrix, copied=None, expected=None):
        """Built of this matrix the graph is the same; `copied`: the warning, None where nothing may be copied."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            graph = kin.build({"m": matrix}, K)
        self.addCleanup(graph.close)
        same_matrix(self, graph.to_scipy(), self.expected if expected is None else expected)
        self.assertEqual([each.category for each in caught], [kin.CopyWarning] if copied else [])
        if copied:
            self.assertRegex(str(caught[0].message), copied)
            self.assertEqual(caught[0].filename, __file__)

    def test_read_where_they_lie(self):
        wide = np.zeros((N, 3 * D), np.float32)
        wide[:, D:2 * D] = self.rows
        tall = np.zeros((3 * N, D), np.float32)
        tall[::3] = self.rows
        read_only = self.rows.copy()
        read_only.flags.writeable = False
        unaligned = np.frombuffer(b"x" + self.rows.tobytes(), np.uint8)[1:].view(np.float32).reshape(N, D)
        for matrix in (self.rows, wide[:, D:2 * D], tall[::3], read_only, unaligned,
                       np.frombuffer(self.rows.tobytes(), np.float32).reshape(N, D)):
            self.check(matrix)

    def test_dtypes(self):
        for dtype in (np.float16, np.float64, np.int8):
            matrix = (self.rows * 20).astype(dtype)
            expected = self.graph({"m": matrix.astype(np.float32)}, K).to_scipy()
            self.check(matrix, expected=expected)

    def test_memmap(self):
        path = self.save("m.npy", self.rows)
        for matrix in (np.load(path, mmap_mode="r"), np.load(path, mmap_mode="c"), np.load(path, mmap_mode="r+")):
            self.check(matrix)
        anonymous = mmap.mmap(-1, self.rows.nbytes)
        anonymous.write(self.rows.tobytes())
        self.check(np.frombuffer(anonymous, np.float32).reshape(N, D))

    def test_one_column_of_any_stride(self):
        column = random_rows(N, 1, 3, clusters=N)
        wide = np.zeros((N, 7), np.float32)
        wide[:, 4:5] = column
        for matrix in (column, wide[:, 4:5], np.asfortranarray(column)):
            self.check(matrix, expected=self.graph({"m": column}, K).to_scipy())

    def test_copied_once(self):
        count = self.rows.nbytes
        self.check(np.asfortranarray(self.rows), r"^m: copied %d bytes \(.* MiB\): the values of a row" % count)
        self.check(self.rows[::-1][::-1])
        flipped = np.ascontiguousarray(self.rows[::-1])
        self.check(flipped[::-1], r"^m: copied %d bytes .*: the rows do not lie" % count)
        self.check(self.rows.astype(">f4"), r"^m: copied %d bytes .*: dtype >f4 becomes float32" % count)
        self.check(self.rows.astype(np.longdouble), r"^m: copied %d bytes .*becomes float64" % (2 * count))
        self.check(self.rows.tolist(), r"^m: copied %d bytes .*: a list" % (2 * count))
        whole = (self.rows * 50).astype(np.int64)
        expected = self.graph({"m": whole.astype(np.float32)}, K).to_scipy()
        self.check(whole, "int64 becomes float32", expected)
        self.check(whole.tolist(), ": a list", expected)

    def test_rows_on_top_of_each_other(self):
        values = random_rows(1, N + D, 1)[0]
        sliding = np.lib.stride_tricks.sliding_window_view(values, D)
        self.check(sliding, "the rows do not lie", self.graph({"m": sliding.copy()}, K).to_scipy())

    def test_the_caller_may_free_its_array(self):
        """The array is read during the call alone."""
        matrix = self.rows.copy()
        graph = self.graph({"m": matrix}, K)
        matrix[:] = np.nan
        same_matrix(self, graph.to_scipy(), self.expected)


class Refused(Case):
    rows = random_rows(N, D, 1)

    def refused(self, matrix, message, kind=kin.DataError, hint="."):
        return self.raises(kind, message, kin.build, {"m": matrix}, K, hint=hint)

    def test_shapes(self):
        self.refused(self.rows[0], r"^m: 1 dimensions, shape \(12,\)", hint="reshape")
        self.refused(self.rows[None], r"^m: 3 dimensions")
        self.refused(np.array(3.0), r"^m: 0 dimensions")
        self.refused(np.float32(3), r"^m: 0 dimensions")
        self.refused(self.rows[:0], r"^m: shape \(0, 12\) holds no values")
        self.refused(self.rows[:, :0], r"^m: shape \(80, 0\) holds no values")
        if np.lib.NumpyVersion(np.__version__) >= "1.24.0":  # older ones make objects of it
            self.refused([[1.0, 2.0], [3.0]], "^m: no array can be made of it")
        self.refused([], "^m: 1 dimensions")

    def test_dtypes(self):
        for matrix in (self.rows > 0, self.rows.astype(object), self.rows.astype(complex), self.rows.astype(str),
                       np.zeros((N, D), "M8[s]"), np.zeros((N, D), [("a", "f4")]), [["a", "b"], ["c", "d"]]):
            self.refused(matrix, "^m: dtype .* holds no vectors", hint="float32")

    def test_masked(self):
        self.refused(np.ma.masked_less(self.rows, 0), "^m: a masked array", hint="filled")

    def test_no_matrix(self):
        for value in (None, b"text", {}, {1.0}):
            self.refused(value, "^m: .* is no matrix", TypeError)
        self.refused((self.rows, "0.6"), "pair", TypeError)
        self.refused((self.rows, True), "pair", TypeError)
        self.refused((self.rows, 1, 2), "pair", TypeError)

    def test_values(self):
        for value, name in ((np.nan, "NaN"), (np.inf, "infinite")):
            rows = self.rows.copy()
            rows[7, 3] = value
            self.refused(rows, "m.*row 7 is %s at column 3" % name)

    def test_closed_memmap(self):
        """Reading it would end the process."""
        matrix = np.load(self.save("m.npy", self.rows), mmap_mode="r")
        view = matrix[3:, 1:5]
        matrix._mmap.close()
        for closed in (matrix, view, np.asarray(view)):
            self.refused(closed, "^m: the file that the array is mapped from is closed", hint="mmap_mode")

    def test_numbers_of_items(self):
        self.raises(kin.DataError, "80.*79|79.*80", kin.build, {"a": self.rows, "b": self.rows[1:]}, K)
        for k in (N, N + 1):
            with self.assertRaises((kin.DataError, kin.UsageError)) as caught:
                kin.build({"m": self.rows}, k)
            self.assertRegex(caught.exception.message, r"top-k %d.*80" % k)

    def test_modalities(self):
        self.raises(TypeError, "a dict", kin.build, [self.rows], K)
        self.raises(TypeError, "is no text", kin.build, {1: self.rows}, K)
        self.raises(kin.UsageError, "none is given", kin.build, {}, K)
        self.raises(kin.UsageError, "a b|name", kin.build, {"a b": self.rows}, K)
        self.raises(kin.UsageError, "weight", kin.build, {"a": (self.rows, 0)}, K)
        self.raises(kin.UsageError, "weight|nan", kin.build, {"a": (self.rows, float("nan"))}, K)
        nine = {"m%d" % m: self.rows for m in range(9)}
        self.raises(kin.UsageError, "8|eight", kin.build, nine, K)
        self.raises(kin.NoInputError, "gone.npy", kin.build, {"a": self.path("gone.npy")}, K)

    def test_sparse(self):
        self.raises(kin.DataError, "^m: a sparse matrix", kin.build, {"m": scipy.sparse.csr_matrix(self.rows)}, K,
                    sparse="error")
        self.raises(kin.UsageError, "sparse: 'pca'", kin.build, {"m": self.rows}, K, sparse="pca")

    def test_a_released_buffer(self):
        view = memoryview(bytearray(self.rows.tobytes()))
        matrix = np.frombuffer(view, np.float32).reshape(N, D)
        self.assertEqual(self.graph({"m": matrix}, K).top_k, K)
        self.assertEqual(ctypes.sizeof(ctypes.c_float), 4)


class Ids(Case):
    rows = random_rows(6, 3, 1)

    def ids(self, ids):
        return self.graph({"m": self.rows}, 2, ids=ids).ids

    def test_given(self):
        names = ["a", "ä b", "c", "d", "e", "6"]
        numbers = [3, 1, 4, 15, 92, 65]
        for ids in (names, tuple(names), np.array(names), np.array(names, object), iter(names),
                    self.text("ids", "\n".join(names) + "\n")):
            self.assertEqual(self.ids(ids), names)
        for ids in (numbers, np.array(numbers), np.array(numbers, np.uint8)):
            self.assertEqual(self.ids(ids), list(map(str, numbers)))
        self.assertEqual(self.ids([b"x", "y", 3, "z", b"\xc3\xa4", "w"]), ["x", "y", "3", "z", "ä", "w"])
        self.assertEqual(self.ids(None), list("012345"))

    def test_refused(self):
        for bad in (1.5, None, True, ("a",)):
            self.raises(TypeError, "ids: item 2 is a", kin.build, {"m": self.rows}, 2, ids=["a", "b", bad, "d", "e", "f"])
        self.raises(kin.UsageError, "ids: item 1 is 'b.n'", kin.build, {"m": self.rows}, 2, ids=["a", "b\n", *"cdef"])
        self.raises(kin.DataError, "5|6", kin.build, {"m": self.rows}, 2, ids=list("abcde"))
        self.raises(kin.DataError, "'?a'?", kin.build, {"m": self.rows}, 2, ids=list("abcdea"))
        self.raises(kin.DataError, "line 2 has no id", kin.build, {"m": self.rows}, 2, ids=["a", "", *"cdef"])
        self.raises(kin.NoInputError, "gone", kin.build, {"m": self.rows}, 2, ids=self.path("gone"))


if __name__ == "__main__":
    package.main()
