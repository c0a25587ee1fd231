"""Tables: named columns of equal length, and the line of the file on which each row stands."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

import numpy as np

from elman.data.notes import Notes
from elman.data.number_shapes import unmarked
from elman.data.numbers import Numbers, marks_shown, read_numbers
from elman.data.text import Unreadable, parse_number, quote
from elman.data.time_formats import is_time
from elman.errors import DataError

# Texts as the file wrote them ("" where a frame has no value), or an array of bool, integers, floats or datetime64.
Column = np.ndarray | list[str]

LARGEST = 1e100  # its square, and a sum of many, is still a number


@dataclass(frozen=True)
class Table:
    """Columns of equal length, by name.

    Args:
        name: the file's path, or what the data are called in messages.
        columns: by name, in the order of the source: texts, or an array of shape (n,).
        lines: (n,) the line of the file on which each row begins, the header being line 1; None for frames and
            arrays, whose rows are counted from 0.
        delimiter: what separates the columns of the file; where it is a comma, as it is for what is no text, a point is
            a decimal mark unless a column shows the contrary.
        decimal: the decimal mark, if it is known.
        unnamed: those of the names that only count, from 0, because the source has no names.
        notes: what had to be repaired so far.

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
    delimiter: str = ","
    decimal: str | None = None
    unnamed: tuple[str, ...] = ()
    notes: Notes = field(default_factory=Notes, compare=False)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def place(self, row: int, column: str | None = None) -> str:
        """Where ``row`` (from 0) stands, in words: file, line and column."""
        return f"{self.name}, {self.row_name(row)}" + ("" if column is None else f", column {quote(column)}")

    def row_name(self, row: int) -> str:
        """The line on which ``row`` (from 0) stands, or its number."""
        return f"row {row} (counted from 0)" if self.lines is None else f"line {self.lines[row]}"

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

    def is_numeric(self, name: str, *, plain: bool = False) -> bool:
        """Whether every value of a column is a number or missing, and at least one is a number.

        Args:
            plain: as it stands, without anything to take off.
        """
        column = self.column(name)
        if isinstance(column, np.ndarray):
            return column.dtype.kind in "iuf"
        if plain:
            numbers = [parse_number(text) for text in column]
            return None not in numbers and not all(number != number for number in numbers)
        try:
            return any(number == number for number in self._read(column).values)
        except Unreadable as error:
            return "`decimal`" in error.reason  # numbers with two readings are numbers

    def numbers(self, name: str) -> np.ndarray:
        """A column as float64 of shape (n,), NaN where a value is missing; what had to be taken off is noted.

        Raises:
            DataError: a value is text, infinite, a bool or a time, or the column has two readings; the message names
                its line and column.
        """
        column = self.column(name)
        if isinstance(column, np.ndarray):
            if column.dtype.kind not in "iuf":
                kind = "true/false values" if column.dtype.kind == "b" else "times"
                raise DataError(f"{self.name}, column {quote(name)} holds {kind}; give a column of numbers")
            with np.errstate(over="ignore"):  # of a longer type: infinite, which is said below
                values = column.astype(np.float64)
        else:
            try:
                found = self._read(column)
            except Unreadable as error:
                row = next(row for row, text in enumerate(column) if unmarked(text) == error.text)
                raise DataError(f"{self.place(row, name)}: {quote(column[row].strip())} {error.reason}") from None
            for repair in found.repairs:
                self.notes.repaired(f"column {quote(name)}: {repair}")
            values = np.array(found.values, dtype=np.float64)
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

    def _read(self, column: list[str]) -> Numbers:
        return read_numbers(column, decimal=self.decimal, delimiter=self.delimiter, elsewhere=self._marks)

    def _marks(self) -> set[str]:
        """The decimal marks that the columns of text show."""
        texts = [column for column in self.columns.values() if isinstance(column, list)]
        found = (marks_shown(column) for column in texts if not any(map(is_time, column[:3])))
        return set().union(*found)
