"""Whatever holds columns into a table: a file of any format, a frame of any library, a mapping, an array."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from elman.data import csv_file, frames, parquet_file
from elman.data.files import display_name, read_content
from elman.data.table import Table
from elman.errors import DataError

_FRAMES: dict[str, Callable[[Any, str], Table]] = {
    "pandas": frames.from_pandas,
    "polars": frames.from_polars,
    "pyarrow": frames.from_pyarrow,
}


def read_table(source: Any, *, what: str = "data") -> Table:
    """Reads columns from a file, a frame or arrays.

    Args:
        source: the path of a CSV file (separated by commas, semicolons or tabs, UTF-8, optionally compressed with
            gzip) or of a Parquet file; a pandas or polars data frame or series, or a pyarrow table; a mapping of names
            to columns; or values of shape (n,), one column, or (n, k), k of them. Columns without names (arrays,
            files without a header) are counted from 0.
        what: what messages call a source that is not a file.

    Raises:
        DataError: it cannot be read, or is no table; the message names the file, the line and the remedy.
        MissingDependencyError: a Parquet file, and neither polars nor pyarrow to read it.

    >>> read_table({"x": [1, 2, 3]}).numbers("x"), read_table([[1, 2], [3, 4]]).numbers("1")
    (array([1., 2., 3.]), array([2., 4.]))
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, str | os.PathLike):
        return _read_file(source)
    package = type(source).__module__.partition(".")[0]
    if package in _FRAMES:
        return _FRAMES[package](source, what)
    if isinstance(source, Mapping):
        return frames.from_mapping(source, what)
    return frames.from_array(source, what)


def _read_file(path: str | os.PathLike[str]) -> Table:
    name, content = display_name(path), read_content(path)
    if content.startswith(parquet_file.MAGIC):
        return parquet_file.parse_parquet(content, name)
    if Path(os.fsdecode(path)).suffix.lower() in {".parquet", ".pq"}:
        raise DataError(f"{name}: this is not a Parquet file; if it is text, name it .csv")
    return csv_file.parse_csv(csv_file.decode(content, name), name)
