"""Memory that is refused: some of the places in every command and in every unit program that takes little time
(long/allocations.py: all of them)."""
import unittest

import kin_cli

if kin_cli.SANITIZED:
    kin_cli.skip_script("a sanitizer has allocating functions of its own")
if kin_cli.has_libomp():
    kin_cli.skip_script("clang's OpenMP run time does not survive refused memory")

import allocations  # noqa: E402  (after the skip: nothing of it is wanted then)

PLACES = 14  # of every command
UNIT_PLACES = 5  # of every test
UNIT_SECONDS = 0.2  # of processor time, for the trials of one test


class Allocations(unittest.TestCase):
    def check(self, trials, findings):
        print("%d trials, %d findings" % (trials, len(findings)))
        self.assertGreater(trials, 500)
        self.assertEqual(findings, [])

    def test_commands(self):
        self.check(*allocations.try_commands(PLACES))

    def test_unit_programs(self):
        self.check(*allocations.try_programs(slow=False, most=UNIT_PLACES, seconds=UNIT_SECONDS))


if __name__ == "__main__":
    kin_cli.main()
