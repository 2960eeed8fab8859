"""Folders of an older kin, kept in tests/old as they were written, are read by today's names: a graph of the
self-join whose engine was called ivf, and an index of that time, which FAISS and the self-join shared."""
import json
import os
import shutil

import kin_cli
from kin_cli import Case, Graph

OLD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "old")
MODALITIES = ("--modality", "text=catalog/text.npy:0.6", "--modality", "image=catalog/image.npy:0.4")


class OldFolders(Case):
    def setUp(self):
        super().setUp()
        for name in os.listdir(OLD):
            shutil.copytree(os.path.join(OLD, name), self.path(name))

    def document(self, *arguments):
        return json.loads(self.ok(*arguments, "--json", "-").out)

    def test_graph_says_what_it_was(self):
        manifest = Graph(self.path("graph-join")).manifest
        self.assertEqual((manifest["engine"], manifest["options"]["engine"]), ("ivf", "ivf"))

    def test_graph_is_intact(self):
        self.ok("verify", "graph-join")

    def test_info(self):
        document = self.document("info", "graph-join")
        self.assertEqual((document["engine"], document["options"]["engine"]), ("join", "join"))

    def test_compare(self):
        self.ok("build", *MODALITIES, "--ids", "catalog/ids.txt", "--top-k", 4, "--engine", "exact",
                "--out", "exact")
        document = self.document("compare", "graph-join", "--reference", "exact", "--out", "page.html")
        self.assertEqual(document["graph"]["engine"], "join")
        with open(self.path("page.html"), encoding="utf-8") as page:
            self.assertNotIn("ivf", page.read())

    def test_why(self):
        graph = Graph(self.path("graph-join"))
        row = next(i for i in range(graph.n) if graph.indptr[i] < graph.indptr[i + 1])
        pair = [graph.ids[row], graph.ids[graph.indices[graph.indptr[row]]]]
        self.assertEqual(self.document("why", "graph-join", *pair)["graph"]["engine"], "join")

    def test_show(self):
        self.ok("show", "graph-join", "--out", "page.html")
        with open(self.path("page.html"), encoding="utf-8") as page:
            self.assertIn("join", page.read())

    def test_index(self):
        self.ok("verify", "index-ivf")
        self.ok("build", *MODALITIES, "--top-k", 4, "--engine", "join", "--index", "index-ivf", "--out", "kept")
        self.ok("build", *MODALITIES, "--top-k", 4, "--engine", "join", "--out", "new")
        self.assertEqual(Graph(self.path("kept")).indices.tolist(), Graph(self.path("new")).indices.tolist())
        # that index knows no clusters of rare modality masks
        self.assertEqual(Graph(self.path("kept")).manifest["join"]["rare_widening"], 1)
        self.ok("query", "index-ivf", "--item", 3, "--top-k", 4)


if __name__ == "__main__":
    kin_cli.main()
