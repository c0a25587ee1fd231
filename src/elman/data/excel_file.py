"""Excel workbooks into tables, by openpyxl."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Iterator
from typing import Any

from elman.data.files import most_unpacked
from elman.data.layout import Record, table_of
from elman.data.notes import Notes
from elman.data.number_shapes import TypedNumber
from elman.data.options import TableOptions
from elman.data.table import Table
from elman.errors import DataError, MissingDependencyError

MAGIC = b"PK\x03\x04"
_MARK = "xl/workbook.xml"


def is_workbook(content: bytes) -> bool:
    """Whether a file's bytes are an .xlsx workbook, and no other zip archive."""
    if not content.startswith(MAGIC):
        return False
    try:
        return _MARK in zipfile.ZipFile(io.BytesIO(content)).namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False


def parse_excel(content: bytes, name: str, options: TableOptions, notes: Notes) -> Table:
    """The table on the first sheet that holds anything; which one is noted where there are several.

    Lines are those of the sheet. What formulas gave when the workbook was saved is read. Cells that are numbers are
    these numbers; those of text are read as in a CSV file.

    Raises:
        DataError: the workbook is damaged, empty, or unpacks to more than
            :func:`~elman.data.files.most_unpacked`.
        MissingDependencyError: openpyxl is not installed.
    """
    try:
        import openpyxl
    except ImportError:
        raise MissingDependencyError("openpyxl", f"{name}: reading Excel workbooks", "excel") from None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > (most := most_unpacked(len(content))):
            raise DataError(
                f"{name}: the workbook unpacks to more than {most:,} bytes, far more than data do; if that is right, "
                "save it as CSV"
            )
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheets = {sheet.title: list(_records(sheet)) for sheet in book.worksheets}
        book.close()
    except DataError:
        raise
    except Exception as error:  # whatever openpyxl meets in a damaged workbook
        raise DataError(f"{name}: the workbook is damaged or of an unknown kind; save it anew, or as CSV") from error
    filled = {title: records for title, records in sheets.items() if records}
    if not filled:
        raise DataError(f"{name}: the workbook is empty; give one with a header and rows of data")
    title, records = next(iter(filled.items()))
    if len(filled) > 1:
        notes.read(f"read sheet {title!r:.40}, the first of {len(filled)} with data")
    width = max(len(fields) for _, fields in records)
    padded = ((line, fields + [""] * (width - len(fields))) for line, fields in records)
    header = None if options.header is None else options.header == "yes"
    return table_of(padded, name, delimiter=",", decimal=options.decimal, header=header, notes=notes)


def _records(sheet: Any) -> Iterator[Record]:
    """The rows that hold anything, without the empty cells at their ends."""
    for line, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        fields = [_text(cell) for cell in row]
        while fields and not fields[-1].strip():
            fields.pop()
        if fields:
            yield line, fields


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(" ", "seconds")
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return TypedNumber(cell)
    return cell.isoformat() if isinstance(cell, datetime.date | datetime.time) else str(cell)
