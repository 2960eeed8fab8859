"""kin sweep: its points, front and answer recomputed from the document, what it leaves out and refuses, and
that its page is one file that loads nothing and runs nothing. Seconds belong to a machine: nothing here
depends on which engine is quicker."""
import html
import json
import re
import shlex
import signal

import numpy as np

import kin_cli
from kin_cli import Case, Graph, Oracle, Running, listing, random_rows, read_json, tie_aware_recall
from web_page import Page, check_page

N, K = 2500, 10
TARGETS = [0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999]
CANDIDATES = [10, 15, 20, 30, 40, 60, 80]

POINT = {"engine": str, "knob": dict, "options": str, "seconds": float, "most_seconds": float,
         "runs": int, "ties": bool, "shared_seconds": float,
         "items_per_second": float, "recall": float, "recall_lower": float, "memory_bytes": int,
         "reaches_target": bool, "pareto": bool}
DOCUMENT = {"schema": str, "catalog": dict, "sample": dict, "top_k": int, "target_recall": float,
            "points": list, "notes": list, "machine": dict, "versions": dict,
            "seconds_total": float}


class Sweep(Case):
    of_all = None

    def setUp(self):
        super().setUp()
        self.save("text.npy", random_rows(N, 24, 1, spread=1.5))
        self.save("image.npy", random_rows(N, 16, 2, spread=1.5))
        self.catalog = ["--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4",
                        "--top-k", str(K)]

    def whole(self):
        """One sweep of all engines, for every test that reads it: its document and its page."""
        if not Sweep.of_all:
            result = self.ok("sweep", *self.catalog, "--rows", 300, "--target-recall", 0.9, "--json", "s.json", "--out",
                             "s.html")
            self.assertEqual(result.out, "")
            Sweep.of_all = read_json(self.path("s.json")), Page(self.path("s.html"))
        return Sweep.of_all

    def sweep(self, *arguments, catalog=None):
        """The document of a sweep; nothing else may be written."""
        before = listing(self.dir)
        result = self.ok("sweep", *(catalog or self.catalog), "--json", "-", *arguments)
        self.assertEqual(listing(self.dir), before)
        self.said = result
        return json.loads(result.out)

    def check_types(self, document, types):
        for key, kind in types.items():
            self.assertIsInstance(document[key], kind, key)

    def check_points(self, document):
        points = document["points"]
        for point in points:
            self.check_types(point, POINT)
            self.assertTrue(0 < point["seconds"] < 600, point)
            self.assertTrue(0 <= point["shared_seconds"] < point["seconds"], point)
            self.assertTrue(0 <= point["recall_lower"] <= point["recall"] <= 1, point)
            self.assertAlmostEqual(point["items_per_second"] * point["seconds"],
                                   document["sample"]["items"], 6)
            self.assertGreater(point["memory_bytes"], 0)
            self.assertEqual(point["reaches_target"],
                             point["recall_lower"] >= document["target_recall"])
            beaten = any(other is not point and other["recall"] >= point["recall"]
                         and other["seconds"] <= point["seconds"] for other in points)
            self.assertEqual(point["pareto"], not beaten, point)
        for a, b in zip(points, points[1:]):  # means that are equal but for their last digit are in any order
            self.assertLess(a["recall"], b["recall"] + 1e-12)

    def check_answer(self, document):
        able = [point for point in document["points"]
                if point["engine"] != "exact" and point["reaches_target"]]
        if not able:
            self.assertIsNone(document["answer"])
            return
        answer = dict(document["answer"])
        command = shlex.split(answer.pop("command"))
        least = min(able, key=lambda point: point["seconds"])
        exact = [point["seconds"] for point in document["points"] if point["engine"] == "exact"]
        if least["seconds"] <= 1.5 * min(exact, default=float("inf")):  # a rival of the cheapest point, exact's among them
            self.assertGreater(least["runs"], 1)

        def same(point, other):
            return (point["seconds"] <= other["most_seconds"] and
                    other["seconds"] <= point["most_seconds"])

        def effort(point):
            return point["knob"].get("target_recall") or point["knob"]["candidates"]
        series = [point for point in able if same(point, least) and
                  (point["engine"], point["space"]) == (least["engine"], least["space"])]
        self.assertEqual(answer, min(series, key=effort))
        for point in document["points"]:
            self.assertLessEqual(point["seconds"], point["most_seconds"])
            self.assertEqual(point["ties"], point != answer and point in able and same(point, answer))
            if point["runs"] == 1:
                self.assertEqual(point["seconds"], point["most_seconds"])
        self.assertEqual(command[:2], ["kin", "build"])
        self.assertIn(answer["options"], " ".join(command))

    def series(self, document, engine, space=None):
        return [point for point in document["points"]
                if point["engine"] == engine and point["space"] == space]

    def recalls(self, document, space):
        points = self.series(document, "hnsw", space)
        return {point["knob"]["candidates"]: point["recall"] for point in points}


class Document(Sweep):
    def test_all(self):
        document, _ = self.whole()
        self.check_types(document, DOCUMENT)
        self.check_points(document)
        self.check_answer(document)
        self.assertEqual(document["schema"], "kin-sweep/2")
        self.assertEqual((document["catalog"]["items"], document["top_k"]), (N, K))
        self.assertEqual((document["sample"]["items"], document["sample"]["whole"]), (N, True))
        self.assertEqual(sorted(point["knob"]["target_recall"] for point in
                                self.series(document, "join")), TARGETS)
        exact, = self.series(document, "exact")
        self.assertEqual((exact["recall"], exact["recall_lower"]), (1, 1))
        self.assertEqual(exact["options"], "--engine exact")
        answer = document["answer"]
        self.assertEqual(document["exact_is_no_slower"],
                         not answer or exact["seconds"] <= answer["most_seconds"])
        self.assertIn("cpu", document["machine"])

    def test_hnsw(self):
        """More candidates find more, up to what the evaluated rows and the graph scatter."""
        document = self.sweep("--engine", "hnsw", "--rows", 400)
        self.check_points(document)
        self.check_answer(document)
        self.assertIsNone(document["exact_is_no_slower"])
        for space in ("modality", "fused"):
            recall = self.recalls(document, space)
            self.assertEqual(list(sorted(recall)), CANDIDATES[:len(recall)])
            for fewer, more in zip(CANDIDATES, CANDIDATES[1:len(recall)]):
                self.assertGreaterEqual(recall[more], recall[fewer] - 0.01)
            enough = 1 - min(1 - document["target_recall"], 0.01) / 10
            for c in CANDIDATES[:len(recall) - 1]:
                self.assertLess(recall[c], enough, "nothing deeper was worth a try")
            if len(recall) < len(CANDIDATES):
                self.assertGreaterEqual(recall[CANDIDATES[len(recall) - 1]], enough)
        recall = self.recalls(document, "modality")
        self.assertLess(recall[K], 0.9)
        self.assertGreater(max(recall.values()), recall[K] + 0.1)
        for point in document["points"]:
            fused = " --index-space fused" if point["space"] == "fused" else ""
            c = point["knob"]["candidates"]
            self.assertEqual(point["options"],
                             "--engine hnsw%s --candidates %d --ef-search %d" % (fused, c, c))

    def test_recall_is_true(self):
        """A build with a point's options has the point's recall, when all rows are evaluated."""
        document = self.sweep("--engine", "hnsw", "--rows", N, "--threads", 1)
        self.assertTrue(document["sample"]["exhaustive"])
        oracle = Oracle({name: np.load(self.path(name + ".npy")) for name in ("text", "image")},
                        {"text": 0.6, "image": 0.4})
        enough = [point for point in self.series(document, "hnsw", "modality")
                  if 0.6 < point["recall"] < 0.999]  # such that the build does not raise it
        self.assertGreater(len(enough), 1)
        for point in enough[:2]:
            self.assertEqual(point["recall"], point["recall_lower"])
            self.ok("build", *self.catalog, *point["options"].split(), "--target-recall", 0.5,
                    "--threads", 1, "--out", "g", "--force")
            self.assertAlmostEqual(tie_aware_recall(Graph(self.path("g")), oracle, K),
                                   point["recall"], 4)

    def test_sample(self):
        document = self.sweep("--engine", "hnsw", "--items", 800, "--rows", 100)
        sample = document["sample"]
        self.assertEqual((sample["items"], sample["whole"], sample["rows"], sample["exhaustive"]),
                         (800, False, 100, False))
        self.check_points(document)

    def check_join(self, document):
        self.check_points(document)
        self.assertEqual({point["engine"] for point in document["points"]}, {"join"})
        self.assertEqual([point["options"] for point in self.series(document, "join")
                          if point["knob"]["target_recall"] == 0.97],
                         ["--engine join --target-recall 0.97"])
        shared = {point["shared_seconds"] for point in document["points"]}
        self.assertEqual(len(shared), 1, "codes are made once")

    def test_the_same_rows(self):
        """Recalls depend on the seed alone."""
        def recalls(*arguments):
            document = self.sweep("--engine", "join", "--rows", 150, *arguments)
            self.check_join(document)
            return sorted((point["options"], point["recall"]) for point in document["points"])
        one = recalls("--threads", 1)
        self.assertEqual(one, recalls("--threads", 2))
        self.assertNotEqual(one, recalls("--seed", 2))

    def test_nothing_reaches(self):
        """Ten rows prove next to nothing: a report all the same."""
        few = ["--engine", "hnsw", "--items", 1000, "--rows", 10, "--target-recall", 0.99]
        document = self.sweep(*few)
        self.assertIsNone(document["answer"])
        self.assertTrue(any("give more --rows" in note for note in document["notes"]))
        out = self.ok("sweep", *self.catalog, *few).out
        self.assertIn("target 0.99: no approximate engine was seen to reach it", out)

    def test_every_key_is_documented(self):
        with open("docs/SWEEP.md", encoding="utf-8") as file:
            named = set(re.findall(r"`([a-z_]+)`", file.read()))

        def keys(value):
            if isinstance(value, dict):
                for key, inner in value.items():
                    yield key
                    if key not in ("machine", "versions"):
                        yield from keys(inner)
            elif isinstance(value, list):
                for inner in value:
                    yield from keys(inner)
        self.assertEqual(set(keys(self.whole()[0])) - named, set())


class LeftOut(Sweep):
    def test_too_few_items(self):
        """Depths that the sample has no candidates for are left out, not cut down."""
        document = self.sweep("--engine", "hnsw", "--items", 50, "--rows", 40)
        for space in ("modality", "fused"):
            self.assertLessEqual(max(self.recalls(document, space)), 50)
        self.assertTrue(any(re.search(r"--candidates \d+ and more is left out", note)
                            for note in document["notes"]))

    def test_one_modality(self):
        """It is its own fused space."""
        document = self.sweep("--rows", 100, catalog=["--modality", "text.npy", "--top-k", 5])
        self.assertEqual({point["space"] for point in document["points"]}, {None, "modality"})

    def test_top_1(self):
        document = self.sweep("--engine", "hnsw", "--rows", 100,
                              catalog=["--modality", "text.npy", "--top-k", 1])
        depths = [point["knob"]["candidates"] for point in document["points"]]
        self.assertEqual(len(depths), len(set(depths)))
        self.save("two.npy", np.array([[1, 0], [0.6, 0.8]], np.float32))
        document = self.sweep("--engine", "hnsw", catalog=["--modality", "two.npy", "--top-k", 1])
        self.assertEqual([point["knob"]["candidates"] for point in document["points"]], [1, 2])
        self.assertEqual(document["notes"], ["hnsw with --candidates 3 and more is left out: the sample has 2 items"])

    def test_missing(self):
        rows = random_rows(N, 24, 1, spread=1.5)
        rows[:400] = 0
        self.save("text.npy", rows)
        for policy in ("renorm", "zero", "drop"):
            document = self.sweep("--missing", policy, "--items", 1000, "--rows", 100)
            self.check_points(document)
            command = document["answer"]["command"] if document["answer"] else ""
            self.assertEqual("--missing " + policy in command,
                             policy != "renorm" and command != "")

    def test_an_engine_that_does_not_fit(self):
        self.save("wide.npy", random_rows(60, 33000, 3))
        document = self.sweep("--rows", 20, catalog=["--modality", "wide.npy", "--top-k", 3])
        self.assertEqual({point["engine"] for point in document["points"]}, {"hnsw"})
        notes = " ".join(document["notes"])
        self.assertIn("join is left out", notes)
        self.assertIn("exact is left out", notes)
        self.refused(65, "33000 dimensions", "sweep", "--modality", "wide.npy", "--top-k", 3,
                     "--engine", "join")


class Terminal(Sweep):
    def test_the_table(self):
        """It says what the page of the same run says."""
        out = self.ok("sweep", *self.catalog, "--rows", 300, "--target-recall", 0.9, "--out", "t.html").out
        rows = re.findall(r"(?m)^([* ]) (join|hnsw fused|hnsw|exact) +(?:--(\S+) (\S+))? +([\d.]+) +\d+ "
                          r"+([\d.]+) +([\d.]+) +(\d+) MiB$", out)
        source = Page(self.path("t.html")).source
        cells = [re.findall(">([^<>]*)</t[hd]>", row) for row in re.findall("<tr[^>]*>(<th scope=\"row\">.*?)</tr>", source)]
        self.assertGreater(len(rows), 4)
        self.assertEqual([(seconds, recall, lower, memory) for _, _, _, _, seconds, recall, lower, memory in rows],
                         [(row[1], row[3], row[4], row[5]) for row in cells])
        self.assertEqual([row[0] == "*" for row in rows], ["front" in row[6] for row in cells])
        command = html.unescape(re.search("(?s)<pre>(.*?)</pre>", source).group(1))
        self.assertIn("\n  " + re.sub(r" \\\n +", " ", command) + "\n", out)
        self.assertIn("they are no promise", out)

    def test_the_command_runs(self):
        """What is printed can be pasted into a shell, whatever files are called."""
        self.save("it's a file.npy", random_rows(N, 24, 1, spread=1.5))
        document = self.sweep("--engine", "hnsw", "--rows", 300, "--target-recall", 0.6, catalog=[
            "--modality", "t=it's a file.npy:0.5", "--top-k", str(K), "--seed", "3"])
        words = shlex.split(document["answer"]["command"])
        self.assertEqual(words[0], "kin")
        self.assertIn("t=it's a file.npy:0.5", words)
        self.ok(*words[1:])
        options = read_json(self.path("graph", "manifest.json"))["options"]
        self.assertEqual((options["top_k"], options["seed"], options["target_recall"]), (K, 3, 0.6))
        self.assertEqual(options["candidates"], document["answer"]["knob"]["candidates"])

    def test_a_signal(self):
        self.save("slow.npy", random_rows(20000, 128, 1))
        before = listing(self.dir)
        running = Running("sweep", "--modality", "slow.npy", "--engine", "hnsw", "--threads", 1,
                          "--out", "s.html", cwd=self.dir)
        running.wait_for("Exact neighbours")
        running.process.send_signal(signal.SIGTERM)
        self.assertEqual(running.finish().code, -signal.SIGTERM)
        self.assertEqual(listing(self.dir), before)


class Pages(Sweep):
    def test_page(self):
        document, page = self.whole()
        check_page(self, page)
        plots = [attributes for tag, attributes in page.tags if tag == "svg"]
        self.assertEqual([plot["class"] for plot in plots], ["plot wide", "plot narrow"])
        identities = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        self.assertEqual(len(identities), len(set(identities)))
        for plot in plots:
            for name in plot["aria-labelledby"].split():
                self.assertIn(name, identities)
        rows = re.findall(r"<tr[^>]*><th scope=\"row\">(.*?)</th>.*?<td>([a-z, ]*)</td></tr>",
                          page.source)
        self.assertEqual([options for options, _ in rows],
                         [point["options"] for point in document["points"]])
        self.assertEqual(["front" in mark for _, mark in rows],
                         [point["pareto"] for point in document["points"]])
        marks = re.findall(r"<path class=\"mark( hollow)?\"[^>]*><title>(.*?):", page.source)
        self.assertEqual(len(marks), 2 * len(document["points"]), "each in both plots")
        front = {point["options"] for point in document["points"] if point["pareto"]}
        self.assertEqual({options for hollow, options in marks if not hollow}, front)

    def test_places(self):
        """Markers lie within the frame, higher for more recall, farther right for more time."""
        document, page = self.whole()
        points = {point["options"]: point for point in document["points"]}
        wide = page.source.split("plot narrow")[0]
        places = []
        for path, title in re.findall(r"<path class=\"mark[^\"]*\" d=\"([^\"]*)\"><title>(.*?):",
                                      wide):
            numbers = [tuple(map(float, pair)) for pair in
                       re.findall(r"([\d.]+) ([\d.]+)(?=[LaZ])", path)]
            x, y = np.mean(numbers, axis=0)
            if "a" in path:  # a circle, from its left end
                x, y = numbers[0][0] + 5, numbers[0][1]
            places.append((points[title], x, y))
        self.assertEqual(len(places), len(points))
        for point, x, y in places:
            self.assertTrue(64 - 1 <= x <= 940 + 1 and 0 < y < 600, (x, y))
            for other, other_x, other_y in places:
                if point["seconds"] > other["seconds"]:
                    self.assertGreaterEqual(x, other_x - 1.5)
                if point["recall"] > other["recall"]:
                    self.assertLessEqual(y, other_y + 1.5)

    def test_whatever_files_are_called(self):
        name = "<script>alert(1)<&script>\"'.npy"
        self.save(name, random_rows(300, 8, 1))
        self.ok("sweep", "--modality", "m=" + name, "--top-k", 5, "--rows", 50, "--target-recall",
                0.5, "--out", "s.html")
        page = Page(self.path("s.html"))
        check_page(self, page)
        self.assertIn("alert(1)", page.source)
        command = re.search(r"(?s)<pre>(.*?)</pre>", page.source).group(1)
        self.assertIn("m=" + name, shlex.split(html.unescape(command)))

    def test_an_existing_one(self):
        self.text("s.html", "mine")
        self.refused(73, "s.html exists already", "sweep", *self.catalog, "--out", "s.html")
        self.ok("sweep", *self.catalog, "--engine", "join", "--rows", 50, "--out", "s.html", "--force")
        check_page(self, Page(self.path("s.html")))
        self.refused(73, "gone/s.html", "sweep", *self.catalog, "--out", "gone/s.html")
        self.refused(73, "gone/s.json", "sweep", *self.catalog, "--json", "gone/s.json")
        self.refused(2, "--json and --out are the same file", "sweep", *self.catalog, "--json",
                     "s.html", "--out", "s.html", "--force")
        self.nothing_left()


class Refusals(Sweep):
    def test_refusals(self):
        self.refused(2, "engine", "sweep", *self.catalog, "--engine", "exact")
        self.refused(2, "0 modalities", "sweep")
        self.refused(65, "top-k 2500 needs at least 2501 items, the catalog has 2500", "sweep",
                     "--modality", "text.npy", "--top-k", N)
        self.refused(65, "top-k 10 needs at least 11 items, the sample has 10", "sweep",
                     *self.catalog, "--items", 10, hint="--items")
        self.refused(69, "--memory allows 0.9 MiB", "sweep", *self.catalog, "--memory", "1M")
        self.save("zero.npy", np.zeros((50, 4), np.float32))
        self.refused(65, "0 of 50 items take part", "sweep", "--modality", "zero.npy", "--top-k", 3)


if __name__ == "__main__":
    kin_cli.main()
