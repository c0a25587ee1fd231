"""Whatever holds columns into a table: a file of any format, a frame of any library, a mapping, an array."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from elman.data import csv_file, excel_file, frames, json_file, parquet_file
from elman.data.encodings import decode_table
from elman.data.files import display_name, read_content
from elman.data.notes import Notes
from elman.data.options import TableOptions
from elman.data.table import Table
from elman.errors import DataError

_FRAMES: dict[str, Callable[[Any, str], Table]] = {
    "pandas": frames.from_pandas,
    "polars": frames.from_polars,
    "pyarrow": frames.from_pyarrow,
}


def read_table(source: Any, *, what: str = "data", options: TableOptions | None = None) -> Table:
    """Reads columns from a file, a frame or arrays.

    Args:
        source: the path of a CSV file (separated by commas, semicolons, tabs or ``|``, optionally compressed with
            gzip), of a JSON or Parquet file or of an Excel workbook; a pandas or polars data frame or series, or a
            pyarrow table; a mapping of names to columns; or values of shape (n,), one column, or (n, k), k of them.
            Columns without names (arrays, files without a header) are counted from 0.
        what: what messages call a source that is not a file.
        options: how it is to be read, where it does not tell.

    Raises:
        DataError: it cannot be read, or is no table; the message names the file, the line and the remedy.
        MissingDependencyError: a Parquet file, and neither polars nor pyarrow to read it; a workbook without openpyxl.

    >>> read_table({"x": [1, 2, 3]}).numbers("x"), read_table([[1, 2], [3, 4]]).numbers("1")
    (array([1., 2., 3.]), array([2., 4.]))
    """
    options = options or TableOptions()
    table = _read(source, what, options)
    return table if options.decimal is None else replace(table, decimal=options.decimal)


def _read(source: Any, what: str, options: TableOptions) -> Table:
    if isinstance(source, Table):
        return source
    if isinstance(source, str | os.PathLike):
        return read_file(source, options)
    package = type(source).__module__.partition(".")[0]
    if package in _FRAMES:
        return _FRAMES[package](source, what)
    if isinstance(source, Mapping):
        return frames.from_mapping(source, what)
    return frames.from_array(source, what)


def read_file(path: str | os.PathLike[str], options: TableOptions) -> Table:
    """The table in a file."""
    return parse_file(read_content(path), path, options)


def parse_file(content: bytes, path: str | os.PathLike[str], options: TableOptions) -> Table:
    """The table in a file's bytes; the path's suffix or the text's beginning tells JSON from CSV."""
    name, suffix, notes = display_name(path), Path(os.fsdecode(path).removesuffix(".gz")).suffix.lower(), Notes()
    if content.startswith(parquet_file.MAGIC):
        return parquet_file.parse_parquet(content, name)
    if suffix in {".parquet", ".pq"}:
        raise DataError(f"{name}: this is not a Parquet file; if it is text, name it .csv")
    if excel_file.is_workbook(content):
        return excel_file.parse_excel(content, name, options, notes)
    if suffix in {".xlsx", ".xlsm"}:
        raise DataError(f"{name}: the workbook is damaged or of an unknown kind; save it anew, or as CSV")
    text = decode_table(content, name, notes)
    if suffix in json_file.SUFFIXES or json_file.is_json(text):
        return json_file.parse_json(text, name, notes)
    return csv_file.parse_csv(text, name, options=options, notes=notes)


def is_text_table(content: bytes, path: str | os.PathLike[str]) -> bool:
    """Whether a file of a table is one of CSV."""
    suffix = Path(os.fsdecode(path).removesuffix(".gz")).suffix.lower()
    packed = content.startswith(parquet_file.MAGIC) or excel_file.is_workbook(content)
    return not packed and suffix not in json_file.SUFFIXES and not content.lstrip().startswith((b"[{", b'{"'))
