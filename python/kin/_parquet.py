"""Parquet through pyarrow: columns of vectors into a mapped file, and a graph's pairs out."""
from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from ._errors import DataError, NoInputError, OutputError
from ._options import nearest

if TYPE_CHECKING:
    from ._graph import Graph

BATCH_ROWS = 8192
PAIR_ROWS = 1 << 20  # rows of pairs that are written at a time, about
# Arrow's name of a value's type: the dtype in the mapped file.
DTYPES = {"halffloat": "float16", "float": "float32", "double": "float64", "int8": "int8"}
Path = Union[str, "os.PathLike[str]"]


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(f"Parquet needs the package pyarrow: pip install pyarrow ({error})") from None
    return pyarrow


# ---- vectors in ----------------------------------------------------------------------------------

def _parts(path: Path) -> list[str]:
    """The file, or the .parquet files of a folder in the order of their names."""
    name = os.fspath(path)
    found = sorted(glob.glob(os.path.join(glob.escape(name), "*.parquet"))) if os.path.isdir(name) else [name]
    if not found or not os.path.exists(found[0]):
        raise NoInputError(f"{name}: no such file, or a folder without .parquet files", "check the path")
    return found


def _open(arrow: Any, path: str, column: str) -> tuple[Any, np.dtype[Any]]:
    """The file, and what its column's values are stored as. DataError."""
    try:
        file = arrow.parquet.ParquetFile(path)
    except (arrow.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: no Parquet file that can be read: {error}", "check the file") from None
    schema = file.schema_arrow
    if column not in schema.names:
        raise DataError(f"{path}: has no column {column!r}{nearest(column, schema.names)}",
                        "its columns are " + ", ".join(schema.names))
    kind = schema.field(column).type
    lists = arrow.types
    is_list = lists.is_list(kind) or lists.is_large_list(kind) or lists.is_fixed_size_list(kind)
    if not is_list or str(kind.value_type) not in DTYPES:
        raise DataError(f"{path}: column {column!r} is {kind}, not a list of float", "give a column of vectors")
    return file, np.dtype(DTYPES[str(kind.value_type)])


def _batches(arrow: Any, path: str, column: str, file: Any) -> Iterator[Any]:
    """The column, batch by batch. DataError where pyarrow cannot read it, as nulls in fixed-size lists before 17."""
    try:
        for batch in file.iter_batches(BATCH_ROWS, columns=[column]):
            yield batch.column(0)
    except (arrow.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: column {column!r} cannot be read: {error}", "check the file") from None


def _vectors(arrow: Any, path: str, column: str, file: Any, dimensions: int | None) -> Iterator[tuple[Any, int, Any]]:
    """(which rows of a batch have a vector, rows of the batch, those vectors), batch by batch. DataError."""
    first = 0
    for array in _batches(arrow, path, column, file):
        there = ~np.asarray(array.is_null())
        lengths = np.asarray(arrow.compute.list_value_length(array).fill_null(0))[there]
        if dimensions is None and len(lengths):
            dimensions = int(lengths[0])
        bad = np.flatnonzero(lengths != dimensions)
        if len(bad):
            row = first + int(np.flatnonzero(there)[bad[0]])
            raise DataError(f"{path}: column {column!r}, row {row} has {lengths[bad[0]]} values, the first {dimensions}",
                            "all vectors of a column need one length")
        values = array.flatten()
        if values.null_count:
            raise DataError(f"{path}: column {column!r}: a vector in rows {first} to {first + len(array)} holds a null",
                            "replace the value, or make the whole vector null: then the item lacks it")
        yield there, len(array), values.to_numpy(zero_copy_only=False).reshape(len(lengths), dimensions or 0)
        first += len(array)


def _storage(directory: Path | None, name: str) -> Any:
    """A file without a name."""
    try:
        return tempfile.TemporaryFile(dir=directory)
    except OSError as error:
        raise OutputError(f"{directory or tempfile.gettempdir()}: {error.strerror}, for the vectors of {name}",
                          "name another folder: directory='...'") from None


def read_parquet(path: Path, column: str, *, directory: Path | None = None) -> np.ndarray[Any, Any]:
    """A column of vectors as an array of shape (items, dimensions), read-only, in a mapped file.

    path: a Parquet file, or a folder of them, taken in the order of their names. column: list<float32>, float16,
    float64 or int8, fixed-size lists too; the array has the values' dtype. A null is a row of zeros: the item lacks
    this modality. Batches of rows are streamed into a file without a name in `directory` (None:
    tempfile.gettempdir()), which goes with the array, so the column is never whole in memory.

    ImportError without pyarrow. NoInputError, DataError (the column, its type, vectors of several lengths, null
    values), OutputError (the folder).
    """
    arrow = _pyarrow()
    import pyarrow.compute  # noqa: F401: an attribute of the package from here on
    opened = [(part, *_open(arrow, part, column)) for part in _parts(path)]
    items = sum(file.metadata.num_rows for _, file, _ in opened)
    dtype = opened[0][2]
    dimensions, row = None, 0
    with _storage(directory, column) as storage:
        for part, file, other in opened:
            if other != dtype:
                raise DataError(f"{part}: column {column!r} has {other}, the files before it {dtype}", "use one type")
            for there, rows, vectors in _vectors(arrow, part, column, file, dimensions):
                if dimensions is None and len(vectors):
                    dimensions = vectors.shape[1]
                    storage.truncate(items * dimensions * dtype.itemsize)
                if len(vectors):
                    _write(storage, row * vectors.shape[1] * dtype.itemsize, there, vectors)
                row += rows
        if not dimensions:
            raise DataError(f"{os.fspath(path)}: column {column!r} holds no vector", "give a column with vectors")
        storage.flush()
        mapped: np.ndarray[Any, Any] = np.memmap(storage, dtype, "r", shape=(items, dimensions))
        return mapped


def _write(storage: Any, place: int, there: Any, vectors: Any) -> None:
    """A batch's rows from a byte on; what is null stays zero."""
    rows = vectors
    if not there.all():
        rows = np.zeros((len(there), vectors.shape[1]), vectors.dtype)
        rows[there] = vectors
    storage.seek(place)
    storage.write(np.ascontiguousarray(rows).data)


# ---- pairs out -----------------------------------------------------------------------------------

def _table(arrow: Any, graph: Graph, ids: Any, first: int, count: int) -> Any:
    """Rows of the graph as a table of pairs."""
    rows = graph.rows(first, count)
    lengths = np.diff(rows.indptr)
    item = np.repeat(np.arange(first, first + count, dtype=np.int64), lengths)
    rank = np.arange(1, len(item) + 1, dtype=np.int64) - np.repeat(rows.indptr[:-1], lengths)
    columns = {"id": ids.take(arrow.array(item)), "neighbor": ids.take(arrow.array(rows.indices)),
               "rank": arrow.array(rank.astype(np.int32)), "score": arrow.array(rows.scores)}
    for name, cosine in rows.cosines.items():
        columns["cosine_" + name] = arrow.array(cosine.astype(np.float32), from_pandas=True)  # NaN is null
    return arrow.table(columns)


def _write_tables(arrow: Any, graph: Graph, path: str) -> None:
    ids = arrow.array(graph.ids, arrow.string())
    step = max(1, PAIR_ROWS // max(1, graph.top_k))
    writer = None
    try:
        for first in range(0, len(graph), step):
            table = _table(arrow, graph, ids, first, min(step, len(graph) - first))
            writer = writer or arrow.parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def write_graph(graph: Graph, path: Path, force: bool) -> None:
    """See Graph.to_parquet. The file has its name when it is complete, and not before."""
    arrow = _pyarrow()
    name = os.fspath(path)
    if os.path.lexists(name) and not force:
        raise OutputError(f"{name}: exists", "force=True replaces it")
    folder, last = os.path.split(os.path.abspath(name))
    try:
        with tempfile.TemporaryDirectory(prefix=f".{last}.", dir=folder) as unfinished:
            written = os.path.join(unfinished, last)
            _write_tables(arrow, graph, written)
            os.replace(written, name)
    except OSError as error:
        raise OutputError(f"{name}: {error.strerror or error}", "check the folder and its permissions") from None
