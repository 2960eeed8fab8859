"""The same bytes whatever the threads, the memory budget, the micro-batch and the repetition: every
file equal, but for the manifest's run object."""
import os

import kin_cli
from kin_cli import Case, random_rows, read_bytes, same_files

N, K = 1500, 25


class SameBytes(Case):
    def setUp(self):
        super().setUp()
        text, image = random_rows(N, 40, 1, clusters=30), random_rows(N, 56, 2, clusters=30)
        text[100:180] = text[100]
        image[150:160] = image[150]
        text[::97] = 0
        image[::89] = 0
        self.save("text.npy", text)
        self.save("image.npy", image)
        self.text("ids", "".join("id-%d\n" % i for i in range(N)))

    def build(self, out, *arguments, k=K):
        self.ok("build", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4",
                "--ids", "ids", "--top-k", k, "--out", out, *arguments)
        return self.path(out)

    def check(self, name, common, variants):
        first = None
        for number, variant in enumerate(variants):
            with self.subTest(engine=name, variant=variant):
                folder = self.build("%s-%d" % (name, number), *common, *variant)
                first = first or folder
                same_files(self, first, folder)

    threads = [["--threads", count] for count in (1, 2, 3, 7)]

    def test_stream(self):
        self.check("stream", ["--engine", "stream", "--micro-batch", 64],
                   self.threads + [["--threads", 2], ["--memory", "40M"], ["--memory", "4G"]])

    def test_stream_defaults(self):
        self.check("stream", ["--engine", "stream"], self.threads)

    def test_exact(self):
        self.check("exact", ["--engine", "exact"], self.threads + [["--memory", "4G"]])

    def test_exact_blocks(self):
        """Budgets below what the whole takes: fewer places for candidates, then blocks of rows."""
        def facts(folder):
            return kin_cli.read_json(os.path.join(folder, "manifest.json"))["run"]["exact"]

        k = 400
        first = self.build("whole", "--engine", "exact", k=k)
        self.assertEqual(facts(first)["blocks"], 1)
        for threads in (1, 3):
            budget, blocks = facts(first)["plan_bytes"], []
            while not blocks or blocks[-1] < 3:
                budget -= budget // 8
                out = "b%d-%d" % (threads, len(blocks))
                folder = self.build(out, "--engine", "exact", "--threads", threads, "--memory",
                                    "%dK" % (budget // 1024), k=k)
                same_files(self, first, folder)
                blocks.append(facts(folder)["blocks"])
            self.assertIn(2, blocks)

    def test_join(self):
        self.check("join", ["--engine", "join"],
                   self.threads + [["--threads", 2], ["--memory", "200M"], ["--memory", "8G"]])

    def test_ivf(self):
        for number, options in enumerate(([], ["--index-space", "fused"], ["--project", 16])):
            self.check("ivf%d" % number, ["--engine", "ivf", *options], self.threads + [["--memory", "200M"]])

    def test_hnsw_single_thread(self):
        """More threads build another HNSW graph; one thread has to repeat itself."""
        for number, options in enumerate(([], ["--index-space", "fused"], ["--project", 16])):
            self.check("hnsw%d" % number, ["--engine", "hnsw", "--threads", 1, *options], [[], []])

    def test_hnsw_of_an_index(self):
        """Once it is built, it is searched alike by any number of threads."""
        for number, options in enumerate(([], ["--index-space", "fused"], ["--project", 16])):
            index = "index%d" % number
            self.ok("index", "--modality", "text=text.npy:0.6", "--modality",
                    "image=image.npy:0.4", "--type", "hnsw", "--out", index, *options)
            self.check("of" + index, ["--index", index],
                       self.threads + [["--memory", "200M"], ["--memory", "8G"]])

    def test_micro_batches(self):
        """The micro-batch is an option of the result's record, not of the result."""
        first = self.build("m0", "--engine", "stream", "--threads", 2)
        for batch in (1, 7, 64, 1000, N, 4 * N):
            folder = self.build("m%d" % batch, "--engine", "stream", "--micro-batch", batch)
            for name in sorted(os.listdir(first)):
                if name != "manifest.json":
                    self.assertTrue(read_bytes(os.path.join(first, name)) ==
                                    read_bytes(os.path.join(folder, name)), "%d %s" % (batch, name))

    def test_thread_defaults(self):
        """OMP_NUM_THREADS counts where --threads is left out."""
        first = self.build("one", "--engine", "stream", "--threads", 1)
        self.ok("build", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4",
                "--ids", "ids", "--top-k", K, "--out", "omp", "--engine", "stream",
                env={"OMP_NUM_THREADS": "1"})
        same_files(self, first, self.path("omp"))
        manifest = kin_cli.read_json(self.path("omp", "manifest.json"))
        self.assertEqual(manifest["run"]["threads"], 1)

    def test_thread_limit(self):
        """OMP_THREAD_LIMIT below what is asked for: fewer threads, not a wait for ever."""
        for engine in ("stream", "join"):
            free = self.build("free-" + engine, "--engine", engine)
            result = self.kin("build", "--modality", "text=text.npy:0.6", "--modality",
                              "image=image.npy:0.4", "--ids", "ids", "--top-k", K, "--engine",
                              engine, "--threads", 4, "--out", "limited-" + engine,
                              env={"OMP_THREAD_LIMIT": "1"})
            self.assertEqual(result.code, 0, result.err)
            same_files(self, free, self.path("limited-" + engine))

    def test_column_order(self):
        self.check("column", ["--engine", "join", "--row-order", "column"], self.threads)

    def test_seeds(self):
        """Another seed is another clustering; the same one is the same."""
        for out, seed in (("s1", 1), ("s1again", 1), ("s2", 2)):
            self.ok("index", "--modality", "text.npy", "--type", "ivf", "--lists", 30, "--seed", seed,
                    "--out", out)
        same_files(self, self.path("s1"), self.path("s1again"))
        self.assertNotEqual(read_bytes(self.path("s1", "text.faiss")),
                            read_bytes(self.path("s2", "text.faiss")))


if __name__ == "__main__":
    kin_cli.main()
