"""CSV files into tables, by the standard library's ``csv`` everywhere: every installation reads the same numbers."""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import numpy as np

from elman.data.table import Column, Table
from elman.data.text import is_missing, parse_number, quote
from elman.data.times import parse_time
from elman.errors import DataError

_BINARY = {
    b"\x89PNG": "a PNG picture; give {wanted}",
    b"PK\x03\x04": "an Excel workbook or zip archive; export it as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; export it as CSV",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
}
_SAMPLE = 20  # records that decide on the delimiter

Record = tuple[int, list[str]]  # the line on which it begins, its fields


def decode(content: bytes, name: str, wanted: str = "a CSV or Parquet file") -> str:
    """The text of a file, which must be UTF-8, with or without a byte order mark.

    Raises:
        DataError: it is a binary file, or text of another encoding.
    """
    for magic, what in _BINARY.items():
        if content.startswith(magic):
            raise DataError(f"{name}: this is {what.format(wanted=wanted)}")
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise DataError(f"{name}, line {line}: this is a binary file, not text; give {wanted}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        byte = f"0x{content[error.start]:02x}"
        raise DataError(
            f"{name}, line {line}: byte {byte} is not UTF-8; save the file with the encoding UTF-8"
        ) from error


def parse_csv(text: str, name: str, *, has_header: bool | None = None) -> Table:
    """The table that a CSV file's text holds.

    The delimiter is found from the first records. A first row of nothing but numbers and times is no header: the
    columns are then counted from 0. Blank lines before the first row and after the last are passed over; in a file of
    one column a blank line between others is a missing value.

    Args:
        text: the whole file.
        name: what messages call it.
        has_header: whether the first row names the columns; None: found by what stands there.

    Raises:
        DataError: there are no rows, rows differ in width, quotes are broken, or two columns have one name.

    >>> parse_csv("day;load\\n2020-01-01;1,5\\n2020-01-02;2\\n", "load.csv").numbers("load")
    array([1.5, 2. ])
    """
    delimiter = _delimiter(text)
    records = _records(text, delimiter, name)
    header_line, first = next(records, (0, [""]))
    has_header = not _is_data(first) if has_header is None else has_header
    cells, lines = _rows(records if has_header else chain([(header_line, first)], records), len(first), name)
    if not lines and not any(map(str.strip, first)):
        raise DataError(f"{name}: the file is empty; give a file with a header and rows of data")
    if not lines:
        raise DataError(f"{name}, line {header_line}: the file ends after its header; add rows of data")

    columns = [cells[i :: len(first)] for i in range(len(first))]
    names = [field.strip() for field in first]
    while not names[-1] and len(names) > 1 and not any(map(str.strip, columns[-1])):
        names.pop()  # a delimiter at the end of every line
        columns.pop()
    if not has_header:
        names = [str(i) for i in range(len(columns))]
    else:
        names = [field or ("index" if i == 0 else f"column {i + 1}") for i, field in enumerate(names)]
    by_name: dict[str, Column] = {}
    for i, (field, column) in enumerate(zip(names, columns, strict=True)):
        if field in by_name:
            raise DataError(
                f"{name}, line {header_line}: columns {names.index(field) + 1} and {i + 1} are both "
                f"named {quote(field)}; rename one"
            )
        by_name[field] = column
    return Table(
        name,
        by_name,
        lines=np.frombuffer(lines, dtype=np.int64),
        decimal_comma=delimiter == ";",
        unnamed=() if has_header else tuple(names),
    )


def _records(text: str, delimiter: str, name: str) -> Iterator[Record]:
    """The records from the first that is no blank line on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    begun = False
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = str(error).replace("\t", "\\t")
            raise DataError(
                f"{name}, line {line}: the quotes or fields are broken ({reason}); correct the line"
            ) from error
        begun = begun or bool(fields)
        if begun:
            yield line, fields


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first records into equally many fields, more than one.

    A comma comes last, for it may also stand in numbers and words. If none does, the one that cuts the header most, so
    that the complaint about the uneven line names the right one.
    """
    widths: dict[str, list[int]] = {}
    for delimiter in ";\t,":
        widths[delimiter] = []
        try:
            widths[delimiter] += [len(fields) for _, fields in islice(_records(text, delimiter, ""), _SAMPLE) if fields]
        except DataError:
            continue  # said when the records are read in earnest
    even = [delimiter for delimiter, found in widths.items() if len(set(found)) == 1 and found[0] > 1]
    return even[0] if even else max(",;\t", key=lambda delimiter: widths[delimiter][:1] or [0])


def _rows(records: Iterable[Record], width: int, name: str) -> tuple[list[str], array[int]]:
    """The fields of all rows one after another, ``width`` to a row, and the line on which each row begins."""
    cells: list[str] = []
    lines = array("q")
    end = 0  # rows up to the last that holds anything
    short: Record | None = None  # a row of blanks, of the wrong width: an error only if more rows follow
    for line, fields in records:
        holds = any(map(str.strip, fields))
        if holds and short is not None:
            raise _uneven(*short, width, name)
        if len(fields) > width and not any(map(str.strip, fields[width:])):
            fields = fields[:width]
        if not fields and width == 1:
            fields = [""]
        if len(fields) == width:
            cells += fields
            lines.append(line)
            end = len(lines) if holds else end
        elif holds:
            raise _uneven(line, fields, width, name)
        else:
            short = short or (line, fields)
    return cells[: end * width], lines[:end]


def _uneven(line: int, fields: list[str], width: int, name: str) -> DataError:
    if not fields:
        return DataError(f"{name}, line {line}: the line is blank; delete it, or write the row that belongs there")
    return DataError(
        f"{name}, line {line}: {len(fields)} fields where the first line has {width}; correct the line "
        "(put fields that hold the delimiter in double quotes)"
    )


def _is_data(fields: list[str]) -> bool:
    """Whether a first row is data already: numbers and times, nothing that could be a name."""
    width = max((i + 1 for i, field in enumerate(fields) if field.strip()), default=0)
    kinds = [_kind(field) for field in fields[:width]]  # what follows is delimiters at the end of the line
    return "number" in kinds and "name" not in kinds


def _kind(field: str) -> str:
    if is_missing(field):
        return "missing" if field.strip() else "name"  # a column without a name, as pandas writes its index
    if parse_number(field.replace(",", ".")) is not None:
        return "number"
    return "name" if parse_time(field.strip()) is None else "time"
