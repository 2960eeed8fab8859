"""Parquet: columns of vectors in, pairs of a graph out."""
import os

import numpy as np

import package
from package import Case, kin, random_rows, two_matrices, weighted

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    pa = None

N, D = 500, 8


class WithoutPyarrow(Case):
    def test_one_line(self):
        done = self.python("""
            import sys
            sys.modules["pyarrow"] = None
            import kin
            try:
                kin.read_parquet("x.parquet", "v")
            except ImportError as error:
                print(error)
        """)
        self.assertRegex(done.stdout, r"\AParquet needs the package pyarrow: pip install pyarrow .*\n\Z")


class Vectors(Case):
    rows = random_rows(N, D, 1)

    def setUp(self):
        super().setUp()
        if pa is None:
            self.skipTest("pyarrow is not installed")

    def file(self, name, values, kind=None, column="v"):
        table = pa.table({"id": list(range(len(values))), column: pa.array(values, kind or pa.list_(pa.float32()))})
        pq.write_table(table, self.path(name), row_group_size=70)
        return self.path(name)

    def read(self, path, **options):
        found = kin.read_parquet(path, "v", directory=self.dir, **options)
        self.assertFalse(found.flags.writeable)
        return found

    def test_types(self):
        for kind, dtype in ((pa.list_(pa.float32()), "f4"), (pa.list_(pa.float64()), "f8"), (pa.large_list(pa.float32()), "f4"),
                            (pa.list_(pa.float32(), D), "f4"), (pa.list_(pa.int8()), "i1")):
            rows = (self.rows * 10).astype(dtype)
            found = self.read(self.file("v.parquet", list(rows), kind))
            self.assertEqual(found.dtype, np.dtype(dtype))
            np.testing.assert_array_equal(found, rows)
        self.assertEqual(os.listdir(self.dir), ["v.parquet"])

    def test_nulls_are_missing(self):
        rows = self.rows.copy()
        rows[[0, 1, 70, 499]] = 0
        values = [row if row.any() else None for row in rows]
        np.testing.assert_array_equal(self.read(self.file("v.parquet", values)), rows)
        path = self.file("v.parquet", values, pa.list_(pa.float32(), D))
        if int(pa.__version__.split(".")[0]) >= 17:
            np.testing.assert_array_equal(self.read(path), rows)
        else:
            self.raises(kin.DataError, "v.parquet: column 'v' cannot be read", self.read, path)

    def test_folder(self):
        os.mkdir(self.path("parts"))
        for number in range(3):
            self.file("parts/part-%d.parquet" % number, list(self.rows[number * 100:number * 100 + 100]))
        np.testing.assert_array_equal(self.read(self.path("parts")), self.rows[:300])

    def test_a_graph_of_it(self):
        found = self.read(self.file("v.parquet", list(self.rows)))
        package.same_matrix(self, self.graph({"v": found}, 5).to_scipy(), self.graph({"v": self.rows}, 5).to_scipy())

    def test_refused(self):
        path = self.file("v.parquet", list(self.rows))
        self.raises(kin.DataError, "has no column 'vec': did you mean v|has no column 'vec'", kin.read_parquet, path, "vec",
                    hint="id, v")
        self.raises(kin.DataError, "is int64, not a list of float", kin.read_parquet, path, "id")
        self.raises(kin.NoInputError, "gone", kin.read_parquet, self.path("gone.parquet"), "v")
        values = [list(row) for row in self.rows]
        values[77] = values[77][1:]
        self.raises(kin.DataError, "row 77 has 7 values, the first 8", kin.read_parquet, self.file("a.parquet", values), "v")
        values[77] = [None] + values[77]
        self.raises(kin.DataError, "holds a null", kin.read_parquet, self.file("a.parquet", values), "v")
        self.raises(kin.DataError, "holds no vector", kin.read_parquet, self.file("a.parquet", [None] * 5), "v")
        self.text("b.parquet", "no Parquet")
        self.raises(kin.DataError, "no Parquet file", kin.read_parquet, self.path("b.parquet"), "v")
        self.raises(kin.OutputError, "no/such", kin.read_parquet, path, "v", directory=self.path("no/such"))


class Pairs(Case):
    def setUp(self):
        super().setUp()
        if pa is None:
            self.skipTest("pyarrow is not installed")
        self.built = self.graph(weighted(*two_matrices(300)), 15, ids=["i%d" % i for i in range(300)])

    def test_all_pairs(self):
        self.built.to_parquet(self.path("p.parquet"))
        table = pq.read_table(self.path("p.parquet"))
        rows, ids = self.built.rows(), np.array(self.built.ids)
        self.assertEqual(table.column_names, ["id", "neighbor", "rank", "score", "cosine_text", "cosine_image"])
        lengths = np.diff(rows.indptr)
        self.assertEqual(table["id"].to_pylist(), np.repeat(ids, lengths).tolist())
        self.assertEqual(table["neighbor"].to_pylist(), ids[rows.indices].tolist())
        self.assertEqual(table["rank"].to_pylist(), [rank + 1 for length in lengths for rank in range(length)])
        np.testing.assert_array_equal(table["score"].to_numpy(), rows.scores)
        for name in ("text", "image"):
            cosines = table["cosine_" + name]
            self.assertEqual(cosines.null_count, int(np.isnan(rows.cosines[name]).sum()))
            np.testing.assert_array_equal(cosines.to_numpy(), rows.cosines[name].astype(np.float32))

    def test_written_whole_or_not_at_all(self):
        self.built.to_parquet(self.path("p.parquet"))
        before = os.stat(self.path("p.parquet"))
        self.raises(kin.OutputError, "p.parquet: exists", self.built.to_parquet, self.path("p.parquet"), hint="force")
        self.built.to_parquet(self.path("p.parquet"), force=True)
        self.assertNotEqual(os.stat(self.path("p.parquet")).st_ino, before.st_ino)
        self.raises(kin.OutputError, "no/such", self.built.to_parquet, self.path("no/such/p.parquet"))
        self.assertEqual(os.listdir(self.dir), ["p.parquet"])


if __name__ == "__main__":
    package.main()
