"""A truncated singular value decomposition by random projection (Halko, Martinsson, Tropp 2011, algorithm 4.4).

Dense and sparse input alike; a few passes of the matrix over a thin block, instead of the full decomposition. The seed
is fixed and each direction's sign is chosen, so that the same input gives the same rows again.
"""
import numpy as np

_SPARE = 24
_PASSES = 2


def truncated_svd(matrix, rank):
    """Left vectors times singular values, (n, rank) float64, strongest direction first; rank is cut to what there is."""
    rank = min(rank, *matrix.shape)
    block = np.random.default_rng(20240607).standard_normal((matrix.shape[1], min(rank + _SPARE, *matrix.shape)))
    basis = np.linalg.qr(matrix @ block.astype(matrix.dtype))[0]
    for _ in range(_PASSES):
        basis = np.linalg.qr(matrix @ np.linalg.qr(matrix.T @ basis)[0])[0]
    left, values, right = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    strongest = np.abs(right).argmax(axis=1)
    signs = np.where(right[np.arange(len(right)), strongest] < 0, -1.0, 1.0)
    return (basis @ left * (values * signs))[:, :rank]
