"""kin.compare and kin.Index: the numbers of the commands."""
import json
import os
import threading

import numpy as np

import package
from package import Case, kin, kin_cli, two_matrices, weighted

N, K = 1200, 20


class Compare(Case):
    def setUp(self):
        super().setUp()
        self.text, self.image = two_matrices(N)
        self.given = weighted(self.text, self.image)
        self.exact = self.graph(self.given, K, engine="exact", out=self.path("exact"))
        self.other = self.graph(self.given, K, engine="ivf", lists=60, probes=1, candidates=60, target_recall=.5,
                                out=self.path("ivf"))

    def test_with_a_reference(self):
        told = kin.compare(self.other, self.exact)
        theirs = json.loads(self.ok("compare", "ivf", "--reference", "exact", "--json", "-").out)
        self.assertEqual(sorted(told), sorted(theirs))
        self.assertEqual(told["recall"], theirs["recall"])
        for reference in ("exact", self.path("exact")):
            if os.path.isabs(reference):
                self.assertEqual(kin.compare(self.path("ivf"), reference)["recall"], theirs["recall"])

    def test_graphs_without_folders(self):
        with kin.build(self.given, K, engine="exact") as exact, kin.load(self.path("ivf")) as other:
            self.assertEqual(kin.compare(other, exact)["recall"], kin.compare(self.other, self.exact)["recall"])
            told = kin.compare(exact, sample=100, modalities=self.given)
            self.assertEqual(told["recall"]["mean"] if "mean" in told["recall"] else 1, 1)

    def test_gates(self):
        error = self.raises(kin.GateError, "recall", kin.compare, self.other, self.exact, min_recall=0.9999)
        self.assertEqual(error.result["recall"], kin.compare(self.other, self.exact)["recall"])
        kin.compare(self.exact, self.exact, min_recall=0.9)

    def test_refused(self):
        self.raises(TypeError, "kin.Graph", kin.compare, 3)
        self.raises(TypeError, "no option 'min_recal': did you mean min_recall", kin.compare, self.other, min_recal=1)
        self.raises(kin.UsageError, ".", kin.compare, self.other)
        self.raises(kin.NoInputError, "gone", kin.compare, self.path("gone"), self.exact)


class Search(Case):
    def setUp(self):
        super().setUp()
        self.text, self.image = two_matrices(N)
        self.given = weighted(self.text, self.image)
        self.oracle = kin_cli.Oracle({"text": self.text, "image": self.image}, package.WEIGHTS)
        ids = ["i%d" % i for i in range(N)]
        self.folder = kin.build_index(self.given, self.path("index"), type="hnsw", ids=ids, threads=1)

    def index(self):
        found = kin.Index(self.folder, {"text": self.text, "image": (self.image, 0.4)})
        self.addCleanup(found.close)
        return found

    def test_items(self):
        index = self.index()
        self.assertEqual((len(index), index.modalities, index.ids[5]), (N, ("text", "image"), "i5"))
        items = [3, 700, 11]
        answers = index.query_items(items, 10)
        self.assertEqual(answers.indices.shape, (3, 10))
        scores, _ = self.oracle.rows(items)
        for at, item in enumerate(items):
            self.assertNotIn(item, answers.indices[at])
            np.testing.assert_allclose(answers.scores[at], scores[at, answers.indices[at]], rtol=0, atol=1e-6)
            np.testing.assert_allclose(answers.scores[at], np.sort(scores[at])[::-1][:10], rtol=0, atol=1e-6)

    def test_vectors_from_outside(self):
        index = self.index()
        answers = index.query({"text": self.text[20:23], "image": self.image[20:23]}, 5, probes=None)
        self.assertEqual(answers.indices[:, 0].tolist(), [20, 21, 22])
        self.assertEqual(set(answers.cosines), {"text", "image"})
        np.testing.assert_allclose(answers.cosines["text"][:, 0], 1, atol=1e-6)
        one = index.query({"text": self.text[20], "image": self.image[20]}, 5)
        np.testing.assert_array_equal(one.indices[0], answers.indices[0])
        self.assertEqual(index.query({"image": self.image[20]}, 5).indices.shape, (1, 5))
        short = index.query({"text": self.text[:1], "image": self.image[5:6]}, 3)  # zero rows both: no pair at all
        self.assertTrue((short.indices == -1).all() and np.isnan(short.scores).all())

    def test_threads_take_turns(self):
        index, found = self.index(), {}

        def ask(item):
            found[item] = index.query_items([item], 5).indices[0].tolist()

        threads = [threading.Thread(target=ask, args=(item,)) for item in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, {item: index.query_items([item], 5).indices[0].tolist() for item in range(12)})

    def test_refused(self):
        index = self.index()
        self.raises(kin.DataError, "top-k 1201", index.query, {"text": self.text[20]}, N + 1)
        self.raises(kin.UsageError, "k: 0", index.query_items, [1], 0)
        with self.assertRaises((kin.DataError, kin.UsageError)):
            index.query_items([N], 3)
        with self.assertRaises((kin.DataError, kin.UsageError)):
            index.query({"text": self.text[:2, 1:]}, 3)
        with self.assertRaises((kin.DataError, kin.UsageError)):
            index.query({"sound": self.text[:2]}, 3)
        with self.assertRaises((kin.DataError, kin.UsageError)):
            index.query({"text": self.text[:2], "image": self.image[:3]}, 3)
        self.raises(TypeError, "a query is an array", index.query, {"text": "text.npy"}, 3)
        self.raises(TypeError, "no option 'prob': did you mean probes", index.query_items, [1], 3, prob=3)
        self.raises(kin.NoInputError, "gone", kin.Index, self.path("gone"))
        index.close()
        self.raises(ValueError, "closed", index.query_items, [1], 3)


if __name__ == "__main__":
    package.main()
