"""Parquet files into tables, by polars or by pyarrow, whichever is installed."""

from __future__ import annotations

import io

from elman.data import frames
from elman.data.table import Table
from elman.errors import DataError, MissingDependencyError

MAGIC = b"PAR1"


def parse_parquet(content: bytes, name: str) -> Table:
    """A Parquet file's columns, read by polars or by pyarrow, whichever is there."""
    try:
        import polars
    except ImportError:
        pass
    else:
        try:
            return frames.from_polars(polars.read_parquet(io.BytesIO(content)), name)
        except polars.exceptions.PolarsError as error:
            raise _damaged(name) from error
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingDependencyError("polars", f"{name}: reading Parquet files", "train") from None
    try:
        return frames.from_pyarrow(pyarrow.parquet.read_table(io.BytesIO(content)), name)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(name) from error


def _damaged(name: str) -> DataError:
    return DataError(f"{name}: the Parquet file is damaged or cut short; write or fetch it again")
