"""What the tests of the package share: the package on the library of the build, and the command beside it.

    py_NAME.py KIN [unittest arguments]

KIN_LIBRARY names the library. KIN_ and SIMILARITY_ names but that are taken out of the environment.
"""
import os
import subprocess
import sys
import textwrap
import warnings

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "python"), os.path.join(ROOT, "tests/cli")]
sys.dont_write_bytecode = True

import kin_cli  # noqa: E402
from kin_cli import random_rows, read_bytes, same_files, skip_script  # noqa: E402,F401: of the tests

LIBRARY = os.environ.get("KIN_LIBRARY", "")
if not LIBRARY:
    skip_script("KIN_LIBRARY does not name the library")
for name in set(os.environ) - set(kin_cli.clean_environment()) - {"KIN_LIBRARY"}:
    del os.environ[name]

import kin  # noqa: E402

WEIGHTS = {"text": 0.6, "image": 0.4}


def two_matrices(n=600, seed=1):
    """Text and image vectors of a small catalog: some lack one, some are the same."""
    text, image = random_rows(n, 24, seed, clusters=20), random_rows(n, 40, seed + 1, clusters=20)
    text[::97] = 0
    image[5::89] = 0
    text[10:14], image[10:14] = text[10], image[10]
    return text, image


def weighted(text, image):
    return {"text": (text, WEIGHTS["text"]), "image": (image, WEIGHTS["image"])}


def same_matrix(case, first, second):
    """Two CSR matrices, to the bit."""
    case.assertEqual(first.shape, second.shape)
    for name in ("indptr", "indices", "data"):
        one, other = getattr(first, name), getattr(second, name)
        case.assertEqual(one.dtype, other.dtype)
        case.assertEqual(one.tobytes(), other.tobytes(), name)


class Case(kin_cli.Case):
    """A test with a temporary folder; a warning that no test expects is an error."""

    def setUp(self):
        super().setUp()
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("error")

    def graph(self, *arguments, **options):
        built = kin.build(*arguments, **options)
        self.addCleanup(built.close)
        return built

    def raises(self, kind, message, function, *arguments, hint=".", **options):
        """The class, its line and its hint; returns the exception."""
        with self.assertRaisesRegex(kind, message) as caught:
            function(*arguments, **options)
        error = caught.exception
        if isinstance(error, kin.KinError):
            self.assertIs(type(error), kind)
            self.assertNotIn("\n", error.message)
            self.assertRegex(error.hint, hint)
        return error

    def python(self, program, *arguments, environment=None, check=True):
        """Runs a program in an interpreter of its own, with the package; its result."""
        paths = [os.path.join(ROOT, "python"), os.path.join(ROOT, "tests/python"), os.path.join(ROOT, "tests/cli")]
        done = subprocess.run(
            [sys.executable, "-B", "-c", textwrap.dedent(program), *map(str, arguments)], cwd=self.dir, timeout=600,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(environment or {})})
        if check:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done


main = kin_cli.main
