"""kin build on every format it reads, as written by numpy, by hand and by other writers, and on values at
the ends of their range."""
import numpy as np

import kin_cli
from kin_cli import Build, Graph, Oracle, assert_exact, random_rows


class Formats(Build):
    def check(self, name, path, array):
        out = "out-" + name
        self.ok("build", "--modality", "a=" + path, "--top-k", 7, "--out", out)
        graph = Graph(self.path(out))
        assert_exact(self, graph, Oracle({"a": array}, {}), 7)
        self.assertEqual(graph.manifest["modalities"][0]["dimensions"], array.shape[1])

    def test_npy_dtypes(self):
        rows = random_rows(90, 13, 1)
        for dtype in ("<f2", "<f4", "<f8"):
            array = rows.astype(dtype)
            self.check(dtype[1:], self.save(dtype[1:] + ".npy", array), array)

    def test_npy_versions(self):
        rows = random_rows(90, 13, 1)
        for version in ((1, 0), (2, 0), (3, 0)):
            path = self.path("v%d.npy" % version[0])
            with open(path, "wb") as file:
                np.lib.format.write_array(file, rows, version=version)
            self.check("v%d" % version[0], path, rows)

    def test_npy_odd_headers(self):
        """Keys in another order, blanks, no padding, as other writers leave them."""
        rows = random_rows(30, 3, 1)
        header = b"{ 'shape':(30,3) ,'fortran_order' : False,  \"descr\": '<f4'}\n"
        path = self.path("odd.npy")
        with open(path, "wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
            file.write(rows.tobytes())
        self.check("odd", path, rows)

    def test_raw_formats(self):
        rows = random_rows(90, 13, 1)
        small = np.clip(np.round(rows * 20), -127, 127).astype(np.int8)
        small[0, 0] = -128
        half = rows.astype(np.float16)
        for ending, array in ((".fbin", rows), (".f16bin", half), (".i8bin", small),
                              (".fvecs", rows)):
            self.check(ending[1:], self.save("a" + ending, array), array)

    def test_one_row_order_is_both(self):
        """A single column is in C and Fortran order alike."""
        rows = np.asfortranarray(np.abs(random_rows(30, 1, 1)))
        self.check("column", self.save("column.npy", rows), rows)

    def test_extreme_values(self):
        """Large, tiny and denormal rows: a norm's square must neither overflow nor vanish."""
        rows = random_rows(40, 6, 1).astype(np.float64)
        scale = np.array([1e30, 1e-30, 1e-42, 1.0])[np.arange(40) % 4]
        rows = (rows * scale[:, None]).astype(np.float32)
        self.check("extreme", self.save("extreme.npy", rows), rows)

    def test_faint_doubles(self):
        """float64 rows that lose their direction as float32 are refused, of a catalog and of a query; the same floats
        as float32 are what they are, and one small value beside a large one is no fault."""
        rows = random_rows(40, 6, 1).astype(np.float64)
        rows[7] *= 1e-42
        self.save("faint.npy", rows)
        message = r"^faint\.npy: the greatest value of row 7 is [0-9.]+e-42: below 1.2\d*e-35 float32 loses its direction$"
        self.refused(65, message, "build", "--modality", "faint.npy", "--top-k", 3, "--out", "g", hint="scale the rows")
        self.check("narrow", self.save("narrow.npy", rows.astype(np.float32)), rows.astype(np.float32))
        rows[7] *= 1e42
        rows[:, 2] = 1e-40
        self.check("mixed", self.save("mixed.npy", rows), rows)
        self.ok("index", "--modality", "v=mixed.npy", "--out", "i")
        self.refused(65, message, "query", "i", "--query", "v=faint.npy")

    def test_wide_and_narrow(self):
        for d in (1, 2, 7, 8, 9, 1500):
            rows = np.abs(random_rows(25, d, d)) + 0.01
            self.check("d%d" % d, self.save("d%d.npy" % d, rows), rows)


if __name__ == "__main__":
    kin_cli.main()
