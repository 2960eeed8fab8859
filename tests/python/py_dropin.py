"""build_sparse_similarity_matrix: the old function's result, its environment and its lines."""
import logging
import os
import sys
import unittest.mock

import numpy as np
import scipy.sparse

import package
from package import Case, kin, kin_cli, two_matrices

sys.path.insert(0, os.path.join(package.ROOT, "docs/examples"))
import similarity_loop  # noqa: E402

N = 400
build = kin.build_sparse_similarity_matrix


class Result(Case):
    def setUp(self):
        super().setUp()
        self.text, self.image = two_matrices(N)

    def check(self, matrix, reference, scores):
        """The loop's rows up to ties, and its scores."""
        self.assertIsInstance(matrix, scipy.sparse.csr_matrix)
        self.assertEqual((matrix.shape, matrix.dtype), (reference.shape, np.float32))
        matrix.check_format(full_check=True)
        self.assertTrue(matrix.has_sorted_indices)
        self.assertFalse(matrix.diagonal().any())
        for row in range(reference.shape[0]):
            ours, theirs = matrix[row], reference[row]
            best = np.sort(theirs.data)[::-1]
            np.testing.assert_allclose(np.sort(ours.data)[::-1][:len(best)], best, rtol=0, atol=2e-6)
            np.testing.assert_allclose(ours.data, scores[row, ours.indices], rtol=0, atol=2e-6)
            certain = theirs.indices[theirs.data > best.min() + 4e-6]
            self.assertTrue(set(certain) <= set(ours.indices))

    def test_scores_where_vectors_are_zero(self):
        """Each row has the best scores of the loop's arithmetic, in which a zero vector's cosines are 0."""
        both = np.flatnonzero(self.text.any(1) & self.image.any(1))
        for text_weight, image_weight, top_k in ((0.6, 0.4, 30), (1.0, 2.5, 7)):
            matrix = build(self.text, self.image, top_k, text_weight=text_weight, image_weight=image_weight)
            scores = similarity_loop.scores(self.text, self.image, np.arange(N), text_weight, image_weight)
            np.fill_diagonal(scores, -np.inf)
            for row in both:
                self.assertEqual(matrix[row].nnz, top_k)
                best = np.sort(scores[row])[::-1][:top_k]
                np.testing.assert_allclose(np.sort(matrix[row].data)[::-1], best, rtol=0, atol=2e-6)

    def test_full_rows_are_the_loops(self):
        text, image = self.text.copy(), self.image.copy()
        text[~text.any(1)] = 1
        image[~image.any(1)] = 1
        self.check(build(text, image, 25), similarity_loop.build(text, image, 25),
                   similarity_loop.scores(text, image, np.arange(N)))
        self.check(build(text, None, 25), similarity_loop.build(text, None, 25),
                   similarity_loop.scores(text, None, np.arange(N)))

    def test_zero_vectors_score_zero(self):
        """An item without an image has 0.6 of its text's cosines, and one without anything has no row."""
        self.text[3] = self.image[3] = 0
        matrix = build(self.text, self.image, 10)
        self.assertEqual(matrix[3].nnz, 0)
        item = 5
        self.assertFalse(self.image[item].any())
        cosines = similarity_loop.scores(self.text, None, [item], 1, 0)[0]
        row = matrix[item]
        np.testing.assert_allclose(row.data, 0.6 * cosines[row.indices], rtol=0, atol=1e-6)
        nothing = build(np.zeros((5, 3), np.float32), None, 2)
        self.assertEqual((nothing.shape, nothing.nnz), ((5, 5), 0))

    def test_top_k_above_what_there_is(self):
        for top_k in (N - 1, N, 5000):
            matrix = build(self.text, self.image, top_k)
            self.assertEqual(matrix.shape, (N, N))
            self.assertLessEqual(np.diff(matrix.indptr).max(), N - 1)
        for name in ("m.npy", "m.fbin", "m.fvecs"):
            self.save(name, self.text[:9])
            self.assertEqual(np.diff(build(self.path(name)).indptr).max(), 8 - 1)  # row 0 is zero
        one = build(self.text[:1], self.image[:1])
        self.assertEqual((one.shape, one.nnz, one.dtype), ((1, 1), 0, np.float32))

    def test_inputs(self):
        expected = build(self.text, self.image, 20)
        for name, matrix in (("text", self.text), ("image", self.image)):
            self.save(name + ".npy", matrix)
        package.same_matrix(self, build(self.path("text.npy"), self.path("image.npy"), 20), expected)
        package.same_matrix(self, build(np.load(self.path("text.npy"), mmap_mode="r"), self.image, 20), expected)
        package.same_matrix(self, build(None, self.image, 20, image_weight=1), build(self.image, None, 20, text_weight=1))
        package.same_matrix(self, build(self.text, self.image, 20, image_weight=0), build(self.text, None, 20))

    def test_the_commands_graph(self):
        for name, matrix in (("text", self.text), ("image", self.image)):
            self.save(name + ".npy", matrix)
        self.ok("build", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4", "--missing", "zero",
                "--top-k", 20, "--out", "g")
        stored = scipy.sparse.load_npz(self.path("g", "graph.npz"))
        stored.sort_indices()
        package.same_matrix(self, build(self.text, self.image, 20), stored)

    def test_refused(self):
        self.raises(kin.UsageError, "neither", build, None)
        self.raises(kin.UsageError, "neither", build, self.text, text_weight=0)
        self.raises(TypeError, "no option 'topk'", build, self.text, topk=4)
        self.raises(kin.UsageError, "top_k: 'many'", build, self.text, None, "many")
        self.raises(kin.UsageError, "top-k", build, self.text, None, 0)
        self.raises(kin.DataError, "text: 1 dimensions", build, self.text[0])
        self.raises(kin.DataError, "400", build, self.text, self.image[1:])
        self.text[3, 1] = np.nan
        self.raises(kin.DataError, "text.*row 3", build, self.text, self.image)


class Environment(Case):
    def setUp(self):
        super().setUp()
        self.text, self.image = two_matrices(N)

    def run_with(self, *arguments, environment=None, **options):
        """(matrix, the options that kin.build was called with, lines of the log)"""
        called = {}
        inner = kin._dropin.build

        def spy(modalities, **settings):
            called.update(settings)
            return inner(modalities, **settings)

        with unittest.mock.patch.dict(os.environ, environment or {}), self.assertLogs("kin", logging.INFO) as logs, \
                unittest.mock.patch.object(kin._dropin, "build", spy):
            matrix = build(self.text, self.image, *arguments, **options)
        return matrix, called, [(record.levelname, record.getMessage()) for record in logs.records]

    def test_top_k(self):
        for environment, arguments, k in (
                ({}, (), 200), ({"SIMILARITY_TOP_K": "30"}, (), 30), ({"SIMILARITY_TOP_K": "30", "KIN_TOP_K": "40"}, (), 40),
                ({"KIN_TOP_K": " 40  # so many"}, (), 40), ({"KIN_TOP_K": "", "SIMILARITY_TOP_K": "30"}, (), 30),
                ({"KIN_TOP_K": "40"}, (50,), 50)):
            matrix, _, _ = self.run_with(*arguments, environment=environment)
            self.assertEqual(np.diff(matrix.indptr).max(), k, environment)

    def test_other_names(self):
        _, called, lines = self.run_with(5, environment={
            "KIN_ENGINE": "stream", "SIMILARITY_BATCH_SIZE": "77", "KIN_THREADS": "1", "KIN_MISSING": "renorm"})
        self.assertEqual((called["engine"], called["micro_batch"], called["threads"], called["missing"]),
                         ("stream", "77", "1", "renorm"))
        self.assertIn(("WARNING", "SIMILARITY_BATCH_SIZE is deprecated: use KIN_MICRO_BATCH"), lines)
        self.assertIn(("INFO", "Computing similarity in micro-batches (total=400, micro_batch_size=77, top_k=5)"), lines)
        _, called, lines = self.run_with(5, environment={
            "SIMILARITY_MICRO_BATCH_SIZE": "10", "SIMILARITY_BATCH_SIZE": "77"}, engine="stream")
        self.assertEqual(called["micro_batch"], "10")

    def test_unknown_names(self):
        _, _, lines = self.run_with(5, environment={"KIN_TOPK": "3", "SIMILARITY_ENGINE": "x", "KIN_LOG": "json"})
        warned = [line for level, line in lines if level == "WARNING"]
        self.assertEqual(len(warned), 2, warned)
        self.assertRegex("\n".join(sorted(warned)), "KIN_TOPK.*did you mean KIN_TOP_K.*\n.*SIMILARITY_ENGINE")

    def test_bad_values(self):
        for name, value, message in (("KIN_TOP_K", "many", "many"), ("KIN_ENGINE", "quick", "quick"),
                                     ("KIN_THREADS", "-3", "threads")):
            with unittest.mock.patch.dict(os.environ, {name: value}):
                self.raises(kin.UsageError, message, build, self.text, self.image)

    def test_nothing_else_reads_it(self):
        with unittest.mock.patch.dict(os.environ, {"KIN_ENGINE": "quick", "KIN_TOP_K": "many", "KIN_THREADS": "x"}):
            self.assertEqual(self.graph({"text": self.text}, 5).top_k, 5)

    def test_the_old_lines(self):
        matrix, _, lines = self.run_with(10)
        text = [line for _, line in lines]
        self.assertTrue(any(line.startswith("Computing similarity ") for line in text), text)
        progress = [line for line in text if line.startswith("Progress: ")]
        self.assertTrue(progress)
        self.assertEqual(progress[-1], "Progress: 400/400 items (100.0%)")
        for line in progress:
            self.assertRegex(line, r"^Progress: \d+/400 items \(\d+\.\d%\)$")
        self.assertEqual(text[-1], "Total items with neighbors: %d" % (np.diff(matrix.indptr) > 0).sum())

    def test_nothing_is_printed(self):
        done = self.python("""
            import kin, package
            text, image = package.two_matrices(300)
            kin.build_sparse_similarity_matrix(text, image, 10)
        """)
        self.assertEqual((done.stdout, done.stderr), ("", ""))


class Example(Case):
    def test_it_runs(self):
        path = os.path.join(package.ROOT, "docs/examples/replace_the_loop.py")
        done = self.python("""
            import runpy, sys
            sys.argv[1:] = ["--items", "600", "--rows", "50"]
            sys.path.insert(0, %r)
            runpy.run_path(%r, run_name="__main__")
        """ % (os.path.dirname(path), path), check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, "50 of 50 same rows")


if __name__ == "__main__":
    package.main()
