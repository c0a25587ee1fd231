"""Files into tables: always the standard library's ``csv``, so that every installation reads the same numbers."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from elman.data import frames
from elman.data.table import Column, Table, is_missing, parse_number, shown
from elman.data.times import parse_time
from elman.errors import DataError

_GZIP = b"\x1f\x8b"
_BINARY = {
    b"\x89PNG": "a PNG picture; give a CSV or Parquet file",
    b"PK\x03\x04": "an Excel workbook or zip archive; export it as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; export it as CSV",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
}
_SAMPLE = 20  # records that decide on the delimiter

Record = tuple[int, list[str]]  # the line on which it begins, its fields


def read_file(path: str | bytes) -> Table:
    """Reads a CSV or Parquet file; see :func:`elman.data.read_table`."""
    path = path if isinstance(path, str) else path.decode("utf-8", "replace")
    name = path if path and path.isprintable() else repr(path)
    content = _content(name, path)
    parquet = content.startswith(b"PAR1")
    if Path(path).suffix.lower() in {".parquet", ".pq"} and not parquet:
        raise DataError(f"{name}: this is not a Parquet file; if it is text, name it .csv")
    if parquet:
        return frames.from_parquet(content, name)
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{name}: the gzip file is damaged or cut short; fetch or compress it again") from error
    return parse_csv(_text(name, content), name)


def _content(name: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{name}: there is no such file; check the path") from error
    except IsADirectoryError as error:
        raise DataError(f"{name}: this is a folder; give the file in it that holds the data") from error
    except PermissionError as error:
        raise DataError(f"{name}: permission to read is denied; change the file's permissions") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{name}: cannot be read ({reason}); check the path") from error


def _text(name: str, content: bytes) -> str:
    for magic, what in _BINARY.items():
        if content.startswith(magic):
            raise DataError(f"{name}: this is {what}")
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise DataError(f"{name}, line {line}: this is a binary file, not text; give a CSV or Parquet file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        byte = f"0x{content[error.start]:02x}"
        raise DataError(
            f"{name}, line {line}: byte {byte} is not UTF-8; save the file with the encoding UTF-8"
        ) from error


def parse_csv(text: str, name: str) -> Table:
    """The table that a CSV file's text holds.

    The delimiter is found out. A first row of nothing but numbers and times is no header: the times are then called
    ``time`` and the numbers ``y``, or ``y0``, ``y1`` … Blank lines at the end are passed over; in a file of one column
    a blank line between others is a missing value.

    >>> parse_csv("day;load\\n2020-01-01;1,5\\n2020-01-02;2\\n", "load.csv").numbers("load")
    array([1.5, 2. ])
    """
    if not text.strip():
        raise DataError(f"{name}: the file is empty; give a file with a header and rows of data")
    delimiter = _delimiter(text)
    records = list(_records(text, delimiter, name))
    while records and not any(field.strip() for field in records[-1][1]):
        records.pop()
    while records and not records[0][1]:  # blank lines before the header
        del records[0]
    if not records:
        raise DataError(f"{name}: the file is empty; give a file with a header and rows of data")

    header_line, first = records[0]
    has_header = not _is_data(first)
    body = records[1:] if has_header else records
    if not body:
        raise DataError(f"{name}, line {header_line}: the file ends after its header; add rows of data")
    columns = list(zip(*_rectangle(body, len(first), name), strict=True))
    names = [field.strip() for field in first] if has_header else _invented(first)
    while not names[-1] and len(names) > 1 and not any(field.strip() for field in columns[-1]):
        names.pop()  # a delimiter at the end of every line
        columns.pop()
    names = [field or ("index" if i == 0 else f"column {i + 1}") for i, field in enumerate(names)]
    for i, field in enumerate(names):
        if field in names[:i]:
            first_place = names.index(field) + 1
            raise DataError(
                f"{name}, line {header_line}: columns {first_place} and {i + 1} are both "
                f"named {shown(field)}; rename one"
            )
    lines = np.array([line for line, _ in body], dtype=np.int64)
    by_name: dict[str, Column] = {field: list(column) for field, column in zip(names, columns, strict=True)}
    return Table(name, by_name, lines, delimiter == ";")


def _records(text: str, delimiter: str, name: str) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{name}, line {line}: the quotes or fields are broken ({error}); correct the line"
            ) from error


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


def _rectangle(body: list[Record], width: int, name: str) -> Iterator[list[str]]:
    for line, fields in body:
        if not fields:
            if width > 1:
                raise DataError(
                    f"{name}, line {line}: the line is blank; delete it, or write the row that belongs there"
                )
            fields = [""]
        if len(fields) > width and not any(field.strip() for field in fields[width:]):
            fields = fields[:width]
        if len(fields) != width:
            raise DataError(
                f"{name}, line {line}: {len(fields)} fields where the first line has {width}; correct the line "
                "(put fields that hold the delimiter in double quotes)"
            )
        yield fields


def _is_data(fields: list[str]) -> bool:
    """Whether a first row is data already: numbers and times, nothing that could be a name."""
    kinds = [_kind(field) for field in fields]
    return "number" in kinds and "name" not in kinds


def _kind(field: str) -> str:
    if is_missing(field):
        return "missing" if field.strip() else "name"  # a column without a name, as pandas writes its index
    if parse_number(field.replace(",", ".")) is not None:
        return "number"
    return "name" if parse_time(field.strip()) is None else "time"


def _invented(fields: list[str]) -> list[str]:
    times = [i for i, field in enumerate(fields) if _kind(field) == "time"]
    numbers = [i for i in range(len(fields)) if i not in times]
    names = {i: "time" if len(times) == 1 else f"time{n}" for n, i in enumerate(times)}
    names |= {i: "y" if len(numbers) == 1 else f"y{n}" for n, i in enumerate(numbers)}
    return [names[i] for i in range(len(fields))]
