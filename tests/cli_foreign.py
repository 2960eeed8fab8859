"""kin compare on neighbours that other tools wrote: row numbers of 4 and of 8 bytes are told apart, or the file is
refused."""
import json

import numpy as np
import scipy.sparse

import kin_cli
from kin_cli import Case, Graph, random_rows

N, K = 300, 10
GATES = ("--min-recall", 0.9, "--min-fill", 0.9)


class Foreign(Case):
    def setUp(self):
        super().setUp()
        self.save("v.npy", random_rows(N, 12, 1))
        self.ok("build", "--modality", "v.npy", "--top-k", K, "--out", "exact")
        exact = Graph(self.path("exact"))
        self.rows = np.array([exact.row(i)[0] for i in range(N)], "<i4")

    def compare(self, *arguments, code=0):
        result = self.kin("compare", *arguments, "--json", "-")
        self.assertEqual(result.code, code, str(result))
        return json.loads(result.out), result

    def ibin(self, name, table, *behind):
        with open(self.path(name), "wb") as file:
            np.array(table.shape, "<u4").tofile(file)
            for part in (table,) + behind:
                np.ascontiguousarray(part).tofile(file)
        return name

    def ivecs(self, name, rows):
        with open(self.path(name), "wb") as file:
            for row in rows:
                np.array([len(row), *row], "<i4").tofile(file)
        return name

    def npz(self, name, rows):
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
        ids = np.concatenate(rows)
        scores = np.concatenate([np.arange(len(row), 0, -1) for row in rows]).astype("<f4")
        scipy.sparse.save_npz(self.path(name), scipy.sparse.csr_matrix((scores, ids, starts), (N, N)))
        return name


class Widths(Foreign):
    def test_row_numbers_of_eight_bytes(self):
        wide = self.rows.astype("<i8")
        padded = self.rows.copy()
        padded[::3, 7:] = -1
        scores = np.sort(random_rows(N, K, 2))[:, ::-1].astype("<f4")
        far = np.where(padded < 0, np.float32(np.finfo("f4").max), scores).astype("<f4")
        names = {"narrow": (self.rows,), "wide": (wide,), "narrow, scores": (self.rows, scores),
                 "wide, scores": (wide, scores), "zeros": (self.rows, scores * 0),
                 "distances": (self.rows, (1000 * scores).astype("<i4"))}
        for name, parts in names.items():
            self.ibin("a.ibin", *parts)
            got, _ = self.compare("a.ibin", "--reference", "exact", *GATES)
            self.assertEqual(got["recall"]["strict"]["mean"], 1, name)
        for name, parts in {"wide": (padded.astype("<i8"),), "narrow": (padded, far)}.items():
            self.ibin("a.ibin", *parts)
            got, _ = self.compare("a.ibin", "--reference", "exact")
            self.assertEqual(got["graph"]["left_out"]["padding"], 3 * N // 3, name)
            self.assertAlmostEqual(got["recall"]["strict"]["mean"], 0.9, 9, name)

    def test_what_cannot_be_told(self):
        wide = self.rows.astype("<i8")
        wide[3, 4] = N  # no row number in either reading
        self.ibin("a.ibin", wide)
        self.refused(65, "a.ibin: 300 x 10 entries of 8 bytes are neither", "compare", "a.ibin", "--reference", "exact",
                     hint="4 bytes")
        with open(self.path("b.ibin"), "wb") as file:  # 2 x 1: wide 1 and 0; narrow 1, 0 with scores of 0
            np.array([2, 1, 1, 0, 0, 0], "<u4").tofile(file)
        self.assertNotIn("bytes", self.kin("compare", "b.ibin", "--previous", "b.ibin").err)
        with open(self.path("c.ibin"), "wb") as file:  # 3 x 2: wide 1 0, 1 0, 0 0; narrow 1 0, 0 0, 1 0
            np.array([3, 2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], "<u4").tofile(file)
        self.refused(65, "c.ibin: 3 x 2 entries of 8 bytes .* both can be meant", "compare", "c.ibin", "--previous",
                     "c.ibin", hint="4 bytes")


if __name__ == "__main__":
    kin_cli.main()
