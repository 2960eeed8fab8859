"""Readers of a folder whose name is given to another one all the time, as kin build --force and its kin do:
what they read is one folder, whole, or they say that it was replaced (75). Never damage, never a mix of two."""
import ctypes
import json
import os
import random
import shutil
import threading
import time

import kin_cli
from kin_cli import Case, random_rows

N, K = 300, 10
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def exchange(a, b):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, os.fsencode(a), AT_FDCWD, os.fsencode(b), RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), "renameat2", a)


class Reader(threading.Thread):
    """Runs one command again and again."""

    def __init__(self, case, arguments):
        super().__init__()
        self.case, self.arguments = case, arguments
        self.results, self.over = [], threading.Event()

    def run(self):
        while not self.over.is_set():
            self.results.append(self.case.kin(*self.arguments))


class Exchange(Case):
    """Two folders of each kind, of the same sizes and with other contents."""

    def setUp(self):
        super().setUp()
        self.count = 0
        order = list(range(N))
        for which in "ab":
            random.Random(which).shuffle(order)
            self.text(which + ".ids", "".join("i%d\n" % i for i in order))
            for name, d in (("text", 12), ("image", 8)):
                self.save("%s-%s.npy" % (which, name), random_rows(N, d, ord(which) + d))

    def modalities(self, which):
        return [argument for name in ("text", "image")
                for argument in ("--modality", "%s=%s-%s.npy" % (name, which, name))]

    def make(self, command, *arguments):
        """A folder of catalog a and one of catalog b."""
        for which in "ab":
            self.ok(command, *self.modalities(which), "--ids", which + ".ids", "--out",
                    command + "-" + which, "--top-k", K, *arguments)
        return command + "-a", command + "-b"

    def replace(self, name, source):
        """Gives the name to a copy of the folder `source`, and deletes the one that had it."""
        copy = self.path(".next")
        shutil.copytree(self.path(source), copy)
        exchange(copy, self.path(name))
        shutil.rmtree(copy)
        self.count += 1

    def check(self, folders, exchanges, *readers):
        """Every reader (its command and facts, or None) under `exchanges` exchanges of the name "g"."""
        known = [self.outcomes(folders, *reader) for reader in readers]
        threads = [Reader(self, arguments) for arguments, _ in readers]
        pause = random.Random(1)
        for thread in threads:
            thread.start()
        try:
            self.count = 0
            while self.count < exchanges or min(len(thread.results) for thread in threads) < 5:
                self.replace("g", folders[self.count % 2])
                time.sleep(pause.uniform(0, .02))
        finally:
            for thread in threads:
                thread.over.set()
            for thread in threads:
                thread.join()
        for thread, outcomes, (_, facts) in zip(threads, known, readers):
            self.evaluate(thread, outcomes, facts)

    def outcomes(self, folders, arguments, facts):
        """What the command says of each of the two, where nothing moves."""
        known = []
        for folder in folders:
            shutil.rmtree(self.path("g"), ignore_errors=True)
            shutil.copytree(self.path(folder), self.path("g"))
            known.append(facts and facts(self.ok(*arguments).out))
        if facts:
            self.assertNotEqual(*known, "the two folders are told apart")
        return known

    def evaluate(self, thread, outcomes, facts):
        again = 0
        for result in thread.results:
            if result.code == 0:
                self.assertIn(facts and facts(result.out), outcomes, str(result))
            else:
                result.out = "" # the checks that held before
                self.check_refusal(result, 75, r"^g: the folder was replaced while it was read$|"
                                   r"^g/\w+\.npy changed while it was read$", "^run it again")
                again += 1
        print("%d exchanges: %s: %d runs, %d of them to run again" % (
            self.count, " ".join(map(str, thread.arguments)), len(thread.results), again))

    # ---- kinds of folders ------------------------------------------------------------------------

    def test_graph(self):
        folders = self.make("build")
        self.ok("build", *self.modalities("a"), "--ids", "b.ids", "--top-k", K, "--out", "truth")
        self.check(folders, 200, (("verify", "g"), None),
                   (("compare", "g", "--reference", "truth", "--force", "--json", "-"), compared))

    def test_graph_shown(self):
        folders = self.make("build", "--trace-rows", "20", "--engine", "join")
        self.check(folders, 40, (("info", "g", "--json", "-"), str),
                   (("show", "g", "--item", "i7", "--neighbors", 5), str))
        self.check(folders, 40, (("why", "g", "i7", "i8"), str),
                   (("compare", "g", "--sample", 50, "--json", "-"), compared))

    def test_index(self):
        folders = self.make("index", "--type", "hnsw")
        self.check(folders, 40, (("verify", "g"), None),
                   (("query", "g", "--item", "i7", "--top-k", 5, "--json", "-"), str))

    def test_build_from_an_index(self):
        for which, lists in (("a", 5), ("b", 6)):
            self.ok("index", *self.modalities("a"), "--ids", "a.ids", "--out", "index-" + which,
                    "--type", "ivf", "--lists", lists)
        self.check(("index-a", "index-b"), 40,
                   (("build", *self.modalities("a"), "--index", "g", "--top-k", K, "--out", "o",
                     "--force"), None), (("info", "g", "--json", "-"), str))
        self.ok("verify", "o")

    def test_catalog(self):
        for seed in (1, 2):
            self.ok("gen", "--items", N, "--modality", "text=8", "--modality", "image=6", "--seed",
                    seed, "--out", "catalog-%d" % seed)
        self.check(("catalog-1", "catalog-2"), 40, (("verify", "g"), None),
                   (("info", "g", "--json", "-"), str))
        self.check(("catalog-1", "catalog-2"), 40, (("info", "g"), str),
                   (("gen", "--from", "g", "--items", N + 20, "--out", "o", "--force"), None))


def compared(out):
    """All of a comparison but what time and memory it took."""
    document = json.loads(out)
    del document["run"]
    return document


if __name__ == "__main__":
    kin_cli.main()
