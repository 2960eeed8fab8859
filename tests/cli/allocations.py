"""Memory is refused at every place: what the commands and the unit programs then do.

tests/faults/allocations.c refuses the n-th allocation of a run, once or from there on. A command has to end with 0 and
all that it writes whole, the same as undisturbed, or with 69, one line that says so and nothing left
behind. A unit program may fail, for what it tests was refused; it may not crash in kin's code, nor hang.
cli_allocations.py runs a part of the trials, long/allocations.py all of them.
"""
import concurrent.futures
import functools
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

import numpy as np

import kin_cli

TESTS = os.path.join(os.path.dirname(kin_cli.KIN), "tests")
PRELOAD = os.path.join(TESTS, "fault_allocations.so")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
MEMORY = 69


def make_folder():
    """A temporary folder that others may enter, in memory where the system has such a place: what is written is
    synced, and a trial takes a hundredth of a second."""
    folder = tempfile.mkdtemp(prefix="kin-test-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    os.chmod(folder, 0o755)
    return folder


# ---- the inputs
# ----------------------------------------------------------------------------------------

def make_inputs(directory):
    """Tiny vectors, a table, files of another tool, and what kin makes of them."""
    def kin(*arguments):
        done = kin_cli.run(*arguments, cwd=directory, env=ONE_THREAD)
        assert done.code == 0, str(done)

    n = 90
    text = kin_cli.random_rows(n, 8, 1)
    text[5] = text[9]
    text[7] = 0
    np.save(os.path.join(directory, "text.npy"), text)
    np.save(os.path.join(directory, "image.npy"), kin_cli.random_rows(n, 6, 2))
    np.save(os.path.join(directory, "query.npy"), kin_cli.random_rows(3, 8, 3))
    np.save(os.path.join(directory, "wide.npy"), kin_cli.random_rows(n, 6, 4).astype(np.float64))
    with open(os.path.join(directory, "items.tsv"), "w", encoding="utf-8") as file:
        file.write("id\ttitle\tcategory\n")
        file.writelines("item-%d\tthe title of %d\t%s\n" % (i, i, "abc"[i % 3]) for i in range(n))
    kin("build", *VECTORS, "--items", "items.tsv", "--engine", "exact", "--out", "exact")
    kin("build", *VECTORS, "--items", "items.tsv", "--engine", "join", "--trace-rows", 9, "--out", "join")
    kin("index", *VECTORS, "--out", "index-ivf")
    kin("index", *VECTORS, "--type", "hnsw", "--out", "index-hnsw")
    kin("gen", "--items", 60, "--modality", "text=8", "--out", "catalog")
    os.mkdir(os.path.join(directory, "files"))
    np.save(os.path.join(directory, "files", "text.npy"), text)
    np.save(os.path.join(directory, "files", "image.npy"), kin_cli.random_rows(n, 6, 2))
    start, near, _ = kin_cli.csr_arrays(os.path.join(directory, "exact"))
    rows = np.full((n, 6), -1, "<i4")
    rows[:, 0] = 5
    for i in range(n):
        rows[i, 1:1 + start[i + 1] - start[i]] = near[start[i]:start[i + 1]]
    rows.tofile(os.path.join(directory, "other.ivecs"))


VECTORS = ["--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4", "--top-k", "5"]
OUT = ["--out", "out"]
BUILD = VECTORS + ["--items", "items.tsv"] + OUT


class Work:
    """A command and what it writes. measures: it times engines, so that its words and numbers are other ones
    every time, and an engine that gets no memory is an answer. replaces: a folder that is there before."""

    def __init__(self, name, *arguments, writes=(), measures=False, replaces=None):
        self.name, self.arguments, self.writes = name, list(arguments), writes
        self.measures, self.replaces = measures, replaces


WORKS = [
    Work("build stream", "build", "--engine", "stream", *BUILD, writes=["out"]),
    Work("build exact", "build", "--engine", "exact", *BUILD, writes=["out"]),
    Work("build join", "build", "--engine", "join", "--trace-rows", "7", *BUILD, writes=["out"]),
    Work("build hnsw", "build", "--engine", "hnsw", "--trace-rows", "7", *BUILD, writes=["out"]),
    Work("build hnsw fused", "build", "--engine", "hnsw", "--index-space", "fused", *BUILD, writes=["out"]),
    Work("build float64", "build", "--modality", "wide.npy", "--engine", "exact", "--top-k", "5", "--out", "out",
         writes=["out"]),
    Work("build from an ivf index", "build", "--engine", "join", "--index", "index-ivf", *BUILD, writes=["out"]),
    Work("build from an hnsw index", "build", "--engine", "hnsw", "--index", "index-hnsw", *BUILD, writes=["out"]),
    Work("build --force", "build", "--engine", "stream", "--force", *BUILD, writes=["out"], replaces="exact"),
    Work("build --print-config", "build", "--print-config", *BUILD),
    Work("build --log json", "build", "--engine", "stream", "--log", "json", *BUILD, writes=["out"]),
    Work("index ivf", "index", *VECTORS, *OUT, writes=["out"]),
    Work("index hnsw", "index", "--type", "hnsw", *VECTORS, *OUT, writes=["out"]),
    Work("query item", "query", "index-ivf", "--item", "3", "--item", "4", "--top-k", "5", "--json", "out.json",
         writes=["out.json"]),
    Work("query graph", "query", "exact", "--item", "item-3", "--item", "item-4", "--json", "out.json", writes=["out.json"]),
    Work("pairs npz", "pairs", "exact", "--out", "out.npz", "--max-rows", "50", writes=["out.npz"]),
    Work("pairs tsv", "pairs", "exact", "--out", "out.tsv", writes=["out.tsv"]),
    Work("export jsonl", "export", "join", "--out", "out.jsonl", writes=["out.jsonl"]),
    Work("query outside", "query", "index-hnsw", "--query", "text=query.npy", "--top-k", "5", "--json", "out.json",
         writes=["out.json"]),
    Work("compare sample", "compare", "join", "--sample", "20", "--out", "out.html", "--json", "out.json", "--prom",
         "out.prom", writes=["out.html", "out.json", "out.prom"]),
    Work("compare reference", "compare", "join", "--reference", "exact", "--previous", "exact", "--stratify", "category",
         "--out", "out.html", "--json", "out.json", writes=["out.html", "out.json"]),
    Work("compare npz", "compare", "exact/graph.npz", "--reference", "exact", "--json", "out.json",
         writes=["out.json"]),
    Work("compare ivecs", "compare", "other.ivecs", "--reference", "exact", "--modality", "text=text.npy:0.6",
         "--modality", "image=image.npy:0.4", "--json", "out.json", writes=["out.json"]),
    Work("show", "show", "join", "--items-shown", "4", "--out", "out.html", writes=["out.html"]),
    Work("show item", "show", "exact", "--item", "item-3"),
    Work("why", "why", "join", "item-3", "item-4", "--json", "out.json", writes=["out.json"]),
    Work("info catalog", "info", "catalog", "--json", "out.json", writes=["out.json"]),
    Work("info graph", "info", "exact", "--json", "out.json", writes=["out.json"]),
    Work("info index", "info", "index-ivf", "--json", "out.json", writes=["out.json"]),
    Work("info file", "info", "text.npy"),
    Work("gen", "gen", "--items", "60", "--modality", "text=8", "--modality", "image=6", "--out", "out", writes=["out"]),
    Work("gen from", "gen", "--from", "catalog", "--items", "100", "--out", "out", writes=["out"]),
    Work("gen from files", "gen", "--from", "files", "--items", "100", "--out", "out", writes=["out"]),
    Work("verify graph", "verify", "exact"),
    Work("verify index", "verify", "index-hnsw"),
    Work("verify catalog", "verify", "catalog"),
    Work("sweep", "sweep", *VECTORS, "--out", "out.html", "--json", "out.json",
         writes=["out.html", "out.json"], measures=True),
    Work("plan", "plan", *VECTORS, "--json", "out.json", writes=["out.json"], measures=True),
    Work("doctor", "doctor", "--json", "out.json", writes=["out.json"], measures=True),
    Work("--help", "--help"),
    Work("build --help", "build", "--help"),
    Work("--version", "--version"),
]


# ---- what a run wrote
# ------------------------------------------------------------------------------------

VOLATILE = re.compile(r"^run$|seconds|started|bytes$|_available|checksum")


def plain_json(value, measures):
    """A document without what another run has otherwise."""
    if measures:
        return sorted(value)
    if isinstance(value, dict):
        return {key: None if VOLATILE.search(key) else plain_json(item, measures) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_json(item, measures) for item in value]
    return value


def plain_text(text, measures):
    if measures:
        return re.findall(r"^<!DOCTYPE html>|</head>|<footer>|</html>\n$", text)
    return re.sub(r"[\d.,]+|&ndash;|\s+", "#", text)


@functools.lru_cache(maxsize=None)
def core_types():
    """What kin makes OpenBLAS take this CPU for where OpenBLAS does not know it, and what it may stay when memory for that is
    refused: the next lower type, or OpenBLAS's own. Else nothing."""
    log = subprocess.run([kin_cli.KIN, "build", "--modality", "x=none.npy", "--out", "none"], capture_output=True,
                         check=False, text=True).stderr
    found = re.search(r"took it for (\w+)\): kin uses its kernels for (\w+)", log)
    return (found.group(2), ("Haswell", found.group(1))) if found else ("", ())


def wordings(text):
    """What a command may print that prints this undisturbed."""
    best, others = core_types()
    return {text} | {re.sub(r"\b%s\b" % best, other, text) for other in others}


def contents(path, measures):
    """What lies at the path, None where nothing does; the same for two runs of one work."""
    if os.path.isdir(path):
        return {name: contents(os.path.join(path, name), measures) for name in sorted(os.listdir(path))}
    if not os.path.exists(path):
        return None
    if path.endswith(".json"):
        try:
            return plain_json(kin_cli.read_json(path), measures)
        except ValueError as broken:
            return str(broken)
    if path.endswith((".html", ".prom")):
        with open(path, encoding="utf-8") as file:
            return plain_text(file.read(), measures)
    return kin_cli.read_bytes(path)


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


# ---- a command under trial
# -----------------------------------------------------------------------------

class Trials:
    """One work in a folder of its own, served by one process that forks for every trial."""

    def __init__(self, work, inputs):
        self.work = work
        self.directory = make_folder()
        self.output = make_folder()
        for name in os.listdir(inputs):
            os.symlink(os.path.join(inputs, name), os.path.join(self.directory, name))
        self.before = set(os.listdir(self.directory))
        self.old = contents(os.path.join(inputs, work.replaces), False) if work.replaces else None
        words = [os.path.join(self.output, name) for name in ("stdout", "stderr")]
        ask, self.ask = os.pipe()
        self.answer, answer = os.pipe()
        environment = kin_cli.clean_environment(
            dict(ONE_THREAD, LD_PRELOAD=PRELOAD, ALLOCATIONS_STDOUT=words[0], ALLOCATIONS_STDERR=words[1],
                 ALLOCATIONS_ASK=str(ask), ALLOCATIONS_ANSWER=str(answer)))
        self.process = subprocess.Popen(
            [kin_cli.KIN] + work.arguments, cwd=self.directory, env=environment, stdin=subprocess.DEVNULL,
            pass_fds=(ask, answer))
        os.close(ask)
        os.close(answer)
        self.answers = os.fdopen(self.answer)
        self.trials, self.findings = 0, []

    def request(self, line):
        os.write(self.ask, (line + "\n").encode())
        return self.answers.readline().split()

    def run(self, at, sticky, note=False):
        """(exit status, negative for a signal; allocations; refused ones)"""
        if self.work.replaces:
            shutil.copytree(os.path.join(self.directory, self.work.replaces), os.path.join(self.directory, "out"))
        status, asked, refused = map(int, self.request("%d %d %d" % (at, sticky, note)))
        return os.waitstatus_to_exitcode(status), asked, refused

    def words(self, name):
        with open(os.path.join(self.output, name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def take_results(self):
        """What the last run wrote, and nothing is left of it."""
        found = [contents(os.path.join(self.directory, name), self.work.measures) for name in self.work.writes]
        for name in self.work.writes:
            remove(os.path.join(self.directory, name))
        left = sorted(set(os.listdir(self.directory)) - self.before)
        for name in left:
            remove(os.path.join(self.directory, name))
        printed = "" if self.work.measures else plain_text(self.words("stdout"), False)
        return found, left, printed

    def undisturbed(self):
        code, asked, _ = self.run(0, False, note=True)
        assert code == 0, self.work.name + self.words("stderr")
        self.wanted = self.take_results()
        self.stacks = [int(number) for number in self.request("stacks")]
        self.allocations = asked

    def fault(self, code, refused, results):
        """What is wrong with a trial, None where nothing is."""
        found, left, printed = results
        errors = [line for line in self.words("stderr").splitlines()
                  if line.startswith("ERROR ") or '"level":"error"' in line]
        if left:
            return "exit %d, left behind: %s" % (code, ", ".join(re.sub(r"kin-\w{6}", "kin-XXXXXX", name) for name in left))
        if code == 0:
            if found != self.wanted[0]:
                return "exit 0 and another result"
            return None if printed in wordings(self.wanted[2]) else "exit 0 and other words on stdout"
        if code != MEMORY:
            return "exit %d" % code if code > 0 else signal.Signals(-code).name
        if refused == 0:
            return "exit 69 though nothing was refused"
        if not self.work.measures and [item for item in found if item not in [self.old] + self.wanted[0]]:
            return "exit 69 and a part of a result"
        return None if len(errors) == 1 else "%d error lines" % len(errors)

    def trial(self, at, sticky):
        code, _, refused = self.run(at, sticky)
        fault = self.fault(code, refused, self.take_results())
        self.trials += 1
        if fault:
            lines = self.words("stderr").splitlines()
            last = next((line for line in reversed(lines) if not line.startswith("hint")), "")
            self.findings.append((self.work.name, at, "sticky" if sticky else "once", fault, last))

    def close(self):
        os.close(self.ask)
        self.process.wait()
        self.answers.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.output, ignore_errors=True)


def chosen(first, asked, most, every):
    """Numbers of allocations: all where there are at most `every`, else the first of every call stack, `most` of
    them evenly chosen."""
    if asked <= every:
        return range(1, asked + 1)
    return [first[i * len(first) // most] for i in range(most)] if most and len(first) > most else first


def try_work(work, inputs, most, every):
    trials = Trials(work, inputs)
    try:
        trials.undisturbed()
        for at in chosen(trials.stacks, trials.allocations, most, every):
            trials.trial(at, False)
            trials.trial(at, True)
    finally:
        trials.close()
    return trials


def try_commands(most=None, every=0, only=None, report=print):
    """Every command, each at the places that `chosen` gives. Returns (trials, findings)."""
    inputs = make_folder()
    total, findings = 0, []
    try:
        make_inputs(inputs)
        works = [work for work in WORKS if not only or work.name in only]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for trials in pool.map(lambda work: try_work(work, inputs, most, every), works):
                report("%-26s %6d allocations from %5d places, %6d trials, %d findings" %
                       (trials.work.name, trials.allocations, len(trials.stacks), trials.trials,
                        len(trials.findings)))
                for finding in trials.findings:
                    report("    %s %d %s: %s: %s" % finding)
                total += trials.trials
                findings += trials.findings
    finally:
        shutil.rmtree(inputs, ignore_errors=True)
    return total, findings


# ---- unit programs under trial
# ---------------------------------------------------------------------------

SOURCES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "unit")


def own_functions(program):
    """Where the test's own functions lie in the program: (address, bytes), both in hexadecimal."""
    files = {os.path.basename(path) for path in glob.glob(SOURCES + "/*.c") + glob.glob(SOURCES + "/*/*.c")}
    libraries = glob.glob(os.path.join(TESTS, "libtest_support*.a"))
    defined = subprocess.run(["nm", "-g", "--defined-only", *libraries], check=True, capture_output=True,
                             text=True).stdout
    names = {"main"} | {line.split()[-1] for line in defined.splitlines() if " T " in line}
    table = subprocess.run(["readelf", "-sW", program], check=True, capture_output=True, text=True).stdout
    found, file = [], ""
    for words in (line.split() for line in table.splitlines()):
        if len(words) != 8 or words[3] not in ("FILE", "FUNC"):
            continue
        if words[3] == "FILE":
            file = words[7]
        elif (words[4] == "LOCAL" and file in files) or (words[4] == "GLOBAL" and words[7] in names):
            found.append("%s %x" % (words[1], int(words[2], 0)))
    return found


def try_program(program, seconds=None, most=None, every=False):
    """(name, trials, allocations, findings) of all tests of a program."""
    directory = make_folder()
    try:
        own = os.path.join(directory, "own")
        with open(own, "w", encoding="utf-8") as file:
            file.write("\n".join(own_functions(program)) + "\n")
        limits = {"ALLOCATIONS_SECONDS": seconds, "ALLOCATIONS_MOST": most, "ALLOCATIONS_EVERY": int(every)}
        environment = dict(ONE_THREAD, LD_PRELOAD=PRELOAD, ALLOCATIONS_OWN=own, TMPDIR=directory,
                           OMP_WAIT_POLICY="passive", ALLOCATIONS_STDOUT=os.path.join(directory, "stdout"),
                           ALLOCATIONS_STDERR=os.path.join(directory, "stderr"),
                           **{name: str(value) for name, value in limits.items() if value is not None})
        done = subprocess.run([program], env=kin_cli.clean_environment(environment), cwd=directory,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    lines = done.stdout.splitlines()
    counts = [re.search(r"(\d+) allocations, +(\d+) tried", line) for line in lines]
    totals = [tuple(map(int, count.groups())) for count in counts if count]
    findings = [line for line in lines if not re.search(r"\d+ tried, ", line)]
    if done.returncode < 0 or not totals:
        findings.append("ends with %d after %d tests" % (done.returncode, len(totals)))
    return (os.path.basename(program), sum(total[1] for total in totals), sum(total[0] for total in totals),
            findings)


SLOW = re.compile(r"test_(ann|exact|exact_runs|import_damage|join.*|kin_process|library|stream|traced|scan_.*|evaluation|threads)$")


def try_programs(only=None, slow=True, report=print, **limits):
    """Every unit program, or all but the slow ones. Returns (trials, findings)."""
    programs = {os.path.basename(path): path for path in sorted(glob.glob(os.path.join(TESTS, "test_*")))
                if os.access(path, os.X_OK)}
    names = [name for name in programs if (not only or name in only) and (slow or not SLOW.match(name))]
    total, findings = 0, []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(try_program, programs[name], **limits) for name in names]
        for run in concurrent.futures.as_completed(runs):
            name, trials, asked, found = run.result()
            report("%-24s %8d allocations, %6d trials, %d findings" % (name, asked, trials, len(found)))
            for line in found:
                report("    " + line)
            total += trials
            findings += [(name, line) for line in found]
    return total, findings
