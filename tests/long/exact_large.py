"""100,000 synthetic items of 384 + 512 dimensions: `exact` within a budget of 1 GiB and within its
own plan, and the files of `stream`, byte for byte.

Takes about five minutes on two cores."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "cli"))
import kin_cli  # noqa: E402
from kin_cli import Case, Graph  # noqa: E402

N, K = 100000, 200
MEMORY = 1 << 30
SLACK = 64 << 20  # of what no plan counts: code, stacks, buffers of BLAS


class Large(Case):
    def build(self, engine):
        self.ok("build", "--modality", "text=catalog/text.npy:0.6", "--modality",
                "image=catalog/image.npy:0.4", "--ids", "catalog/ids.txt", "--top-k", K, "--engine",
                engine, "--memory", MEMORY, "--out", engine)
        graph = Graph(self.path(engine))
        run = graph.manifest["run"]
        print("%s: %.0f s, peak %.0f MiB" % (engine, run["seconds_total"],
                                             run["peak_memory_bytes"] / 2 ** 20))
        self.assertLess(run["peak_memory_bytes"], MEMORY * 1.05 + SLACK)
        return graph

    def test_large(self):
        self.ok("gen", "--items", N, "--modality", "text=384", "--modality", "image=512", "--seed",
                5, "--out", "catalog")
        exact = self.build("exact")
        kin_cli.assert_shape(self, exact, K)
        self.assertIs(exact.manifest["certified"], True)
        facts = exact.manifest["run"]["exact"]
        print("exact: planned %.0f MiB, %d blocks, a row has %.0f pairs refined and %.0f scored in "
              "full" % (facts["plan_bytes"] / 2 ** 20, facts["blocks"],
                        facts["refined_per_row"], facts["scored_in_full_per_row"]))
        self.assertLessEqual(facts["plan_bytes"], MEMORY)
        self.assertLess(exact.manifest["run"]["peak_memory_bytes"],
                        facts["plan_bytes"] * 1.05 + SLACK)

        stream = self.build("stream")
        self.assertNotIn("certified", stream.manifest)
        names = ["graph.npz", "ids.txt"]
        names += ["scores_%s.npy" % name for name in stream.names]
        for name in names:
            self.assertTrue(kin_cli.read_bytes(self.path("exact", name)) ==
                            kin_cli.read_bytes(self.path("stream", name)), name + " differs")
        for folder in ("exact", "stream"):
            self.ok("verify", folder)


if __name__ == "__main__":
    if kin_cli.SANITIZED:
        kin_cli.skip_script("a sanitized build is too slow for 100,000 items")
    kin_cli.main()
