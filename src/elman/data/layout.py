"""From the records of a sheet to a table: where it begins and ends, and whether its first row names the columns."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

import numpy as np

from elman.data.notes import Notes, counted
from elman.data.numbers import loose_number
from elman.data.table import Column, Table
from elman.data.text import is_missing, quote
from elman.data.time_formats import is_time
from elman.data.time_styles import MONTHS
from elman.errors import DataError

Record = tuple[int, list[str]]  # the line on which it begins, its fields
SAMPLE = 50  # records that tell where the table begins
_BELOW = 20  # rows that tell what is in a column
_MOST_AFTER = 20  # lines behind the table
_WORD = re.compile(r"[\s*#(\[©-]*[^\W\d_]", re.UNICODE)
_ENDING = re.compile(
    r"\W*(?:(?:grand|sub)?[- ]?totals?|sum|averages?|avg|mean|median|min|max|count|source|notes?|copyright|generated|"
    r"exported|data|updated|[ymq]td|(?:year|month) to date|cagr|yoy|as of|budget|"
    r"summe|gesamt|quelle|somme|moyenne|fuente|totale|итого|合计)\b",
    re.IGNORECASE,
)
_ROW_COUNT = re.compile(r"\W*\d[\d.,]*\s+(?:rows?|records?|zeilen?|filas?|lignes?)\b", re.IGNORECASE)
_DATED = re.compile(rf".*\d|(?:{'|'.join(f'{name}|{name[:3]}' for name in MONTHS)})\b", re.IGNORECASE)


def table_of(
    records: Iterator[Record],
    name: str,
    *,
    delimiter: str,
    decimal: str | None,
    header: bool | None,
    notes: Notes,
) -> Table:
    """The table that records hold.

    Passed over, and noted: lines above the header that are narrower than the table, lines of words below it, and rows
    that repeat the header.

    Args:
        records: from the first that is not empty on.
        name: what messages call the source.
        delimiter: what separated the fields.
        decimal: the decimal mark, if it is known.
        header: whether the first row names the columns; None: found by what stands there and below.
        notes: takes what was passed over.

    Raises:
        DataError: there are no rows, rows differ in width, or two columns have one name.
    """
    head = list(islice(records, SAMPLE))
    begin = titles(head)
    if begin:
        held = [line for line, fields in head[:begin] if any(map(str.strip, fields))]
        if held:
            notes.repaired(f"passed over {counted(len(held), 'line')} above the header (from line {held[0]} on)")
    rest = chain(head[begin:], records)
    header_line, first = next(rest, (0, [""]))
    below = [fields for _, fields in head[begin + 1 :] if len(fields) == len(first)][:_BELOW]
    has_header = not is_data(first, below) if header is None else header
    if header is None and not has_header:
        notes.read(_taken_for_data(first))
    cells, lines = _rows(rest if has_header else chain([(header_line, first)], rest), len(first), name, notes)
    if not lines and not any(map(str.strip, first)):
        raise DataError(f"{name}: the file is empty; give a file with a header and rows of data")
    if not lines:
        raise DataError(f"{name}, line {header_line}: the file ends after its header; add rows of data")
    if has_header and len(first) > 1:
        cells, lines = _without_repeated(cells, lines, first, name, header_line, notes)

    columns = [cells[i :: len(first)] for i in range(len(first))]
    names = [field.strip() for field in first]
    while not names[-1] and len(names) > 1 and not any(map(str.strip, columns[-1])):
        names.pop()  # a delimiter at the end of every line
        columns.pop()
    while not names[0] and len(names) > 1 and not any(map(str.strip, columns[0])):
        del names[0], columns[0]  # and one at its beginning
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
        delimiter=delimiter,
        decimal=decimal,
        unnamed=() if has_header else tuple(names),
        notes=notes,
    )


def titles(head: Sequence[Record]) -> int:
    """How many records stand above the header: narrower than most, the header having a name for every column.

    >>> titles([(1, ["Sales of 2022"]), (2, []), (3, ["day", "y"]), (4, ["1", "2"]), (5, ["2", "3"])])
    2
    """
    widths = Counter(len(fields) for _, fields in head if fields)
    if not widths:
        return 0
    width = max(widths, key=lambda w: (widths[w], w))
    full = max(_held(fields) for _, fields in head if len(fields) == width)
    if full < 2:
        return 0
    begin = next((k for k, (_, f) in enumerate(head) if len(f) == width and _held(f) == full), 0)
    above, names = [fields for _, fields in head[:begin]], head[begin][1]
    narrow = all(_held(fields) < full for fields in above)
    follows = any(len(fields) == width for _, fields in head[begin + 1 :])
    named = all(kind_of(field) == "name" for field in names[:full] if field.strip())
    return begin if begin and narrow and follows and named else 0


def _held(fields: Sequence[str]) -> int:
    """Fields up to the last that holds anything."""
    return max((i + 1 for i, field in enumerate(fields) if field.strip()), default=0)


def is_data(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a first row is data already.

    It is a header if a column begins with a word and goes on with numbers or times, and data if a time stands over
    times. Numbers over numbers are data, unless words stand beside them that may be names: years, say, or counts.

    >>> is_data(["01/01/2022", "98.4"], [["01/02/2022", "99"]]), is_data(["day", "1"], [["a", "2"]])
    (True, False)
    """
    width = _held(first)  # what follows is delimiters at the end of the line
    kinds = [kind_of(field) for field in first[:width]]
    under = [_common_kind([row[i] for row in below]) for i in range(width)]
    if "blank" in kinds:  # a column without a name, as pandas writes its index
        return False
    if any(kind == "name" and other in ("number", "time") for kind, other in zip(kinds, under, strict=True)):
        return False
    if any(kind == "time" and other in ("time", "") for kind, other in zip(kinds, under, strict=True)):
        return True
    if "number" not in kinds:
        return False
    if "name" not in kinds and "time" not in kinds:
        return True
    decimals = any(
        kind == "number" and re.search(r"\d[.,]\d", field) for kind, field in zip(kinds, first[:width], strict=True)
    )
    again = any(
        kind == "name" and any(row[i].strip() == first[i].strip() for row in below) for i, kind in enumerate(kinds)
    )
    return decimals or again


def _taken_for_data(first: Sequence[str]) -> str:
    """What is said of a first row of data; pandas calls columns without names 0, 1 …, which may as well be numbers."""
    names = [field.strip() for field in first[: _held(first)]]
    counts = names == [str(i) for i in range(len(names))]
    why = (
        f"these are the columns' names ({', '.join(names[:3])}{' …' * (len(names) > 3)})"
        if counts
        else "it holds names"
    )
    return f"the first row was taken for data; if {why}, say so with `header`"


def kind_of(field: str) -> str:
    """``blank``, ``missing``, ``number``, ``time`` or ``name``."""
    text = field.strip()
    if is_missing(text):
        return "missing" if text else "blank"
    if loose_number(text) or re.fullmatch("[+-]?inf(inity)?", text.lower()):
        return "number"
    return "time" if is_time(text) else "name"


def _common_kind(fields: Sequence[str]) -> str:
    """The one kind of what is not missing, ``mixed``, or "" where there is nothing."""
    kinds = {kind_of(field) for field in fields} - {"blank", "missing"}
    return "" if not kinds else kinds.pop() if len(kinds) == 1 else "mixed"


def _rows(records: Iterable[Record], width: int, name: str, notes: Notes) -> tuple[list[str], array[int]]:
    """The fields of all rows one after another, ``width`` to a row, and the line on which each row begins."""
    cells: list[str] = []
    lines = array("q")
    after: list[Record] = []  # what holds something and is no row; an error, unless nothing but such follows
    gap: Record | None = None  # the first such, or a line of nothing before it
    tail: list[list[str]] = []
    for line, fields in records:
        if len(fields) > width and not any(map(str.strip, fields[width:])):
            fields = fields[:width]
        if not fields and width == 1:
            fields = [""]
        if gap is None and len(fields) == width:
            cells += fields
            lines.append(line)
            continue
        if gap is None:
            gap, tail = (line, fields), _tail(cells, width)
        if any(map(str.strip, fields)):
            after.append((line, fields))
            if len(after) > _MOST_AFTER or not _ends(fields, width, tail):
                raise _uneven(*gap, width, name)
    _cut_blank(cells, lines, width)
    while len(lines) > 2 and len(after) < _MOST_AFTER and _ends(cells[-width:], width, _tail(cells, width)[:-1]):
        after.insert(0, (lines[-1], cells[-width:]))
        del cells[-width:], lines[-1]
        _cut_blank(cells, lines, width)
    if after:
        shown = next(field.strip() for field in after[0][1] if field.strip())
        notes.repaired(f"left out {counted(len(after), 'line')} below the data (line {after[0][0]}: {quote(shown)})")
    return cells, lines


def _cut_blank(cells: list[str], lines: array[int], width: int) -> None:
    """Take off the last rows that hold nothing."""
    while lines and not any(map(str.strip, cells[-width:])):
        del cells[-width:], lines[-1]


def _tail(cells: list[str], width: int) -> list[list[str]]:
    """The last rows."""
    flat = cells[-_BELOW * width :]  # a whole number of rows
    return [flat[i : i + width] for i in range(0, len(flat), width)]


def _ends(fields: Sequence[str], width: int, before: Sequence[Sequence[str]]) -> bool:
    """Whether a record below ``before`` is no row of it: words where times or numbers stood, or a count of the rows."""
    if _ROW_COUNT.match(",".join(fields)) and len(before) > 1:  # a comma may stand in it
        return _common_kind([row[0] for row in before]) in ("number", "time")
    words = [i for i, field in enumerate(fields) if _WORD.match(field.strip()) and kind_of(field) == "name"]
    if not words or len(before) < 2:
        return False
    kinds = [_common_kind([row[i] for row in before]) for i in range(width)]
    shown = next(i for i, field in enumerate(fields) if field.strip())
    if any(i < width and kinds[i] == "time" for i in words) and len(fields) == width:
        return not _has_a_time(fields, words, kinds)
    if shown not in words or kinds[0] not in ("number", "time"):
        return False
    return len(fields) != width or _held(fields) == 1 < width or _ENDING.match(fields[shown].strip()) is not None


def _has_a_time(fields: Sequence[str], words: Sequence[int], kinds: Sequence[str]) -> bool:
    """Whether a record with numbers has a time, though not written as the others: with a flag (Dec 2019p), a typo."""
    dated = [fields[i].strip() for i in words if kinds[i] == "time"]
    numbers = [re.match(r"\W*\d", field) for field, kind in zip(fields, kinds, strict=True) if kind != "time"]
    return any(numbers) and all(_DATED.match(text) and not _ENDING.match(text) for text in dated)


def _without_repeated(
    cells: list[str], lines: array[int], first: list[str], name: str, header_line: int, notes: Notes
) -> tuple[list[str], array[int]]:
    """The rows that do not repeat the header."""
    width = len(first)
    if first[0] not in cells[::width]:
        return cells, lines
    kept, kept_lines = list[str](), array("q")
    for k, line in enumerate(lines):
        fields = cells[k * width : (k + 1) * width]
        if fields != first:
            kept += fields
            kept_lines.append(line)
    if not kept_lines:
        raise DataError(f"{name}, line {header_line}: nothing but the header follows; add rows of data")
    if repeated := len(lines) - len(kept_lines):
        notes.repaired(
            f"left out {counted(repeated, 'row')} that {'repeats' if repeated == 1 else 'repeat'} the header"
        )
    return kept, kept_lines


def _uneven(line: int, fields: list[str], width: int, name: str) -> DataError:
    if not fields:
        return DataError(f"{name}, line {line}: the line is blank; delete it, or write the row that belongs there")
    return DataError(
        f"{name}, line {line}: {len(fields)} fields where the first line has {width}; correct the line "
        "(put fields that hold the delimiter in double quotes)"
    )
