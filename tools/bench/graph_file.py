"""The arrays of a folder that `kin build` wrote, mapped: of graph.npz, or of .npy files beside it."""
import os
import zipfile

import numpy as np

LOCAL_HEADER = 30  # bytes of a zip member's local header, without its name and its extra field


def mapped_member(path, info):
    """An array that is stored without compression in a zip file. Its bytes are not copied."""
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{path}: {info.filename} is compressed")
    with open(path, "rb") as file:
        file.seek(info.header_offset + LOCAL_HEADER - 4)
        name, extra = np.frombuffer(file.read(4), "<u2")
        file.seek(int(name) + int(extra), os.SEEK_CUR)
        version = np.lib.format.read_magic(file)
        read = (np.lib.format.read_array_header_1_0 if version == (1, 0)
                else np.lib.format.read_array_header_2_0)
        shape, fortran, dtype = read(file)
        return np.memmap(path, dtype, "r", file.tell(), shape, "F" if fortran else "C")


class Graph:
    """start [n + 1], neighbors and scores [pairs], best first in each row."""

    def __init__(self, folder):
        self.folder = folder
        self.start, self.neighbors, self.scores = (self._array(name) for name in
                                                  ("indptr", "indices", "data"))
        self.n = len(self.start) - 1

    def _array(self, name):
        path = os.path.join(self.folder, name + ".npy")
        if os.path.exists(path):
            return np.load(path, mmap_mode="r")
        path = os.path.join(self.folder, "graph.npz")
        with zipfile.ZipFile(path) as archive:
            return mapped_member(path, archive.getinfo(name + ".npy"))

    def row(self, row):
        span = slice(int(self.start[row]), int(self.start[row + 1]))
        return np.array(self.neighbors[span]), np.array(self.scores[span], np.float64)

    def rows(self, rows):
        return [self.row(row)[0] for row in rows]
