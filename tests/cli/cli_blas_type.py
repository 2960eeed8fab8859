"""A CPU that OpenBLAS does not know: it takes it for Prescott, and kin gives it the kernels that fit. The library
tests/preload/old_blas.c makes OpenBLAS such a one."""
import json
import os
import subprocess
import sys

import kin_cli
from kin_cli import Case, random_rows

PRELOAD = os.path.join(os.path.dirname(kin_cli.KIN), "tests", "libold_blas.so")
LEVELS = [("SkylakeX", {"avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"}),
          ("Haswell", {"avx2", "fma"})]
NOTICE = "does not know this CPU"


def fitting_types():
    """The types whose kernels this CPU can run, best first."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = next((set(line.split()) for line in file if line.startswith("flags")), set())
    return [name for name, wanted in LEVELS if wanted <= flags]


def old_blas(**variables):
    # an address sanitizer wants to be the first library that is loaded
    return {"LD_PRELOAD": PRELOAD, "ASAN_OPTIONS": "verify_asan_link_order=0", **variables}


class OldBlas(Case):
    def setUp(self):
        super().setUp()
        self.types = fitting_types()
        self.vectors = []
        for seed, name in enumerate(("t", "v")):
            self.save(name + ".npy", random_rows(700, 40 + seed, seed))
            self.vectors += ["--modality", "%s=%s.npy" % (name, name)]

    def build(self, out, engine, env):
        result = self.ok("build", *self.vectors, "--top-k", 9, "--engine", engine, "--out", out,
                         env=env)
        run = kin_cli.read_json(self.path(out, "manifest.json"))["run"]
        return run["blas_core"], [line for line in result.err.splitlines() if NOTICE in line]

    def warnings(self, env):
        facts = json.loads(self.ok("doctor", "--json", "-", env=env).out)
        return facts["blas_core"], [text for text in facts["warnings"] if "kernels for" in text]

    def test_the_type_that_fits_is_used(self):
        for engine in ("stream", "exact", "join"):
            core, notices = self.build("mended-" + engine, engine, old_blas())
            self.assertEqual(core, self.types[0])
            self.assertEqual(len(notices), 1)
            self.assertRegex(notices[0], r"^INFO OpenBLAS \d.*Prescott.*%s$" % core)
            core, notices = self.build("set-" + engine, engine,
                                       {"OPENBLAS_CORETYPE": self.types[0]})
            self.assertEqual((core, notices), (self.types[0], []))
            kin_cli.same_files(self, self.path("mended-" + engine), self.path("set-" + engine))

    def test_every_command_that_multiplies_says_so_once(self):
        index = self.path("i")
        self.ok("index", *self.vectors, "--out", index)
        self.build("g", "stream", None)
        for arguments in (["plan", *self.vectors, "--top-k", 9], ["query", "i", "--query", "t=t.npy"],
                          ["index", *self.vectors, "--out", "j"], ["compare", "g", "--sample", 50],
                          ["sweep", *self.vectors, "--top-k", 9, "--rows", 50]):
            with self.subTest(command=arguments[0]):
                result = self.ok(*arguments, env=old_blas())
                self.assertEqual(result.err.count(NOTICE), 1, str(result))
        for arguments in (["info", "g"], ["verify", "g"], ["--version"], ["build", "--help"]):
            with self.subTest(command=arguments[0]):
                result = self.ok(*arguments, env=old_blas())
                self.assertNotIn(NOTICE, result.err)
        self.assertIn("blas_core " + self.types[0], self.ok("--version", env=old_blas()).out)

    def test_a_type_that_is_set_is_left_alone(self):
        for name in ("Prescott", "Haswell"):
            core, notices = self.build("g-" + name, "stream", old_blas(OPENBLAS_CORETYPE=name))
            self.assertEqual((core, notices), (name, []))
            core, texts = self.warnings({"OPENBLAS_CORETYPE": name})
            self.assertEqual(core, name)
            if name == self.types[0]:
                self.assertEqual(texts, [])
            else:
                self.assertEqual(len(texts), 1)
                self.assertRegex(texts[0], "OPENBLAS_CORETYPE=%s is set.*%s" % (name, self.types[0]))
        self.assertEqual(self.build("g-empty", "stream", old_blas(OPENBLAS_CORETYPE=""))[0],
                         self.types[0])  # as everywhere, empty is not set

    def test_kernels_that_are_wrong_are_not_used(self):
        """The next lower type, and where all are wrong what OpenBLAS chose itself."""
        for wrong in range(1, len(self.types) + 1):
            env = old_blas(OLD_BLAS_WRONG=",".join(self.types[:wrong]))
            core, notices = self.build("g%d" % wrong, "stream", env)
            left = self.types[wrong:]
            self.assertEqual(core, left[0] if left else "Prescott")
            self.assertEqual(len(notices), 1)
            self.assertTrue(notices[0].startswith("INFO" if left else "WARNING"), notices)

    def test_unit_programs_start_alike(self):
        program = os.path.join(os.path.dirname(PRELOAD), "test_threads")
        done = subprocess.run([program], env=kin_cli.clean_environment(old_blas()), timeout=600,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_doctor(self):
        core, texts = self.warnings(old_blas())
        self.assertEqual(core, self.types[0])
        self.assertEqual(len(texts), 1)
        self.assertRegex(texts[0], "Prescott.*" + core)
        self.assertNotIn(NOTICE, self.ok("doctor", env=old_blas()).err)

    def test_the_log_in_json(self):
        result = self.ok("build", *self.vectors, "--top-k", 9, "--out", "g", "--log", "json",
                         env=old_blas())
        lines = [json.loads(line) for line in result.err.splitlines()]
        self.assertEqual(sum(NOTICE in line["message"] for line in lines), 1)


if __name__ == "__main__":
    if not sys.platform.startswith("linux") or not os.path.exists(PRELOAD):
        kin_cli.skip_script("OpenBLAS chooses kernels by model numbers on x86-64 only")
    if not fitting_types():
        kin_cli.skip_script("this CPU has no AVX2")
    kin_cli.main()
