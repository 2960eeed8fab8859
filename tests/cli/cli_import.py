"""kin compare on neighbours that other tools wrote: rows that are too short lose by the K that was asked for, whatever
form the gap has; row numbers of 4 and of 8 bytes are told apart, or the file is refused."""
import json

import numpy as np
import scipy.sparse

import kin_cli
from kin_cli import Case, Graph, random_rows

N, K = 300, 10
GATES = ("--min-recall", 0.9, "--min-fill", 0.9)


class Imported(Case):
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


class ShortRows(Imported):
    def halves(self):
        """Files of which half of every row is no neighbour, in every form that this can have."""
        rows = self.rows
        own = np.arange(N, dtype="<i4")[:, None]
        tail, middle, repeated, themselves = (rows.copy() for _ in range(4))
        tail[:, 5:] = -1
        middle[:, 1:10:2] = -1
        repeated[:, 5:] = repeated[:, :5]
        themselves[:, 5:] = own
        ragged = [row[:5] if i % 3 else row[:3 + 4 * (i % 2)] for i, row in enumerate(rows)]
        return {"tail.ibin": self.ibin("tail.ibin", tail), "middle.ibin": self.ibin("middle.ibin", middle),
                "repeated.ibin": self.ibin("repeated.ibin", repeated),
                "themselves.ibin": self.ibin("themselves.ibin", themselves),
                "five.ivecs": self.ivecs("five.ivecs", rows[:, :5]), "tail.ivecs": self.ivecs("tail.ivecs", tail),
                "ragged.ivecs": self.ivecs("ragged.ivecs", ragged),
                "five.npz": self.npz("five.npz", rows[:, :5]), "ragged.npz": self.npz("ragged.npz", ragged)}

    def test_by_a_reference(self):
        """What is missing is missed: half of the recall, half of the fill, gates not met; with and without vectors."""
        for name in self.halves():
            for more in ((), ("--modality", "v.npy")):
                for gates in (("--min-recall", 0.9), ("--min-fill", 0.9)):
                    got, result = self.compare(name, "--reference", "exact", *more, *gates, code=3)
                    self.assertEqual(got["recall"]["k"], K, name)
                    self.assertAlmostEqual(got["recall"]["strict"]["mean"], 0.5, 2, name)
                    self.assertAlmostEqual(got["recall"]["fill"], 0.5, 2, name)
                    self.assertFalse(got["gates"][0]["met"], name)

    def test_by_a_sample(self):
        """A header says what the rows were to hold."""
        for name in ("tail.ibin", "middle.ibin", "repeated.ibin"):
            self.halves()
            got, _ = self.compare(name, "--sample", 100, "--modality", "v.npy", *GATES, code=3)
            self.assertEqual((got["recall"]["k"], got["recall"]["fill"]), (K, 0.5), name)

    def test_top_k(self):
        """What was meant to be short is compared at --top-k, and that is named where it is not given."""
        for name in ("five.ivecs", "five.npz"):
            self.halves()
            got, result = self.compare(name, "--reference", "exact")
            self.assertRegex(result.err, "WARN.* at most 5 neighbours a row .*at 10.*--top-k 5")
            self.assertRegex(got["warnings"][0], "at most 5 neighbours")
            got, result = self.compare(name, "--reference", "exact", "--top-k", 5, *GATES)
            self.assertEqual((got["recall"]["k"], got["recall"]["fill"], got["warnings"]), (5, 1, []))
            got, _ = self.compare(name, "--sample", 50, "--modality", "v.npy", "--top-k", K, *GATES, code=3)
            self.assertEqual((got["recall"]["k"], got["recall"]["fill"]), (K, 0.5))
        self.ok("build", "--modality", "v.npy", "--top-k", 4, "--out", "four")
        self.refused(65, "exact has top-k 10, four has 4", "compare", "exact", "--reference", "four")
        got, _ = self.compare("exact", "--reference", "four", "--top-k", 3, *GATES)
        self.assertEqual(got["recall"]["k"], 3)
        self.refused(2, "--top-k 11 is more than the reference has: 10", "compare", "five.npz", "--reference",
                     "exact", "--top-k", 11, hint="--top-k 10")
        self.refused(2, "--top-k 300 is more than the reference has: 299", "compare", "five.npz", "--sample", 9,
                     "--modality", "v.npy", "--top-k", N)

    def test_whole_rows(self):
        """A header of fewer neighbours than the reference is compared at what it says, and a K that no row can reach
        is missed by none. Of a file with the item itself in every row the fitting --top-k is named."""
        own = np.arange(N, dtype="<i4")[:, None]
        self.ibin("four.ibin", self.rows[:, :4])
        self.ibin("itself.ibin", np.hstack([own, self.rows]))
        self.ibin("wide.ibin", np.hstack([self.rows, np.full((N, 2 * N), -1, "<i4")]))
        for name, more, k in (("four.ibin", ("--reference", "exact"), 4), ("itself.ibin", ("--reference", "exact"), K),
                              ("itself.ibin", ("--sample", 60, "--modality", "v.npy", "--top-k", K), K),
                              ("wide.ibin", ("--reference", "exact"), K)):
            got, _ = self.compare(name, *more, *GATES)
            self.assertEqual((got["recall"]["k"], got["recall"]["strict"]["mean"], got["recall"]["fill"]), (k, 1, 1))
        got, result = self.compare("itself.ibin", "--sample", 60, "--modality", "v.npy")
        self.assertEqual((got["recall"]["k"], round(got["recall"]["fill"] * 11)), (K + 1, K))
        self.assertRegex(result.err, "WARN.*itself.ibin holds the item itself in most rows.*--top-k 10")
        got, _ = self.compare("wide.ibin", "--sample", 20, "--modality", "v.npy")
        self.assertEqual(got["recall"]["k"], N - 1)

    def test_a_short_reference(self):
        """Of a truth with gaps it is said that they are missed by none."""
        tail = self.rows.copy()
        tail[:30, 5:] = -1
        self.ibin("truth.ibin", tail)
        got, result = self.compare("exact", "--reference", "truth.ibin")
        self.assertRegex(result.err, "WARN.*truth.ibin has fewer than 10 neighbours in 30 of 300 rows")
        self.assertEqual(got["recall"]["fill"], 1)

    def test_drift(self):
        """Last night's K is what a file without a header is held against."""
        self.ivecs("five.ivecs", self.rows[:, :5])
        got, _ = self.compare("five.ivecs", "--previous", "exact", "--max-drift", 0.2, code=3)
        self.assertEqual((got["drift"]["k"], got["drift"]["drift"]), (K, 0.5))
        got, _ = self.compare("five.ivecs", "--previous", "exact", "--max-drift", 0.2, "--top-k", 5)
        self.assertEqual((got["drift"]["k"], got["drift"]["drift"]), (5, 0))
        got, result = self.compare("five.ivecs", "--previous", "exact", "--top-k", 100)
        self.assertEqual((got["drift"]["k"], got["drift"]["drift"]), (K, 0.5))
        self.assertNotIn("Jaccard@100", result.out)


class Widths(Imported):
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
