"""What kin build's manifest says of the vectors it was given (`vectors` of its modalities), against numpy."""
import numpy as np

import kin_cli
from kin_cli import Build, random_rows, read_json, same_files


def vectors_of(array):
    """norm_mean, mean_cosine and repeated_rows of the rows that are not zero, all pairs taken one by one."""
    used = array[(array != 0).any(axis=1)]
    x = used.astype(np.float32).astype(np.float64)
    n = len(x)
    norms = np.sqrt((x ** 2).sum(axis=1))
    unit = x / norms[:, None]
    cosines = unit @ unit.T
    return (norms.mean() if n else None,
            cosines[~np.eye(n, dtype=bool)].mean() if n > 1 else None,
            n - len({row.tobytes() for row in used}))


class Inputs(Build):
    def check(self, graph, name, array):
        entry = [m for m in graph.manifest["modalities"] if m["name"] == name][0]
        norm, cosine, repeated = vectors_of(array)
        self.assertEqual(sorted(entry["vectors"]), ["mean_cosine", "norm_mean", "repeated_rows"])
        self.assertEqual(entry["vectors"]["repeated_rows"], repeated)
        for key, value in (("norm_mean", norm), ("mean_cosine", cosine)):
            if value is None:
                self.assertIsNone(entry["vectors"][key])
            else:
                self.assertAlmostEqual(entry["vectors"][key], value, delta=1e-12 * max(1, value))

    def catalog(self):
        text, image = random_rows(700, 24, 1), 20 * random_rows(700, 33, 2) + 3
        text[10:60] = text[10]
        text[600] = text[5]
        text[100:120] = 0
        image[::50] = 0
        image[301] = image[299]
        return text, image

    def test_every_type(self):
        text, image = self.catalog()
        for number, (dtype, other, ending) in enumerate((
                ("<f4", "<f2", ".npy"), ("<f8", "<f4", ".npy"), ("<f2", "i1", ".i8bin"))):
            vectors = {"text": text.astype(dtype), "image": np.round(image).astype(other)
                       if other == "i1" else image.astype(other)}
            graph, _ = self.build(vectors, {"text": 0.6}, "--top-k", 5, out="g%d" % number,
                                  endings={"image": ending})
            for name, array in vectors.items():
                self.check(graph, name, array)
            self.assertGreater(vectors_of(vectors["text"])[2], 49)

    def test_every_engine(self):
        text, image = self.catalog()
        for engine in ("stream", "exact", "join", "hnsw"):
            graph, _ = self.build({"text": text, "image": image}, {}, "--top-k", 5, "--engine",
                                  engine, out=engine)
            self.check(graph, "text", text)
            self.check(graph, "image", image)
            self.ok("verify", engine)

    def test_null_where_there_is_none(self):
        rows = random_rows(20, 4, 1)
        none, one = np.zeros_like(rows), np.zeros_like(rows)
        one[7] = rows[7]
        graph, _ = self.build({"rows": rows, "none": none, "one": one}, {}, "--top-k", 5)
        for name, array in (("rows", rows), ("none", none), ("one", one)):
            self.check(graph, name, array)
        self.assertEqual([m["vectors"]["norm_mean"] is None for m in graph.manifest["modalities"]],
                         [False, True, False])

    def test_threads_do_not_matter(self):
        text, image = self.catalog()
        first = None
        for threads in (1, 2, 5):
            self.build({"text": text, "image": image}, {"text": 0.6}, "--top-k", 5, "--threads",
                       threads, out="t%d" % threads)
            first = first or self.path("t%d" % threads)
            same_files(self, first, self.path("t%d" % threads))

    def test_only_a_graph_has_them(self):
        self.save("a.npy", random_rows(300, 8, 1))
        self.ok("index", "--modality", "a=a.npy", "--out", "x")
        self.assertNotIn("vectors", read_json(self.path("x", "manifest.json"))["modalities"][0])


if __name__ == "__main__":
    kin_cli.main()
