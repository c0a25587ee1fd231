"""Tables: named columns of equal length, and the line of the file on which each row stands."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

import numpy as np

from elman.data.text import is_missing, parse_number, quote
from elman.errors import DataError

# Texts as the file wrote them ("" where a frame has no value), or an array of bool, integers, floats or datetime64.
Column = np.ndarray | list[str]

LARGEST = 1e100  # its square, and a sum of many, is still a number
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


@dataclass(frozen=True)
class Table:
    """Columns of equal length, by name.

    Args:
        name: the file's path, or what the data are called in messages.
        columns: by name, in the order of the source: texts, or an array of shape (n,).
        lines: (n,) the line of the file on which each row begins, the header being line 1; None for frames and
            arrays, whose rows are counted from 0.
        decimal_comma: whether ``1,5`` may be one and a half (the file separates its columns by semicolons).
        unnamed: those of the names that only count, from 0, because the source has no names.

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
    unnamed: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def place(self, row: int, column: str | None = None) -> str:
        """Where ``row`` (from 0) stands, in words: file, line and column."""
        where = f"row {row} (counted from 0)" if self.lines is None else f"line {self.lines[row]}"
        return f"{self.name}, {where}" + ("" if column is None else f", column {quote(column)}")

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            DataError: there is none; the message lists those that there are.
        """
        if name in self.columns:
            return self.columns[name]
        close = difflib.get_close_matches(name, self.columns, n=1)
        hint = f"did you mean {quote(close[0])}?" if close else f"choose one of {self.listing()}"
        raise DataError(f"{self.name}: there is no column {quote(name)}; {hint}")

    def listing(self) -> str:
        """The columns' names for a message."""
        names = [quote(name) for name in self.columns]
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
                raise DataError(f"{self.name}, column {quote(name)} holds {kind}; give a column of numbers")
            with np.errstate(over="ignore"):  # of a longer type: infinite, which is said below
                values = column.astype(np.float64)
        else:
            parsed = self._parse(column)
            if None in parsed:
                row = parsed.index(None)
                remedy = "correct it, or leave it empty if the value is missing"
                if parse_number(column[row].replace(",", "")) is not None:
                    remedy = "write it with a decimal point, without marks between the thousands"
                raise DataError(f"{self.place(row, name)}: {quote(column[row])} is not a number; {remedy}")
            values = np.array(parsed, dtype=np.float64)
        if np.isinf(values).any():
            row = int(np.flatnonzero(np.isinf(values))[0])
            raise DataError(f"{self.place(row, name)}: the value is infinite; correct it, or leave it empty")
        return values

    def values(self, name: str) -> np.ndarray:
        """A column to compute with: as :meth:`numbers`, and none too large for that.

        Raises:
            DataError: as :meth:`numbers`, or a value beyond 1e100.
        """
        values = self.numbers(name)
        for row in np.flatnonzero(np.abs(values) > LARGEST)[:1]:
            raise DataError(f"{self.place(row, name)}: {values[row]:g} is too large to compute with; change its unit")
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
