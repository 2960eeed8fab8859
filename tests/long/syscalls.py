"""System calls that fail one by one, all of them: kin_syscalls.py."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import kin_syscalls  # noqa: E402

if __name__ == "__main__":
    sys.exit(1 if kin_syscalls.main(1, *sys.argv[2:]) else 0)
