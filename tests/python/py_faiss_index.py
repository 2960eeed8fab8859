"""Files of kin index as FAISS opens them, and what kin does with those that FAISS wrote (needs faiss, Debian's or a wheel)."""
import json

import numpy as np

import package
from package import Case, kin, random_rows, skip_script

try:
    import faiss
except ImportError:
    skip_script("faiss is not installed for this Python (python3-faiss)")

N, D, K, CANDIDATES = 3000, 32, 10, 40


class FaissIndex(Case):
    def setUp(self):
        super().setUp()
        self.rows = random_rows(N, D, 5, clusters=30)
        self.rows[7] = 0  # has no vector
        self.rows[100:104] = self.rows[100]  # these have one
        self.save("text.npy", self.rows)

    def index(self, kind):
        self.ok("index", "--modality", "text.npy", "--type", kind, "--out", kind)
        return faiss.read_index(self.path(kind, "text.faiss"))

    def candidates(self, kind, index, row):
        """What FAISS finds for a row, as items: each vector's, from the file beside the index."""
        distinct = np.load(self.path(kind, "text.distinct.npy"))
        unit = self.rows[row] / np.linalg.norm(self.rows[row])
        vectors = index.search(unit[None].astype(np.float32), CANDIDATES)[1][0]
        return set(np.flatnonzero(np.isin(distinct, vectors[vectors >= 0]))) - {row}

    def best(self, items, row):
        """The K best scores among them, by exact cosines: which of equal ones are there is of no interest."""
        unit = self.rows / np.maximum(np.linalg.norm(self.rows, axis=1, keepdims=True), 1e-30)
        return np.sort(unit[sorted(items)].astype(np.float64) @ unit[row])[::-1][:K]

    def check(self, kind, effort):
        index = self.index(kind)
        self.assertEqual((index.ntotal, index.d, index.metric_type), (N - 4, D, faiss.METRIC_INNER_PRODUCT))
        for name, option, value in effort:
            setattr(index.hnsw if kind == "hnsw" else index, name, value)
        options = [word for _, option, value in effort for word in (option, value)]
        for row in (0, 100, 555, 2999):
            answers = json.loads(self.ok("query", kind, "--item", row, "--top-k", K, "--candidates", CANDIDATES,
                                         *options, "--json", "-").out)
            found = [neighbor["score"] for neighbor in answers["queries"][0]["neighbors"]]
            np.testing.assert_allclose(found, self.best(self.candidates(kind, index, row), row), atol=2e-6)

    def test_hnsw(self):
        self.check("hnsw", [("efSearch", "--ef-search", 64)])

    def test_ivf(self):
        self.check("ivf", [("nprobe", "--probes", 12)])

    def test_a_file_of_faiss_is_not_opened(self):
        """Whatever it holds: its fingerprint is not the manifest's. The command and the package say the same."""
        index = self.index("hnsw")
        index.add(self.rows[:1])
        faiss.write_index(index, self.path("hnsw", "text.faiss"))
        self.refused(65, r"text\.faiss", "query", "hnsw", "--item", 0)
        self.raises(kin.DataError, r"text\.faiss", kin.Index, self.path("hnsw"))


if __name__ == "__main__":
    package.main()
