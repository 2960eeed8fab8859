"""Runs one command and writes what it took as JSON to an open file descriptor.

    runner.py FD COMMAND...

{"seconds", "cpu_seconds", "rss_kib", "written_bytes", "status"}: wall clock, user and system time,
the peak resident set, the bytes that the process made the kernel write (write_bytes less
cancelled_write_bytes of /proc/PID/io; null where the kernel does not count them), the exit status.

A process of its own because Linux lets a child's peak start at the resident set of the process that spawned
it: this one is small, the benchmark with its arrays is not.
"""
import json
import os
import sys
import time


def written(child):
    """Of a child that has ended and was not reaped yet."""
    try:
        with open(f"/proc/{child}/io", encoding="ascii") as file:
            counts = dict(line.split(": ") for line in file)
        return int(counts["write_bytes"]) - int(counts["cancelled_write_bytes"])
    except (OSError, KeyError):
        return None


start = time.monotonic()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
seconds = time.monotonic() - start
written_bytes = written(child)
_, status, usage = os.wait4(child, 0)
report = {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime,
          "rss_kib": usage.ru_maxrss, "written_bytes": written_bytes,
          "status": os.waitstatus_to_exitcode(status)}
os.write(int(sys.argv[1]), json.dumps(report).encode())
