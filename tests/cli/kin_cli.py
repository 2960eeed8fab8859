"""What the scripts that drive the command share: running it, catalogs made with numpy, reading what
it wrote, and an oracle in double that has nothing in common with kin's own code.

    cli_NAME.py KIN [unittest arguments]

KIN_ and SIMILARITY_ names are taken out of the environment the command runs in; OPENBLAS_ names and
the rest stay, as a test run may choose a BLAS kernel with them.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

import numpy as np

SKIP = 77  # what ctest knows as "skipped"
KIN = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "kin"
SHARED = os.environ.get("KIN_SHARED", "")
SANITIZED = bool(re.search("[/-][at]san/", KIN)) or bool(os.environ.get("KIN_TEST_SANITIZED"))
COMMANDS = ["build", "plan", "sweep", "index", "query", "compare", "show", "why", "pairs", "export", "info",
            "gen", "verify", "doctor"]


def has_libomp():
    """Whether the command was linked by clang. Its OpenMP run time maps 1 KiB of shared memory before main, and ends
    with a signal where that or an allocation of its own is refused."""
    with open(KIN, "rb") as file:
        return b"libomp.so" in file.read()


def skip_script(reason):
    print("skipped: " + reason)
    sys.exit(SKIP)


def main():
    """unittest over the calling script, whose first argument is the binary."""
    if len(sys.argv) < 2:
        sys.exit("usage: %s KIN [unittest arguments]" % sys.argv[0])
    if not os.access(KIN, os.X_OK):
        sys.exit("%s: not there, or not executable" % KIN)
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])


# ---- running ------------------------------------------------------------------------------------

def clean_environment(extra=None):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("KIN_", "SIMILARITY_"))}
    environment.update(extra or {})
    return environment


class Result:
    """Exit status (negative: the signal), what was printed, and the words of the log."""

    def __init__(self, code, out, err, command):
        self.code, self.out, self.err, self.command = code, out, err, command

    def lines(self, level="INFO"):
        return [line[len(level) + 1:] for line in self.err.splitlines()
                if line.startswith(level + " ")]

    def __str__(self):
        return "%s\nexit %d\n--- stdout\n%s\n--- stderr\n%s" % (
            " ".join(map(str, self.command)), self.code, self.out[-3000:], self.err[-3000:])


def run(*arguments, env=None, cwd=None, timeout=600):
    command = [KIN] + [str(argument) for argument in arguments]
    done = subprocess.run(command, env=clean_environment(env), cwd=cwd, timeout=timeout,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return Result(done.returncode, done.stdout.decode(errors="surrogateescape"),
                  done.stderr.decode(errors="surrogateescape"), command)


class Running:
    """A command under way, its stderr readable line by line."""

    def __init__(self, *arguments, env=None, cwd=None):
        self.command = [KIN] + [str(argument) for argument in arguments]
        self.process = subprocess.Popen(self.command, env=clean_environment(env), cwd=cwd, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        self.seen = []

    def wait_for(self, pattern):
        """Reads the log up to a line that matches."""
        for line in self.process.stderr:
            self.seen.append(line)
            if re.search(pattern, line):
                return line
        raise AssertionError("no line like %r in:\n%s" % (pattern, "".join(self.seen)))

    def finish(self):
        rest = self.process.stderr.read()
        code = self.process.wait(timeout=600)
        self.process.stderr.close()
        return Result(code, "", "".join(self.seen) + rest, self.command)


# ---- one test -----------------------------------------------------------------------------------

class Case(unittest.TestCase):
    """A test with a temporary folder, which is also the working directory of the command."""
    maxDiff = 4000

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="kin-test-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def kin(self, *arguments, env=None, cwd=None):
        return run(*arguments, env=env, cwd=cwd or self.dir)

    def ok(self, *arguments, env=None, cwd=None):
        result = self.kin(*arguments, env=env, cwd=cwd)
        self.assertEqual(result.code, 0, str(result))
        return result

    def refused(self, code, message, *arguments, env=None, hint="."):
        """Exactly one ERROR line, which matches `message`, one hint line, and nothing on stdout.
        What lies in the folder afterwards is what lay there before."""
        before = listing(self.dir)
        result = self.kin(*arguments, env=env)
        self.check_refusal(result, code, message, hint)
        self.assertEqual(listing(self.dir), before, str(result))
        return result

    def check_refusal(self, result, code, message, hint="."):
        self.assertEqual(result.code, code, str(result))
        errors = result.lines("ERROR")
        self.assertEqual(len(errors), 1, str(result))
        self.assertRegex(errors[0], message, str(result))
        hints = [line for line in result.err.splitlines() if line.startswith("hint: ")]
        self.assertEqual(len(hints), 1, str(result))
        self.assertRegex(hints[0][6:], hint, str(result))
        self.assertEqual(result.out, "", str(result))

    def save(self, name, array):
        """An array under this name, in the format its ending says."""
        path = self.path(name)
        write_vectors(path, array)
        return path

    def text(self, name, content):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path

    def nothing_left(self, *allowed):
        """No temporary folders or files of a writer's."""
        left = [name for name in sorted(os.listdir(self.dir)) if ".kin-" in name]
        self.assertEqual(left, list(allowed))


def listing(directory):
    """Every file below with its bytes' number and time of change, to see whether it was touched."""
    found = {}
    for folder, _, names in os.walk(directory):
        found[os.path.relpath(folder, directory) + "/"] = None
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            found[os.path.relpath(path, directory)] = (status.st_size, status.st_mtime_ns)
    return found


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


# ---- catalogs -----------------------------------------------------------------------------------

def random_rows(n, d, seed, clusters=12, spread=0.6):
    """Clustered rows of varied length, float32; never zero."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((clusters, d))
    rows = centres[random.integers(clusters, size=n)] + spread * random.standard_normal((n, d))
    return (rows * random.uniform(0.5, 3, (n, 1))).astype(np.float32)


def write_vectors(path, array):
    """The formats kin reads, written without any help of kin's."""
    ending = os.path.splitext(path)[1]
    if ending == ".npy":
        np.save(path, array)
        return
    with open(path, "wb") as file:
        n, d = array.shape
        if ending == ".fvecs":
            rows = np.empty((n, d + 1), "<i4")
            rows[:, 0] = d
            rows[:, 1:] = np.ascontiguousarray(array, "<f4").view("<i4")
            rows.tofile(file)
            return
        np.array([n, d], "<u4").tofile(file)
        array.astype({".fbin": "<f4", ".f16bin": "<f2", ".i8bin": "i1"}[ending]).tofile(file)


# ---- the oracle ---------------------------------------------------------------------------------

def unit_rows(x):
    """Inputs as kin defines them (float64 rounded once to float32), in double, of length 1; zero
    rows stay zero."""
    x = np.asarray(x).astype(np.float32).astype(np.float64)
    length = np.sqrt((x * x).sum(axis=1, keepdims=True))
    return np.divide(x, length, out=np.zeros_like(x), where=length > 0)


class Oracle:
    """Fused scores in double. vectors: {name: array}; weights: {name: number}."""

    def __init__(self, vectors, weights, missing="renorm"):
        self.names = list(vectors)
        self.weights = [float(weights.get(name, 1)) for name in self.names]
        self.unit = [unit_rows(vectors[name]) for name in self.names]
        self.has = np.stack([(unit != 0).any(axis=1) for unit in self.unit])
        if missing == "drop":
            self.has &= self.has.all(axis=0)
        self.missing = missing
        self.n = self.unit[0].shape[0]

    def rows(self, which):
        """Scores [len(which), n] (-inf: no pair) and {name: cosines} (NaN: missing)."""
        which = np.asarray(which)
        total = np.zeros((len(which), self.n))
        weight = np.zeros_like(total)
        cosines = {}
        for m, name in enumerate(self.names):
            both = self.has[m][which][:, None] & self.has[m][None, :]
            cosine = self.unit[m][which] @ self.unit[m].T
            cosines[name] = np.where(both, cosine, np.nan)
            total += np.where(both, self.weights[m] * cosine, 0)
            weight += np.where(both, self.weights[m], 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.missing == "renorm":
                total = np.where(weight < sum(self.weights), sum(self.weights) * total / weight,
                                 total)
        total[weight == 0] = -np.inf
        total[np.arange(len(which)), which] = -np.inf
        return total, cosines


# ---- graphs -------------------------------------------------------------------------------------

def csr_arrays(directory):
    """indptr, indices and data: from files of their own where there are any, as kin reads them."""
    names = ("indptr", "indices", "data")
    if os.path.exists(os.path.join(directory, "indices.npy")):
        return [np.load(os.path.join(directory, name + ".npy")) for name in names]
    with np.load(os.path.join(directory, "graph.npz")) as archive:
        return [archive[name] for name in names]


def member_place(path, name):
    """Where a stored member of an archive begins, and its bytes."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(name)
    with open(path, "rb") as file:
        file.seek(member.header_offset + 26)
        return member.header_offset + 30 + sum(np.frombuffer(file.read(4), "<u2").tolist()), member.file_size


class Graph:
    """A folder of kin build's, read with numpy alone."""

    def __init__(self, directory):
        self.directory = directory
        self.manifest = read_json(os.path.join(directory, "manifest.json"))
        self.indptr, self.indices, self.data = csr_arrays(directory)
        self.names = [entry["name"] for entry in self.manifest["modalities"]]
        self.cosines = {name: np.load(os.path.join(directory, "scores_%s.npy" % name))
                        for name in self.names}
        with open(os.path.join(directory, "ids.txt"), encoding="utf-8") as file:
            self.ids = file.read().split("\n")[:-1]
        self.n = len(self.indptr) - 1

    def row(self, i):
        span = slice(self.indptr[i], self.indptr[i + 1])
        return self.indices[span], self.data[span]


def assert_shape(case, graph, k):
    """What holds for every graph in score order, whatever the engine."""
    case.assertEqual(graph.indices.dtype, np.int32)
    case.assertEqual(graph.indptr.dtype, np.int32)
    case.assertEqual(graph.data.dtype, np.float32)
    case.assertEqual(graph.indptr[0], 0)
    case.assertEqual(graph.indptr[-1], len(graph.indices))
    case.assertEqual(len(graph.data), len(graph.indices))
    lengths = np.diff(graph.indptr)
    case.assertTrue(((lengths >= 0) & (lengths <= k)).all())
    row = np.repeat(np.arange(graph.n), lengths)
    case.assertFalse((graph.indices == row).any(), "an item is its own neighbour")
    same = row[1:] == row[:-1]
    falls = graph.data[1:] < graph.data[:-1]
    ties = (graph.data[1:] == graph.data[:-1]) & (graph.indices[1:] > graph.indices[:-1])
    case.assertTrue((~same | falls | ties).all(), "rows are not (score down, row number up)")
    for cosines in graph.cosines.values():
        case.assertEqual(cosines.dtype, np.float16)
        case.assertEqual(len(cosines), len(graph.indices))


def assert_scores(case, graph, oracle, rows=None, tolerance=2.5e-7):
    """Every stored score and cosine is the oracle's, for the pair it is stored with."""
    for start in range(0, graph.n if rows is None else len(rows), 512):
        part = np.arange(graph.n)[start:start + 512] if rows is None else rows[start:start + 512]
        scores, cosines = oracle.rows(part)
        for at, i in enumerate(part):
            columns, stored = graph.row(i)
            np.testing.assert_allclose(stored, scores[at, columns], rtol=0, atol=tolerance)
            for name in graph.names:
                got = graph.cosines[name][graph.indptr[i]:graph.indptr[i + 1]].astype(np.float64)
                want = cosines[name][at, columns]
                case.assertTrue((np.isnan(got) == np.isnan(want)).all(), "NaN marks a missing one")
                # half a unit of float16's last place, and the float32 rounding before it
                unit = np.maximum(np.abs(want), 2.0 ** -14) * 2.0 ** -11 + 2.0 ** -24
                case.assertTrue((np.isnan(want) | (np.abs(got - want) <= unit * 1.001)).all())


def assert_exact(case, graph, oracle, k, rows=None, tolerance=2.5e-7):
    """The k best of each row, up to ties within the tolerance, with their scores."""
    assert_scores(case, graph, oracle, rows, tolerance)
    rows = np.arange(graph.n) if rows is None else np.asarray(rows)
    for start in range(0, len(rows), 512):
        part = rows[start:start + 512]
        scores, _ = oracle.rows(part)
        for at, i in enumerate(part):
            columns, stored = graph.row(i)
            wanted = min(k, int(np.isfinite(scores[at]).sum()))
            case.assertEqual(len(columns), wanted, "row %d" % i)
            case.assertEqual(len(set(columns.tolist())), wanted, "row %d repeats an item" % i)
            if wanted == 0:
                continue
            best = np.sort(scores[at])[::-1][:wanted]
            np.testing.assert_allclose(stored, best, rtol=0, atol=tolerance)
            left_out = scores[at].copy()
            left_out[columns] = -np.inf
            case.assertLessEqual(left_out.max(initial=-np.inf), best[-1] + tolerance, "row %d" % i)


def tie_aware_recall(graph, oracle, k, rows=None, tie=1e-6):
    """Mean over rows of: entries that reach the oracle's k-th score, out of k."""
    rows = np.arange(graph.n) if rows is None else np.asarray(rows)
    values = []
    for start in range(0, len(rows), 512):
        part = rows[start:start + 512]
        scores, _ = oracle.rows(part)
        for at, i in enumerate(part):
            wanted = min(k, int(np.isfinite(scores[at]).sum()))
            if wanted == 0:
                continue
            threshold = np.sort(scores[at])[::-1][wanted - 1]
            values.append(min(wanted, int((graph.row(i)[1] >= threshold - tie).sum())) / wanted)
    return float(np.mean(values))


def same_files(case, first, second):
    """Two folders hold the same bytes, but for the manifest's run object."""
    case.assertEqual(sorted(os.listdir(first)), sorted(os.listdir(second)))
    for name in sorted(os.listdir(first)):
        if name != "manifest.json":
            case.assertTrue(read_bytes(os.path.join(first, name)) ==
                            read_bytes(os.path.join(second, name)),
                            "%s differs in %s and %s" % (name, first, second))
    manifests = [read_json(os.path.join(directory, "manifest.json"))
                 for directory in (first, second)]
    for manifest in manifests:
        case.assertIn("run", manifest)
        del manifest["run"]
    case.assertEqual(manifests[0], manifests[1])


# ---- a catalog from arrays -----------------------------------------------------------------------

class Build(Case):
    """Builds and evaluates."""

    def build(self, vectors, weights, *arguments, out="g", endings=None):
        modalities = []
        for name, array in vectors.items():
            ending = (endings or {}).get(name, ".npy")
            self.save(name + ending, array)
            weight = ":%r" % weights[name] if name in weights else ""
            modalities += ["--modality", "%s=%s%s" % (name, name + ending, weight)]
        result = self.ok("build", *modalities, "--out", out, *arguments)
        self.nothing_left()
        return Graph(self.path(out)), result
