"""System calls that fail one by one, a sample of them: kin_syscalls.py."""
import sys

import kin_syscalls

if __name__ == "__main__":
    sys.exit(1 if kin_syscalls.main(47, *sys.argv[2:]) else 0)
