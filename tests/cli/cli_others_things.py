"""What lies beside --out, and in the folder that --force replaces, and is not kin's: nothing of it changes.

Each test runs as the user who calls it, and where that is root as another user too."""
import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import stat
import tempfile
import unittest

import kin_cli
import kin_faults
from kin_cli import Case, random_rows


def may_be_others():
    """Root, where it may give things away: not in every container."""
    if os.geteuid() != 0:
        return False
    with tempfile.NamedTemporaryFile() as file:
        try:
            for user in (kin_faults.OTHER_USER, kin_faults.OTHER_USER - 1):
                os.chown(file.name, user, user)
        except OSError:
            return False
    return True


ROOT = may_be_others()
MARK = ".kin-unfinished"
MARK_TEXT = "kin unfinished %s\n"
REPLACED_TEXT = "kin replaced %s\n"


def put(path, text="theirs"):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Things(Case):
    """A folder `work` where the command runs, and one `elsewhere` that links lead to; `user` is who
    runs it (None: the user of the test)."""
    user = None

    def setUp(self):
        super().setUp()
        os.chmod(self.dir, 0o755)
        self.work, self.elsewhere = self.path("work"), self.path("elsewhere")
        self.tools = self.path("tools")
        for folder in (self.work, self.elsewhere, self.tools):
            os.mkdir(folder)
        self.binary, self.library = kin_cli.KIN, kin_faults.LIBRARY
        if self.user is not None:
            self.binary = shutil.copy(kin_cli.KIN, self.tools)
            if os.path.exists(self.library):
                self.library = shutil.copy(self.library, self.tools)
            for folder in (self.work, self.elsewhere):
                os.chown(folder, self.user, self.user)
        self.save("work/a.npy", random_rows(50, 4, 1))
        self.save("work/b.npy", random_rows(50, 4, 2))
        put(self.at("bad.npy"), "no vectors")
        self.mine(self.at("bad.npy"))

    def at(self, *names):
        return os.path.join(self.work, *names)

    def mine(self, path):
        """Gives a thing to the user who runs the command."""
        if self.user is not None:
            for folder, _, names in os.walk(path):
                for name in [folder] + [os.path.join(folder, name) for name in names]:
                    os.chown(name, self.user, self.user, follow_symlinks=False)
            os.chown(path, self.user, self.user, follow_symlinks=False)
        return path

    def run_kin(self, *arguments, **faults):
        return kin_faults.run(arguments, self.work, user=self.user, kin=self.binary,
                              library=self.library, **faults)

    def start_kin(self, *arguments, **faults):
        return kin_faults.start(arguments, self.work, user=self.user, kin=self.binary,
                                library=self.library, **faults)

    def expect(self, code, *arguments, **faults):
        result = self.run_kin(*arguments, **faults)
        self.assertEqual(result.code, code, str(result))
        return result

    def build(self, out="g", vectors="a.npy", *more):
        return ["build", "--modality", "a=" + vectors, "--top-k", "5", "--out", out, *more]

    def folder(self, name, *files):
        os.mkdir(self.at(name))
        for file in files:
            put(self.at(name, file))
        return self.mine(self.at(name))

    def marked(self, name, text=None, *files):
        """A folder that has a mark, its own unless another text is given."""
        self.folder(name, *files)
        put(self.at(name, MARK), (text or MARK_TEXT) % name if "%s" in (text or MARK_TEXT) else text)
        return self.mine(self.at(name))

    def make_things(self, out):
        """Things of every kind that look like leftovers of the output `out`; their paths."""
        at, prefix = self.at, "." + out + ".kin-"
        self.folder(prefix + "five5", "f")
        self.folder(prefix + "seven77", "f")
        self.folder(prefix, "f")
        self.folder(prefix + "ab-d3f", "f")
        self.folder(prefix + "ab d3f", "f")
        self.folder(prefix + "ab.d3f", "f")
        self.folder(prefix + "\u00e4bcde", "f")
        self.folder(prefix + "plain1", "f", "indices.npy", "manifest.json")
        self.folder(prefix + "empty1")
        self.marked(prefix + "other1", MARK_TEXT % (prefix + "other2"), "f")
        self.marked(prefix + "wrong1", "some text\n", "f")
        self.marked(prefix + "wrong2", "kin unfinished ", "f")
        self.marked(prefix + "long01", MARK_TEXT % (prefix + "long01") + "x" * 600, "f")
        self.marked(prefix + "seven78", None, "f")
        self.marked("." + out + "x.kin-another", None, "f")
        self.marked("." + out.upper() + ".kin-upper1", None, "f")
        self.folder(prefix + "mkfold", "f")
        os.mkdir(at(prefix + "mkfold", MARK))
        self.folder(prefix + "mkpipe", "f")
        os.mkfifo(at(prefix + "mkpipe", MARK))
        self.folder(prefix + "mklink", "f")
        put(os.path.join(self.elsewhere, "mark"), MARK_TEXT % (prefix + "mklink"))
        os.symlink(os.path.join(self.elsewhere, "mark"), at(prefix + "mklink", MARK))
        self.folder(prefix + "closed", "f")
        os.chmod(at(prefix + "closed"), 0)
        victim = os.path.join(self.elsewhere, "victim-" + out)
        os.mkdir(victim)
        put(os.path.join(victim, "f"))
        os.symlink(victim, at(prefix + "x"))
        os.symlink(victim, at(prefix + "linkto"))
        marked = os.path.join(self.elsewhere, "marked-" + out)
        os.mkdir(marked)
        put(os.path.join(marked, MARK), MARK_TEXT % (prefix + "linked"))
        put(os.path.join(marked, "f"))
        os.symlink(marked, at(prefix + "linked"))
        os.symlink(os.path.join(victim, "f"), at(prefix + "tofile"))
        os.symlink("nowhere", at(prefix + "nothin"))
        put(at(prefix + "file01"))
        put(at(out + ".kin-file02"))
        os.link(at(prefix + "file01"), os.path.join(self.elsewhere, "hard-" + out))
        os.mkfifo(at(prefix + "pipe01"))
        with socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            server.bind(at(prefix + "socket"))  # where the path is not too long for one
        with contextlib.suppress(PermissionError):
            os.mknod(at(prefix + "device"), stat.S_IFCHR | 0o600, os.makedev(1, 3))
        if ROOT:
            other = 65533 if self.user is None else 0
            for name, text in (("theirs", MARK_TEXT), ("theold", REPLACED_TEXT)):
                self.marked(prefix + name, text, "f", "manifest.json")
                for folder, _, names in os.walk(at(prefix + name)):
                    for path in [folder] + [os.path.join(folder, file) for file in names]:
                        os.chown(path, other, other)
        shutil.copytree(at("graph"), at(prefix + "graph1"))
        self.mine(at(prefix + "graph1"))
        return [os.path.join(self.work, name) for name in os.listdir(self.work)
                if ".kin-" in name] + [self.elsewhere]

    def unchanged(self, before, roots, result):
        after = kin_faults.snapshot(*roots)
        for path in sorted(set(before) | set(after)):
            self.assertEqual(before.get(path), after.get(path), "%s\n%s" % (path, result))

    def nothing_new(self, before, result):
        """No temporary folder stays beside the things that were there."""
        left = {os.path.join(self.work, name) for name in os.listdir(self.work) if ".kin-" in name}
        self.assertEqual(left - set(before), set(), str(result))


class Beside(Things):
    def among_things(self, out, *runs):
        """Runs commands that write `out` among things that look like its leftovers."""
        self.expect(0, *self.build("graph"))
        roots = self.make_things(out)
        self.assertGreaterEqual(len(roots), 28)
        before = kin_faults.snapshot(*roots)
        with open(self.at("." + out + ".kin-plain1", "f"), encoding="utf-8") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            folder = os.open(self.at("." + out + ".kin-empty1"), os.O_RDONLY)
            fcntl.flock(folder, fcntl.LOCK_EX)  # locked by a stranger, but not marked
            for code, arguments in runs:
                result = self.expect(code, *arguments)
                self.unchanged(before, roots, result)
                self.nothing_new(before, result)
            os.close(folder)

    def test_build(self):
        self.among_things("g", (65, self.build(vectors="bad.npy")), (0, self.build()),
                          (73, self.build()), (0, self.build("g", "b.npy", "--force")),
                          (65, self.build("g", "bad.npy", "--force")), (0, ["verify", "g"]))

    def test_index(self):
        index = ["index", "--modality", "a.npy", "--type", "hnsw", "--out", "i"]
        self.among_things("i", (0, index), (73, index), (0, index + ["--force"]),
                          (0, ["verify", "i"]))

    def test_gen(self):
        gen = ["gen", "--items", "20", "--modality", "text=4", "--out", "c"]
        self.among_things("c", (0, gen), (73, gen), (0, gen + ["--force"]), (0, ["verify", "c"]))

    def test_pages(self):
        show = ["show", "graph", "--out", "p"]
        self.among_things("p", (0, show), (73, show), (0, show + ["--force"]))

    def test_reports(self):
        compare = ["compare", "graph", "--sample", "10", "--out", "r"]
        self.among_things("r", (0, compare), (73, compare), (0, compare + ["--force"]),
                          (0, compare[:-1] + ["s", "--json", "r", "--prom", "t"]))
        self.assertIn("recall", kin_cli.read_json(self.at("r")))

    def test_textfile(self):
        compare = ["compare", "graph", "--sample", "10", "--prom", "m"]
        self.among_things("m", (0, compare), (0, compare))


@unittest.skipIf(kin_faults.available(), kin_faults.available())
class Leftovers(Things):
    """What a killed writer leaves is removed, and nothing that others put into it."""

    def kill_at(self, call, *arguments):
        result = self.run_kin(*arguments, fault="1:kill", call=call)
        self.assertEqual(result.code, -signal.SIGKILL, str(result))
        left = [name for name in os.listdir(self.work) if ".kin-" in name]
        self.assertEqual(len(left), 1, str(result))
        return left[0]

    def test_removed(self):
        self.kill_at("posix_fallocate", *self.build())
        self.expect(0, *self.build())
        self.nothing_left_in_work()
        self.kill_at("posix_fallocate", *self.build("g", "b.npy", "--force"))
        self.expect(73, *self.build())  # refused: not even what is kin's
        self.expect(0, *self.build("g", "b.npy", "--force"))
        self.nothing_left_in_work()

    def test_removed_of_files(self):
        self.expect(0, *self.build("graph"))
        show = ["show", "graph", "--out", "page.html"]
        for more in ([], ["--force"]):
            self.kill_at("fsync", *show, *more)
            self.expect(0, *show, *more)
            self.nothing_left_in_work()
        compare = ["compare", "graph", "--sample", "10", "--json", "report.json", "--prom", "m"]
        self.kill_at("fsync", *compare)
        self.expect(0, *compare)
        self.nothing_left_in_work()

    def nothing_left_in_work(self):
        self.assertEqual([name for name in os.listdir(self.work) if ".kin-" in name], [])

    def test_copies_stay(self):
        """A copy of a leftover, or one that was given another name, is theirs."""
        left = self.kill_at("posix_fallocate", *self.build())
        shutil.copytree(self.at(left), self.at(".g.kin-backup"))
        os.rename(self.at(left), self.at(".g.kin-backu2"))
        self.mine(self.at(".g.kin-backup"))
        roots = [self.at(".g.kin-backup"), self.at(".g.kin-backu2")]
        before = kin_faults.snapshot(*roots)
        self.unchanged(before, roots, self.expect(0, *self.build()))

    def test_things_inside_stay(self):
        left = self.at(self.kill_at("posix_fallocate", *self.build()))
        put(os.path.join(self.elsewhere, "f"))
        os.mkdir(os.path.join(left, "notes"))
        put(os.path.join(left, "notes", "f"))
        os.symlink(os.path.join(self.elsewhere, "f"), os.path.join(left, "link"))
        os.symlink(self.elsewhere, os.path.join(left, "folder"))
        os.mkfifo(os.path.join(left, "pipe"))
        theirs = ["notes", "link", "folder", "pipe"]
        roots = [os.path.join(left, name) for name in theirs] + [self.elsewhere]
        before = kin_faults.snapshot(*roots)
        self.unchanged(before, roots, self.expect(0, *self.build()))
        self.assertEqual(sorted(os.listdir(left)), sorted(theirs))
        put(os.path.join(left, "more"))  # the folder is theirs from now on
        roots = [left, self.elsewhere]
        before = kin_faults.snapshot(*roots)
        self.unchanged(before, roots, self.expect(0, *self.build("g", "a.npy", "--force")))

    def test_living_writer(self):
        process = self.start_kin(*self.build(), fault="1:stop", call="posix_fallocate")
        kin_faults.wait_until_stopped(process)
        roots = [self.at(name) for name in os.listdir(self.work) if ".kin-" in name]
        self.assertEqual(len(roots), 1)
        before = kin_faults.snapshot(*roots)
        self.unchanged(before, roots, self.expect(75, *self.build()))
        result = kin_faults.go_on(process)
        self.assertEqual(result.code, 0, str(result))
        self.nothing_left_in_work()


@unittest.skipIf(kin_faults.available(), kin_faults.available())
class Meanwhile(Things):
    """What happens to the name while the output is written, or in the very moment before the rename."""
    MOMENTS = ("posix_fallocate", "renameat2")

    def during(self, moment, change, *arguments):
        process = self.start_kin(*arguments, fault="1:stop", call=moment)
        kin_faults.wait_until_stopped(process)
        change()
        return kin_faults.go_on(process)

    def each_moment(self):
        for moment in self.MOMENTS:
            for name in os.listdir(self.work):
                if os.path.isdir(self.at(name)):
                    shutil.rmtree(self.at(name))
            with self.subTest(moment):
                yield moment

    def refused_and_unchanged(self, moment, change, *arguments):
        """Everything at the name is afterwards what it was when the build went on."""
        before = {}

        def change_and_look():
            change()
            before.update(kin_faults.snapshot(self.at("g")))
            before.pop(self.at("g", MARK), None)  # kin's own, for the moment of the exchange

        result = self.during(moment, change_and_look, *arguments)
        self.check_refusal(result, 73, "g ")
        after = kin_faults.snapshot(self.at("g"))
        for path, entry in before.items():
            if path == self.at("g"):  # its time of change is that of the mark that came and went
                entry[6] = after[path][6]
            self.assertEqual(entry, after.get(path), "%s\n%s" % (path, result))
        self.assertEqual(set(before), set(after))
        self.assertEqual([name for name in os.listdir(self.work) if ".kin-" in name], [])

    def test_files_put_in(self):
        def put_in():
            put(self.at("g", "notes.txt"))
            os.mkdir(self.at("g", "folder"))
            put(self.at("g", "folder", "f"))

        for moment in self.each_moment():
            self.expect(0, *self.build())
            self.refused_and_unchanged(moment, put_in, *self.build("g", "b.npy", "--force"))

    def test_a_link_put_in(self):
        for moment in self.each_moment():
            self.expect(0, *self.build())
            os.remove(self.at("g", "ids.txt"))
            self.refused_and_unchanged(moment, lambda: os.symlink("../a.npy", self.at("g", "ids.txt")),
                                       *self.build("g", "b.npy", "--force"))

    def test_replaced_by_theirs(self):
        def replace():
            os.rename(self.at("g"), self.at("h"))
            self.folder("g", "precious")

        for moment in self.each_moment():
            self.expect(0, *self.build())
            self.refused_and_unchanged(moment, replace, *self.build("g", "b.npy", "--force"))
            self.expect(0, "verify", "h")

    def test_replaced_by_a_link_or_a_file(self):
        for moment in self.each_moment():
            for make in (lambda: os.symlink("h", self.at("g")), lambda: put(self.at("g"))):
                def replace():
                    os.rename(self.at("g"), self.at("h"))
                    make()

                self.expect(0, *self.build())
                self.refused_and_unchanged(moment, replace, *self.build("g", "b.npy", "--force"))
                self.expect(0, "verify", "h")
                os.remove(self.at("g"))
                shutil.rmtree(self.at("h"))

    def test_replaced_by_another_graph(self):
        """One that kin wrote may go, as it might have been there from the start."""
        def replace():
            os.rename(self.at("g"), self.at("h"))
            os.rename(self.at("k"), self.at("g"))

        for moment in self.each_moment():
            self.expect(0, *self.build())
            self.expect(0, *self.build("k"))
            result = self.during(moment, replace, *self.build("g", "b.npy", "--force"))
            self.assertEqual(result.code, 0, str(result))
            self.expect(0, "verify", "h")
            self.published_b()

    def test_vanished(self):
        for moment in self.each_moment():
            self.expect(0, *self.build())
            result = self.during(moment, lambda: os.rename(self.at("g"), self.at("h")),
                                 *self.build("g", "b.npy", "--force"))
            self.assertEqual(result.code, 0, str(result))
            self.expect(0, "verify", "h")
            self.published_b()

    def test_name_taken(self):
        for moment in self.each_moment():
            for make in (lambda: self.folder("g", "precious"), lambda: self.folder("g"),
                         lambda: put(self.at("g")), lambda: os.symlink("nowhere", self.at("g"))):
                for more in ([], ["--force"]):
                    self.refused_and_unchanged(moment, make, *self.build("g", "b.npy", *more))
                    if os.path.islink(self.at("g")) or not os.path.isdir(self.at("g")):
                        os.remove(self.at("g"))
                    else:
                        shutil.rmtree(self.at("g"))

    def test_the_temporary_folder_moved_away(self):
        def move():
            left = [name for name in os.listdir(self.work) if ".kin-" in name]
            os.rename(self.at(left[0]), self.at("taken"))

        result = self.during("posix_fallocate", move, *self.build())
        self.assertIn(result.code, (73, 74), str(result))
        self.assertEqual([name for name in os.listdir(self.work) if ".kin-" in name], [])
        self.assertFalse(os.path.exists(self.at("g")))

    def test_files(self):
        """A page's name: taken by a folder, a link or a pipe in the last moment."""
        self.expect(0, *self.build("graph"))
        show = ["show", "graph", "--out", "g"]
        for make in (lambda: self.folder("g", "f"), lambda: os.symlink("a.npy", self.at("g")),
                     lambda: os.mkfifo(self.at("g")), lambda: put(self.at("g"))):
            for force in (False, True):
                if force:
                    self.expect(0, *show)

                def change():
                    if force:
                        os.remove(self.at("g"))
                    make()

                theirs = kin_faults.snapshot(self.at("a.npy"))
                result = self.during("renameat2", change, *show, *(["--force"] if force else []))
                self.assertEqual(theirs, kin_faults.snapshot(self.at("a.npy")), str(result))
                if force and os.path.isfile(self.at("g")) and not os.path.islink(self.at("g")):
                    self.assertEqual(result.code, 0, str(result))  # a file that --force replaces
                else:
                    self.check_refusal(result, 73, "^g exists already")
                self.assertEqual([n for n in os.listdir(self.work) if ".kin-" in n], [])
                if os.path.isdir(self.at("g")):
                    self.assertEqual(os.listdir(self.at("g")), ["f"])
                    shutil.rmtree(self.at("g"))
                else:
                    os.remove(self.at("g"))

    def published_b(self):
        self.assertEqual([name for name in os.listdir(self.work) if ".kin-" in name], [])
        self.expect(0, "verify", "g")
        manifest = kin_cli.read_json(self.at("g", "manifest.json"))
        self.assertEqual(manifest["modalities"][0]["file"], "b.npy")


@unittest.skipUnless(ROOT, "takes two users")
class Owners(Things):
    """--force where the old graph is another user's: its name says that it may go, its owner decides."""
    user = kin_faults.OTHER_USER

    def test_root_replaces(self):
        self.expect(0, *self.build())
        result = kin_faults.run(self.build("g", "b.npy", "--force"), self.work)
        self.assertEqual((result.code, result.lines("WARNING")), (0, []), str(result))
        self.assertEqual([name for name in os.listdir(self.work) if ".kin-" in name], [])
        self.assertEqual(os.stat(self.at("g")).st_uid, 0)

    def test_what_may_not_be_removed_is_named(self):
        self.assertEqual(kin_faults.run(self.build(), self.work).code, 0)
        old = kin_cli.listing(self.at("g"))
        result = self.expect(0, *self.build("g", "b.npy", "--force"))
        left = [name for name in os.listdir(self.work) if ".kin-" in name]
        self.assertEqual(len(left), 1, str(result))
        self.assertRegex(result.lines("WARNING")[0], r"what g replaced cannot be removed from " +
                         re.escape(left[0]))
        self.assertEqual(kin_cli.listing(self.at(left[0])), old)
        self.expect(0, *self.build("g", "a.npy", "--force"))
        self.expect(0, "verify", "g")


class Modes(Things):
    """Files and folders have what the umask leaves, whichever part of the program writes them."""

    def test_modes(self):
        self.addCleanup(os.umask, os.umask(0o022))
        for mask in (0o022, 0o077, 0o027, 0o002):
            os.umask(mask)
            shutil.rmtree(self.at("out"), ignore_errors=True)
            os.mkdir(self.at("out"))
            self.mine(self.at("out"))
            self.expect(0, *self.build("out/g", "a.npy", "--trace-rows", "5", "--engine", "hnsw"))
            self.expect(0, "index", "--modality", "a.npy", "--type", "hnsw", "--out", "out/h",
                        "--project", "3")
            self.expect(0, "index", "--modality", "a.npy", "--type", "ivf", "--out", "out/i")
            self.expect(0, "gen", "--items", "20", "--modality", "text=4", "--out", "out/c")
            self.expect(0, "show", "out/g", "--out", "out/p.html")
            self.expect(0, "compare", "out/g", "--sample", "9", "--out", "out/r.html", "--json",
                        "out/r.json", "--prom", "out/r.prom")
            self.expect(0, "show", "out/g", "--out", "out/p.html", "--force")
            for folder, folders, files in os.walk(self.at("out")):
                if folder == self.at("out"):
                    self.assertEqual(len(folders), 4)
                for name in folders:
                    self.assertEqual(os.stat(os.path.join(folder, name)).st_mode & 0o7777,
                                     0o777 & ~mask, name)
                for name in files:
                    self.assertEqual(os.stat(os.path.join(folder, name)).st_mode & 0o7777,
                                     0o666 & ~mask, "%s under %03o" % (name, mask))


def load_tests(loader, tests, _):
    """As root: all of it once more as another user."""
    for case in (Beside, Leftovers, Meanwhile) if ROOT else ():
        tests.addTests(loader.loadTestsFromTestCase(
            type(case.__name__ + "AsAnotherUser", (case,), {"user": kin_faults.OTHER_USER})))
    return tests


if __name__ == "__main__":
    kin_cli.main()
