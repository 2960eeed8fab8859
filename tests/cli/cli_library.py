"""libkin.so beside the command: what it exports and needs, and that arrays of NumPy's give the command's bytes.

The library is loaded by ctypes into processes of their own, also into one that has loaded another flavour of
OpenBLAS before, with every symbol of it in the way, as NumPy and its like do.
"""
import ctypes
import glob
import os
import re
import subprocess
import sys

import numpy as np

import kin_cli
from kin_cli import Case, random_rows, read_bytes

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIBRARY = os.path.join(os.path.dirname(kin_cli.KIN), "libkin.so.0")
# What the library has to find on a system, whatever else is in its one file.
NEEDED = {"libgomp.so.1", "libgcc_s.so.1", "libm.so.6", "libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
# State of the process, which is the host's. libgfortran has signal(3) for main programs in Fortran.
FORBIDDEN = {"umask", "getenv", "secure_getenv", "setenv", "unsetenv", "putenv", "setlocale", "sigaction", "stdin", "chdir"}
PTHREAD_BLAS = glob.glob("/usr/lib/*/openblas-pthread/libopenblas.so.0") + glob.glob(os.environ.get("KIN_PTHREAD_BLAS", ""))
N, K = 500, 12
DTYPES = {"float32": 0, "float16": 1, "float64": 2, "int8": 3}


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char * 512), ("hint", ctypes.c_char * 256)]


def call(function, *arguments):
    error = Error()
    if function(*arguments, ctypes.byref(error)) != 0:
        raise AssertionError(error.message.decode())


def build(folder, arrays, options):
    """What a host's process does: {name: (array, weight)} into a folder."""
    kin = ctypes.CDLL(LIBRARY)
    kin.kin_input_new.restype = ctypes.c_void_p
    given = ctypes.c_void_p(kin.kin_input_new())
    for name, (array, weight) in arrays.items():
        call(kin.kin_input_add_array, given, name.encode(), ctypes.c_double(weight), ctypes.c_void_p(array.ctypes.data),
             DTYPES[array.dtype.name], *map(ctypes.c_size_t, (*array.shape, array.strides[0])))
    pairs = [option.encode() for option in [*options, "out=" + folder]]
    call(kin.kin_build, None, given, (ctypes.c_char_p * (len(pairs) + 1))(*pairs, None), None, None, None)
    kin.kin_input_free(given)


def host(first, folder, *options):
    """In a process of its own: another library first, then a build of the files in the current folder, as arrays that
    are mapped. Options NAME:TEXT are set in the environment, where libraries that came before have looked."""
    os.environ.update(option.split(":") for option in options if ":" in option)
    options = [option for option in options if ":" not in option]
    if first != "-":
        ctypes.CDLL(first, mode=ctypes.RTLD_GLOBAL)
    arrays = {name: (np.load(name + ".npy", mmap_mode="r"), weight) for name, weight in (("text", .6), ("image", .4))}
    build(folder, arrays, options)


class Library(Case):
    def tool(self, *command):
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def test_exported_names(self):
        """Those of the list, which are those of the header."""
        with open(os.path.join(ROOT, "kin/libkin.map"), encoding="utf-8") as file:
            listed = re.findall(r"^    (\w+);", file.read(), re.M)
        with open(os.path.join(ROOT, "kin/kin.h"), encoding="utf-8") as file:
            declared = re.findall(r"^KIN_API [^;(]*?(\w+)\(", file.read(), re.M)
        exported = re.findall(r" T (\w+)@@LIBKIN_0$", self.tool("nm", "-D", "--defined-only", LIBRARY), re.M)
        others = re.findall(r" [^A] (\S+)$", self.tool("nm", "-D", "--defined-only", LIBRARY), re.M)
        self.assertEqual(listed, sorted(listed))
        self.assertEqual(sorted(declared), listed)
        self.assertEqual(sorted(exported), listed)
        self.assertEqual(len(others), len(listed), others)

    def test_needs(self):
        needed = set(re.findall(r"NEEDED.*\[(.*)\]", self.tool("readelf", "-d", LIBRARY)))
        self.assertLessEqual(needed, NEEDED)
        self.assertIn("[libkin.so.0]", self.tool("readelf", "-d", LIBRARY))
        wanted = set(re.findall(r" [Uw] (\w+)", self.tool("nm", "-D", "--undefined-only", LIBRARY)))
        self.assertEqual(wanted & FORBIDDEN, set())

    def save_catalog(self, dtype=np.float32):
        arrays = {name: random_rows(N, 20 + m, m).astype(dtype) for m, name in enumerate(("text", "image"))}
        for name, array in arrays.items():
            self.save(name + ".npy", array)
        return arrays

    def check_same(self, *folders):
        for name in ("graph.npz", "scores_text.npy", "scores_image.npy", "ids.txt"):
            first = read_bytes(self.path(folders[0], name))
            for other in folders[1:]:
                self.assertEqual(first, read_bytes(self.path(other, name)), (name, other))

    def check_command(self, engine, *firsts):
        """The same options give the same bytes, with each of the libraries loaded first."""
        self.ok("build", "--modality", "text=text.npy:.6", "--modality", "image=image.npy:.4", "--out", engine, "--engine",
                engine, "--top-k", K)
        folders = [engine]
        for threads in (1, 2, 3):
            for at, first in enumerate(firsts):
                folders.append("%s-%d-%d" % (engine, threads, at))
                subprocess.run([sys.executable, "-B", __file__, "--host", LIBRARY, first, folders[-1], "engine=" + engine,
                                "top-k=%d" % K, "threads=%d" % threads], check=True, cwd=self.dir)
        self.check_same(*folders)

    def test_command(self):
        for dtype in (np.float32, np.float64):
            self.save_catalog(dtype)
            for engine in ("stream", "exact", "join"):
                self.check_command(engine, "-")
            for engine in ("stream", "exact", "join"):
                subprocess.run(["rm", "-r", self.path(engine)] + [self.path("%s-%d-0" % (engine, t)) for t in (1, 2, 3)],
                               check=True)

    def test_another_openblas_first(self):
        if not PTHREAD_BLAS:
            self.skipTest("the pthread flavour of OpenBLAS is not installed")
        self.save_catalog()
        for engine in ("stream", "exact", "join", "ivf"):
            self.check_command(engine, "-", PTHREAD_BLAS[0])

    def test_environment(self):
        """What is set for OpenBLAS, and for the command, is not meant for the library."""
        self.save_catalog()
        self.ok("build", "--modality", "text=text.npy:.6", "--modality", "image=image.npy:.4", "--out", "a", "--engine",
                "join", "--top-k", K)
        strange = ["OPENBLAS_CORETYPE:Nonesuch", "OPENBLAS_VERBOSE:3", "KIN_TOP_K:3", "SIMILARITY_TOP_K:4", "KIN_ENGINE:stream"]
        done = subprocess.run([sys.executable, "-B", __file__, "--host", LIBRARY, "-", "b", "engine=join", "top-k=%d" % K,
                               *strange], check=True, cwd=self.dir, capture_output=True, text=True)
        self.assertEqual(done.stdout + done.stderr, "")
        self.check_same("a", "b")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--host"]:
        LIBRARY = sys.argv[2]
        host(*sys.argv[3:])
        sys.exit()
    if kin_cli.SANITIZED:
        kin_cli.skip_script("Python is not instrumented")
    kin_cli.main()
