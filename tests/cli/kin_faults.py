"""Running the command with calls that fail, stop or kill it (faults/syscalls.c), or as another user."""
import os
import signal
import stat
import subprocess

import kin_cli

LIBRARY = os.path.join(os.path.dirname(kin_cli.KIN), "tests", "fault_syscalls.so")
OTHER_USER = 65534


def available():
    """Why calls cannot be made to fail here; None where they can."""
    if kin_cli.SANITIZED:
        return "sanitizers want to be the first library: no library is preloaded"
    return None if os.path.exists(LIBRARY) else LIBRARY + " is not there"


def environment(fault=None, call=None, record=None, base=None, library=None):
    """One thread, so that calls come in one order."""
    names = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    names.update(base or {})
    for name, value in (("TEST_FAULT", fault), ("TEST_FAULT_CALL", call), ("TEST_CALLS", record)):
        if value:
            names[name] = value
    if fault or record:
        names["LD_PRELOAD"] = library or LIBRARY
    return kin_cli.clean_environment(names)


def start(arguments, cwd, user=None, kin=None, **faults):
    options = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
    return subprocess.Popen([kin or kin_cli.KIN] + [str(a) for a in arguments], cwd=cwd,
                            env=environment(**faults), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def finish(process):
    out, err = process.communicate(timeout=300)
    return kin_cli.Result(process.returncode, out.decode(errors="replace"),
                          err.decode(errors="replace"), process.args)


def run(arguments, cwd, **options):
    return finish(start(arguments, cwd, **options))


def wait_until_stopped(process):
    """A process that a fault has stopped; go_on lets it run again."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        process.returncode = os.waitstatus_to_exitcode(status)
        out, err = process.communicate()
        raise AssertionError("not stopped, ended with %d:\n%s" % (process.returncode, err.decode()))


def go_on(process):
    os.kill(process.pid, signal.SIGCONT)
    return finish(process)


def snapshot(*roots):
    """All that can be seen of files and folders, links not followed: kind, mode, owner, inode, links,
    times of change, contents. What is read is read as root or owner."""
    found = {}

    def look(path):
        status = os.lstat(path)
        entry = [status.st_mode, status.st_uid, status.st_gid, status.st_ino, status.st_nlink,
                 status.st_rdev, status.st_mtime_ns]
        if stat.S_ISLNK(status.st_mode):
            entry.append(os.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            try:
                entry.append(kin_cli.read_bytes(path))
            except PermissionError:
                entry.append("closed")
        found[path] = entry
        if stat.S_ISDIR(status.st_mode):
            try:
                names = sorted(os.listdir(path))
            except PermissionError:
                names = []
            for name in names:
                look(os.path.join(path, name))

    for root in roots:
        look(root)
    return found
