"""A slow CSV reader, written from docs/forecasting.md: one character at a time, nothing shared with elman."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

MISSING = {"", "na", "n/a", "nan", "-nan", "null", "none", "-", "?", "#n/a"}
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
COMMA_NUMBER = re.compile(r"[+-]?([0-9]+(,[0-9]*)?|,[0-9]+)([eE][+-]?[0-9]+)?")
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+")
NAN = float("nan")


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
        """A column's numbers, NaN where one is missing; None if a field is neither."""
        texts = [text.strip() for text in self.column(i)]
        found = [number(text) for text in texts]
        if self.delimiter == ";" and None in found:
            present = [text for text in texts if text.lower() not in MISSING]
            commas = [text for text in present if "," in text]
            if all(map(COMMA_NUMBER.fullmatch, present)) and not all(map(THOUSANDS.fullmatch, commas)):
                found = [number(text.replace(",", ".")) for text in texts]
        return None if None in found else [value for value in found if value is not None]

    def series_names(self) -> list[str]:
        """What the columns are called by a reader of series: of those without names, times ``time``, others ``y``."""
        if self.named:
            return self.names
        is_time = [number(text.strip()) is None and moment(text.strip()) is not None for text in self.rows[0]]
        kinds = ["time" if time else "y" for time in is_time]
        return [kind if kinds.count(kind) == 1 else f"{kind}{kinds[:i].count(kind)}" for i, kind in enumerate(kinds)]


def number(text: str) -> float | None:
    """The number a text is, NaN for a missing value, None for anything else."""
    if text.lower() in MISSING:
        return NAN
    return float(text) if NUMBER.fullmatch(text) else None


def moment(text: str) -> datetime | None:
    """The time a text is, in UTC, by trying one form after another; None for anything else."""
    for pattern, quarter in ((r"([0-9]{4})[- ]?Q([1-4])", True), (r"([0-9]{4})([0-9]{2})([0-9]{2})", False)):
        if found := re.fullmatch(pattern, text):
            parts = [int(part) for part in found.groups()]
            return _date(parts[0], 3 * parts[1] - 2, 1) if quarter else _date(*parts)
    day, gap, clock = text, "", ""
    for mark in "T ":
        if not gap:
            day, gap, clock = text.partition(mark)
    if not day.isascii() or (gap and not clock):
        return None
    for mark in "-/.":
        parts = day.split(mark)
        if all(part.isdigit() for part in parts) and "".join(parts) and len(parts) in (1, 2, 3):
            if mark == ".":
                parts = parts[::-1]
            lengths = [len(part) for part in parts]
            if lengths[0] != 4 or max(lengths[1:], default=1) > 2 or (mark == "." and len(parts) != 3):
                continue
            date = _date(*([int(part) for part in parts] + [1, 1])[:3])
            if not gap:
                return date
            return None if date is None or len(parts) != 3 else _with_clock(date, clock)
    return None


def _date(*parts: int) -> datetime | None:
    try:
        return datetime(*parts)
    except ValueError:
        return None


def _with_clock(date: datetime, clock: str) -> datetime | None:
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})([.,][0-9]+)?)? ?(Z|[+-][0-9]{2}:?[0-9]{0,2})?", clock)
    if found is None:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    zone = (found[5] or "Z").replace("Z", "+00").replace(":", "").ljust(5, "0")
    if hour > 23 or minute > 59 or second > 59 or int(zone[1:3]) > 23 or int(zone[3:]) > 59:
        return None
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    try:
        return date.replace(hour=hour, minute=minute, second=second) - (offset if zone[0] == "+" else -offset)
    except OverflowError:
        return None


def read(content: bytes) -> Reading:
    """The table a file's bytes hold.

    Raises:
        Unreadable: they hold none.
    """
    text = _decoded(content)
    delimiter = _delimiter(text)
    records = list(cut(text, delimiter))
    while records and not "".join(records[-1][1]).strip():
        records.pop()
    if not records:
        raise Unreadable("no rows")
    first = records[0][1]
    named = not _is_data(first)
    rows, lines = [], []
    for line, fields in records[1 if named else 0 :]:
        if len(first) == 1 and not fields:
            fields = [""]
        if "".join(fields[len(first) :]).strip() or len(fields) < len(first):
            raise Unreadable(f"line {line} has another width")
        rows.append(fields[: len(first)])
        lines.append(line)
    if not rows:
        raise Unreadable("a header alone")
    names = [name.strip() for name in first]
    while len(names) > 1 and not names[-1] and not "".join(row[-1] for row in rows).strip():
        names.pop()
        rows = [row[:-1] for row in rows]
    if named:
        names = [name or ("index" if i == 0 else f"column {i + 1}") for i, name in enumerate(names)]
    else:
        names = [str(i) for i in range(len(names))]
    if len(set(names)) < len(names):
        raise Unreadable("a name twice")
    return Reading(names, named, rows, lines, delimiter)


def _decoded(content: bytes) -> str:
    try:
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        return content.decode("utf-8").removeprefix("\ufeff")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise Unreadable("no text") from error


def _delimiter(text: str) -> str:
    widths = {}
    for delimiter in ";\t,":
        try:
            widths[delimiter] = [len(fields) for _, fields in islice(cut(text, delimiter), 20) if fields]
        except Unreadable:
            widths[delimiter] = []
    for delimiter in ";\t,":
        if widths[delimiter] and len(set(widths[delimiter])) == 1 and widths[delimiter][0] > 1:
            return delimiter
    return max(",;\t", key=lambda delimiter: (widths[delimiter] or [0])[0])


def _is_data(first: list[str]) -> bool:
    kinds = []
    for field in first:
        text = field.strip()
        if text.lower() in MISSING:
            kinds.append("missing" if text else "blank")
        elif number(text.replace(",", ".")) is not None or re.fullmatch("[+-]?inf(inity)?", text.lower()):
            kinds.append("number")
        else:
            kinds.append("name" if moment(text) is None else "time")
    while kinds and kinds[-1] == "blank":
        kinds.pop()
    return "number" in kinds and "name" not in kinds and "blank" not in kinds


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
