"""What README and the documents say to type works as it stands, on the first night and on every night after it."""
import os
import re
import subprocess

import kin_cli
from kin_cli import Case, Graph, random_rows

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
N = 2100


def blocks(name):
    """The code blocks of a document in which kin is called, as scripts."""
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        found = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", file.read())
    return [block for language, block in found if not language and re.search(r"(?m)^kin [a-z]+ ", block)]


class Typed(Case):
    def setUp(self):
        super().setUp()
        self.night(0)
        self.text("ids.txt", "".join("n%d\n" % i for i in range(N)))

    def night(self, number):
        """Vectors that change a little from night to night."""
        for m, name in enumerate(("text", "image")):
            rows = random_rows(N, 20 + m, m)
            rows[:20] += number
            self.save(name + ".npy", rows)

    def type(self, script):
        with_kin = "kin() { \"$BINARY\" \"$@\"; }\n" + script
        done = subprocess.run(["bash", "-c", with_kin], cwd=self.dir, check=False, stdin=subprocess.DEVNULL,
                              env=kin_cli.clean_environment({"BINARY": kin_cli.KIN}), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        said = (done.stdout + done.stderr).decode(errors="replace")
        self.assertEqual(done.returncode, 0, script + said)
        self.assertNotIn("ERROR", said, script)
        self.nothing_left()
        return said

    def test_nights(self):
        scripts = blocks("README.md")
        self.assertGreaterEqual(len(scripts), 2)
        self.assertTrue(any("--previous" in script for script in scripts))
        for night in range(2):
            self.night(night)
            said = "".join(self.type(script) for script in scripts)
            self.assertTrue(os.path.exists(self.path("report.html")))
            self.assertIn("drift", said)
        self.assertEqual(Graph(self.path("graph")).n, N)

    def test_the_script_alone(self):
        """The nightly one from an empty folder: first without, then with a graph to compare with."""
        script = next(script for script in blocks("README.md") if "--previous" in script)
        self.assertNotIn("drift ", self.type(script))
        self.night(1)
        self.assertRegex(self.type(script), r"drift +0\.0*[1-9]")
        self.assertEqual(sorted(name for name in os.listdir(self.dir) if "." not in name), ["graph", "yesterday"])

    def test_another_tools_graph(self):
        self.type(blocks("README.md")[0])
        graph = Graph(self.path("graph"))
        k = graph.manifest["options"]["top_k"]
        rows = graph.indices.reshape(N, k)
        kin_cli.np.hstack([kin_cli.np.full((N, 1), k), rows]).astype("<i4").tofile(self.path("faiss.ivecs"))
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            command = re.search(r"`(kin compare faiss[^`]*)`", file.read()).group(1)
        self.assertIn("recall@200", self.type(command))

    def test_documents(self):
        """Twice, as a reader would who comes back."""
        for name in ("docs/PLAN.md", "docs/SWEEP.md"):
            for script in blocks(name):
                script = script.replace("kin sweep", "kin sweep --items 300 --rows 60 --engine join --top-k 10")
                for _ in range(2):
                    self.type(script)

    def test_refusals_name_what_was_given(self):
        """No hint speaks of an option that has nothing to do with the fault."""
        self.type(blocks("README.md")[0])
        for option in ("--prom", "--json", "--out"):
            result = self.kin("compare", "graph", "--sample", "50", option, "gone/file")
            self.check_refusal(result, 73, "gone/file", "make the parent folder, or choose another path$")
        for command in (["info", "graph"], ["why", "graph", "n1", "n2"], ["query", "graph", "--item", "n1"],
                        ["plan", "--modality", "text.npy"], ["sweep", "--modality", "text.npy"]):
            self.check_refusal(self.kin(*command, "--json", "gone/file"), 73, "gone/file", "choose another path$")
        self.refused(66, "yesterday", "compare", "graph", "--sample", "50", "--previous", "yesterday",
                     hint="leave --previous away")


if __name__ == "__main__":
    kin_cli.main()
