"""Memory that is refused at some of the places of every command (long/allocations.py: at all of them)."""
import unittest

import kin_cli

if kin_cli.SANITIZED:
    kin_cli.skip_script("a sanitizer has allocating functions of its own")

import allocations  # noqa: E402  (after the skip: nothing of it is wanted then)

PLACES = 14  # of every command


class Allocations(unittest.TestCase):
    def check(self, trials, findings):
        print("%d trials, %d findings" % (trials, len(findings)))
        self.assertGreater(trials, 500)
        self.assertEqual(findings, [])

    def test_commands(self):
        self.check(*allocations.try_commands(PLACES))


if __name__ == "__main__":
    kin_cli.main()
