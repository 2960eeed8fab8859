"""No file is published that lacks its end: every command that writes is run under limits of the size of
files, of each file's size and just below, and kin verify opens what a folder holds."""
import ctypes
import ctypes.util
import json
import os
import resource
import shutil
import subprocess
import unittest

import kin_cli
import kin_faults
from kin_cli import Case, random_rows, read_bytes, read_json, same_files

N = 60


def run_limited(limit, arguments, cwd):
    """The command where no file may grow beyond `limit` bytes."""
    done = subprocess.run(
        [kin_cli.KIN] + [str(argument) for argument in arguments], cwd=cwd, timeout=600,
        env=kin_cli.clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    return kin_cli.Result(done.returncode, done.stdout.decode(), done.stderr.decode(),
                          list(arguments) + ["under %d bytes" % limit])


def limits_of(sizes):
    """Limits at which something is cut: before and within the last block that a stream writes when it is
    closed, and by a file's last byte; and one that cuts nothing."""
    limits = {max(sizes)}
    for size in sizes:
        limits |= {size - size % 4096, size - 1, max(0, size - 200)}
    least = 1024 if kin_cli.has_libomp() else 0
    return sorted(limit for limit in limits if limit >= least)


class Limited(Case):
    def setUp(self):
        super().setUp()
        self.save("a.npy", random_rows(N, 8, 1))
        self.save("b.npy", random_rows(N, 6, 2))

    def check_all(self, name, *arguments):
        """Under every limit: what an unlimited run writes under the name, or 73 or 74 and nothing."""
        self.ok(*arguments, "--out", name)
        whole, folder = self.path(name), os.path.isdir(self.path(name))
        files = [self.path(name, entry) for entry in os.listdir(whole)] if folder else [whole]
        before = sorted(os.listdir(self.dir))
        refusals = 0
        for limit in limits_of([os.path.getsize(path) for path in files]):
            with self.subTest(command=arguments[0], limit=limit):
                result = run_limited(limit, list(arguments) + ["--out", "cut"], self.dir)
                if result.code == 0:
                    self.check_whole("cut", name, folder)
                else:
                    self.assertIn(result.code, (73, 74), str(result))
                    result.out = "" # of compare: its table is standard output's
                    self.check_refusal(result, result.code, r"cannot (be written|be created|write)")
                    refusals += 1
                self.assertEqual(sorted(os.listdir(self.dir)), before, str(result))
        self.assertGreater(refusals, 2, "limits that cut nothing")

    def check_whole(self, cut, name, folder):
        if folder:
            self.ok("verify", cut)
            same_files(self, self.path(name), self.path(cut))
            shutil.rmtree(self.path(cut))
        else:
            self.assertEqual(read_bytes(self.path(name)), read_bytes(self.path(cut)))
            os.unlink(self.path(cut))

    def test_index(self):
        for type in ("hnsw", "ivf"):
            for space in ("modality", "fused"):
                self.check_all("%s-%s" % (type, space), "index", "--modality", "a.npy",
                               "--modality", "b.npy", "--type", type, "--index-space", space,
                               "--top-k", "5", "--threads", "1")

    def test_index_projected(self):
        self.check_all("p", "index", "--modality", "a.npy", "--type", "hnsw", "--project", "4",
                       "--project-centre", "--threads", "1")

    def test_build(self):
        self.text("items.tsv", "id\ttitle\n" + "".join("i%d\tt\n" % i for i in range(N)))
        self.check_all("g", "build", "--modality", "a.npy", "--modality", "b.npy", "--items",
                       "items.tsv", "--top-k", "7", "--engine", "join", "--trace-rows", "5")

    def test_gen(self):
        self.check_all("c", "gen", "--items", "300", "--modality", "text=8", "--modality",
                       "image=12")

    def test_reports(self):
        self.ok("build", "--modality", "a.npy", "--modality", "b.npy", "--top-k", "7", "--out", "g")
        self.check_all("page.html", "show", "g", "--items-shown", "3")
        self.check_all("compare.html", "compare", "g", "--reference", "g")


# ---- kin verify opens FAISS's files --------------------------------------------------------------

class Checksum(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def xxh3_128(data):
    library = ctypes.CDLL(ctypes.util.find_library("xxhash"))
    library.XXH3_128bits.restype = Checksum
    library.XXH3_128bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    found = library.XXH3_128bits(data, len(data))
    return "%016x%016x" % (found.high, found.low)


class Number(str):
    """A real number as the manifest writes it."""


def compact(value):
    """The text that a manifest's own checksum is of."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{%s}" % ",".join("%s:%s" % (compact(key), compact(value[key]))
                                 for key in sorted(value))
    if isinstance(value, list):
        return "[%s]" % ",".join(map(compact, value))
    return json.dumps(value, ensure_ascii=False)


def refit(folder, change=None):
    """Makes the manifest's checksums fit what the folder holds, after change(manifest)."""
    path = os.path.join(folder, "manifest.json")
    with open(path, encoding="utf-8") as file:
        manifest = json.load(file, parse_float=Number)
    if change:
        change(manifest)
    for name, entry in manifest["files"].items():
        data = read_bytes(os.path.join(folder, name))
        entry.update(bytes=len(data), xxh3_128=xxh3_128(data))
    del manifest["checksum"]
    checksum = xxh3_128(compact({key: value for key, value in manifest.items()
                                 if key != "run"}).encode())
    manifest["checksum"] = checksum
    with open(path, "w", encoding="utf-8") as file:
        file.write(compact(manifest))


class Imported(Case):
    """FAISS files that are not what the manifest says, with checksums that fit."""

    def make(self, type, name, *more, seed=1, n=N, d=8):
        self.save("x.npy", random_rows(n, d, seed))
        self.ok("index", "--modality", "x.npy", "--type", type, "--out", name, "--threads", "1",
                "--top-k", "5", *more)
        return self.path(name)

    def check(self, folder, pattern, change=None):
        refit(folder, change)
        result = self.kin("verify", os.path.basename(folder))
        result.out = "" # the checks that held
        self.check_refusal(result, 65, pattern)

    def copy(self, folder, data):
        copy = self.path("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        with open(os.path.join(copy, "x.faiss"), "wb") as file:
            file.write(data)
        return copy

    def test_refit(self):
        """The checksums made here are kin's."""
        folder = self.make("ivf", "i")
        before = read_json(os.path.join(folder, "manifest.json"))
        refit(folder)
        self.assertEqual(read_json(os.path.join(folder, "manifest.json")), before)
        self.ok("verify", "i")

    def test_cut(self):
        for type in ("hnsw", "ivf"):
            folder = self.make(type, type)
            data = read_bytes(os.path.join(folder, "x.faiss"))
            for length in (0, 3, 4, 40, len(data) // 2, len(data) - 1):
                with self.subTest(type=type, length=length):
                    self.check(self.copy(folder, data[:length]), r"copy/x\.faiss")

    def test_sizes_beyond_reason(self):
        """Lengths of 2^39 where lengths stand: neither a crash nor all memory of the machine."""
        for type in ("hnsw", "ivf"):
            folder = self.make(type, type)
            data = read_bytes(os.path.join(folder, "x.faiss"))
            for at in range(4, 200, 4):
                broken = data[:at] + (1 << 36).to_bytes(8, "little") + data[at + 8:]
                refit(self.copy(folder, broken))
                result = self.kin("verify", "copy")
                self.assertIn(result.code, (0, 65), str(result)) # 0: bytes that say nothing

    def test_other_index(self):
        """A whole file, of another index."""
        folder = self.make("hnsw", "i")
        for at, other in enumerate((self.make("ivf", "type"),
                                    self.make("hnsw", "n", n=N - 1),
                                    self.make("hnsw", "d", d=9))):
            with self.subTest(other=at):
                data = read_bytes(os.path.join(other, "x.faiss"))
                self.check(self.copy(folder, data), r"copy/x\.faiss: holds \d+ vectors of \d+")

    @unittest.skipIf(kin_faults.available(), kin_faults.available())
    def test_reader_is_killed(self):
        """As the kernel does it where memory is short: no damage of the file."""
        self.make("ivf", "i")
        result = kin_faults.run(["verify", "i"], self.dir, fault="1:kill", call="write")
        result.out = ""
        self.check_refusal(result, 69, r"i/x\.faiss: the process that reads it was killed")

    def test_manifest(self):
        folder = self.make("hnsw", "i", "--project", "4")

        def set_part(**values):
            return lambda manifest: manifest["index"]["parts"]["x"].update(values)

        data = read_bytes(os.path.join(folder, "x.faiss"))
        for values in ({"dimensions": 3}, {"dimensions": 9}, {"distinct": N - 1},
                       {"distinct": N + 1}, {"distinct": -1}):
            with self.subTest(**values):
                self.check(self.copy(folder, data), "copy/", set_part(**values))


if __name__ == "__main__":
    kin_cli.main()
