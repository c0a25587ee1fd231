"""A slow CSV reader, written from docs/forecasting.md: one character at a time, nothing shared with elman."""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from tests.data.reference_numbers import MISSING, alone, column_of_numbers, column_of_times, number, taken_apart, values

ENDINGS = (
    "total",
    "subtotal",
    "grand total",
    "sum",
    "average",
    "mean",
    "source",
    "note",
    "notes",
    "count",
    "max",
    "min",
)


class Unreadable(Exception):
    """The file is no table."""


class Reading(NamedTuple):
    """A file's columns: names, or counts from 0 if ``named`` is false; fields row by row; the line of each row."""

    names: list[str]
    named: bool
    rows: list[list[str]]
    lines: list[int]
    delimiter: str

    def column(self, i: int) -> list[str]:
        return [row[i] for row in self.rows]

    def numbers(self, i: int) -> list[float] | None:
        """A column's numbers, NaN where one is missing; None if it is not one of numbers, or has two readings."""
        return column_of_numbers(self.column(i), self.delimiter, [self.column(k) for k in range(len(self.names))])

    def times(self, i: int) -> list[datetime] | None:
        """A column's times; None if it is not one of times, or has two readings."""
        return column_of_times([text.strip() for text in self.column(i)])

    def series_names(self) -> list[str]:
        """What the columns are called by a reader of series: of those without names, times ``time``, others ``y``."""
        if self.named:
            return self.names
        is_time = [self._holds_times(i) for i in range(len(self.names))]
        kinds = ["time" if time else "y" for time in is_time]
        return [kind if kinds.count(kind) == 1 else f"{kind}{kinds[:i].count(kind)}" for i, kind in enumerate(kinds)]

    def _holds_times(self, i: int) -> bool:
        texts = list(dict.fromkeys(text for field in self.column(i) if (text := field.strip()).lower() not in MISSING))
        if not texts or all(number(text) is not None for text in texts):
            return False
        return sum(kind_of(text) == "time" for text in texts) >= 0.8 * len(texts)


def moment(text: str) -> datetime | None:
    """The time a text alone is; None for anything else."""
    found = column_of_times([text])
    return None if found is None else found[0]


def read(content: bytes) -> Reading:
    """The table a file's bytes hold.

    Raises:
        Unreadable: they hold none.
    """
    text = _decoded(content)
    said = re.match(r"[\s]*\"?[sS][eE][pP]=([;,|\t])\"?[ \t]*(?=\r|\n|$)", text)
    if said:
        text = "\n" * text[: said.end()].count("\n") + text[said.end() :]
    delimiter = said[1] if said else _delimiter(text)
    records = list(cut(text, delimiter))
    records = records[_titles(records[:50]) :]
    while records and not "".join(records[-1][1]).strip():
        records.pop()
    if not records:
        raise Unreadable("no rows")
    first = records[0][1]
    named = not _is_data(first, [fields for _, fields in records[1:50] if len(fields) == len(first)][:20])
    rows, lines = _rows(records[1 if named else 0 :], len(first))
    if named and len(first) > 1:
        kept = [k for k, row in enumerate(rows) if row != first]
        rows, lines = [rows[k] for k in kept], [lines[k] for k in kept]
    if not rows:
        raise Unreadable("a header alone")
    names = [name.strip() for name in first]
    while len(names) > 1 and not names[-1] and not "".join(row[-1] for row in rows).strip():
        names.pop()
        rows = [row[:-1] for row in rows]
    while len(names) > 1 and not names[0] and not "".join(row[0] for row in rows).strip():
        names.pop(0)
        rows = [row[1:] for row in rows]
    if named:
        names = [name or ("index" if i == 0 else f"column {i + 1}") for i, name in enumerate(names)]
    else:
        names = [str(i) for i in range(len(names))]
    if len(set(names)) < len(names):
        raise Unreadable("a name twice")
    return Reading(names, named, rows, lines, delimiter)


def _rows(records: list[tuple[int, list[str]]], width: int) -> tuple[list[list[str]], list[int]]:
    """The rows, without the lines below them."""
    rows, lines, below = list[list[str]](), list[int](), False
    for line, fields in records:
        if len(fields) > width and not "".join(fields[width:]).strip():
            fields = fields[:width]
        fields = fields or ([""] if width == 1 else [])
        below = below or len(fields) != width
        if not below:
            rows.append(fields)
            lines.append(line)
        elif "".join(fields).strip() and not _ends(fields, width, rows[-20:]):
            raise Unreadable(f"line {line} has another width, or another stands before it")
    while rows and not "".join(rows[-1]).strip():
        rows.pop()
    while len(rows) > 2 and _ends(rows[-1], width, rows[-20:-1]):
        rows.pop()
        while rows and not "".join(rows[-1]).strip():
            rows.pop()
    return rows, lines[: len(rows)]


def _ends(fields: list[str], width: int, before: list[list[str]]) -> bool:
    """Whether a line is no row any more: words where the rows before it have times, or numbers at their beginning."""
    if len(before) > 1 and re.match(r"\W*[0-9][0-9.,]*\s+(row|record|zeile|fila|ligne)", ",".join(fields).lower()):
        return _under(before, 0) in ("time", "number")
    words = [i for i, f in enumerate(fields) if re.match(r"[\s*#(\[©-]*[^\W\d_]", f.strip()) and kind_of(f) == "name"]
    if not words or len(before) < 2:
        return False
    if len(fields) == width and any(_under(before, i) == "time" for i in words):
        return not _has_a_time(fields, words, before)
    begin = next(i for i, field in enumerate(fields) if field.strip())
    if begin not in words or _under(before, 0) not in ("time", "number"):
        return False
    return len(fields) != width or (_held(fields) == 1 and width > 1) or _is_ending(fields[begin])


def _is_ending(field: str) -> bool:
    word = re.sub(r"^\W*", "", field.strip().lower())
    return any(re.match(rf"{e}s?\b", word) for e in ENDINGS) or word.startswith(("exported", "generated", "data"))


def _has_a_time(fields: list[str], words: list[int], before: list[list[str]]) -> bool:
    """Whether a row of numbers has texts with digits, or months, where the rows before it have times."""
    times = [i for i in range(len(fields)) if _under(before, i) == "time"]
    numbers = [f for i, f in enumerate(fields) if i not in times and f.strip(" -+($€£").lstrip("'\"")[:1].isdigit()]
    texts = [fields[i].strip().lower() for i in words if i in times]
    dated = [any(map(str.isdigit, text)) or re.split(r"\W", text)[0] in MONTHS for text in texts]
    return bool(numbers) and all(dated) and not any(map(_is_ending, texts))


MONTHS = {
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    *("december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
}


def _under(rows: list[list[str]], i: int) -> str:
    kinds = {kind_of(row[i]) for row in rows} - {"blank", "missing"}
    return "" if not kinds else "mixed" if len(kinds) > 1 else kinds.pop()


def _held(fields: list[str]) -> int:
    return len("\0".join("x" if field.strip() else "" for field in fields).rstrip("\0").split("\0")) if fields else 0


def _titles(head: list[tuple[int, list[str]]]) -> int:
    """Lines above the header."""
    widths = Counter(len(fields) for _, fields in head if fields)
    if not widths:
        return 0
    width = max(widths, key=lambda w: (widths[w], w))
    full = max(_held(fields) for _, fields in head if len(fields) == width)
    begins = [k for k, (_, fields) in enumerate(head) if len(fields) == width and _held(fields) == full]
    k = begins[0] if begins else 0
    good = full > 1 and all(_held(fields) < full for _, fields in head[:k])
    good = good and any(len(fields) == width for _, fields in head[k + 1 :])
    good = good and all(kind_of(field) in ("name", "blank") for field in head[k][1][:full])
    return k if good else 0


def _decoded(content: bytes) -> str:
    try:
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable("no gzip") from error
    for bom, name in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(bom):
            try:
                return content[2:].decode(name)
            except UnicodeDecodeError as error:
                raise Unreadable("no text") from error
    start = content[:4096]
    zeros = start[::2].count(0), start[1::2].count(0)
    for k, name in ((0, "utf-16-be"), (1, "utf-16-le")):
        enough = len(content) % 2 == 0 and len(content) > 3 and zeros[k] >= len(start) // 2 * 0.9
        if enough and not zeros[1 - k]:
            try:
                return content.decode(name)
            except UnicodeDecodeError as error:
                raise Unreadable("no text") from error
    content = re.sub(rb"\x1a+\s*\Z", b"", content)  # Ctrl-Z, the end of a file in DOS
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        for name in ("cp1252", "latin-1"):
            try:
                return content.decode(name)
            except UnicodeDecodeError:
                continue
        raise


def _delimiter(text: str) -> str:
    heads = {}
    for delimiter in ";\t|,":
        heads[delimiter] = []
        try:
            for record in islice(cut(text, delimiter), 50):
                heads[delimiter].append(record)
        except Unreadable:
            pass
    widths = {delimiter: [len(fields) for _, fields in head if fields] for delimiter, head in heads.items()}
    for delimiter in ";\t|,":
        if widths[delimiter] and len(set(widths[delimiter])) == 1 and widths[delimiter][0] > 1:
            return delimiter

    def share(delimiter: str) -> float:
        common = Counter(widths[delimiter]).most_common(1)
        return common[0][1] / len(widths[delimiter]) if common and common[0][0] > 1 else 0

    mostly = [delimiter for delimiter in ";\t|," if share(delimiter) > 0.5 or _titles(heads[delimiter])]
    if mostly:
        return max(mostly, key=share)
    return max(",;\t|", key=lambda delimiter: (widths[delimiter] or [0])[0])


def _is_data(first: list[str], below: list[list[str]]) -> bool:
    width = _held(first) if "".join(first).strip() else 0
    pairs = [(kind_of(first[i]), _under(below, i)) for i in range(width)]
    kinds = [kind for kind, _ in pairs]
    if "blank" in kinds or ("name", "number") in pairs or ("name", "time") in pairs:
        return False
    if ("time", "time") in pairs or ("time", "") in pairs:
        return True
    if "number" not in kinds or not {"name", "time"} & set(kinds):
        return "number" in kinds
    if any(kind == "number" and re.search("[0-9][.,][0-9]", first[i]) for i, kind in enumerate(kinds)):
        return True
    return any(kind == "name" and first[i].strip() in [row[i].strip() for row in below] for i, kind in enumerate(kinds))


def kind_of(field: str) -> str:
    text = field.strip()
    if text.lower() in MISSING:
        return "missing" if text else "blank"
    if re.fullmatch("[+-]?inf(inity)?", text.lower()):
        return "number"
    part = taken_apart(text)
    if part is not None and part[3] in ("", "%") and any(values([part[1]], mark) is not None for mark in ".,"):
        return "number"
    return "time" if any(map(str.isdigit, text)) and number(text) is None and alone(text) is not None else "name"


def cut(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The records of a text, from the first that is no empty line on, each with the line on which it begins.

    A line ends with ``\\n``, ``\\r`` or both. A field that begins with a double quote, spaces before it aside,
    ends with the next that is not doubled, and nothing may follow it.
    """
    at, line, begun = 0, 1, False
    while at < len(text):
        start, fields = line, []
        if text[at] not in "\r\n":
            begun = True
            while True:
                field, at, breaks = _field(text, at, delimiter)
                fields.append(field)
                line += breaks
                if at < len(text) and text[at] == delimiter:
                    at += 1
                    continue
                break
        if at < len(text):
            at += 2 if text.startswith("\r\n", at) else 1
        line += 1
        if begun:
            yield start, fields


def _field(text: str, at: int, delimiter: str) -> tuple[str, int, int]:
    """A field, where it ends, and how many line ends are in it."""
    while at < len(text) and text[at] == " ":
        at += 1
    field = ""
    if at == len(text) or text[at] != '"':
        while at < len(text) and text[at] not in ("\r", "\n", delimiter):
            field += text[at]
            at += 1
        return field, at, 0
    at += 1
    while True:
        if at == len(text):
            raise Unreadable("an open quote")
        if text.startswith('""', at):
            field, at = field + '"', at + 2
        elif text[at] == '"':
            at += 1
            break
        else:
            field, at = field + text[at], at + 1
    if at < len(text) and text[at] not in ("\r", "\n", delimiter):
        raise Unreadable("text after a quote")
    return field, at, len(re.findall("\r\n|\r|\n", field))
