"""CPUs that are not here, in an emulator: one that is too old is told in one line before anything else, and on one
with AVX2 that OpenBLAS does not know its kernels for Haswell are used."""
import os
import shutil
import subprocess

import kin_cli
from kin_cli import Case

EMULATOR = shutil.which("qemu-x86_64")
PRELOAD = os.path.join(os.path.dirname(kin_cli.KIN), "tests", "libold_blas.so")


def emulated(cpu, *arguments, preload=None):
    command = [EMULATOR, *(["-E", "LD_PRELOAD=" + preload] if preload else []), "-cpu", cpu,
               kin_cli.KIN, *arguments]
    done = subprocess.run(command, env=kin_cli.clean_environment(), timeout=600,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    errors = [line for line in done.stderr.decode().splitlines()
              if not line.startswith("qemu-x86_64: warning")]
    return kin_cli.Result(done.returncode, done.stdout.decode(), "\n".join(errors), command)


class OldCpu(Case):
    def test_too_old(self):
        for cpu in ("core2duo", "Nehalem", "SandyBridge"):
            for arguments in (["--version"], ["--help"], ["build"]):
                result = emulated(cpu, *arguments)
                self.check_refusal(result, 69, "x86-64-v3", "2015 or later")

    def test_avx2(self):
        result = emulated("Haswell", "--version")
        self.assertEqual(result.code, 0, str(result))
        self.assertIn("blas_core Haswell", result.out)

    def test_avx2_that_openblas_does_not_know(self):
        result = emulated("Haswell", "doctor", preload=PRELOAD)
        self.assertEqual(result.code, 0, str(result))
        self.assertRegex(result.out, r"(?m)^blas_core +Haswell$")
        self.assertRegex(result.out, "warning: .*took it for Prescott.*Haswell")


if __name__ == "__main__":
    if not EMULATOR or not os.path.exists(PRELOAD):
        kin_cli.skip_script("qemu-x86_64 is not installed (apt-get install qemu-user), or this is no x86-64")
    if kin_cli.SANITIZED:
        kin_cli.skip_script("a sanitizer needs more of a CPU's address space than the emulator has")
    kin_cli.main()
