"""Every call of a command that changes or takes something, made to fail in turn (cli_syscalls.py some of
them, long/syscalls.py all): what must hold afterwards.

- The output is the old one or the new one, whole, and exit 0 says that it is the new one.
- The exit status is one for a failed call: 69, 73 or 74; no signal, no other.
- A call that a signal interrupts (EINTR) is made again, or not missed: exit 0.
- Nothing is left behind, but where the removal itself fails; the next run removes that too."""
import errno
import json
import os
import re
import shutil
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor

import kin_cli
import kin_faults
from kin_cli import random_rows

WRITING = ("ENOSPC", "EIO")
# what each call may fail with; where EINTR stands the command must go on
NUMBERS = {
    "open": ("EMFILE", "EIO", "EINTR", "ENOMEM"), "openat": ("EMFILE", "EIO", "EINTR"),
    "create": ("EMFILE", "EIO", "ENOSPC", "EINTR"),
    "fopen": ("EMFILE", "EIO"), "fdopen": ("ENOMEM",), "opendir": ("EMFILE",),
    "fdopendir": ("ENOMEM",), "mkdir": WRITING, "mkdirat": WRITING, "mkdtemp": WRITING,
    "mkstemp": WRITING, "mkostemp": WRITING, "read": ("EIO", "EINTR"), "pread": ("EIO", "EINTR"),
    "fread": ("EIO",), "write": WRITING + ("EINTR",), "pwrite": WRITING + ("EINTR",),
    "fwrite": WRITING, "fflush": WRITING, "ftruncate": WRITING + ("EINTR",),
    "posix_fallocate": WRITING + ("EINTR",), "fallocate": WRITING + ("EINTR",),
    "fsync": ("EIO", "ENOSPC", "EINTR"), "fdatasync": ("EIO", "EINTR"), "msync": ("EIO",),
    "rename": WRITING, "renameat": WRITING, "renameat2": WRITING + ("EACCES", "EINVAL"),
    "linkat": WRITING, "flock": ("ENOLCK", "EINTR"), "unlink": ("EIO",), "unlinkat": ("EIO",),
    "rmdir": ("EIO",), "remove": ("EIO",), "chmod": ("EIO",), "fchmod": ("EPERM", "EIO"),
    "mmap": ("ENOMEM", "ENFILE"), "close": ("EIO", "EINTR"), "fclose": WRITING,
    "closedir": ("EIO",),
}
REMOVING = ("unlink", "unlinkat", "rmdir", "remove", "fchmod")
EXITS = (69, 73, 74)
MODALITIES = ["--modality", "a.npy:.6", "--modality", "b.npy:.4", "--ids", "ids.txt"]
BUILD = ["build", *MODALITIES, "--top-k", "5", "--items", "items.tsv"]


class Scenario:
    """One command line, what it writes, and what lies there before."""

    def __init__(self, name, arguments, outputs, force=True):
        self.name, self.arguments, self.outputs, self.force = name, arguments, outputs, force


def scenarios():
    found = []
    for engine, more in (("exact", []), ("stream", []), ("join", []),
                         ("hnsw", ["--trace-rows", "5"])):
        found.append(Scenario("build " + engine,
                              BUILD + ["--engine", engine, "--out", "out"] + more, ["out"]))
    for kind in ("hnsw", "ivf"):
        found.append(Scenario("index " + kind, ["index", *MODALITIES, "--type", kind, "--out", "out",
                                                "--top-k", "5"], ["out"]))
    found.append(Scenario("build of an index", BUILD + ["--engine", "hnsw", "--index", "index",
                                                        "--out", "out"], ["out"]))
    found.append(Scenario("query", ["query", "index", "--item", "item3", "--json", "out.json"],
                          ["out.json"], force=False))
    found.append(Scenario("pairs", ["pairs", "graph", "--max-rows", "50", "--out", "out.npz"], ["out.npz"]))
    found.append(Scenario("export", ["export", "graph", "--out", "out.tsv"], ["out.tsv"]))
    found.append(Scenario("gen", ["gen", "--items", "30", "--modality", "text=4", "--modality",
                                  "image=6", "--out", "out"], ["out"]))
    found.append(Scenario("show", ["show", "graph", "--out", "page.html"], ["page.html"]))
    found.append(Scenario("compare", ["compare", "graph", "--sample", "10", "--out", "page.html",
                                      "--json", "out.json", "--prom", "out.prom"],
                          ["page.html", "out.json", "out.prom"]))
    return found


def plain(text):
    """A report without what differs from run to run: times and seconds."""
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?", "TIME", text)
    return re.sub(r"\b[0-9.]+ (s|ms|MiB|GiB)\b", "COST", text)


def contents(path):
    """What an output is, without what differs from run to run; None where there is none."""
    if not os.path.lexists(path):
        return None
    if os.path.isdir(path):
        return {name: contents(os.path.join(path, name)) for name in sorted(os.listdir(path))}
    data = kin_cli.read_bytes(path)
    if path.endswith(".json"):
        document = json.loads(data)
        document.pop("run", None)
        for part in ("graph", "reference", "timing"):
            if isinstance(document.get(part), dict):
                document[part].pop("run", None)
        return shape(document) if os.path.basename(path) != "manifest.json" else document
    if path.endswith((".html", ".prom")):
        text = data.decode()
        return [re.sub(r"[0-9][0-9.e+-]*", "0", line) for line in plain(text).splitlines()]
    return data


def shape(document):
    """A document's keys and kinds of values: seconds are never twice the same."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items()}
    if isinstance(document, list):
        return [shape(value) for value in document]
    return type(document).__name__ if not isinstance(document, (int, float)) else "number"


class Trials:
    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="kin-syscalls-")
        self.inputs = os.path.join(self.root, "inputs")
        self.count, self.failures, self.followed = 0, [], 0
        os.mkdir(self.inputs)
        for name, d, seed in (("a.npy", 6, 1), ("b.npy", 5, 2)):
            kin_cli.write_vectors(os.path.join(self.inputs, name), random_rows(40, d, seed))
        for name, line in (("ids.txt", "item%d\n"), ("items.tsv", "item%d\ttitle %d\n")):
            with open(os.path.join(self.inputs, name), "w", encoding="utf-8") as file:
                if name == "items.tsv":
                    file.write("id\ttitle\n")
                file.writelines(line % ((i,) * line.count("%d")) for i in range(40))
        self.must(BUILD + ["--out", "graph", "--engine", "exact"], self.inputs)
        self.must(["index", *MODALITIES, "--type", "hnsw", "--out", "index"], self.inputs)

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def must(self, arguments, cwd, **faults):
        result = kin_faults.run(arguments, cwd, **faults)
        if result.code != 0:
            raise AssertionError(str(result))
        return result

    def prepare(self, scenario, existing):
        """A folder to copy for each trial, what the command makes there, and the names of its calls."""
        base = os.path.join(self.root, "%s-%d" % (scenario.name.replace(" ", "-"), existing))
        shutil.copytree(self.inputs, base)
        more = ["--force"] if existing and scenario.force else []
        if existing and scenario.force:
            old = ["a.npy:.5" if word == "a.npy:.6" else "31" if word == "30" else word
                   for word in scenario.arguments]
            self.must(old, base)
        names = base + ".calls"
        made = base + "-made"
        shutil.copytree(base, made)
        self.must(scenario.arguments + more, made, record=names)
        with open(names, encoding="utf-8") as file:
            calls = file.read().split()
        return base, scenario.arguments + more, {name: contents(os.path.join(made, name))
                                                 for name in scenario.outputs}, calls

    def run(self, scenario, existing, stride, offset):
        base, arguments, wanted, calls = self.prepare(scenario, existing)
        old = {name: contents(os.path.join(base, name)) for name in scenario.outputs}
        faults = [(at + 1, call, name) for at, call in enumerate(calls)
                  for name in NUMBERS.get(call, ()) + ("kill",)]
        chosen = faults[offset % stride::stride]
        with ThreadPoolExecutor(2) as pool:
            for problem in pool.map(lambda fault: self.trial(scenario, base, arguments, old, wanted,
                                                             fault), chosen):
                if problem:
                    self.failures.append(problem)
                    print(problem.splitlines()[0], flush=True)
        self.count += len(chosen)
        return len(chosen), len(faults)

    def trial(self, scenario, base, arguments, old, wanted, fault):
        at, call, name = fault
        number = name if name == "kill" else getattr(errno, name)
        with tempfile.TemporaryDirectory(dir=self.root) as folder:
            cwd = os.path.join(folder, "t")
            shutil.copytree(base, cwd)
            result = kin_faults.run(arguments, cwd, fault="%d:%s" % (at, number))
            problem = self.evaluate(scenario, cwd, old, wanted, call, name, result)
            left = [entry for entry in os.listdir(cwd) if ".kin-" in entry]
            if not problem and (left or at % 7 == 0):
                problem = self.follow(scenario, cwd, arguments, wanted)
        if problem:
            return "%s, call %d (%s) with %s: %s\n%s" % (scenario.name, at, call, name, problem,
                                                        result)
        return None

    def evaluate(self, scenario, cwd, old, wanted, call, name, result):
        """What is wrong after the fault, or None."""
        now = {}
        for output in scenario.outputs:
            try:
                now[output] = contents(os.path.join(cwd, output))
            except (OSError, ValueError) as problem:
                return "%s is damaged: %s" % (output, problem)
            if isinstance(now[output], dict) and (name == "kill" or call in REMOVING):
                now[output].pop(".kin-unfinished", None)  # nothing took it away
            if now[output] not in (old[output], wanted[output]) and not (
                    result.code == 0 and self.is_poorer(cwd, old, now, result)):
                return output + " is neither the old one nor the new one"
        left = [entry for entry in os.listdir(cwd) if ".kin-" in entry]
        if name == "kill":
            return None if result.code in (0, -signal.SIGKILL) else "not killed"
        if left and call not in REMOVING:
            return "left behind: %s" % left
        if name == "EINTR" and result.code != 0:
            return "an interrupted call was not made again"
        if result.code == 0 and now != wanted:
            return None if self.is_poorer(cwd, old, now, result) else "exit 0, not the new output"
        if result.code == 0:
            return None
        if result.code not in EXITS:
            return "exit %d" % result.code
        if len(result.lines("ERROR")) != 1 or result.err.count("\nhint: ") != 1:
            return "not one line of error and one hint"
        if len(scenario.outputs) == 1 and now != old:
            return "the new output is there, exit %d" % result.code
        return None

    def is_poorer(self, cwd, old, now, result):
        """A page without what could not be read, which a warning tells; whole all the same."""
        return bool(result.lines("WARNING")) and now != old and all(
            not name.endswith(".html") or kin_cli.read_bytes(os.path.join(cwd, name)).endswith(
                b"</html>\n") for name in now)

    def follow(self, scenario, cwd, arguments, wanted):
        """The next run is clean and cleans up."""
        self.followed += 1
        again = arguments + ["--force"] * (scenario.force and "--force" not in arguments)
        result = kin_faults.run(again, cwd)
        left = [entry for entry in os.listdir(cwd) if ".kin-" in entry]
        now = {name: contents(os.path.join(cwd, name)) for name in scenario.outputs}
        if result.code != 0 or left or now != wanted:
            return "the next run: exit %d, left %s, %s\n%s" % (result.code, left, now == wanted, result)
        return None


def main(stride, only=""):
    """All scenarios (with `only` in their names), each call in `stride`; the number of failures that were found."""
    reason = kin_faults.available()
    if reason:
        kin_cli.skip_script(reason)
    trials = Trials()
    try:
        for index, scenario in enumerate(scenarios()):
            if only not in scenario.name:
                continue
            for existing in (False, True) if scenario.force else (False,):
                done, of = trials.run(scenario, existing, stride, 5 * index + existing)
                print("%-18s %-5s %5d of %5d trials" % (scenario.name, "force" if existing else "new",
                                                        done, of), flush=True)
    finally:
        trials.close()
    print("%d trials, %d of them followed by another run; %d findings" % (
        trials.count, trials.followed, len(trials.failures)))
    for problem in trials.failures[:20]:
        print("\n" + problem[:3000])
    return len(trials.failures)
