"""graph.npz as SciPy, zipfile and numpy read it, and the files that --arrays writes beside it."""
import shutil
import zipfile

import numpy as np
import scipy.sparse

import kin_cli
from kin_cli import Build, random_rows, read_bytes, read_json

N, K = 400, 20


def two_modalities():
    """Text and image; items that lack one or both."""
    text, image = random_rows(N, 24, 1), random_rows(N, 33, 2)
    text[5] = text[333] = image[333] = 0
    image[N - 40:] = 0
    return {"text": text, "image": image}


class Arrays(Build):
    def test_npz(self):
        vectors = two_modalities()
        for order in ("score", "column"):
            graph, _ = self.build(vectors, {}, "--top-k", K, "--row-order", order, out=order)
            matrix = scipy.sparse.load_npz(self.path(order, "graph.npz"))
            self.assertEqual(matrix.format, "csr")
            self.assertEqual(matrix.shape, (N, N))
            self.assertEqual(matrix.dtype, np.float32)
            self.assertEqual(matrix.indices.dtype, np.int32)
            self.assertEqual(matrix.indptr.dtype, np.int32)
            self.assertTrue((matrix.indices == graph.indices).all())
            self.assertTrue((matrix.indptr == graph.indptr).all())
            self.assertTrue((matrix.data == graph.data).all())
            matrix.has_sorted_indices = False  # ask again, from the arrays
            del matrix._has_sorted_indices
            self.assertEqual(bool(matrix.has_sorted_indices), order == "column")
            with zipfile.ZipFile(self.path(order, "graph.npz")) as archive:
                self.assertIsNone(archive.testzip())
                for member in archive.infolist():
                    self.assertEqual(kin_cli.member_place(self.path(order, "graph.npz"), member.filename)[0] % 64, 0)
                    self.assertEqual(member.date_time, (1980, 1, 1, 0, 0, 0))
                    self.assertEqual(member.compress_type, zipfile.ZIP_STORED)

    def test_arrays(self):
        """The members of graph.npz once more, as files."""
        vectors = two_modalities()
        for order in ("score", "column"):
            self.build(vectors, {}, "--top-k", K, "--row-order", order, out="one")
            self.build(vectors, {}, "--top-k", K, "--row-order", order, "--arrays", out="both")
            self.assertEqual(read_bytes(self.path("one", "graph.npz")),
                             read_bytes(self.path("both", "graph.npz")))
            with zipfile.ZipFile(self.path("both", "graph.npz")) as archive:
                for name in ("indptr.npy", "indices.npy", "data.npy"):
                    self.assertEqual(archive.read(name), read_bytes(self.path("both", name)))
            for folder in ("one", "both"):
                self.ok("verify", folder)
            self.ok("compare", "one", "--reference", "both", "--json", "same.json")
            self.assertEqual(read_json(self.path("same.json"))["recall"]["tie_aware"]["mean"], 1)
            shutil.rmtree(self.path("one"))
            shutil.rmtree(self.path("both"))


if __name__ == "__main__":
    kin_cli.main()
