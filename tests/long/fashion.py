"""The engines that take minutes on a real catalog, against its truth (cli/fashion_truth.py)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import fashion_truth  # noqa: E402
from kin_cli import read_bytes  # noqa: E402


class Fashion(fashion_truth.FashionCase):
    def test_stream(self):
        """The baseline; and what `exact` proves is the same to the byte."""
        self.check_proven(self.build("stream"))
        self.build("exact")
        for name in ("graph.npz", "scores_text.npy", "scores_image.npy"):
            self.assertEqual(read_bytes(self.path("stream", name)), read_bytes(self.path("exact", name)), name)

    def test_hnsw(self):
        self.check_recall(self.build("hnsw"), "hnsw")


if __name__ == "__main__":
    fashion_truth.main()
