"""Commands that kin suggests can be copied into a shell as they stand, whatever the names in them."""
import html
import os
import re
import subprocess

import kin_cli
from kin_cli import Case, random_rows, read_json

N = 300
NAMES = ["plain", "two words", "it's \"quoted\"", "$HOME `id` $(touch owned)", "-dash", "--out", "a\nb", "tab\t\x1b[31m",
         "*?[a]{b,c}~#;|&<>()!", "back\\slash", "\udcff\udc9b", "\u202eturned"]


class Next(Case):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("work"))
        self.work = self.path("work")
        for m, name in enumerate(("text", "image")):
            kin_cli.np.save(self.path("work", name + ".npy"), random_rows(N, 12 + m, m))

    def run_kin(self, *arguments):
        return self.ok(*arguments, cwd=self.work)

    def type(self, command):
        """In a shell that knows no more of kin than its name. Nothing but kin's output appears."""
        script = "kin() { \"$BINARY\" \"$@\"; }\n" + command + "\n"
        environment = kin_cli.clean_environment({"BINARY": kin_cli.KIN})
        done = subprocess.run(["bash", "-c", script.encode("utf-8", "surrogateescape")], cwd=self.work,
                              env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        said = "%r\n%r\n%r" % (command, done.stdout[-1000:], done.stderr[-1000:])
        self.assertEqual(done.returncode, 0, said)
        self.assertFalse(os.path.exists(self.path("work", "owned")), said)
        return done.stdout.decode(errors="surrogateescape")

    def suggested(self, result):
        lines = [line for line in result.lines() if line.startswith("Next: ")]
        self.assertEqual(len(lines), 1, str(result))
        return lines[0][len("Next: "):]

    def modalities(self):
        return ["--modality", "text=text.npy:.6", "--modality", "image=image.npy:.4", "--top-k", "10"]

    def test_build(self):
        """To look at a graph, and to evaluate an approximate one."""
        for i, name in enumerate(NAMES):
            engine = ["exact", "join"][i % 2]
            command = self.suggested(self.run_kin("build", *self.modalities(), "--engine", engine, "--out=" + name))
            self.assertRegex(command, "^kin (show|compare) ")
            self.type(command)
            page = self.path("work", "similar.html")
            self.assertEqual(os.path.exists(page), engine == "exact")
            if engine == "exact":
                os.unlink(page)

    def test_index(self):
        """The suggested query is for the first item, however it is called."""
        for name, number in zip(NAMES, range(len(NAMES))):
            first = "".join(c for c in name if c.isprintable()) or "plain" # what an id may be
            with open(self.path("work", "ids.txt"), "w", encoding="utf-8") as file:
                file.write(first + "\n" + "".join("n%d\n" % i for i in range(1, N)))
            result = self.run_kin("index", *self.modalities()[:4], "--type", "hnsw", "--ids", "ids.txt", "--links", "4",
                                  "--out=" + name + "x")
            out = self.type(self.suggested(result))
            self.assertEqual(out.splitlines()[1].split("\t")[0], first)
            self.assertEqual(len(out.splitlines()), 11, number)

    def test_index_of_few(self):
        for m, name in enumerate(("text", "image")):
            kin_cli.np.save(self.path("work", name + ".npy"), random_rows(5, 12 + m, m))
        command = self.suggested(self.run_kin("index", *self.modalities()[:4], "--type", "hnsw", "--out", "i"))
        self.assertEqual(len(self.type(command).splitlines()), 5)

    def test_index_of_the_join(self):
        """No query but the build that it is for, which need not tune again."""
        again = "tuning again"
        with open(self.path("work", "some ids.txt"), "w", encoding="utf-8") as file:
            file.write("".join("n%d\n" % i for i in range(N)))
        options = ([], ["--top-k", 1000], ["--ids", "some ids.txt", "--missing", "drop"],
                   ["--target-recall", 0.9, "--seed", 5])
        for i, name in enumerate(NAMES):
            result = self.run_kin("index", *self.modalities()[:4], "--type", "join", *options[i % 4], "--out=" + name + "x")
            command = self.suggested(result)
            self.assertRegex(command, "^kin build --engine join --index[ =].* --modality text=text.npy:.6 --modality ")
            self.type(command + " --force 2> log")
            with open(self.path("work", "log"), encoding="utf-8") as file:
                self.assertNotIn(again, file.read(), command)
            graph = read_json(self.path("work", "graph", "manifest.json"))
            self.assertEqual((graph["engine"], graph["options"]["top_k"]), ("join", [200, N - 1][i % 4 == 1]))
            index = read_json(self.path("work", name + "x", "manifest.json"))["options"]
            for option in ("ids", "missing", "target_recall", "seed"):
                self.assertEqual(graph["options"][option], index[option], option)

    def test_gen(self):
        for name in NAMES:
            result = self.run_kin("gen", "--items", "300", "--modality", "a=8", "--modality", "b=8", "--out=" + name)
            self.type(self.suggested(result) + " --top-k 10 --force")
            manifest = read_json(self.path("work", "graph", "manifest.json"))
            self.assertEqual([modality["name"] for modality in manifest["modalities"]], ["a", "b"])
            self.assertIsNotNone(manifest["ids"])

    def of_page(self):
        """The command on the page, which is typed as it stands there."""
        with open(self.path("work", "p.html"), encoding="utf-8") as page:
            typed = html.unescape(re.search("(?s)<pre>(.*?)</pre>", page.read()).group(1))
        self.type(typed + " --force")
        return re.sub(r" \\\n +", " ", typed)

    def test_sweep(self):
        """The table's command and the document's are the page's."""
        for name in NAMES[2], NAMES[6], NAMES[-2]:
            file = name + ".npy"
            kin_cli.np.save(self.path("work", "v.npy"), random_rows(N, 12, 1))
            os.rename(self.path("work", "v.npy"), self.path("work", file))
            sweep = ["sweep", "--modality", "text=" + file + ":.5", "--top-k", "5", "--rows", "100", "--engine", "all",
                     "--out", "p.html", "--force"]
            result = self.run_kin(*sweep)
            command = next(line.strip() for line in result.out.splitlines() if line.startswith("  kin build "))
            self.type(command)
            self.assertEqual(self.of_page(), command)
            self.run_kin(*sweep, "--json", "s.json")
            document = read_json(self.path("work", "s.json"))
            if document["answer"]:
                self.assertEqual(self.of_page(), document["answer"]["command"])
            kin_cli.shutil.rmtree(self.path("work", "graph"))

    def test_long_names(self):
        """No suggested line is cut."""
        folder = self.path("work", *["x" * 200] * 8)
        os.makedirs(folder)
        self.type(self.suggested(self.run_kin("build", *self.modalities(), "--out", folder + "/g")))


if __name__ == "__main__":
    kin_cli.main()
