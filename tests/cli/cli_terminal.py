"""What reaches a terminal: no control character of a name, an id, a title, an option value or a manifest, and no line
that data began."""
import json
import os

import kin_cli
from kin_cli import Case, Graph, random_rows, read_json

N, K = 300, 10
# ESC, BEL, C1 as UTF-8 (CSI, NEL), DEL, ends of lines, a turned direction, and the CSI of a
# terminal of 8 bits.
TEXT = "e\x1b[31m\x07\u009b2J\u0085\x7f\r\nforged \u2028\u202e"
EVIL = TEXT + "\udc9b" # as an argument this is the byte 0x9b
BAD = set(range(0x20)) - {0x0a} | set(range(0x7f, 0xa0)) | {0x2028, 0x2029} | set(range(0x202a, 0x202f)) | set(
    range(0x2066, 0x206a))


class Terminal(Case):
    def check(self, result, tabs=False):
        """Whatever the command did, what it said is plain text on lines that kin began."""
        said = 0
        for text in (result.out, result.err):
            said += "[31m" in text
            bad = {c for c in text if ord(c) in BAD and not (tabs and c == "\t") or "\udc80" <= c <= "\udcff"}
            self.assertFalse(bad, text)
            for line in text.splitlines():
                self.assertFalse(line.startswith("forged"), text)
        return said

    def plain(self, *arguments, code=0, env=None, tabs=False, said=True):
        result = self.kin(*arguments, env=env)
        self.assertEqual(result.code, code, str(result))
        if self.check(result, tabs) == 0:
            self.assertFalse(said, "what was hostile was to be printed: %s" % result)
        return result

    def setUp(self):
        super().setUp()
        os.mkdir(self.path(TEXT))
        for m, name in enumerate(("text", "image")):
            self.save(os.path.join(TEXT, name + ".npy"), random_rows(N, 12 + m, m))
        self.modalities = ["--modality", "text=%s/text.npy:.6" % TEXT, "--modality", "image=%s/image.npy:.4" % TEXT]

    def build(self, out, *more):
        return self.plain("build", *self.modalities, "--top-k", K, "--out", out, *more, said=False)

    def spoil(self, directory):
        """Texts of the manifest that name nothing, and the names of the modalities."""
        path = self.path(directory, "manifest.json")
        manifest = read_json(path)
        manifest["engine"] = TEXT
        manifest["options"][TEXT] = TEXT
        manifest["run"].update(started=TEXT, host=TEXT, items_source=TEXT)
        manifest["run"]["sources"] = {}
        for m, modality in enumerate(manifest["modalities"]):
            name = "%d\x1b[31m\u009b\r\nforged" % m
            os.rename(self.path(directory, "scores_%s.npy" % modality["name"]),
                      self.path(directory, "scores_%s.npy" % name))
            modality["name"] = name
            modality["file"] = TEXT
        with open(path, "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        return manifest

    def test_names_of_files(self):
        graph, index = EVIL + "g", EVIL + "i"
        self.build(graph)
        self.plain("info", TEXT)
        self.plain("info", os.path.join(TEXT, "text.npy"))
        self.plain("info", graph)
        self.plain("verify", graph, said=False)
        self.plain("compare", graph, "--sample", "50", "--seed", "3")
        self.plain("compare", graph, "--reference", graph, "--previous", graph)
        self.plain("show", graph, "--out", EVIL + ".html")
        self.plain("show", graph, "--out", EVIL + ".html", code=73)
        self.plain("why", graph, "1", "2", said=False)
        self.plain("plan", *self.modalities, "--out", graph)
        self.plain("sweep", *self.modalities, "--rows", "20", "--engine", "all", "--top-k", "3")
        self.plain("index", *self.modalities, "--type", "hnsw", "--out", index)
        self.plain("gen", "--items", "300", "--modality", "a=8", "--out", EVIL + "c")
        self.plain("build", *self.modalities, "--top-k", K, "--out", graph, code=73)
        self.plain("build", *self.modalities, "--ids", EVIL + ".txt", "--out", "other", code=66)

    def test_texts_of_a_catalog(self):
        """ids and titles, as far as kin takes them."""
        title = "e\x1b[31m\x07\u009b2J\x7f\u2028\u202e"
        self.text("items.tsv", "id\ttitle\tcategory\t%s\n" % title + "".join(
            "n%d\t%s\t%s\t%s\n" % (i, title, title, title + str(i % 3)) for i in range(N)))
        self.build("g", "--items", "items.tsv")
        lines = ["n%d\x1b[31m\u009b" % i for i in range(N)]
        self.plain("show", "g")
        self.plain("why", "g", "n1", "n2")
        self.plain("compare", "g", "--sample", "50", "--stratify", title)
        self.ok("index", *self.modalities, "--type", "hnsw", "--out", "i")
        for directory in ("g", "i"):
            self.text(directory + "/ids.txt", "\n".join(lines) + "\n")
        for arguments in (["show", "g"], ["show", "g", "--item", lines[3]], ["why", "g", lines[1], lines[2]],
                          ["info", "g"], ["query", "i", "--item", lines[1]], ["compare", "g", "--sample", "50"]):
            self.check(self.kin(*arguments), tabs=arguments[0] == "query")

    def test_texts_of_a_manifest(self):
        self.build("g")
        self.spoil("g")
        self.plain("show", "g")
        self.plain("info", "g")
        self.plain("why", "g", "1", "2")
        self.plain("compare", "g", "--reference", "g", "--previous", "g")
        self.check(self.kin("verify", "g"))
        self.plain("show", "g", *self.modalities, code=65)

    def test_values_of_options(self):
        """Every refusal says what it refuses, and of the environment too."""
        self.plain(EVIL, code=2)
        self.plain("build", "--" + EVIL, code=2)
        self.plain("build", "--top-k", EVIL, code=2)
        self.plain("build", "--engine", EVIL, code=2)
        self.plain("build", "--memory", EVIL, code=2)
        self.plain("build", "--modality", EVIL, "--out", "g", code=2)
        self.plain("build", "--modality", "text=" + EVIL, "--out", "g", code=66)
        self.plain("show", "one", EVIL, code=2)
        self.plain("show", EVIL, code=66)
        self.plain("doctor", env={"KIN_X" + EVIL: "1"})
        self.plain("doctor", "--threads", "1", env={"KIN_THREADS": "1", "OMP_NUM_THREADS": EVIL}, said=False)
        self.plain("build", env={"KIN_TOP_K": EVIL}, code=2)

    def test_json(self):
        """With --log json each line is an object, whatever the names are; so is a document on stdout."""
        graph = EVIL + "g"
        result = self.kin("build", *self.modalities, "--top-k", K, "--out", graph, "--log", "json")
        self.assertEqual(result.code, 0, str(result))
        refused = self.kin("show", EVIL + "gone", "--log", "json")
        self.assertEqual(refused.code, 66, str(refused))
        for said in (result, refused):
            self.check(said)
            for line in said.err.splitlines():
                self.assertIn("message", json.loads(line))
        self.spoil(graph)
        for command in ("info", "compare"):
            more = ["--reference", graph] if command == "compare" else []
            document = self.kin(command, graph, *more, "--json", "-")
            self.assertEqual(document.code, 0, str(document))
            self.assertFalse(set(map(ord, document.out)) & (set(range(0x7f, 0xa0)) | {0x1b}), str(document))
            json.loads(document.out)


if __name__ == "__main__":
    kin_cli.main()
