"""What files and frames become first: named columns of one length, and where each row stood."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.errors import DataError

# Texts as the file wrote them ("" where a frame has no value), or an array of bool, integers, floats or datetime64.
Column = np.ndarray | list[str]

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?", "#n/a"})
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


def is_missing(text: str) -> bool:
    """Whether a text stands for a value that is not there.

    >>> [is_missing(text) for text in ("", " NA ", "null", "0")]
    [True, True, True, False]
    """
    return text.strip().lower() in MISSING


def parse_number(text: str) -> float | None:
    """The number that a text is, NaN where it is a missing token, None where it is something else.

    >>> [parse_number(text) for text in ("1.5", " -2e3", "n/a", "1_000", "1,5", "abc")]
    [1.5, -2000.0, nan, None, None, None]
    """
    try:
        number = float(text)
    except ValueError:
        return float("nan") if is_missing(text) else None
    # Python's own spellings of numbers are not the spellings of data files.
    return number if "_" not in text and text.isascii() else None


def shown(text: str) -> str:
    """A text as an error message can show it: quoted, on one line, not too long."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


@dataclass(frozen=True)
class Table:
    """Columns of equal length, by name.

    Args:
        name: the file's path, or what the data are called in messages.
        columns: by name, in the order of the source: texts, or an array of shape (n,).
        lines: (n,) the line of the file on which each row begins, the header being line 1; None for frames and
            arrays, whose rows are counted from 0.
        decimal_comma: whether ``1,5`` may be one and a half (the file separates its columns by semicolons).

    >>> table = Table("sales.csv", {"y": ["1", "2", "x"]}, np.array([2, 3, 4]))
    >>> table.place(2, "y")
    "sales.csv, line 4, column 'y'"
    >>> table.numbers("y")
    Traceback (most recent call last):
    ...
    elman.errors.DataError: sales.csv, line 4, column 'y': 'x' is not a number; correct it, or leave it empty ...
    """

    name: str
    columns: dict[str, Column]
    lines: np.ndarray | None = None
    decimal_comma: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def place(self, row: int, column: str | None = None) -> str:
        """Where ``row`` (from 0) stands, in words: file, line and column."""
        where = f"row {row} (counted from 0)" if self.lines is None else f"line {self.lines[row]}"
        return f"{self.name}, {where}" + ("" if column is None else f", column {shown(column)}")

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            DataError: there is none; the message lists those that there are.
        """
        if name in self.columns:
            return self.columns[name]
        close = difflib.get_close_matches(name, self.columns, n=1)
        hint = f"did you mean {shown(close[0])}?" if close else f"choose one of {self.listing()}"
        raise DataError(f"{self.name}: there is no column {shown(name)}; {hint}")

    def listing(self) -> str:
        """The columns' names for a message."""
        names = [shown(name) for name in self.columns]
        return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")

    def is_numeric(self, name: str) -> bool:
        """Whether every value of a column is a number or missing, and at least one is a number."""
        column = self.column(name)
        if isinstance(column, np.ndarray):
            return column.dtype.kind in "iuf"
        numbers = self._parse(column)
        return None not in numbers and not all(number != number for number in numbers)

    def numbers(self, name: str) -> np.ndarray:
        """A column as float64 of shape (n,), NaN where a value is missing.

        Raises:
            DataError: a value is text, infinite, a bool or a time; the message names its line and column.
        """
        column = self.column(name)
        if isinstance(column, np.ndarray):
            if column.dtype.kind not in "iuf":
                kind = "true/false values" if column.dtype.kind == "b" else "times"
                raise DataError(f"{self.name}, column {shown(name)} holds {kind}; give a column of numbers")
            values = column.astype(np.float64)
        else:
            parsed = self._parse(column)
            if None in parsed:
                row = parsed.index(None)
                remedy = "correct it, or leave it empty if the value is missing"
                if parse_number(column[row].replace(",", "")) is not None:
                    remedy = "write it with a decimal point, without marks between the thousands"
                raise DataError(f"{self.place(row, name)}: {shown(column[row])} is not a number; {remedy}")
            values = np.array(parsed, dtype=np.float64)
        if np.isinf(values).any():
            row = int(np.flatnonzero(np.isinf(values))[0])
            raise DataError(f"{self.place(row, name)}: the value is infinite; correct it, or leave it empty")
        return values

    def texts(self, name: str) -> list[str]:
        """A column as texts, "" where a frame has no value; whole numbers without a decimal point."""
        column = self.column(name)
        if not isinstance(column, np.ndarray):
            return [text.strip() for text in column]
        if column.dtype.kind == "f":
            return ["" if x != x else str(int(x)) if x.is_integer() else repr(x) for x in column.tolist()]
        return ["" if text == "NaT" else text for text in column.astype(str).tolist()]

    def _parse(self, column: list[str]) -> list[float | None]:
        numbers = [parse_number(text) for text in column]
        if self.decimal_comma and None in numbers:
            texts = [text.strip() for text in column if not is_missing(text)]
            with_comma = [text for text in texts if "," in text]
            # 1,234 may be a thousand and more; it takes one value that cannot, and none that breaks the rule.
            if all(map(_DECIMAL_COMMA.fullmatch, texts)) and not all(map(_THOUSANDS.fullmatch, with_comma)):
                return [parse_number(text.replace(",", ".")) for text in column]
        return numbers


def read_table(source: Any, *, what: str = "data") -> Table:
    """Reads columns from a file, a frame or arrays.

    Args:
        source: the path of a CSV file (separated by commas, semicolons or tabs, UTF-8, optionally compressed with
            gzip) or of a Parquet file; a pandas or polars data frame or series, or a pyarrow table; a mapping of names
            to columns; or numbers of shape (n,), which become the column ``y``, or (n, k): ``y0``, ``y1`` …
        what: what messages call a source that is not a file.

    Raises:
        DataError: it cannot be read, or is no table; the message names the file, the line and the remedy.
        MissingDependencyError: a Parquet file, and neither polars nor pyarrow to read it.

    >>> read_table([1, 2, 3]).columns
    {'y': array([1, 2, 3])}
    """
    from elman.data import csv_file, frames  # they build tables

    if isinstance(source, Table):
        return source
    if isinstance(source, str | os.PathLike):
        return csv_file.read_file(os.fspath(source))
    readers: dict[str, Callable[[Any, str], Table]] = {
        "pandas": frames.from_pandas,
        "polars": frames.from_polars,
        "pyarrow": frames.from_pyarrow,
    }
    package = type(source).__module__.partition(".")[0]
    if package in readers:
        return readers[package](source, what)
    if isinstance(source, Mapping):
        return frames.from_mapping(source, what)
    return frames.from_array(source, what)
