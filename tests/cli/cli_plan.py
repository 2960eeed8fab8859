"""kin plan: what it prints and writes, that it refuses what kin build refuses and writes nothing, and that
its plan of memory is what a build then takes. Seconds belong to a machine: tools/bench/plan holds them
against builds."""
import json
import re

import numpy as np

import kin_cli
from kin_cli import Case, listing, random_rows, read_json

ENGINES = ["exact", "stream", "join", "hnsw", "ivf"]
N, K = 3000, 20
MIB = 2 ** 20
TOLERANCE = 64 * MIB  # and 5 %, as for every plan

ROW = {"engine": str, "chosen": bool, "fits": bool, "recall": str, "seconds": float, "stages": dict,
       "planned_bytes": int, "memory_bytes": int, "mapped_bytes": int}
DOCUMENT = {"kind": str, "items": int, "dimensions": int, "top_k": int, "threads": int,
            "engine": str, "engines": list, "disk": dict, "rates": dict, "planning_seconds": float}


class Plan(Case):
    def setUp(self):
        super().setUp()
        self.save("text.npy", random_rows(N, 96, 1))
        self.save("image.npy", random_rows(N, 80, 2).astype("<f2"))
        self.catalog = ["--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4",
                        "--top-k", str(K)]

    def plan(self, *arguments, code=0):
        """The document of a plan; nothing may be written."""
        before = listing(self.dir)
        result = self.kin("plan", *self.catalog, "--json", "-", *arguments)
        self.assertEqual(result.code, code, str(result))
        self.assertEqual(listing(self.dir), before)
        self.said = result
        return json.loads(result.out)

    def row(self, document, engine):
        return next(row for row in document["engines"] if row["engine"] == engine)

    def check_types(self, document, types):
        for key, kind in types.items():
            self.assertIn(key, document)
            self.assertIsInstance(document[key], kind, key)


class Document(Plan):
    def test_what_is_in_it(self):
        document = self.plan("--out", "g")
        self.check_types(document, DOCUMENT)
        self.assertEqual((document["kind"], document["items"], document["dimensions"],
                          document["top_k"], document["engine"]), ("plan", N, 176, K, "exact"))
        self.assertEqual([row["engine"] for row in document["engines"]], ENGINES)
        for row in document["engines"]:
            self.check_types(row, ROW)
            self.assertEqual(row["chosen"], row["engine"] == "exact")
            self.assertTrue(row["fits"])
            self.assertAlmostEqual(sum(row["stages"].values()), row["seconds"], 6)
            self.assertTrue(0 < row["seconds"] < 600, row)
        self.assertEqual([row["recall"] for row in document["engines"]],
                         ["exact"] * 2 + ["target 0.97, measured"] * 3)
        self.assertGreater(document["disk"]["free_bytes"], 0)
        for value in document["rates"].values():
            self.assertGreaterEqual(value, 0)

    def test_every_key_is_documented(self):
        """docs/PLAN.md names them all."""
        with open("docs/PLAN.md", encoding="utf-8") as file:
            named = set(re.findall(r"`([a-z_]+)`", file.read()))

        def keys(value):
            if isinstance(value, dict):
                for key, inner in value.items():
                    yield key
                    yield from keys(inner)
            elif isinstance(value, list):
                for inner in value:
                    yield from keys(inner)
        found = set(keys(self.plan())) | set(keys(self.plan("--memory", "1M", code=69)))
        self.assertEqual(found - named, set())

    def test_the_table(self):
        out = self.ok("plan", *self.catalog).out
        self.assertRegex(out, r"(?m)^engine  exact$")
        self.assertRegex(out, r"(?m)^time    about [0-9.]+ s \([0-9.]+ minutes\)$")
        self.assertRegex(out, r"(?m)^memory  \d+ MiB planned, which --memory limits; \d+ MiB with")
        self.assertRegex(out, r"(?m)^\* exact ")
        for engine in ENGINES[1:]:
            self.assertRegex(out, r"(?m)^  %s +[0-9.]+ (s|min|h) .* yes " % engine)
        self.assertLessEqual(max(map(len, out.splitlines())), 100)

    def test_json_file(self):
        """Into a file: then stdout has nothing."""
        self.assertEqual(self.ok("plan", *self.catalog, "--json", "plan.json").out, "")
        self.check_types(read_json(self.path("plan.json")), DOCUMENT)

    def test_size_of_the_graph(self):
        planned = self.plan()["disk"]["graph_bytes"]
        self.ok("build", *self.catalog, "--out", "g")
        real = sum(size[0] for size in listing(self.path("g")).values() if size)
        self.assertLess(abs(planned - real), 0.01 * real + 16384)


class Choice(Plan):
    def test_auto(self):
        self.assertEqual(self.plan()["engine"], "exact")
        self.assertEqual(self.plan("--auto-threshold", N)["engine"], "join")
        for engine in ENGINES:
            self.assertEqual(self.plan("--engine", engine)["engine"], engine)

    def test_an_index_decides(self):
        self.ok("index", *self.catalog[:4], "--type", "hnsw", "--out", "i")
        self.assertEqual(self.plan("--index", "i")["engine"], "hnsw")

    def test_advice(self):
        """stream loses to exact on any machine by far, and only a line says so."""
        document = self.plan("--engine", "stream")
        if self.row(document, "exact")["seconds"] * 1.25 < self.row(document, "stream")["seconds"]:
            self.assertRegex(document["advice"], r"^--engine exact takes less time here: about ")
        self.assertEqual(document["engine"], "stream")

    def test_same_options_as_build(self):
        def options(command):
            text = self.ok(command, "--help").out
            lines = text[text.index("\n  --"):].split("example:")[0].strip("\n")
            return dict(re.findall(r"(?ms)^  --([a-z-]+)(.*?)(?=^  --|^\S|\Z)", lines))
        build, plan = options("build"), options("plan")
        self.assertGreater(len(build), 20)
        self.assertEqual(set(plan) - set(build), {"json"})
        for name, text in build.items():
            self.assertEqual(plan[name].rstrip(), text.rstrip(), name)

    def test_print_config(self):
        """The options, and no plan: those of kin build."""
        arguments = [*self.catalog, "--memory", "1M", "--engine", "join", "--print-config"]
        plan = json.loads(self.ok("plan", *arguments).out)
        self.assertIsNone(plan.pop("json"))
        self.assertEqual(plan, json.loads(self.ok("build", *arguments).out))


class Memory(Plan):
    def test_too_small(self):
        document = self.plan("--memory", "1M", code=69)
        errors = self.said.lines("ERROR")
        self.assertEqual(len(errors), 1)
        for row in document["engines"]:
            self.assertFalse(row["fits"])
            self.assertNotIn("seconds", row)
            self.assertEqual(row["refused"]["exit_code"], 69)
            self.assertRegex(row["refused"]["message"], r"needs [0-9.]+ MiB, --memory allows 1.0 MiB")
        self.assertEqual(errors[0], self.row(document, "exact")["refused"]["message"])
        table = self.kin("plan", *self.catalog, "--memory", "1M")
        self.assertEqual(table.code, 69)
        self.assertRegex(table.out, r"(?m)^\* exact .* no +needs [0-9.]+ MiB, --memory allows 1.0")

    def test_another_engine_too_large(self):
        """Only what the build would take decides the exit code."""
        wide = ["--micro-batch", N]
        wide += ["--memory", self.row(self.plan(*wide), "stream")["planned_bytes"] - 1]
        document = self.plan(*wide)
        self.assertTrue(self.row(document, "exact")["fits"])
        self.assertFalse(self.row(document, "stream")["fits"])
        self.plan(*wide, "--engine", "stream", code=69)

    def test_the_number_that_is_shown_is_the_one_that_is_compared(self):
        """A limit of that many bytes is enough, and one byte less is not."""
        fixed = ["--engine", "stream", "--micro-batch", 700]
        document = self.plan(*fixed)
        row = self.row(document, "stream")
        self.assertLess(row["planned_bytes"], row["memory_bytes"])
        shown = re.search(r"(?m)^\* stream +[0-9.]+ s +(\d+) MiB", self.ok("plan", *self.catalog,
                                                                        *fixed).out)
        self.assertEqual(int(shown[1]), round(row["planned_bytes"] / MIB))
        self.plan(*fixed, "--memory", row["planned_bytes"])
        self.plan(*fixed, "--memory", row["planned_bytes"] - 1, code=69)
        for arguments, code in (([], 0), ([-1], 69)):
            limit = row["planned_bytes"] + sum(arguments)
            build = self.kin("build", *self.catalog, *fixed, "--memory", limit, "--out", "g%d" % code)
            self.assertEqual(build.code, code, str(build))

    def test_build_says_the_same(self):
        for engine in ("exact", "stream", "join"):
            arguments = [*self.catalog, "--memory", "1M", "--engine", engine]
            self.plan("--memory", "1M", "--engine", engine, code=69)
            build = self.kin("build", *arguments, "--out", "g")
            self.assertEqual(build.code, 69, str(build))
            self.assertEqual(build.lines("ERROR"), self.said.lines("ERROR"))

    def test_what_builds_take(self):
        if kin_cli.SANITIZED:
            self.skipTest("sanitizers take memory of their own")
        for engine in ENGINES:
            with self.subTest(engine=engine):
                planned = self.row(self.plan("--engine", engine), engine)["memory_bytes"]
                self.ok("build", *self.catalog, "--engine", engine, "--out", engine)
                run = read_json(self.path(engine, "manifest.json"))["run"]
                self.assertLessEqual(run["peak_memory_bytes"], 1.05 * planned + TOLERANCE)
                self.assertLessEqual(planned, 1.05 * run["peak_memory_bytes"] + TOLERANCE)

    def test_a_build_keeps_the_least_memory_that_it_asks_for(self):
        """Arrays of 16 MB are laid out and held-out rows evaluated in what the engine held, not on top of it. The
        slack is for what files are written from, some 5 MiB of so few, and for more threads and dimensions."""
        if kin_cli.SANITIZED:
            self.skipTest("sanitizers take memory of their own")
        self.save("wide.npy", random_rows(20000, 24, 1))
        self.save("other.npy", random_rows(20000, 24, 2))
        catalog = ["--modality", "wide.npy", "--modality", "other.npy", "--top-k", 100, "--threads", 2]
        document = json.loads(self.ok("plan", *catalog, "--json", "-").out)
        for engine in ("exact", "join"):
            with self.subTest(engine=engine):
                least = self.row(document, engine)["planned_bytes"]
                self.ok("build", *catalog, "--engine", engine, "--memory", least, "--out", engine)
                peak = read_json(self.path(engine, "manifest.json"))["run"]["peak_memory_bytes"]
                self.assertLessEqual(peak, 1.05 * least + 8 * MIB, "planned %d" % least)


class Refusals(Plan):
    def same(self, code, message, *arguments):
        """kin plan and kin build refuse with the same words, and leave nothing behind."""
        plan = self.refused(code, message, "plan", *arguments)
        build = self.refused(code, message, "build", "--out", "g", *arguments)
        self.assertEqual(plan.err, build.err)

    def test_bad_input(self):
        rows = random_rows(60, 8, 1)
        rows[31, 3] = np.nan
        self.save("bad.npy", rows)
        self.save("short.npy", random_rows(N - 1, 8, 1))
        self.same(65, "row 31 is NaN at column 3", "--modality", "bad.npy", "--top-k", 5)
        self.same(65, "has 2999 rows", "--modality", "text.npy", "--modality", "short.npy")
        self.same(65, "top-k 3000 needs at least 3001 items", "--modality", "text.npy", "--top-k",
                  N)
        self.same(66, "No such file", "--modality", "nothing.npy")
        self.same(66, "No such file", "--modality", "text.npy", "--index", "nothing")
        self.same(2, "0 modalities")
        self.same(2, "top-k 0", "--top-k", 0, *self.catalog[:4])
        self.same(2, "uses no index", "--engine", "exact", "--index", "i", *self.catalog)
        self.same(2, "probes is nothing to --engine join", "--engine", "join", "--probes", 3,
                  *self.catalog)

    def test_more_lists_than_vectors(self):
        """Distinct ones are counted, as many lists as there are do; where another engine is chosen, it is no refusal."""
        rows = random_rows(N, 16, 3)
        rows[1000:] = rows[0]
        self.save("same.npy", rows)
        for name, count in (("text", N), ("same", 1000)):
            arguments = ["--modality", name + ".npy", "--top-k", K, "--engine", "ivf", "--lists"]
            plan = self.kin("plan", *arguments, count + 1)
            build = self.refused(2, "^--lists %d, but %s has %d distinct vectors$" %
                                 (count + 1, name, count), "build", "--out", "g", *arguments, count + 1)
            self.assertEqual((plan.code, plan.lines("ERROR")), (2, build.lines("ERROR")), str(plan))
            self.assertRegex(plan.out, r"(?m)^\* ivf .* no +--lists %d, but " % (count + 1))
            self.ok("plan", *arguments, count)
        row = self.row(self.plan("--lists", N + 1), "ivf")
        self.assertEqual(row["refused"]["exit_code"], 2)

    def test_what_another_engine_refuses(self):
        row = self.row(self.plan("--probes", 3), "join")
        self.assertEqual(row["refused"]["exit_code"], 2)

    def test_output(self):
        """It is not needed, and looked at where it is given."""
        self.plan("--out", "missing/g")
        self.assertRegex(self.said.err, "WARNING --out missing/g: its parent folder is missing")
        self.ok("build", *self.catalog, "--out", "g")
        self.plan("--out", "g")
        self.assertRegex(self.said.err, "WARNING --out g is there already")
        self.plan("--out", "g", "--force")
        self.assertNotIn("WARNING", self.said.err)


class Rehearsal(Case):
    def test_it_is_a_small_part_of_the_build(self):
        """By its rows, as no clock decides: of n items a sixteenth, so that pairs are a 256th."""
        for n, d, rows in ((3000, 16, 256), (9000, 16, 562), (700, 64, 256)):
            self.save("x.npy", random_rows(n, d, 1))
            document = json.loads(self.ok("plan", "--modality", "x.npy", "--top-k", 5, "--json",
                                          "-").out)
            self.assertEqual(document["rates"]["sample_rows"], rows)


    def test_what_would_take_longer_than_the_build_is_left_out(self):
        """exact and join learn axes of every dimension: not where auto is stream for that very reason."""
        self.save("wide.npy", random_rows(300, 4000, 1))
        for engine, rehearsed in (("auto", {"stream", "hnsw", "ivf"}),
                                  ("exact", {"exact", "stream", "hnsw", "ivf"})):
            asked = ("plan", "--modality", "wide.npy", "--top-k", 5, "--engine", engine)
            rows = {row["engine"]: row for row in json.loads(self.ok(*asked, "--json", "-").out)["engines"]}
            result = self.ok(*asked)
            self.assertEqual({name for name in rows if "seconds" in rows[name]}, rehearsed)
            for name in set(rows) - rehearsed:
                self.assertIsNone(rows[name]["fits"])
                self.assertTrue(rows[name]["skipped"])
                self.assertRegex(result.out, r"(?m)^  %s +- +- +- +- +slower here" % name)


class Small(Case):
    """Catalogs at the edge of what can be rehearsed."""

    def test_a_few_items(self):
        for n, d in ((2, 1), (3, 5), (40, 8), (300, 70), (900, 3)):
            self.save("few.npy", random_rows(n, d, n))
            with self.subTest(n=n, d=d):
                out = self.ok("plan", "--modality", "few.npy", "--top-k", 1, "--json", "-").out
                for row in json.loads(out)["engines"]:
                    self.assertTrue(row["fits"], row)
                    self.assertTrue(np.isfinite(row["seconds"]), row)

    def test_hardly_anything_takes_part(self):
        rows = np.zeros((500, 16), np.float32)
        self.save("none.npy", rows)
        rows[[3, 300]] = 1
        self.save("two.npy", rows)
        for name in ("none.npy", "two.npy"):
            self.ok("plan", "--modality", name, "--top-k", 10)

    def test_too_wide(self):
        self.save("wide.npy", random_rows(50, 33000, 1))
        document = json.loads(self.ok("plan", "--modality", "wide.npy", "--top-k", 5, "--json",
                                      "-").out)
        self.assertEqual(document["engine"], "stream")
        rows = {row["engine"]: row for row in document["engines"]}
        self.assertEqual(rows["exact"]["refused"]["exit_code"], 65)
        self.assertEqual(rows["join"]["refused"]["exit_code"], 65)


if __name__ == "__main__":
    kin_cli.main()
