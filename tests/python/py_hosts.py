"""A host with OpenMP and an OpenBLAS of its own: the same bytes, threads as asked, and the host's counts as before."""
import package
from package import Case, kin, two_matrices, weighted

PROGRAM = """
    import ctypes, hashlib, sys
    import numpy, scipy.linalg
    square = numpy.ones((300, 300)) @ numpy.ones((300, 300))
    scipy.linalg.eigvalsh(square)
    gomp = ctypes.CDLL("libgomp.so.1")
    gomp.omp_set_num_threads(3)
    gomp.omp_set_dynamic(0)
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "openblas" in line.rsplit("/", 1)[-1]}
    blas = [library for library in map(ctypes.CDLL, sorted(paths)) if hasattr(library, "openblas_get_num_threads")]
    for library in blas:
        library.openblas_set_num_threads(2)

    def counts():
        return gomp.omp_get_max_threads(), gomp.omp_get_dynamic(), [each.openblas_get_num_threads() for each in blas]

    import kin, package
    before = counts()
    digest = hashlib.sha256()
    for engine in ("stream", "exact", "join", "hnsw"):
        with kin.build(package.weighted(*package.two_matrices()), 20, engine=engine, threads=1) as graph:
            assert graph.manifest["run"]["threads"] == 1
            rows = graph.rows()
        digest.update(rows.indices.tobytes() + rows.scores.tobytes())
        assert counts() == before, (counts(), before)
        assert (numpy.ones((300, 300)) @ numpy.ones((300, 300)) == square).all()
    print(digest.hexdigest(), len(blas))
"""


class Hosts(Case):
    def test_counts_and_bytes(self):
        import hashlib
        digest = hashlib.sha256()
        for engine in ("stream", "exact", "join", "hnsw"):
            rows = self.graph(weighted(*two_matrices()), 20, engine=engine, threads=1).rows()
            digest.update(rows.indices.tobytes() + rows.scores.tobytes())
        for environment in ({}, {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}):
            done = self.python(PROGRAM, environment=environment)
            self.assertEqual(done.stdout.split()[0], digest.hexdigest())
            self.assertEqual(done.stderr, "")

    def test_a_pthread_openblas_that_was_there_first(self):
        """All flavours have one soname: the one that is loaded first would be everyone's."""
        import glob
        found = glob.glob("/usr/lib/*/openblas-pthread/libopenblas.so.0")
        if not found:
            self.skipTest("the pthread flavour of OpenBLAS is not installed")
        expected = self.python(PROGRAM).stdout.split()[0]
        done = self.python(PROGRAM, environment={"LD_PRELOAD": found[0]})
        self.assertEqual(done.stdout.split()[0], expected)
        self.assertGreaterEqual(int(done.stdout.split()[1]), 1)

    def test_counts_that_a_thread_set_for_itself(self):
        done = self.python("""
            import ctypes, threading, kin, package
            gomp = ctypes.CDLL("libgomp.so.1")
            found = {}

            def work(count):
                gomp.omp_set_num_threads(count)
                kin.build(package.weighted(*package.two_matrices(200)), 5, threads=2).close()
                found[count] = gomp.omp_get_max_threads()

            threads = [threading.Thread(target=work, args=(count,)) for count in (1, 2, 5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print(sorted(found.items()))
        """)
        self.assertEqual(done.stdout, "[(1, 1), (2, 2), (5, 5)]\n")


if __name__ == "__main__":
    package.main()
