"""The indexes of wheel_peer.py. Each takes rows x [n, d] of float32 and a number of threads,
builds, and has search(queries, asked) -> int64 [queries, asked], best first, -1 behind what was found.

Wheels are imported where they are needed, so that this file can be read without them.
"""
import numpy as np

LINKS, EF_CONSTRUCTION = 32, 100
PANORAMA = "FlatL2Panorama8_512"
PACKAGES = {"flat": "faiss-cpu", "panorama": "faiss-cpu", "panorama-plain": "faiss-cpu",
            "hnsw": "faiss-cpu", "hnswlib": "hnswlib", "usearch": "usearch"}


def blas_core(package):
    """The type of CPU that the package's own OpenBLAS runs as; None where it has none."""
    import threadpoolctl
    folder = package.replace("-", "_") + ".libs"
    return next((one["architecture"] for one in threadpoolctl.threadpool_info()
                 if one.get("internal_api") == "openblas" and folder in one["filepath"]), None)


class Faiss:
    has_effort = False

    def __init__(self, x, threads):
        import faiss
        faiss.omp_set_num_threads(threads)
        self.index = self.make(faiss, x.shape[1])
        if not self.index.is_trained:
            self.index.train(x)
        self.index.add(x)

    @staticmethod
    def make(faiss, d):
        return faiss.IndexFlatIP(d)

    def set_effort(self, effort):
        pass

    def search(self, queries, asked):
        return self.index.search(queries, asked)[1]

    @staticmethod
    def build():
        import faiss
        return {"build": "kernels " + faiss.SIMDConfig.get_level_name()}


class Panorama(Faiss):
    """Of unit rows the nearest by L2 are those of the greatest inner product. A rotation does not
    change distances; after one by PCA the first levels say most, so more is left out."""

    @staticmethod
    def make(faiss, d):
        return faiss.index_factory(d, f"PCA{d},{PANORAMA}")


class PanoramaPlain(Faiss):
    @staticmethod
    def make(faiss, d):
        return faiss.index_factory(d, PANORAMA)


class FaissHnsw(Faiss):
    """efSearch may be less than K + 1: FAISS then keeps K + 1 candidates and stops once efSearch of
    them are nearer than the next one."""
    has_effort = True

    @staticmethod
    def make(faiss, d):
        index = faiss.IndexHNSWFlat(d, LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = EF_CONSTRUCTION
        return index

    @staticmethod
    def effort_range(k):
        return max(1, k // 10), 16 * k

    def set_effort(self, effort):
        self.index.hnsw.efSearch = effort


class Hnswlib:
    has_effort = True

    def __init__(self, x, threads):
        import hnswlib
        self.threads = threads
        self.index = hnswlib.Index("ip", x.shape[1])
        self.index.init_index(len(x), M=LINKS, ef_construction=EF_CONSTRUCTION)
        self.index.add_items(x, num_threads=threads)

    @staticmethod
    def effort_range(k):
        return k + 1, 16 * k

    def set_effort(self, effort):
        self.index.set_ef(effort)

    def search(self, queries, asked):
        """The binding gives up on a whole batch when one query finds less than it was asked for."""
        try:
            found, _ = self.index.knn_query(queries, asked, num_threads=self.threads)
            return found.astype(np.int64)
        except RuntimeError:
            if len(queries) == 1:
                return np.full((1, asked), -1, np.int64)
        half = len(queries) // 2
        return np.concatenate([self.search(queries[:half], asked),
                               self.search(queries[half:], asked)])

    @staticmethod
    def build():
        import hnswlib
        return {"build": "compiled for this CPU by its own setup", "library": hnswlib.__file__}


class Usearch:
    has_effort = True

    def __init__(self, x, threads):
        from usearch.index import Index
        self.threads = threads
        self.index = Index(ndim=x.shape[1], metric="ip", connectivity=LINKS,
                           expansion_add=EF_CONSTRUCTION)
        self.index.add(np.arange(len(x), dtype=np.uint64), x, threads=threads)

    effort_range = staticmethod(Hnswlib.effort_range)

    def set_effort(self, effort):
        self.index.expansion_search = effort

    def search(self, queries, asked):
        found = self.index.search(queries, asked, threads=self.threads)
        keys = np.asarray(found.keys).reshape(len(queries), -1).astype(np.int64)
        counts = np.asarray(found.counts).reshape(-1, 1) if len(queries) > 1 else keys.shape[1]
        ids = np.full((len(queries), asked), -1, np.int64)
        ids[:, :keys.shape[1]] = np.where(np.arange(keys.shape[1]) < counts, keys, -1)
        return ids

    @staticmethod
    def build():
        from usearch.index import Index
        index = Index(ndim=64, metric="ip")
        values = str(index.dtype).rpartition(".")[2].lower()
        return {"build": f"kernels {index.hardware_acceleration}, values {values}"}


PEERS = {"flat": Faiss, "panorama": Panorama, "panorama-plain": PanoramaPlain, "hnsw": FaissHnsw,
         "hnswlib": Hnswlib, "usearch": Usearch}
