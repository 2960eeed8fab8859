"""The folder that kin build writes: where it may lie, what --force replaces, and disks that are full."""
import os
import resource
import shutil
import subprocess
import unittest

import numpy as np

import kin_cli
from kin_cli import Case, Graph, random_rows

N = 60
VECTORS = "--modality"


class Replacing(Case):
    def setUp(self):
        super().setUp()
        self.save("a.npy", random_rows(50, 4, 1))
        self.arguments = ["build", "--modality", "a.npy", "--top-k", "5", "--out", "g"]

    def test_force(self):
        self.ok(*self.arguments)
        first = Graph(self.path("g"))
        self.save("a.npy", random_rows(50, 4, 2))
        self.refused(73, "^g exists already$", *self.arguments, hint="--force")
        self.ok(*self.arguments, "--force")
        second = Graph(self.path("g"))
        self.assertNotEqual(first.manifest["files"]["graph.npz"], second.manifest["files"]["graph.npz"])
        self.nothing_left()
        self.ok("verify", "g")

    def test_force_on_nothing(self):
        self.ok(*self.arguments, "--force")
        self.nothing_left()

    def test_force_spares_what_is_not_ours(self):
        os.mkdir(self.path("g"))
        self.text("g/precious.txt", "keep me")
        self.refused(73, "does not replace it", *self.arguments, "--force")
        self.text("h", "a file")
        self.refused(73, "does not replace it", *self.arguments[:-1], "h", "--force")
        os.symlink("nowhere", self.path("l"))
        self.refused(73, "exists", *self.arguments[:-1], "l")

    def test_failed_force_keeps_the_old(self):
        self.ok(*self.arguments)
        before = kin_cli.listing(self.path("g"))
        rows = random_rows(50, 4, 2)
        rows[3, 1] = np.nan
        self.save("a.npy", rows)
        self.assertEqual(self.kin(*self.arguments, "--force").code, 65)
        self.assertEqual(kin_cli.listing(self.path("g")), before)
        self.nothing_left()

    def test_places(self):
        os.makedirs(self.path("deep/er"))
        self.ok(*self.arguments[:-1], "deep/er/g/")
        self.ok(*self.arguments[:-1], self.path("deep", "absolute"))
        self.assertEqual(sorted(os.listdir(self.path("deep"))), ["absolute", "er"])
        self.assertEqual(os.listdir(self.path("deep/er")), ["g"])

    def test_modes(self):
        os.umask(0o022)
        self.ok(*self.arguments)
        self.assertEqual(os.stat(self.path("g")).st_mode & 0o777, 0o755)
        for name in os.listdir(self.path("g")):
            self.assertEqual(os.stat(self.path("g", name)).st_mode & 0o777, 0o644, name)


class Refused(Case):
    def setUp(self):
        super().setUp()
        self.save("good.npy", random_rows(N, 8, 1))
        self.arguments = ["build", VECTORS, "good.npy", "--top-k", "5", "--out"]

    def test_places(self):
        self.refused(73, r"gone", *self.arguments, "gone/g", hint="parent")
        self.refused(73, r"good\.npy/g", *self.arguments, "good.npy/g")
        os.mkdir(self.path("there"))
        self.refused(73, r"^there exists already$", *self.arguments, "there", hint="--force")
        self.refused(73, r"^there exists already$", *self.arguments, "there/")
        self.refused(73, r"^good\.npy exists already$", *self.arguments, "good.npy")

    def test_refused_before_the_work(self):
        """Whether the output can be written is known before anything is computed."""
        os.mkdir(self.path("there"))
        result = self.kin(*self.arguments, "there")
        self.assertNotIn("Computing", result.err)

    @unittest.skipIf(os.geteuid() == 0, "root writes everywhere")
    def test_permissions(self):
        os.mkdir(self.path("closed"), 0o555)
        self.refused(73, r"Permission denied", *self.arguments, "closed/g")

    def test_file_size_limit(self):
        """A limit on file sizes stands in for a full disk: it fails at the same calls."""
        self.save("large.npy", random_rows(4000, 8, 1))

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))

        done = subprocess.run([kin_cli.KIN, "build", VECTORS, "large.npy", "--top-k", "20", "--out",
                               "g"], env=kin_cli.clean_environment(), cwd=self.dir,
                              preexec_fn=limit, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        result = kin_cli.Result(done.returncode, done.stdout.decode(), done.stderr.decode(), ["kin"])
        self.check_refusal(result, 74, "cannot be written", "ulimit -f")
        self.assertEqual(sorted(os.listdir(self.dir)), ["good.npy", "large.npy"])

    def test_open_files(self):
        """Whatever file is the first that may not be opened any more: the hint is about open files."""
        def limit(most):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

        refused = 0
        for most in range(3, 40):
            done = subprocess.run([kin_cli.KIN] + self.arguments + ["g"], cwd=self.dir,
                                  env=kin_cli.clean_environment(), preexec_fn=lambda: limit(most),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            result = kin_cli.Result(done.returncode, "", done.stderr.decode(), ["kin", most])
            if "error while loading shared libraries" in result.err:
                continue
            self.nothing_left()
            if result.code == 0:
                break
            refused += 1
            self.assertIn(result.code, (73, 74), str(result))
            self.check_refusal(result, result.code, "Too many open files", "ulimit -n")
            self.assertEqual(sorted(os.listdir(self.dir)), ["good.npy"])
        self.assertEqual(result.code, 0, str(result))
        self.assertGreater(refused, 1)
        self.ok("verify", "g")

    def mount(self, size):
        """A tmpfs of this size at `disk`, where one may be mounted."""
        os.mkdir(self.path("disk"))
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs",
                                  self.path("disk")], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL) if shutil.which("mount") else None
        if not mounted or mounted.returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", self.path("disk")])

    def test_full_disk(self):
        self.mount("1m")
        self.save("large.npy", random_rows(10000, 8, 1))
        result = self.kin("build", VECTORS, "large.npy", "--top-k", "50", "--out", "disk/g")
        self.check_refusal(result, 74, r"graph\.npz cannot be written with its .*No space left",
                           "make room")
        self.assertEqual(os.listdir(self.path("disk")), [])

    def test_room_for_finished_rows(self):
        """The files alone would fit: 10 bytes an entry of 8 MiB, rows until they are in them take 5.5."""
        self.mount("8m")
        self.save("large.npy", random_rows(6000, 8, 1))
        result = self.kin("build", VECTORS, "large.npy", "--top-k", "120", "--memory", "20M",
                          "--out", "disk/g")
        self.check_refusal(result, 74, r"rows\.log cannot be written: finished rows need some \d+ bytes "
                           r"beside the graph and the disk has \d+ left: No space left")
        self.assertNotIn("Progress", result.err)
        self.assertEqual(os.listdir(self.path("disk")), [])
        self.ok("build", VECTORS, "large.npy", "--top-k", "120", "--out", "disk/g")

    def test_disk_without_limit(self):
        """Such a file system says that it has no blocks at all, and none left."""
        self.mount("0")
        self.ok(*self.arguments, "disk/g")
        self.ok("verify", "disk/g")


if __name__ == "__main__":
    kin_cli.main()
