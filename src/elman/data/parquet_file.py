"""Parquet files into tables, by polars or by pyarrow, whichever is installed."""

from __future__ import annotations

import io

from elman.data import frames
from elman.data.files import most_unpacked
from elman.data.table import Table
from elman.errors import DataError, MissingDependencyError

MAGIC = b"PAR1"
_CELL = 8  # bytes


def parse_parquet(content: bytes, name: str) -> Table:
    """A Parquet file's columns, read by polars or by pyarrow.

    A value repeated a million times takes a few bytes of the file: rows times columns, at 8 bytes each, and the texts
    with their repetitions are held to :func:`~elman.data.files.most_unpacked`.

    Raises:
        DataError: the file is damaged, or holds far more than its size.
        MissingDependencyError: neither library is installed.
    """
    try:
        import polars
    except ImportError:
        return _by_pyarrow(content, name)
    most = most_unpacked(len(content))
    try:
        width = len(polars.read_parquet_schema(io.BytesIO(content)))
        most_rows = most // (_CELL * max(width, 1))
        frame = polars.read_parquet(io.BytesIO(content), n_rows=most_rows + 1)
        texts = frame.select(polars.col(polars.String).str.len_bytes().cast(polars.Int64).sum())
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException) as error:
        raise _damaged(name) from error
    if frame.height > most_rows or sum(texts.row(0) if texts.width else ()) > most:
        raise _too_large(name, most)
    return frames.from_polars(frame, name)


def _by_pyarrow(content: bytes, name: str) -> Table:
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError:
        raise MissingDependencyError("polars", f"{name}: reading Parquet files", "train") from None
    most = most_unpacked(len(content))
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        if _CELL * file.metadata.num_rows * file.metadata.num_columns > most:
            raise _too_large(name, most)
        table = file.read()
        texts = [column for column in table.columns if str(column.type) in ("string", "large_string")]
        sizes = [pyarrow.compute.sum(pyarrow.compute.binary_length(column)).as_py() or 0 for column in texts]
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(name) from error
    if sum(sizes) > most:
        raise _too_large(name, most)
    return frames.from_pyarrow(table, name)


def _damaged(name: str) -> DataError:
    return DataError(f"{name}: the Parquet file is damaged or cut short; write or fetch it again")


def _too_large(name: str, most: int) -> DataError:
    return DataError(
        f"{name}: the Parquet file unpacks to more than {most:,} bytes, far more than data do; if that is right, write "
        "it as CSV, or give the frame"
    )
