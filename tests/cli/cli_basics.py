"""The command line itself: usage, help, versions, names that are nearly right, where a value comes
from, sizes, the resolved configuration, the log as JSON, exit codes."""
import json
import os
import re
import subprocess

import kin_cli
from kin_cli import COMMANDS, Case, random_rows


class Usage(Case):
    def test_bare(self):
        result = self.kin()
        self.assertEqual(result.code, 2)
        self.assertEqual(result.out, "")
        for name in COMMANDS:
            self.assertRegex(result.err, r"(?m)^  %s +\S" % name)

    def test_help(self):
        for arguments in (["--help"], ["-h"], ["help"]):
            result = self.ok(*arguments)
            self.assertEqual(result.err, "")
            for name in COMMANDS:
                self.assertRegex(result.out, r"(?m)^  %s +\S" % name)

    def test_help_of_commands(self):
        for name in COMMANDS:
            with self.subTest(command=name):
                result = self.ok(name, "--help")
                self.assertEqual(result.err, "")
                self.assertTrue(result.out.startswith("kin %s: " % name), result.out)
                self.assertIn("usage: kin %s " % name, result.out)
                for option in ("threads", "log", "progress"):
                    self.assertRegex(result.out, r"(?m)^  --%s\b" % option)
                self.assertEqual(self.ok("help", name).out, result.out)
                self.assertLessEqual(max(map(len, result.out.splitlines())), 100)

    def test_help_names_the_contract(self):
        wanted = {
            "build": "modality out ids items top-k engine auto-threshold missing candidates index "
                     "index-space project micro-batch row-order threads memory seed force "
                     "print-config",
            "index": "modality type out project seed force memory",
            "query": "item query top-k",
            "compare": "reference sample json modality",
            "show": "item out",
            "gen": "items modality seed out from",
        }
        for command, names in wanted.items():
            text = self.ok(command, "--help").out
            for name in names.split():
                self.assertRegex(text, r"(?m)^  --%s\b" % name, command)

    def test_help_wins(self):
        result = self.ok("build", "--top-k", "nonsense", "--help")
        self.assertIn("--top-k", result.out)

    def test_every_documented_option_is_known(self):
        """What --help lists, the parser takes: an option without its value names itself."""
        for command in COMMANDS:
            options = re.findall(r"(?m)^  (--[a-z0-9-]+) \S", self.ok(command, "--help").out)
            self.assertTrue(options)
            for option in options:
                result = self.kin(command, option)
                self.assertEqual(result.code, 2, str(result))
                self.assertRegex(result.err, r"ERROR %s: needs a value" % option)

    def test_sizes_in_help(self):
        """As a person writes them: 1M to 1P, not 976562500000K."""
        for command in ("build", "index", "compare", "sweep", "plan"):
            text = " ".join(self.ok(command, "--help").out.split())
            self.assertIn("(1M to 1P;", text)
            self.assertIsNone(re.search(r"\b\d{5,}[KMGTP]\b", text))
        for size in ("1P", "1024T"):
            config = self.ok("build", "--memory", size, "--print-config").out
            self.assertEqual(json.loads(config)["memory"], 2 ** 50)
        self.refused(2, "memory 2P: must be 1M to 1P", "build", "--memory", "2P")

    def test_version(self):
        for arguments in (["--version"], ["version"]):
            result = self.ok(*arguments)
            self.assertEqual(result.err, "")
            names = [line.split(" ")[0] for line in result.out.splitlines()]
            self.assertEqual(names[0], "kin")
            self.assertIn("blas", names)
            self.assertRegex(result.out, r"(?m)^faiss \d+\.\d+")
            self.assertTrue(all(len(line.split(" ", 1)[1]) > 0
                                for line in result.out.splitlines()))

    def test_closed_stdout(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([kin_cli.KIN, "--help"], stdout=full, stderr=subprocess.PIPE,
                                  env=kin_cli.clean_environment())
        self.assertEqual(done.returncode, 74)
        self.assertIn(b"hint: ", done.stderr)


class Mistyped(Case):
    def test_commands(self):
        self.refused(2, r"^unknown command 'biuld'$", "biuld", hint="^did you mean 'build'")
        self.refused(2, r"^unknown command 'indx'$", "indx", hint="^did you mean 'index'")
        self.refused(2, r"^unknown command 'zzzzzz'$", "zzzzzz", hint="kin --help")
        self.refused(2, r"^unknown option --threads$", "--threads", "2", hint="command comes first")

    def test_options(self):
        self.refused(2, r"^unknown option --topk$", "build", "--topk", "5",
                     hint="^did you mean --top-k")
        self.refused(2, r"^unknown option --modalty$", "build", "--modalty=a.npy",
                     hint="^did you mean --modality")
        self.refused(2, r"^unknown option --qqqqqqqqqq$", "build", "--qqqqqqqqqq", hint="--help")
        self.refused(2, r"^unknown option -k$", "build", "-k", "5")

    def test_choices(self):
        self.refused(2, r"--engine joim: must be auto, exact, stream, join, hnsw or ivf$",
                     "build", "--engine", "joim", hint="^did you mean join")
        self.refused(2, r"--missing none: must be renorm, zero, drop or error$",
                     "build", "--missing", "none")

    def test_values(self):
        for value in ("0", "-1", "10001", "5x", "", "1e3", "99999999999999999999"):
            with self.subTest(top_k=value):
                self.refused(2, r"--top-k", "build", "--top-k=" + value)
        for value in ("8X", "G", "8 X", "-8G", "99999999999G", "1.5", "512"):
            with self.subTest(memory=value):
                self.refused(2, r"--memory", "build", "--memory=" + value)
        self.refused(2, r"--top-k: needs a value", "build", "--top-k")
        self.refused(2, r"--top-k: given twice", "build", "--top-k", "5", "--top-k", "6")

    def test_operands(self):
        self.refused(2, r"unexpected operand 'x'", "build", "x")
        self.refused(2, r"unexpected operand 'x'", "doctor", "x")
        for command, operand in (("compare", "GRAPH"), ("show", "GRAPH"), ("verify", "DIR"),
                                 ("query", "GRAPH|INDEX"), ("pairs", "GRAPH"),
                                 ("export", "GRAPH"), ("info", "DIR|FILE")):
            self.refused(2, r"^kin %s: needs %s" % (command, re.escape(operand)), command)

    def test_what_is_missing(self):
        self.refused(2, "0 modalities, needs 1 to 8", "build", "--out", "g")
        self.save("a.npy", random_rows(20, 4, 1))
        self.refused(2, "--out", "build", "--modality", "a.npy", "--top-k", "3")


class Environment(Case):
    def setUp(self):
        super().setUp()
        self.save("a.npy", random_rows(60, 4, 1))

    def config(self, *arguments, env=None):
        result = self.ok("build", "--modality", "a.npy", "--print-config", *arguments, env=env)
        return json.loads(result.out), result

    def top_k(self, *arguments, **env):
        return self.config(*arguments, env=env)[0]["top_k"]

    def test_order(self):
        everything = {"KIN_TOP_K": "11", "SIMILARITY_TOP_K": "12"}
        self.assertEqual(self.top_k("--top-k", "10", **everything), 10)
        self.assertEqual(self.top_k(**everything), 11)
        self.assertEqual(self.top_k(SIMILARITY_TOP_K="12"), 12)

    def test_default(self):
        self.save("b.npy", random_rows(300, 4, 1))
        result = self.ok("build", "--modality", "b.npy", "--print-config")
        self.assertEqual(json.loads(result.out)["top_k"], 200)

    def test_empty_is_unset(self):
        self.assertEqual(self.top_k(KIN_TOP_K="", SIMILARITY_TOP_K="12"), 12)
        self.assertEqual(self.top_k(KIN_TOP_K="  ", SIMILARITY_TOP_K="12"), 12)
        self.assertEqual(self.top_k(KIN_TOP_K=" # nothing", SIMILARITY_TOP_K="12"), 12)

    def test_comments_and_blanks(self):
        self.assertEqual(self.top_k(KIN_TOP_K="  13\t"), 13)
        self.assertEqual(self.top_k(KIN_TOP_K="13 # thirteen"), 13)
        self.assertEqual(self.top_k(SIMILARITY_TOP_K="14   # as ever"), 14)

    def test_bad_values_name_their_source(self):
        for name in ("KIN_TOP_K", "SIMILARITY_TOP_K"):
            self.refused(2, "%s=many" % name, "build", "--modality", "a.npy", "--out", "g",
                         env={name: "many"})
        # what nothing reads does no harm
        self.assertEqual(self.top_k("--top-k", "10", KIN_TOP_K="many"), 10)

    def test_unknown_names(self):
        _, result = self.config("--top-k", "5", env={"KIN_TOPK": "5", "SIMILARITY_SPEED": "1"})
        warnings = result.lines("WARNING")
        self.assertEqual(len(warnings), 2, str(result))
        self.assertTrue(any("KIN_TOPK" in line for line in warnings))
        self.assertTrue(any("SIMILARITY_SPEED" in line for line in warnings))

    def test_names_of_other_commands_are_known(self):
        _, result = self.config("--top-k", "5", env={"KIN_SAMPLE": "100"})
        self.assertEqual(result.lines("WARNING"), [])

    def test_micro_batch_names(self):
        def micro_batch(**env):
            config, result = self.config("--top-k", "5", "--engine", "stream", env=env)
            return config["micro_batch"], result.lines("WARNING")

        self.assertEqual(micro_batch(SIMILARITY_MICRO_BATCH_SIZE="7"), (7, []))
        batch, warnings = micro_batch(SIMILARITY_BATCH_SIZE="8")
        self.assertEqual(batch, 8)
        self.assertEqual(len(warnings), 1)
        self.assertIn("SIMILARITY_BATCH_SIZE is deprecated", warnings[0])
        self.assertEqual(micro_batch(SIMILARITY_BATCH_SIZE="8", SIMILARITY_MICRO_BATCH_SIZE="7"),
                         (7, []))
        self.assertEqual(micro_batch(KIN_MICRO_BATCH="6", SIMILARITY_MICRO_BATCH_SIZE="7"), (6, []))

    def test_flags_and_lists(self):
        self.save("b.npy", random_rows(60, 4, 2))
        result = self.ok("build", "--top-k", "5",
                         env={"KIN_PRINT_CONFIG": "yes", "KIN_MODALITY": "a.npy:0.5; b=b.npy"})
        self.assertEqual(json.loads(result.out)["modality"], ["a.npy:0.5", "b=b.npy"])
        for several in ("a.npy:0.5;b=b.npy", "a.npy:0.5\nb=b.npy\n", ";a.npy:0.5 ;\n b=b.npy;"):
            result = self.ok("build", "--print-config", env={"KIN_MODALITY": several})
            self.assertEqual(json.loads(result.out)["modality"], ["a.npy:0.5", "b=b.npy"])
        odd = r"a=x\;y z.npy;b=q\\;c=back\slash.npy"
        result = self.ok("build", "--print-config", env={"KIN_MODALITY": odd})
        self.assertEqual(json.loads(result.out)["modality"], ["a=x;y z.npy", "b=q" + "\\", r"c=back\slash.npy"])
        for wrong in ("a=a.npy:0.5 b=b.npy", "a=a.npy, b=b.npy", "a=a.npy,b=b.npy:2"):
            self.refused(2, "names more than one file", "build", "--top-k", 5, "--out", "g", env={"KIN_MODALITY": wrong},
                         hint="in KIN_MODALITY part them by ;")
        self.refused(2, "KIN_FORCE=maybe", "build", "--out", "g", env={"KIN_FORCE": "maybe"})

    def test_weights(self):
        """A weight that is none is told as such, not as a file that is missing."""
        for text in ("t=a.npy:0,6", "t=a.npy:60%", "t=a.npy@0.6", "0.6:t=a.npy", "t:0.6=a.npy", "t=0.6:a.npy"):
            self.refused(2, "^modality '%s': the weight " % text, "build", "--modality", text, "--top-k", 5, "--out", "g",
                         hint="text=text.npy:0.6")

    def test_no_weights(self):
        """A copy of a file of vectors is of another format, and has no weight behind its name."""
        for name in ("a.npy.gz", "a.npy~", "a.npy_old", "a.npy@0.6", "a.npy.2"):
            self.text(name, "x")
            self.refused(65, "%s: unknown file format" % name, "build", "--modality", "t=" + name, "--top-k", 5,
                         "--out", "g", hint=".npy .fbin")
        self.refused(66, "b.npy.gz: No such file", "build", "--modality", "t=b.npy.gz", "--top-k", 5, "--out", "g")

    def test_sizes(self):
        for text, value in (("8G", 8 << 30), ("8g", 8 << 30), ("512M", 512 << 20),
                            ("1.5G", 3 << 29), ("4GiB", 4 << 30), ("1048576", 1 << 20),
                            ("2048K", 2 << 20), ("1T", 1 << 40), ("8GB", 8 << 30), ("8gb", 8 << 30),
                            ("8Gi", 8 << 30), ("8 GB", 8 << 30), ("512mb", 512 << 20), ("1P", 1 << 50)):
            config, _ = self.config("--top-k", "5", "--memory", text)
            self.assertEqual(config["memory"], value, text)
        config, _ = self.config("--top-k", "5", env={"KIN_MEMORY": "3G # gigabytes"})
        self.assertEqual(config["memory"], 3 << 30)
        config, _ = self.config("--top-k", "5", env={"KIN_MEMORY": "3gb"})
        self.assertEqual(config["memory"], 3 << 30)
        self.refused(2, "--memory 8X: not a size", "build", "--memory", "8X", hint="8GB, 8GiB; all are powers of two")

    def test_help_of_sizes_and_lists(self):
        """Ranges are read at a glance, a repeatable option says so once, and how the environment parts its values."""
        for command in kin_cli.COMMANDS:
            text = " ".join(self.ok(command, "--help").out.split())
            self.assertNotRegex(text, r"\d{5,}[KMGTP]\b", command)
            for option in text.split(" --")[1:]:
                self.assertLessEqual(option.count("repeated"), 1, option)
        text = " ".join(self.ok("build", "--help").out.split())
        self.assertRegex(text, r"8GB or 8GiB, powers of two; [^(]*\(1M to 1P;")
        self.assertIn("in the environment the values of an option that may be repeated are parted by ;", text)


class Configuration(Case):
    def test_print_config(self):
        self.save("a.npy", random_rows(60, 4, 1))
        result = self.ok("build", "--modality", "x=a.npy:0.5", "--top-k=5", "--out", "g",
                         "--threads", "2", "--print-config")
        config = json.loads(result.out)
        self.assertEqual(config["top_k"], 5)
        self.assertEqual(config["modality"], ["x=a.npy:0.5"])
        self.assertEqual(config["missing"], "renorm")
        self.assertEqual(config["row_order"], "score")
        self.assertEqual(config["auto_threshold"], 1000000)
        self.assertIn(config["engine"], ("auto", "exact"))
        self.assertFalse(os.path.exists(self.path("g")), "it builds nothing")
        self.nothing_left()


class Log(Case):
    def test_json(self):
        self.save("a.npy", random_rows(60, 4, 1))
        result = self.ok("build", "--modality", "a.npy", "--top-k", "5", "--out", "g",
                         "--log", "json", env={"KIN_NOBODY": "1"})
        self.assertEqual(result.out, "")
        entries = [json.loads(line) for line in result.err.splitlines()]
        self.assertGreater(len(entries), 5)
        for entry in entries:
            self.assertRegex(entry["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertIn(entry["level"], ("info", "warning"))
            self.assertTrue(entry["message"])
        self.assertEqual([entry["level"] for entry in entries].count("warning"), 1)
        progress = [entry for entry in entries if entry["message"].startswith("Progress: ")]
        self.assertEqual((progress[0]["done"], progress[0]["total"]), (0, 60))
        self.assertEqual((progress[-1]["done"], progress[-1]["total"]), (60, 60))

    def test_json_error(self):
        result = self.kin("build", "--modality", "gone.npy", "--out", "g", "--log", "json")
        self.assertEqual(result.code, 66)
        entry = json.loads(result.err.splitlines()[-1])
        self.assertEqual(entry["level"], "error")
        self.assertIn("gone.npy", entry["message"])
        self.assertTrue(entry["hint"])
        self.assertEqual(entry["exit_status"], 66)

    def test_modalities(self):
        """Each file with its shape, type, weight and rows of zeros: files that were swapped are seen."""
        rows = random_rows(60, 4, 1)
        rows[3:5] = 0
        self.save("a.npy", rows.astype("<f2"))
        self.save("b.npy", random_rows(60, 7, 2))
        vectors = ("--modality", "text=a.npy:0.6", "--modality", "image=b.npy:2.5")
        lines = ["INFO Modality text: a.npy, 60 x 4 float16, weight 0.6, 2 rows of zeros",
                 "INFO Modality image: b.npy, 60 x 7 float32, weight 2.5"]
        for command in (("build", "--top-k", 5, "--out", "g"), ("plan", "--top-k", 5), ("index", "--out", "i"),
                        ("sweep", "--top-k", 5, "--rows", 20, "--engine", "join")):
            result = self.ok(*command, *vectors)
            self.assertEqual([line for line in result.err.splitlines() if "Modality" in line], lines, command)
        result = self.ok("query", "i", "--item", 1, "--top-k", 3)
        self.assertEqual([re.sub("[^ ]*/", "", line) for line in result.err.splitlines() if "Modality" in line], lines)
        self.assertIn('"Modality image: b.npy, 60 x 7 float32, weight 2.5"', self.ok(
            "plan", "--top-k", 5, *vectors, "--log", "json").err)

    def test_missing_is_explained(self):
        for command in ("build", "plan", "index", "sweep", "compare"):
            text = " ".join(self.ok(command, "--help").out.split())
            self.assertRegex(text, r"--missing NAME .*a row of zeros.* renorm: .* zero: a missing cosine counts 0, the "
                             r"arithmetic of cosine_similarity drop: .* error: ")

    def test_no_progress(self):
        self.save("a.npy", random_rows(60, 4, 1))
        result = self.ok("build", "--modality", "a.npy", "--top-k", "5", "--out", "g",
                         "--progress", "none")
        self.assertNotIn("Progress", result.err)
        self.assertIn("INFO Total items with neighbors: 60", result.err.splitlines())

    def test_bar(self):
        self.save("a.npy", random_rows(60, 4, 1))
        result = self.ok("build", "--modality", "a.npy", "--top-k", "5", "--out", "g",
                         "--progress", "bar")
        self.assertIn("\r", result.err)
        self.assertNotIn("Progress:", result.err)

    def test_names_on_one_line(self):
        """A file name with a newline makes no second line in the log."""
        result = self.kin("build", "--modality", "x=bad\nINFO name.npy", "--out", "g")
        self.assertEqual(result.code, 66)
        # of a CPU that OpenBLAS does not know a line says what core type it gets
        self.assertEqual([line for line in result.lines("INFO") if not line.startswith("OpenBLAS ")], [])


if __name__ == "__main__":
    kin_cli.main()
