"""The engines that take seconds on a real catalog, against its truth (fashion_truth.py).

`stream`, whose rows `exact` has to repeat to the byte, and `hnsw` take minutes: long/fashion.py."""
import fashion_truth


class Fashion(fashion_truth.FashionCase):
    def test_exact(self):
        self.check_proven(self.build("exact"))

    def test_join(self):
        self.check_recall(self.build("join"), "join")


if __name__ == "__main__":
    fashion_truth.main()
