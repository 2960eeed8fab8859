"""Memory that is refused: at every place of every command, and at every place of the unit programs.

    allocations.py KIN

A place is a call stack: the first allocation that comes from there is refused, once and from there on. Of commands
that make fewer than EVERY allocations all of them are refused. Of a test that takes long as many as SECONDS of
processor time allow. Prints trials and findings; exit 0 where there is no finding, 77 under a sanitizer.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import kin_cli  # noqa: E402

if kin_cli.SANITIZED:
    kin_cli.skip_script("a sanitizer has allocating functions of its own")

import allocations  # noqa: E402

EVERY, SECONDS = 3000, 40


def main():
    trials, findings = allocations.try_commands(every=EVERY)
    print("commands: %d trials, %d findings" % (trials, len(findings)), flush=True)
    more, found = allocations.try_programs(seconds=SECONDS)
    print("unit programs: %d trials, %d findings" % (more, len(found)))
    for finding in findings + found:
        print(finding)
    return 1 if findings or found else 0


if __name__ == "__main__":
    sys.exit(main())
