"""kin query GRAPH: the stored rows of items, as they lie in the graph's files; what is for indexes only is refused."""
import json
import os
import shutil

import kin_cli
import numpy as np
from kin_cli import Case, Graph, random_rows

N, K = 300, 15


class Query(Case):
    def setUp(self):
        super().setUp()
        text, image = random_rows(N, 12, 1), random_rows(N, 16, 2)
        image[5:9] = 0
        text[7] = 0
        self.save("text.npy", text)
        self.save("image.npy", image)
        self.text("ids.txt", "".join("id-%d\n" % i for i in range(N)))
        self.modalities = ["--modality", "text=text.npy:.6", "--modality", "image=image.npy:.4", "--ids", "ids.txt"]
        self.ok("build", *self.modalities, "--top-k", K, "--out", "g")

    def answers(self, *arguments):
        return json.loads(self.ok("query", *arguments, "--json", "-").out)

    def test_stored_rows(self):
        self.ok("build", *self.modalities, "--top-k", K, "--row-order", "column", "--out", "c")
        graph = Graph(self.path("g"))
        rows = (0, 5, 6, 299, 0)
        items = [word for row in rows for word in ("--item", "id-%d" % row)]
        for name in ("g", "c"):
            for k in (1, 4, K):
                document = self.answers(name, *items, "--top-k", k)
                self.assertEqual(list(document), ["graph", "top_k", "queries"])
                self.assertEqual((document["graph"], document["top_k"], len(document["queries"])), (name, k, len(rows)))
                for answer, row in zip(document["queries"], rows):
                    near, scores = graph.row(row)
                    found = answer["neighbors"]
                    self.assertEqual(answer["query"], "id-%d" % row)
                    self.assertEqual([entry["row"] for entry in found], near[:k].tolist())
                    self.assertEqual([entry["id"] for entry in found], ["id-%d" % i for i in near[:k]])
                    self.assertEqual([np.float32(entry["score"]) for entry in found], scores[:k].tolist())
                    for modality in graph.names:
                        stored = graph.cosines[modality][graph.indptr[row]:][:k].astype(float)
                        self.assertEqual([entry["cosine"][modality] for entry in found],
                                         [None if np.isnan(value) else value for value in stored])

    def test_table(self):
        """The same lines as of an index; stored cosines have three digits."""
        lines = self.ok("query", "g", "--item", "id-12", "--top-k", 4).out.splitlines()
        self.assertEqual(lines[0], "query\trank\tid\tscore\ttext\timage")
        self.assertEqual([line.split("\t")[:2] for line in lines[1:]], [["id-12", str(rank)] for rank in range(1, 5)])
        self.assertRegex(lines[1], r"\t0\.\d{6}\t-?0\.\d{3}\t-?0\.\d{3}$")
        self.ok("build", "--modality", "text.npy", "--top-k", 3, "--missing", "renorm", "--out", "one")
        line = self.ok("query", "one", "--item", "12").out.splitlines()[1].split("\t")
        self.assertEqual(line[3], line[4], "of an only modality it is the score")

    def test_top_k(self):
        """Ten where nothing is said, or all that are stored; never more than that."""
        self.assertEqual(self.answers("g", "--item", "id-1")["top_k"], 10)
        self.ok("build", *self.modalities, "--top-k", 4, "--out", "few")
        document = self.answers("few", "--item", "id-1")
        self.assertEqual((document["top_k"], len(document["queries"][0]["neighbors"])), (4, 4))
        self.refused(65, "^top-k 5, but few stores 4 an item$", "query", "few", "--item", "id-1", "--top-k", 5,
                     hint="larger one, or ask an index")
        self.refused(2, "--top-k 0", "query", "few", "--item", "id-1", "--top-k", 0)

    def test_json_file(self):
        self.assertEqual(self.ok("query", "g", "--item", "id-1", "--json", "a.json").out, "")
        self.assertEqual(kin_cli.read_json(self.path("a.json")), self.answers("g", "--item", "id-1"))

    def test_short_rows(self):
        result = self.ok("query", "g", "--item", "id-7", "--item", "id-1", "--top-k", K)
        self.assertEqual(result.lines("WARNING"), ["1 of 2 items has fewer than %d neighbours: the graph stores no more" % K])
        self.assertEqual(len(result.out.splitlines()), 1 + K)
        alone = self.ok("query", "g", "--item", "id-7")
        self.assertEqual(alone.out, "query\trank\tid\tscore\ttext\timage\n")

    def test_without_vectors(self):
        """A graph is asked alone."""
        for name in ("text.npy", "image.npy", "ids.txt"):
            os.unlink(self.path(name))
        os.mkdir(self.path("away"))
        self.ok("query", "../g/", "--item", "id-3", cwd=self.path("away"))

    def test_refusals(self):
        self.save("q.npy", random_rows(3, 12, 1))
        for option, value in (("--query", "text=q.npy"), ("--modality", "text=text.npy"), ("--candidates", 50),
                              ("--probes", 5), ("--ef-search", 50)):
            self.refused(2, "^%s is for an index, g is a graph, whose stored rows are read$" % option, "query", "g",
                         "--item", "id-1", option, value, hint="kin index")
        self.refused(2, "^--query is for an index", "query", "g", "--query", "text=q.npy")
        self.refused(2, "^nothing to look for: no --item$", "query", "g", hint="--item ID")
        self.refused(65, "^g has no item 'none'$", "query", "g", "--item", "id-1", "--item", "none")
        self.refused(66, "^gone: ", "query", "gone", "--item", "id-1")
        self.refused(2, "needs GRAPH.INDEX", "query")

    def test_damaged(self):
        shutil.copytree(self.path("g"), self.path("d"))
        start, _ = kin_cli.member_place(self.path("d", "graph.npz"), "data.npy")
        with open(self.path("d", "graph.npz"), "r+b") as file:
            file.seek(start + 128)
            file.write(np.array([np.inf], "<f4").tobytes())
        self.refused(65, "^d: item 'id-0' has scores that are not finite$", "query", "d", "--item", "id-0")
        self.ok("query", "d", "--item", "id-1")
        os.truncate(self.path("d", "graph.npz"), 1000)
        self.refused(65, "d/graph.npz", "query", "d", "--item", "id-1")


if __name__ == "__main__":
    kin_cli.main()
