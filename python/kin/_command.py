"""The command `kin` of a wheel: the program that lies in the package, in this process's place."""
import os
import sys


def main() -> None:
    """Becomes the program; where the package has none, says so with the exit status of a missing input."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_bin", "kin")
    try:
        os.execv(program, ["kin", *sys.argv[1:]])
    except OSError as error:
        sys.stderr.write(f"ERROR {program}: {error.strerror}\n"
                         "hint: this installation of the package has no command: install a wheel, or kin itself\n")
        sys.exit(66)
