"""The wheel that tools/wheel makes: its tag, its size, its licences, and that it works where nothing else is."""
import glob
import os
import re
import subprocess
import sys
import zipfile

import numpy
import scipy

import package
from package import Case, kin_cli

TEN_LINES = """
import os, sys
sys.path[:0] = sys.argv[2:]
import kin, numpy as np
random = np.random.default_rng(0)
text, image = (random.standard_normal((400, d)).astype("f4") for d in (32, 48))
matrix = kin.build_sparse_similarity_matrix(text, image)
assert max(np.diff(matrix.indptr)) == 30, "SIMILARITY_TOP_K"
graph = kin.build({"text": (text, .6), "image": (image, .4)}, 30, out=sys.argv[1], missing="zero")
assert (graph.to_scipy() != matrix).nnz == 0
print(kin.__version__, kin._library.library_path())
"""


class Wheel(Case):
    def setUp(self):
        super().setUp()
        done = subprocess.run([os.path.join(package.ROOT, "tools/wheel"), "--out", self.dir], capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)
        if "the tools cannot be installed" in done.stderr:
            self.skipTest("PyPI is not reachable")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        (self.wheel,) = glob.glob(self.path("kin-*.whl"))

    def test_it_serves_alone(self):
        self.assertRegex(os.path.basename(self.wheel), r"^kin-[\d.]+-py3-none-manylinux_2_\d\d_x86_64\.whl$")
        self.assertLessEqual(os.path.getsize(self.wheel), 45 << 20)
        with zipfile.ZipFile(self.wheel) as archive:
            names = archive.namelist()
            archive.extractall(self.path("there"))
        for name in ("kin", "faiss", "libopenblas-openmp-dev", "libjansson-dev", "libgomp1"):
            self.assertTrue(any(re.search(r"dist-info/licenses/%s$" % name, each) for each in names), name)
        program = self.path("there/kin/_bin/kin")
        os.chmod(program, 0o755)
        alone = {"PATH": "", "SIMILARITY_TOP_K": "30"}
        paths = [self.path("there"), os.path.dirname(os.path.dirname(numpy.__file__)),
                 os.path.dirname(os.path.dirname(scipy.__file__))]
        done = subprocess.run([sys.executable, "-I", "-c", TEN_LINES, self.path("g"), *paths], env=alone, text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        version = self.ok("--version").out.split()[1]
        self.assertEqual(done.stdout, "%s %s\n" % (version, self.path("there/kin/_lib/libkin.so.0")))
        done = subprocess.run([sys.executable, "-c", "import sys; sys.path[:0] = sys.argv.pop(1).split(':'); import kin._command; "
                               "kin._command.main()", ":".join(paths), "verify", self.path("g")], env=alone, capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    if kin_cli.SANITIZED:
        kin_cli.skip_script("a wheel is built without sanitizers")
    package.main()
