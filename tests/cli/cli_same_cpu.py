"""The same bytes on every CPU: whatever type of CPU OpenBLAS takes, whichever kernels kin has for it (tests/forced), with
and without an index, and for any number of threads."""
import os
import platform
import subprocess

import kin_cli
from cli_blas_type import fitting_types
from kin_cli import Case, random_rows, same_files

N, K = 3000, 20
FORCED = os.path.join(os.path.dirname(kin_cli.KIN), "tests", "kin_forced")
TABLES = ["portable", "avx2", "avx512", "neon"]
NO_SUCH_TABLE = 77


def core_types():
    """Types of OpenBLAS's that this CPU can run."""
    if platform.machine() != "x86_64":
        return []
    return ["Prescott", "Sandybridge", *reversed(fitting_types())]


class SameCpu(Case):
    vectors = ["--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4"]
    runs = {"index": ["index", *vectors, "--type", "join"],
            "exact": ["build", *vectors, "--engine", "exact"],
            "join": ["build", *vectors, "--engine", "join"],
            "of-index": ["build", *vectors, "--engine", "join", "--index", "first-index"]}

    def setUp(self):
        super().setUp()
        text, image = random_rows(N, 100, 1, clusters=40), random_rows(N, 160, 2, clusters=40)
        text[100:180], image[100:180] = text[100], image[100]
        image[500:520] = image[500]
        text[::97], image[::89] = 0, 0
        self.save("text.npy", text)
        self.save("image.npy", image)
        for name in self.runs:
            self.assertEqual(self.run_with(kin_cli.KIN, "first", name, {}, 2), 0)

    def run_with(self, program, out, name, env, threads):
        """Writes the folder OUT-NAME; returns the exit status."""
        command = [program, *self.runs[name], "--top-k", str(K), "--threads", str(threads),
                   "--out", "%s-%s" % (out, name)]
        done = subprocess.run(command, env=kin_cli.clean_environment(env), cwd=self.dir, timeout=600,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        self.assertIn(done.returncode, (0, NO_SUCH_TABLE), "%s\n%s" % (command, done.stdout))
        return done.returncode

    def check(self, program, out, env, threads):
        """Whether this CPU could run it; and if so, the same folders came out."""
        for name in self.runs:
            with self.subTest(out=out, run=name):
                if self.run_with(program, out, name, env, threads) != 0:
                    return False
                same_files(self, self.path("first-" + name), self.path("%s-%s" % (out, name)))
        return True

    def test_core_types(self):
        for core, threads in zip(core_types(), (1, 2, 3, 7)):
            self.assertTrue(self.check(kin_cli.KIN, core, {"OPENBLAS_CORETYPE": core}, threads))

    def test_tables(self):
        ran = [table for table, threads in zip(TABLES, (2, 3, 7, 7))
               if self.check(FORCED, table, {"FORCED_TABLES": table}, threads)]
        self.assertIn("portable", ran)
        self.assertGreater(len(ran), 1, "this CPU has portable kernels only: nothing was compared")


if __name__ == "__main__":
    kin_cli.main()
