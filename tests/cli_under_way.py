"""What happens to kin build when something goes wrong under way: inputs that change or vanish,
signals, two writers of one name. Each gives an answer, and the final name is never half-written."""
import os
import signal
import struct
import time

import kin_cli
from kin_cli import Case, Running, random_rows

N = 60
VECTORS = "--modality"


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
        """A pipe that nobody writes to would be waited for."""
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


if __name__ == "__main__":
    kin_cli.main()
