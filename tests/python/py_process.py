"""What a library may not do in its host: print, start threads, change settings, hang after a fork, forget Ctrl-C."""
import concurrent.futures
import locale
import multiprocessing
import os
import random
import signal
import threading
import time
import unittest.mock

import numpy as np

import package
from package import Case, kin, kin_cli, same_matrix, two_matrices, weighted

K = 20


def entries(numbers):
    """A build in another process or thread: its bytes."""
    text, image, engine = numbers
    with kin.build(weighted(text, image), K, engine=engine) as graph:
        rows = graph.rows()
    return rows.indices.tobytes() + rows.scores.tobytes()


class Import(Case):
    def test_it_starts_no_thread_and_waits_for_scipy(self):
        done = self.python("""
            import os, sys
            import numpy                                     # some builds of it start threads
            before = len(os.listdir("/proc/self/task"))
            import kin
            print(len(os.listdir("/proc/self/task")) - before)
            print([name for name in sys.modules if name.split(".")[0] in ("scipy", "pyarrow", "tqdm")])
            print(kin.__version__)
        """)
        version = self.ok("--version").out.split()[1]
        self.assertEqual((done.stdout, done.stderr), ("0\n[]\n%s\n" % version, ""))

    def test_no_library(self):
        for name, message in ((self.path("gone.so"), "libkin cannot be loaded .*gone.so"),
                              ("libm.so.6", "libm.so.6 has no kin_code_name: this package is for another version")):
            done = self.python("""
                try:
                    import kin
                except ImportError as error:
                    print(error)
            """, environment={"KIN_LIBRARY": name})
            self.assertRegex(done.stdout, r"\A%s.*\n\Z" % message)

    def test_an_older_cpu(self):
        flags = "flags\t\t: fpu sse4_2 popcnt cx16 lahf_lm pni ssse3 sse4_1 avx\n"
        done = self.python("""
            import sys, importlib.util
            spec = importlib.util.find_spec("kin")
            sys.path.insert(0, spec.submodule_search_locations[0])
            import _cpu                                      # before the package, which checks when it is imported
            print(_cpu.missing_flags(sys.argv[1]), _cpu.missing_flags("no such line"))
        """, "processor: 0\n" + flags)
        self.assertEqual(done.stdout, "['abm', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'movbe', 'xsave'] []\n")
        self.text("cpuinfo", flags)
        with unittest.mock.patch.object(kin._cpu, "CPUINFO", self.path("cpuinfo")), \
                unittest.mock.patch.object(kin._cpu.platform, "machine", lambda: "x86_64"):
            self.raises(ImportError, "^kin is built for x86-64-v3 CPUs .*; this CPU lacks abm, avx2, ", kin._cpu.check)
        with unittest.mock.patch.object(kin._cpu, "CPUINFO", self.path("gone")):
            kin._cpu.check()


class Host(Case):
    def test_settings_stay(self):
        umask = os.umask(0o027)
        os.umask(umask)
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGBUS)}
        environment, place = dict(os.environ), os.getcwd()
        with self.graph(weighted(*two_matrices(300)), K, threads=2) as graph:
            graph.to_scipy()
        self.assertEqual({number: signal.getsignal(number) for number in handlers}, handlers)
        again = os.umask(umask)
        os.umask(again)
        self.assertEqual((again, dict(os.environ), os.getcwd()), (umask, environment, place))

    def test_a_locale_with_commas(self):
        """"0,6" is how numbers are written there; kin reads and writes points."""
        text, image = two_matrices(300)
        expected = self.graph(weighted(text, image), K, target_recall=0.95).rows()
        before = locale.setlocale(locale.LC_ALL)
        self.addCleanup(locale.setlocale, locale.LC_ALL, before)
        for name in ("de_DE.UTF-8", "de_DE", "fr_FR.UTF-8"):
            try:
                locale.setlocale(locale.LC_ALL, name)
                break
            except locale.Error:
                continue
        else:
            self.skipTest("no locale with a decimal comma is installed")
        graph = self.graph(weighted(text, image), K, target_recall=0.95, out=self.path("g"))
        self.assertEqual(graph.rows().scores.tobytes(), expected.scores.tobytes())
        self.assertEqual(graph.manifest["modalities"][0]["weight"], 0.6)
        self.assertEqual(graph.manifest["options"]["target_recall"], 0.95)

    def test_builds_in_a_row_leave_nothing(self):
        def held():
            return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

        given = weighted(*two_matrices(300))
        counts = []
        for number in range(8):
            with kin.build(given, K, directory=self.dir, engine=("exact", "stream")[number % 2]) as graph:
                graph.to_scipy()
            self.settle()
            counts.append(held())
        self.assertEqual(len(set(counts[2:])), 1, counts)
        self.assertEqual(os.listdir(self.dir), [])

    def settle(self):
        """A thread that has ended is gone from the list a moment later."""
        for _ in range(200):
            if len(os.listdir("/proc/self/task")) == threading.active_count():
                return
            time.sleep(0.005)


class Parallel(Case):
    rounds = 2

    def setUp(self):
        super().setUp()
        self.text, self.image = two_matrices(400)
        self.expected = {engine: entries((self.text, self.image, engine)) for engine in ("exact", "stream", "join")}

    def jobs(self, count):
        engines = list(self.expected)
        return [(self.text, self.image, engines[number % 3]) for number in range(count)]

    def check(self, results, jobs):
        for result, (_, _, engine) in zip(results, jobs):
            self.assertTrue(result == self.expected[engine], engine)

    def test_thread_pool(self):
        jobs = self.jobs(9)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.check(pool.map(entries, jobs), jobs)

    def test_fork_after_use(self):
        """As a scheduler forks its workers from a process that has built graphs: no child may hang."""
        context = multiprocessing.get_context("fork")
        for _ in range(self.rounds):
            jobs = self.jobs(3)
            with context.Pool(2) as pool:
                self.check(pool.map_async(entries, jobs).get(300), jobs)
            self.check(map(entries, jobs[:1]), jobs[:1])

    def test_fork_from_a_thread_while_another_builds(self):
        stop = threading.Event()

        def build():
            while not stop.is_set():
                entries((self.text, self.image, "exact"))

        thread = threading.Thread(target=build)
        thread.start()
        try:
            self.test_fork_after_use()
        finally:
            stop.set()
            thread.join()


class Stopping(Case):
    rounds = 8

    def setUp(self):
        super().setUp()
        self.text, self.image = two_matrices(4000)
        self.given = weighted(self.text, self.image)

    def expected(self):
        return self.graph(self.given, K, engine="stream", micro_batch=16)

    def test_an_exception_of_progress(self):
        def stop(done, total):
            if done:
                raise ZeroDivisionError("of mine")

        for _ in range(2):
            self.raises(ZeroDivisionError, "of mine", kin.build, self.given, K, engine="stream", micro_batch=16,
                        progress=stop, out=self.path("g"))
            self.assertEqual(os.listdir(self.dir), [])
        same_matrix(self, self.expected().to_scipy(), self.graph(self.given, K, engine="exact").to_scipy())

    def test_progress(self):
        seen = []
        caller = threading.get_ident()

        def report(done, total):
            self.assertEqual(threading.get_ident(), caller)
            seen.append((done, total))

        self.graph(self.given, K, engine="stream", micro_batch=16, progress=report)
        self.assertEqual(seen[-1], (4000, 4000))
        self.assertEqual([done for done, _ in seen], sorted(done for done, _ in seen))

    def test_ctrl_c(self):
        """At random moments: KeyboardInterrupt, nothing left in the folder, and the next build is right."""
        moments = random.Random(1)
        interrupted = 0
        for _ in range(self.rounds):
            timer = threading.Timer(moments.uniform(0, 0.4), os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            try:
                try:
                    kin.build(self.given, K, engine="stream", micro_batch=16, out=self.path("g"), force=True).close()
                finally:
                    timer.join()
                time.sleep(0.01)
            except KeyboardInterrupt:
                interrupted += 1
            self.assertIn(os.listdir(self.dir), ([], ["g"]))
        self.assertGreater(interrupted, 0)
        same_matrix(self, self.expected().to_scipy(), self.graph(self.given, K, engine="exact").to_scipy())

    def test_a_handler_of_the_hosts(self):
        """What it raises is what comes out; where it raises nothing the build goes on."""
        def handler(number, frame):
            raise LookupError("signal %d" % number)

        caught = []
        for function in (handler, lambda *_: caught.append(1)):
            before = signal.signal(signal.SIGUSR1, function)
            self.addCleanup(signal.signal, signal.SIGUSR1, before)

            def poke(done, total):
                if done and not caught:
                    os.kill(os.getpid(), signal.SIGUSR1)

            if function is handler:
                self.raises(LookupError, "signal 10", kin.build, self.given, K, engine="stream", progress=poke)
            else:
                self.graph(self.given, K, engine="stream", progress=poke)
        self.assertTrue(caught)

    def test_tqdm(self):
        done = self.python("""
            import sys
            sys.modules["tqdm"] = sys.modules["tqdm.auto"] = None
            import kin, numpy
            try:
                kin.build({"a": numpy.eye(9)}, 2, progress="tqdm")
            except ImportError as error:
                print(error)
        """)
        self.assertEqual(done.stdout, "progress='tqdm' needs the package tqdm: pip install tqdm\n")
        try:
            import tqdm.auto
        except ImportError:
            self.skipTest("tqdm is not installed")
        bars = []
        with unittest.mock.patch.object(tqdm.auto, "tqdm", lambda **options: bars.append(tqdm.std.tqdm(disable=None, **options)) or bars[0]):
            self.graph({"a": np.eye(9)}, 2, progress="tqdm")
        self.assertEqual(len(bars), 1)


if __name__ == "__main__":
    if kin_cli.SANITIZED:
        kin_cli.skip_script("the library has to be loaded by a plain interpreter")
    package.main()
