"""What `cmake --install` leaves serves a C program: with nothing but that, it builds a graph, through pkg-config and
through CMake."""
import os
import re
import shlex
import shutil
import subprocess
import tempfile

import kin_cli
from kin_cli import Case, Graph, random_rows

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.dirname(kin_cli.KIN)
PROGRAM = "share/doc/kin/docs/examples/build_graph.c"
OTHERS = {"bin/kin", "include/kin/kin.h", "lib/libkin.so", "lib/libkin.so.0", "lib/libkin.so.0.1.0", "lib/pkgconfig/kin.pc", "lib/cmake/kin/kinConfig.cmake", "lib/cmake/kin/kinConfigVersion.cmake",
          "lib/cmake/kin/kinTargets.cmake", "share/doc/kin/LICENSE",
          "share/doc/kin/README.md", "share/doc/kin/CHANGELOG.md", "share/doc/kin/SECURITY.md"}
N = 300


def cache():
    """CMake's variables of the build that the command belongs to."""
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as file:
        return dict(re.findall(r"(?m)^(\w+):\w+=(.*)$", file.read()))


CACHE = cache() if os.path.exists(os.path.join(BUILD, "CMakeCache.txt")) else {}


class Install(Case):
    @classmethod
    def setUpClass(cls):
        cls.stage = tempfile.mkdtemp(prefix="kin-test-")
        cls.addClassCleanup(shutil.rmtree, cls.stage, ignore_errors=True)
        subprocess.run(["cmake", "--install", BUILD, "--prefix", "/opt/kin"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "DESTDIR": cls.stage})
        cls.prefix = os.path.join(cls.stage, "opt/kin")

    def call(self, *command, **environment):
        """Runs it in the test's folder; what it printed."""
        done = subprocess.run(command, cwd=self.dir, env={**kin_cli.clean_environment(), **environment}, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, "%s\n%s" % (shlex.join(command), done.stdout))
        return done.stdout

    def flags(self):
        return shlex.split(self.call("pkg-config", "--cflags", "--libs", "kin",
                                     PKG_CONFIG_PATH=os.path.join(self.prefix, "lib/pkgconfig")))

    def check_program(self, program):
        """It writes the graph that the command writes, and prints what it asked for: its progress."""
        for m, name in enumerate(("text", "image")):
            self.save(name + ".npy", random_rows(N, 20 + m, m))
        environment = {**kin_cli.clean_environment(), "LD_LIBRARY_PATH": os.path.join(self.prefix, "lib")}
        done = subprocess.run([program], cwd=self.dir, check=True, env=environment, capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, r"\A(\d+ of 300 items\n)*300 of 300 items\n\Z")
        self.ok("build", "--modality", "text=text.npy:0.6", "--modality", "image=image.npy:0.4", "--out", "g")
        graphs = [Graph(self.path(name)) for name in ("g", "graph")]
        self.assertEqual(*[dict(graph.manifest, run=None) for graph in graphs])
        for name in graphs[0].manifest["files"]:
            with open(self.path("g", name), "rb") as ours, open(self.path("graph", name), "rb") as theirs:
                self.assertEqual(ours.read(), theirs.read(), name)
        self.ok("verify", "graph")
        done = subprocess.run([program], cwd=self.dir, check=False, env=environment, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (73, ""))
        self.assertRegex(done.stderr, r"\Agraph.*\nhint: .*\n\Z")

    def test_files(self):
        found = {os.path.relpath(os.path.join(folder, name), self.prefix)
                 for folder, _, names in os.walk(self.stage) for name in names}
        rest = {name for name in found if not name.startswith(("share/doc/kin/docs/", "lib/cmake/kin/kinTargets-"))}
        self.assertEqual(rest, OTHERS)
        self.assertIn(PROGRAM, found)

    def test_texts_name_no_folder_of_the_build(self):
        for folder, _, names in os.walk(self.prefix):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    text = file.read() if not name.endswith(".md") and name != "kin" and not name.startswith("libkin.so") else b""
                for other in (self.stage, BUILD, ROOT, os.path.expanduser("~/.cache")):
                    self.assertNotIn(other.encode(), text, name)
        self.assertNotIn(".cache", self.call("readelf", "-d", os.path.join(self.prefix, "bin/kin")))

    def test_the_command(self):
        self.assertEqual(self.call(os.path.join(self.prefix, "bin/kin"), "--version"), self.ok("--version").out)

    def test_the_header_stands_alone(self):
        """As strict C17 and as C++, without the defines that kin itself is compiled with."""
        unit = self.text("unit.c", "#include <kin/kin.h>\n")
        flags = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only", *(flag for flag in self.flags() if flag.startswith("-I"))]
        self.call(CACHE["CMAKE_C_COMPILER"], "-std=c17", *flags, unit)
        self.call(CACHE["CMAKE_CXX_COMPILER"], "-std=c++17", "-x", "c++", *flags, unit)

    def test_pkg_config(self):
        self.call(CACHE["CMAKE_C_COMPILER"], "-std=c17", "-Wall", "-Wextra", "-Werror", "-o", "program",
                  os.path.join(self.prefix, PROGRAM), *self.flags())
        self.check_program("./program")

    def test_cmake(self):
        self.text("CMakeLists.txt", "cmake_minimum_required(VERSION 3.25)\nproject(user LANGUAGES C)\n"
                  "find_package(kin 0.1 REQUIRED)\nadd_executable(program %s)\n"
                  "target_link_libraries(program PRIVATE kin::kin)\n" % os.path.join(self.prefix, PROGRAM))
        self.call("cmake", "-S", ".", "-B", "out", "-DCMAKE_PREFIX_PATH=" + self.prefix,
                  "-DCMAKE_C_COMPILER=" + CACHE["CMAKE_C_COMPILER"])
        self.call("cmake", "--build", "out")
        self.check_program("out/program")


if __name__ == "__main__":
    if not CACHE:
        kin_cli.skip_script("the command stands in no build folder")
    if CACHE.get("KIN_SANITIZE") or CACHE.get("KIN_COVERAGE") == "ON":
        kin_cli.skip_script("instrumented libraries are not installed")
    kin_cli.main()
