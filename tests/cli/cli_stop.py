"""kin show, query and why are stopped by a signal as kin build is: at once, as the signal, leaving nothing."""
import os
import signal

import kin_cli
import kin_faults
from kin_cli import Case, Running, random_rows, read_json

N, D = 8000, 256


class Stop(Case):
    @classmethod
    def setUpClass(cls):
        cls.shared = kin_cli.tempfile.mkdtemp(prefix="kin-test-")
        cls.addClassCleanup(kin_cli.shutil.rmtree, cls.shared, ignore_errors=True)
        for m, name in enumerate(("text", "image")):
            kin_cli.np.save(os.path.join(cls.shared, name + ".npy"), random_rows(N, D, m).astype("float16"))
        kin_cli.np.save(os.path.join(cls.shared, "q.npy"), random_rows(6000, D, 7).astype("float16"))
        modalities = ["--modality", "text=text.npy:.6", "--modality", "image=image.npy:.4"]
        for arguments in (["build", *modalities, "--top-k", "2", "--out", "g"],
                          ["index", *modalities, "--type", "ivf", "--out", "i"]):
            result = kin_cli.run(*arguments, cwd=cls.shared)
            assert result.code == 0, str(result)

    def caught(self, process):
        """Waits until the process catches SIGTERM; False where it ended without."""
        bit = 1 << (signal.SIGTERM - 1)
        while process.poll() is None:
            try:
                with open("/proc/%d/status" % process.pid, encoding="ascii") as file:
                    mask = next((line.split()[1] for line in file if line.startswith("SigCgt:")), "0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(mask, 16) & bit:
                return True
        return False

    def stop(self, number, *arguments, after=None):
        """One run, with the signal sent once signals are caught, after this line of the log if one is given. Its
        result, None where they never were."""
        running = Running(*arguments, "--threads", "1", cwd=self.shared)
        if after:
            running.wait_for(after)
        if not self.caught(running.process):
            running.finish()
            return None
        for one in (signal.SIGSTOP, number, signal.SIGCONT):
            running.process.send_signal(one)
        return running.finish()

    def check_stopped(self, *arguments, after=None):
        """Runs that tell nothing are repeated: one that had ended its work when the signal came, and one that had not
        begun it, between the look at its output and the work, where it ends by the signal without a word."""
        before = set(os.listdir(self.shared))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            words = "Stopped by " + signal.Signals(number).name
            for _ in range(60):
                result = self.stop(number, *arguments, after=after)
                self.assertIsNotNone(result, "signals are not caught")
                self.assertIn(result.code, (0, -number), str(result))
                if result.code == 0:
                    os.unlink(os.path.join(self.shared, arguments[-1]))
                elif words in result.err:
                    break
            self.assertEqual(result.code, -number, str(result))
            self.assertIn(words, result.err)
            self.assertEqual(set(os.listdir(self.shared)), before)

    def test_show(self):
        self.check_stopped("show", "g", "--items-shown", "1000", "--out", "page.html")

    def test_query(self):
        self.check_stopped("query", "i", "--query", "text=q.npy", "--query", "image=q.npy", "--json", "answers.json",
                           after="Modality image")

    def test_a_reader_that_never_comes(self):
        """To a pipe without a reader: the first signal ends the wait."""
        os.mkfifo(self.path("pipe"))
        for arguments in (["why", "g", "1", "2"], ["query", "i", "--item", "1"]):
            running = Running(*arguments, "--json", self.path("pipe"), cwd=self.shared)
            while running.process.poll() is None and self.waits_for_pipe(running.process.pid) is False:
                pass
            running.process.send_signal(signal.SIGTERM)
            self.assertEqual(running.finish().code, -signal.SIGTERM)

    def waits_for_pipe(self, pid):
        """In openat(2) of a pipe: system call 257 on x86-64, 56 on arm64. None where the kernel does not say."""
        try:
            with open("/proc/%d/syscall" % pid, encoding="ascii") as file:
                call = file.read().split()[0]
        except OSError:
            return None
        return call in ("257", "56")


class StopAtTheOutput(Case):
    """A signal that comes while a single file is looked at or written leaves nothing unfinished beside it."""
    CALLS = ("mkdtemp", "openat", "fsync", "renameat2", "unlinkat", "rmdir")

    def setUp(self):
        super().setUp()
        why = kin_faults.available()
        if why:
            self.skipTest(why)
        self.save("a.npy", random_rows(60, 8, 1))
        catalog = ("--modality", "a=a.npy", "--top-k", "5")
        self.ok("build", *catalog, "--out", "g")
        self.ok("index", *catalog, "--out", "x")
        self.commands = (
            ("doctor",), ("info", "g"), ("plan", *catalog), ("why", "g", "1", "2"), ("query", "x", "--item", "3"),
            ("compare", "g", "--sample", "10"), ("sweep", *catalog, "--items", "40", "--rows", "10"))

    def stop_at(self, number, at, call, command):
        """The command, sent the signal right before its at-th call; its exit status, None where it makes fewer."""
        process = kin_faults.start(command, self.dir, fault="%d:stop" % at, call=call)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            process.returncode = os.waitstatus_to_exitcode(status)
            process.communicate()
            self.assertEqual(process.returncode, 0)
            return None
        process.send_signal(number)
        return kin_faults.go_on(process).code

    def check(self, call, command, file):
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        for at in range(1, 60):
            number = numbers[at % len(numbers)]
            code = self.stop_at(number, at, call, command)
            if code is None:
                return at - 1
            what = "%s, signal at %s %d" % (" ".join(command), call, at)
            self.assertIn(code, (0, -number), what)
            self.assertEqual([name for name in os.listdir(self.dir) if ".kin-" in name], [], what)
            if os.path.exists(self.path(file)) and file.endswith(".json"):
                read_json(self.path(file)) # whole
        self.fail("does not end")

    def test_json(self):
        for command in self.commands:
            found = sum(self.check(call, (*command, "--json", "f.json"), "f.json") for call in self.CALLS)
            self.assertGreaterEqual(found, 6, command)

    def test_files(self):
        for *command, file in (("show", "g", "f.html"), ("compare", "g", "--sample", "10", "f.html"),
                               ("pairs", "g", "f.npz"), ("export", "g", "f.tsv")):
            for call in self.CALLS:
                self.check(call, (*command, "--force", "--out", file), file)


if __name__ == "__main__":
    kin_cli.main()
