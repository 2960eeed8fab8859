"""What py_process looks at a few times, many times: forks, Ctrl-C, and 100 builds whose memory does not grow."""
import gc
import os

import package
import py_process
from package import kin, two_matrices, weighted
from py_process import K


class Forks(py_process.Parallel):
    rounds = 20


class Interrupts(py_process.Stopping):
    rounds = 30


class Growth(package.Case):
    def resident(self):
        """KiB of anonymous memory."""
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))

    def test_a_hundred_builds(self):
        given = weighted(*two_matrices(2000))
        sizes = []
        for number in range(100):
            with kin.build(given, K, engine=("exact", "stream", "join")[number % 3]) as graph:
                graph.to_scipy()
            gc.collect()
            sizes.append((self.resident(), len(os.listdir("/proc/self/fd"))))
        memory = [size for size, _ in sizes]
        self.assertLess(max(memory[80:]), max(memory[10:40]) + 4096, memory)
        self.assertEqual(len({count for _, count in sizes[5:]}), 1)


if __name__ == "__main__":
    package.main()
