"""Item-to-item similarity graphs from embeddings.

    from kin import build_sparse_similarity_matrix
    S = build_sparse_similarity_matrix(text, image, top_k=200)          # CSR, in place of the old function

    import kin
    graph = kin.build({"text": (text, .6), "image": (image, .4)}, top_k=200)
    graph.neighbors(17).indices

The work is libkin's; its results are those of the command `kin`, to the byte. docs/PYTHON.md has the rest.
"""
from ._build import build, plan
from ._compare import compare
from ._dropin import build_sparse_similarity_matrix
from ._errors import (BudgetError, CopyWarning, DataError, GateError, InternalError, KinError, NoInputError,
                      NothingToDoError, OutputError, ReadWriteError, SparseWarning, StoppedError, TryAgainError,
                      UsageError)
from ._graph import Graph, Neighbors, load
from ._index import Answers, Index, build_index
from ._library import version as __version__
from ._parquet import read_parquet

__all__ = [
    "Answers", "BudgetError", "CopyWarning", "DataError", "GateError", "Graph", "Index", "InternalError", "KinError",
    "Neighbors", "NoInputError", "NothingToDoError", "OutputError", "ReadWriteError", "SparseWarning", "StoppedError",
    "TryAgainError", "UsageError", "__version__", "build", "build_index", "build_sparse_similarity_matrix", "compare",
    "load", "plan", "read_parquet",
]
