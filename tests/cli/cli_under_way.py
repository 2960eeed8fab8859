"""What happens to kin build when something goes wrong under way: inputs that change or vanish,
signals, two writers of one name. Each gives an answer, and the final name is never half-written."""
import fcntl
import os
import re
import signal
import struct
import subprocess
import time

import numpy as np

import kin_cli
from kin_cli import Case, Running, random_rows

N = 60
VECTORS = "--modality"
F_SETPIPE_SZ = 1031 # of <fcntl.h>; Python 3.10 and later have a name for it


class UnderWay(Case):
    """A build that takes a few seconds, and what befalls it."""

    def start(self, *arguments, out="g"):
        self.save("slow.npy", random_rows(6000, 256, 1))
        return Running("build", VECTORS, "slow.npy", "--out", out, "--engine", "stream",
                       "--top-k", "20", "--micro-batch", "2", "--threads", "1",
                       "--progress", "lines", *arguments, cwd=self.dir)

    def under_way(self, *arguments, **more):
        running = self.start(*arguments, **more)
        running.wait_for(r"Progress: 0/6000")
        return running

    def test_changed(self):
        running = self.under_way()
        with open(self.path("slow.npy"), "r+b") as file:
            file.seek(-4, os.SEEK_END)
            file.write(struct.pack("<f", 0.125))
        result = running.finish()
        self.check_refusal(result, 75, r"^slow\.npy changed while it was read$", "again")
        self.assertEqual(os.listdir(self.dir), ["slow.npy"])

    def test_appended(self):
        running = self.under_way()
        with open(self.path("slow.npy"), "ab") as file:
            file.write(b"more")
        self.check_refusal(running.finish(), 75, r"^slow\.npy changed while it was read$")
        self.assertEqual(os.listdir(self.dir), ["slow.npy"])

    def test_replaced(self):
        running = self.under_way()
        self.save("new.npy", random_rows(6000, 256, 2))
        os.rename(self.path("new.npy"), self.path("slow.npy"))
        self.check_refusal(running.finish(), 75, r"^slow\.npy changed while it was read$")
        self.assertEqual(os.listdir(self.dir), ["slow.npy"])

    def test_removed(self):
        running = self.under_way()
        os.unlink(self.path("slow.npy"))
        self.check_refusal(running.finish(), 75, r"^slow\.npy changed while it was read$")
        self.assertEqual(os.listdir(self.dir), [])

    def test_replaced_by_a_pipe(self):
        """A pipe without a writer would be waited for."""
        running = self.under_way()
        os.unlink(self.path("slow.npy"))
        os.mkfifo(self.path("slow.npy"))
        self.check_refusal(running.finish(), 75, r"^slow\.npy changed while it was read$")
        self.assertEqual(os.listdir(self.dir), ["slow.npy"])

    def test_truncated(self):
        """The mapping loses its pages: an answer, not a crash; the next run cleans up."""
        running = self.under_way()
        os.truncate(self.path("slow.npy"), 4096)
        result = running.finish()
        self.check_refusal(result, 75, r"(became shorter|changed) while it was read$")
        self.assertEqual([name for name in os.listdir(self.dir) if not name.startswith(".")],
                         ["slow.npy"])
        self.save("good.npy", random_rows(N, 8, 1))
        self.ok("build", VECTORS, "good.npy", "--top-k", "5", "--out", "g")
        self.assertEqual(sorted(os.listdir(self.dir)), ["g", "good.npy", "slow.npy"])

    def test_ids_changed(self):
        self.text("ids", "".join("id%d\n" % i for i in range(6000)))
        running = self.under_way("--ids", "ids")
        with open(self.path("ids"), "r+b") as file:
            file.write(b"xx")
        self.check_refusal(running.finish(), 75, r"^ids changed while it was read$")
        self.assertEqual(sorted(os.listdir(self.dir)), ["ids", "slow.npy"])

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(signal=number):
                running = self.under_way()
                running.process.send_signal(number)
                result = running.finish()
                self.assertEqual(result.code, -number, str(result))
                self.assertIn("Stopped by " + signal.Signals(number).name, result.err)
                self.assertEqual(os.listdir(self.dir), ["slow.npy"])

    def test_signal_keeps_the_old_graph(self):
        self.save("good.npy", random_rows(N, 8, 1))
        self.ok("build", VECTORS, "good.npy", "--top-k", "5", "--out", "g")
        before = kin_cli.listing(self.path("g"))
        running = self.under_way("--force")
        running.process.send_signal(signal.SIGTERM)
        self.assertEqual(running.finish().code, -signal.SIGTERM)
        self.assertEqual(kin_cli.listing(self.path("g")), before)
        self.nothing_left()

    def test_ignored_signal(self):
        """What the parent said to ignore, as nohup does, stays ignored."""
        self.save("good.npy", random_rows(3000, 128, 1))
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            running = self.under_way()
        finally:
            signal.signal(signal.SIGHUP, before)
        running.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.assertIsNone(running.process.poll())
        running.process.kill()
        running.finish()

    def test_kill(self):
        running = self.under_way()
        running.process.kill()
        self.assertEqual(running.finish().code, -signal.SIGKILL)
        left = [name for name in os.listdir(self.dir) if name != "slow.npy"]
        self.assertEqual(len(left), 1)
        self.assertTrue(left[0].startswith(".g.kin-"), "under a temporary name only")
        self.save("good.npy", random_rows(N, 8, 1))
        # another name leaves it alone, the same name clears it
        self.ok("build", VECTORS, "good.npy", "--top-k", "5", "--out", "other")
        self.assertTrue(os.path.exists(self.path(left[0])))
        self.ok("build", VECTORS, "good.npy", "--top-k", "5", "--out", "g")
        self.nothing_left()
        self.ok("verify", "g")

    def test_two_at_once(self):
        """A second run for the same name is told to wait, and does not disturb the first."""
        running = self.under_way()
        self.save("good.npy", random_rows(N, 8, 1))
        result = self.kin("build", VECTORS, "good.npy", "--top-k", "5", "--out", "g")
        self.check_refusal(result, 75, r"^g is being written by another process$", "wait")
        self.assertIsNone(running.process.poll())
        running.process.send_signal(signal.SIGTERM)
        running.finish()
        self.nothing_left()

    def test_name_taken_under_way(self):
        running = self.under_way()
        os.mkdir(self.path("g"))
        self.text("g/file", "x")
        result = running.finish()
        self.check_refusal(result, 73, r"^g ")
        self.assertEqual(os.listdir(self.path("g")), ["file"])
        self.nothing_left()


class ExactUnderWay(Case):
    """The certified engine hears signals between its rounds."""

    def setUp(self):
        super().setUp()
        self.save("slow.npy", random_rows(40000, 128, 1, clusters=1))

    def check_stop(self, number, moment):
        running = Running("build", VECTORS, "slow.npy", "--out", "g", "--engine", "exact",
                          "--top-k", "20", "--threads", "1", "--progress", "lines", cwd=self.dir)
        running.wait_for(moment)
        running.process.send_signal(number)
        result = running.finish()
        self.assertEqual(result.code, -number, str(result))
        self.assertIn("Stopped by " + signal.Signals(number).name, result.err)
        self.assertEqual(os.listdir(self.dir), ["slow.npy"])

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            for moment in (r"Progress: 0/40000", r"Progress: [1-9]\d*/40000"):
                with self.subTest(signal=number, moment=moment):
                    self.check_stop(number, moment)


class Stepped:
    """A command whose log goes into a pipe that holds one line: the reader of a line knows that the command has not
    got beyond its next line but one, however long it is looked at."""

    def __init__(self, *arguments, cwd):
        self.command = [kin_cli.KIN] + [str(argument) for argument in arguments]
        self.log, end = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
        fcntl.fcntl(self.log, F_SETPIPE_SZ, 4096)
        self.process = subprocess.Popen(self.command, cwd=cwd, stderr=end, stdout=subprocess.DEVNULL,
                                        stdin=subprocess.DEVNULL, env=kin_cli.clean_environment())
        os.close(end)
        self.seen = ""

    def read(self):
        line = os.read(self.log, 4096).decode()
        self.seen += line
        return line

    def wait_for(self, pattern):
        line = self.read()
        while line and not re.search(pattern, line):
            line = self.read()
        if not line:
            raise AssertionError("no line like %r in:\n%s" % (pattern, self.seen))

    def finish(self):
        while self.read():
            pass
        os.close(self.log)
        code = self.process.wait(timeout=600)
        return kin_cli.Result(code, "", self.seen, self.command)


class Overwritten(Case):
    """Inputs written over in place, with the same length, while each engine and kin index read them."""
    MODALITIES = ["--modality", "text=text.npy", "--modality", "image=image.npy"]
    HEADER = 128

    def setUp(self):
        super().setUp()
        self.n, self.d = 700, 96
        self.rows = random_rows(self.n, self.d, 1)
        self.save("image.npy", random_rows(self.n, 16, 2))
        self.save("text.npy", self.rows)

    def values(self, what):
        """The bytes that are written, and where."""
        rows = self.rows.copy()
        if what == "one NaN":
            rows[self.n // 2, 3] = np.nan
        elif what == "other values":
            rows = random_rows(self.n, self.d, 3)
        else:
            rows[:] = {"NaN": np.nan, "infinite": np.inf, "zeros": 0, "huge": 3e38}[what]
        return rows.tobytes()

    def check(self, moment, what, command, *arguments, name="text.npy", data=None, at=None):
        self.save("text.npy", self.rows)
        before = sorted(os.listdir(self.dir))
        running = Stepped(command, *self.MODALITIES, "--out", "o", "--top-k", "10", "--threads", "2",
                          "--progress", "lines", *arguments, cwd=self.dir)
        running.wait_for(moment)
        with open(self.path(name), "r+b") as file:
            file.seek(self.HEADER if at is None else at)
            file.write(self.values(what) if data is None else data)
        result = running.finish()
        self.check_refusal(result, 75, "^" + re.escape(name) + " changed while it was read$",
                           "^run it again")
        self.assertNotRegex(result.err, "Effort escalated|is not met", "effort was escalated")
        self.assertEqual(sorted(os.listdir(self.dir)), before, "nothing published, nothing left")

    PATTERNS = ("NaN", "infinite", "zeros", "huge", "other values", "one NaN")

    def check_patterns(self, moments, command, *arguments):
        """Every pattern at some moment, every moment with some pattern."""
        for at, what in enumerate(self.PATTERNS):
            moment = moments[at % len(moments)]
            with self.subTest(moment=moment, what=what):
                self.check(moment, what, command, *arguments)

    def test_stream(self):
        self.check_patterns((r"Progress: 0/", r"Progress: [1-9]\d*/"), "build", "--engine", "stream",
                            "--micro-batch", "100")

    def test_exact(self):
        self.check_patterns((r"Computing", r"^INFO Plan", r"Progress: 0/"), "build", "--engine",
                            "exact")

    def test_join(self):
        self.check_patterns((r"^INFO Plan", r"^INFO Effort", r"Computing similarity"), "build",
                            "--engine", "join")

    def test_hnsw(self):
        self.check_patterns((r"Stage: group text", r"Stage: add text", r"Stage: search"), "build",
                            "--engine", "hnsw")

    def test_index(self):
        for type in ("hnsw", "ivf"):
            self.check_patterns((r"^INFO Building", r"Stage: (train|add) text",
                                 r"Stage: group image"), "index", "--type", type)

    def test_index_projected(self):
        self.check_patterns((r"Stage: project text",), "index", "--type", "ivf", "--project", "8")

    def test_truncated(self):
        """Pages of the mapping are gone: one answer, for any reader and any number of threads."""
        for command, moment, *arguments in (
                ("build", "Computing", "--engine", "exact"), ("build", "Plan", "--engine", "join"),
                ("build", "Stage: group text", "--engine", "hnsw"),
                ("index", "Building", "--type", "hnsw"), ("index", "Building", "--type", "ivf")):
            with self.subTest(command=command, arguments=arguments):
                self.save("text.npy", self.rows)
                running = Stepped(command, *self.MODALITIES, "--out", "o", "--top-k", "10",
                                  "--threads", "8", "--progress", "lines", *arguments,
                                  cwd=self.dir)
                running.wait_for(moment)
                os.truncate(self.path("text.npy"), 4096)
                result = running.finish()
                self.check_refusal(result, 75, r"(became shorter|changed) while it was read$")
                self.assertFalse(os.path.exists(self.path("o")))

    def test_gen(self):
        """Rows that a larger catalog is made of."""
        for what, dtype in (("NaN", "float16"), ("huge", "float16"), ("other values", "float32")):
            with self.subTest(what=what):
                self.save("text.npy", self.rows)
                running = Stepped("gen", "--from", ".", "--modality", "text", "--items", 3000,
                                  "--dtype", dtype, "--out", "o", "--progress", "lines",
                                  cwd=self.dir)
                running.wait_for("^INFO Modality text")
                with open(self.path("text.npy"), "r+b") as file:
                    file.seek(self.HEADER)
                    file.write(self.values(what))
                self.check_refusal(running.finish(), 75, r"text\.npy changed while it was read$")
                self.assertEqual(sorted(os.listdir(self.dir)), ["image.npy", "text.npy"])

    def test_names(self):
        """Ids and the table of items, which are copied into the graph."""
        ids = "".join("id%05d\n" % i for i in range(self.n))
        self.text("ids", ids)
        table = "id\ttitle\n" + "".join("id%05d\tt\n" % i for i in range(self.n))
        for name, data in (("items.tsv", b"x" * 5000), ("ids", b"x" * len(ids))):
            self.text("items.tsv", table)
            self.check(r"Progress: 0/", None, "build", "--ids", "ids", "--items", "items.tsv",
                       "--engine", "stream", name=name, data=data, at=0)


if __name__ == "__main__":
    kin_cli.main()
