"""Row by row over a catalog with NumPy: the loop that kin replaces, as a reference of results.

An item's scores with all others are one product of its unit rows with all unit rows, so that memory does not grow with
the square of the catalog; time does. The cosine of a zero vector is 0.
"""
import numpy as np
import scipy.sparse


def unit_rows(matrix):
    """Rows of length 1, float32; zero rows stay zero."""
    rows = np.asarray(matrix, np.float32)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)


def scores(text, image, which, text_weight=0.6, image_weight=0.4):
    """Fused scores of the rows `which` with all items, (len(which), n)."""
    total = np.zeros((len(which), len(text)), np.float32)
    for matrix, weight in ((text, text_weight), (image, image_weight)):
        if matrix is not None:
            unit = unit_rows(matrix)
            total += weight * (unit[which] @ unit.T)
    return total


def rows(text, image, which, top_k, text_weight=0.6, image_weight=0.4, anew=False):
    """For each row of `which`, one by one: (neighbours, scores), best first. `anew`: all rows are made unit again for each,
    as by a call of scikit-learn's cosine_similarity for each row."""
    units = None
    for row in which:
        if anew or units is None:
            units = [(unit_rows(matrix), np.float32(weight)) for matrix, weight in
                     ((text, text_weight), (image, image_weight)) if matrix is not None]
        total = sum(weight * (unit @ unit[row]) for unit, weight in units)
        total[row] = -np.inf
        best = np.argpartition(-total, top_k - 1)[:top_k]
        best = best[np.lexsort((best, -total[best]))]
        yield best, total[best]


def build(text, image=None, top_k=200, text_weight=0.6, image_weight=0.4):
    """The whole graph as CSR, (n, n) float32, columns sorted."""
    n = len(text)
    top_k = min(top_k, n - 1)
    indices, data = [], []
    for best, values in rows(text, image, range(n), top_k, text_weight, image_weight):
        order = np.argsort(best)
        indices.append(best[order])
        data.append(values[order])
    return scipy.sparse.csr_matrix((np.concatenate(data).astype(np.float32), np.concatenate(indices).astype(np.int32),
                                    np.arange(n + 1, dtype=np.int32) * top_k), shape=(n, n))
