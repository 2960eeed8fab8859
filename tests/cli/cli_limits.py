"""Limits on memory and threads that leave too little: every command answers, by its result or by one line
and a hint, and none hangs. OpenBLAS asks for its buffers again and again, before main and under way."""
import os
import resource
import subprocess
import sys

import kin_cli
from kin_cli import Case, random_rows

MIB = 1 << 20
KINDS = {"address space": resource.RLIMIT_AS, "data": resource.RLIMIT_DATA}
LOADER = "error while loading shared libraries: .*failed to map segment"
HANGS_SECONDS = 60  # a command that answers needs a tenth of a second


def limited(arguments, kind, mib, cwd, env=None):
    """The command under a limit of `mib` MiB."""
    def set_limit():
        resource.setrlimit(kind, (mib * MIB, mib * MIB))

    command = [kin_cli.KIN] + [str(argument) for argument in arguments]
    done = subprocess.run(command, cwd=cwd, env=kin_cli.clean_environment(env), preexec_fn=set_limit,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=HANGS_SECONDS)
    return kin_cli.Result(done.returncode, done.stdout.decode(), done.stderr.decode(), command)


class Limits(Case):
    def setUp(self):
        super().setUp()
        self.save("t.npy", random_rows(300, 8, 1))
        self.save("v.npy", random_rows(300, 12, 2))
        self.vectors = ["--modality", "t=t.npy", "--modality", "v=v.npy", "--top-k", "5"]
        self.ok("build", *self.vectors, "--out", "g")
        self.ok("index", *self.vectors[:4], "--type", "hnsw", "--out", "i")

    def commands(self):
        for engine in ("stream", "exact", "join", "hnsw"):
            yield ["build", *self.vectors, "--engine", engine, "--out", "out", "--force"]
        yield ["plan", *self.vectors]
        yield ["sweep", *self.vectors, "--rows", "50"]
        yield ["index", *self.vectors[:4], "--out", "out"]
        yield ["query", "i", "--query", "t=t.npy"]
        yield ["compare", "g", "--sample", "20"]
        yield ["show", "g", "--out", "out.html"]
        yield ["why", "g", "1", "2"]
        yield ["info", "g"]
        yield ["gen", "--items", "100", "--modality", "t=8", "--out", "out"]
        yield ["verify", "g"]
        yield ["doctor"]
        yield ["--version"]
        yield ["--help"]

    def answers(self, arguments, name, mib, env=None):
        """Done, or refused in one line with a hint. Where the libraries do not even load, the loader
        says so in its own words."""
        result = limited(arguments, KINDS[name], mib, self.dir, env)
        if result.code == 69:
            self.check_refusal(result, 69, ".")
        elif result.code == 127:
            self.assertRegex(result.err, LOADER, str(result))
            self.assertLess(mib, 100, str(result))
            self.assertEqual(name, "address space")
        else:
            self.assertEqual(result.code, 0, "%s of %d MiB: %s" % (name, mib, result))
        self.nothing_left()
        subprocess.run(["rm", "-rf", "out", "out.html"], cwd=self.dir, check=True)
        return result.code

    def test_every_command(self):
        for name in KINDS:
            for mib in (20, 50, 100, 200, 300, 400):
                for arguments in self.commands():
                    with self.subTest(limit=name, mib=mib, arguments=arguments):
                        self.answers(arguments, name, mib)

    def test_where_the_start_begins_to_fit(self):
        """In small steps, with the number of threads that OpenBLAS starts with told in several ways."""
        for threads in ("", "1", "64", "2,1"):
            for name in KINDS:
                codes = [self.answers(["--version"], name, mib, {"OMP_NUM_THREADS": threads})
                         for mib in range(100, 420, 5)]
                self.assertEqual(codes[0], 69)
                if (os.cpu_count() or 1) <= 2:
                    self.assertEqual(codes[-1], 0)
                self.assertEqual(codes, sorted(codes, reverse=True))  # once it fits, it fits

    def test_where_products_begin_to_fit(self):
        for engine in ("stream", "exact", "hnsw"):
            index = ["--index", "i"] if engine == "hnsw" else []
            for name in KINDS:
                codes = [self.answers(["build", *self.vectors, "--engine", engine, *index, "--out", "out",
                                       "--threads", "2"], name, mib, {"OMP_NUM_THREADS": "2"})
                         for mib in (*range(250, 625, 25), *range(625, 675, 5), 1000)]
                self.assertEqual((codes[0], codes[-1]), (69, 0))

    def test_more_threads_than_blas_has_places(self):
        """OpenBLAS corrupts its memory with more callers at once than it has places for buffers. Engines that do
        not call it take as many as the machine starts."""
        self.save("a.npy", random_rows(600, 16, 1))
        build = ["build", "--modality", "a.npy", "--top-k", "5", "--out", "many", "--force"]
        for engine in ("hnsw", "ivf"):
            self.refused(69, r"^OpenBLAS has places for the buffers of 512 threads, 513 are asked for$", *build,
                         "--engine", engine, "--threads", "513", hint="--threads")
        self.refused(69, r"^OpenBLAS has places for the buffers of 512 threads, 513 are asked for$", "index",
                     "--modality", "a.npy", "--project", "8", "--out", "i8", "--threads", "513", hint="--threads")
        for engine, threads in (("hnsw", 512), ("stream", 513), ("exact", 513), ("join", 513)):
            with self.subTest(engine=engine):
                most = self.kin(*build, "--engine", engine, "--threads", threads)
                self.assertIn(most.code, (0, 69), str(most))  # the machine may not have that many
                self.assertNotIn("OpenBLAS has places", most.err)

    def test_threads_that_do_not_start(self):
        """Stacks of 1,000 threads need more than is left: OpenMP would end the process with code 1."""
        for arguments in self.commands():
            if arguments[0] in ("--version", "--help", "doctor"):
                continue
            with self.subTest(arguments=arguments):
                result = limited([*arguments, "--threads", "1000"], resource.RLIMIT_AS, 2000, self.dir)
                self.check_refusal(result, 69, r"starts \d+ of 1000 threads", "--threads")
                self.nothing_left()


if __name__ == "__main__":
    if kin_cli.SANITIZED:
        kin_cli.skip_script("a sanitizer needs more address space than any limit leaves")
    if not sys.platform.startswith("linux"):
        kin_cli.skip_script("limits are Linux's")
    kin_cli.main()
