"""Runs one command and writes {"seconds", "rss_kib", "status"} to an open file descriptor.

    runner.py FD COMMAND...

A process of its own because Linux lets a child's peak start at the resident set of the process that spawned
it: this one is small, the benchmark with its arrays is not.
"""
import json
import os
import sys
import time

start = time.monotonic()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.monotonic() - start
report = {"seconds": seconds, "rss_kib": usage.ru_maxrss,
          "status": os.waitstatus_to_exitcode(status)}
os.write(int(sys.argv[1]), json.dumps(report).encode())
