"""Parsing times whose format is unambiguous, and formatting them as they were written."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np

from elman.data.table import Table
from elman.data.text import is_missing, quote
from elman.errors import DataError

# A style is a format of ``datetime.strftime`` in which %q is the quarter.
_DAY = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})"
    r"(?:([T ])(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)? ?(Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII)
_MONTH = re.compile(r"(\d{4})([-/])(\d{1,2})", re.ASCII)
_QUARTER = re.compile(r"(\d{4})([- ]?)Q([1-4])", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)
_AMBIGUOUS = re.compile(r"\d{1,2}([-/.])\d{1,2}\1\d{2,4}(\D.*)?", re.ASCII)

# Styles of the datetime64 units that are coarser than a day.
_STYLE_OF_UNIT = {"Y": "%Y", "M": "%Y-%m"}
LAST_YEAR = 9999  # the last that datetime, and four digits, can write
LAST_TIME = np.datetime64("9999-12-31T23:59:59", "s")
_DATE, _SECONDS = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"
_COUNT = 'count the rows as steps (`time` "")'
_REMEDY = f"write ISO dates (2020-01-31, or 2020-01-31 13:00), or {_COUNT}"


def parse_time(text: str) -> tuple[datetime, str] | None:
    """The moment that a text names, in UTC if it names an offset, and the style that it is written in.

    None for a text in no unambiguous form: years, ISO months and days (also with slashes, the days also as
    20200131), quarters (2020Q1), DD.MM.YYYY; days with or without a time of day.

    >>> parse_time("2020-01-31 13:00")
    (datetime.datetime(2020, 1, 31, 13, 0), '%Y-%m-%d %H:%M')
    >>> parse_time("2020Q2"), parse_time("03/04/2020")
    ((datetime.datetime(2020, 4, 1, 0, 0), '%YQ%q'), None)
    """
    try:
        if found := _DAY.fullmatch(text):
            year, mark, month, day, gap, hour, minute, second, fraction, zone = found.groups()
            style = f"%Y{mark}%m{mark}%d"
            if gap is None:
                return datetime(int(year), int(month), int(day)), style
            microsecond = int((fraction or "0")[:6].ljust(6, "0"))
            if microsecond == 0 and (fraction or "").strip("0"):
                microsecond = 1  # what is finer still must not vanish unnoticed
            clock = int(hour), int(minute), int(second or 0), microsecond
            moment = datetime(int(year), int(month), int(day), *clock) - _offset(zone)
            style += f"{gap}%H:%M" + (":%S" if second else "")
            return moment, style + ("" if zone is None else "Z" if zone == "Z" else "+00:00")
        if found := _MONTH.fullmatch(text):
            return datetime(int(found[1]), int(found[3]), 1), f"%Y{found[2]}%m"
        if found := _QUARTER.fullmatch(text):
            return datetime(int(found[1]), 3 * int(found[3]) - 2, 1), f"%Y{found[2]}Q%q"
        if found := _DOTTED.fullmatch(text):
            day, month, year, hour, minute, second = found.groups()
            style = "%d.%m.%Y" + ("" if hour is None else " %H:%M" if second is None else " %H:%M:%S")
            return datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)), style
        if found := _COMPACT.fullmatch(text):
            return datetime(int(found[1]), int(found[2]), int(found[3])), "%Y%m%d"
        if _YEAR.fullmatch(text):
            return datetime(int(text), 1, 1), "%Y"
    except (ValueError, OverflowError):
        pass  # a 13th month, a 30th of February
    return None


def _offset(zone: str | None) -> timedelta:
    if zone in (None, "Z"):
        return timedelta()
    assert zone is not None
    digits = zone[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"{zone} is no offset")
    ahead = timedelta(hours=hours, minutes=minutes)
    return ahead if zone[0] == "+" else -ahead


def is_ambiguous(text: str) -> bool:
    """Whether a text is a date of which nobody can tell the day from the month."""
    return parse_time(text) is None and _AMBIGUOUS.fullmatch(text) is not None


def read_times(table: Table, name: str) -> tuple[np.ndarray, str]:
    """A column's times, datetime64[s] of shape (n,), and the style that they are written in.

    Raises:
        DataError: a time is missing, is none, could be several, is finer than a second, or is written otherwise than
            the rest; the message names its line.
    """
    column = table.column(name)
    if isinstance(column, np.ndarray) and column.dtype.kind == "M":
        return _typed(table, name, column)
    texts = table.texts(name)
    known: dict[str, tuple[datetime, str]] = {}
    styles: dict[str, int] = {}
    for row, text in enumerate(texts):
        if text in known:
            continue
        known[text] = _parse_at(table, name, row, text)
        styles.setdefault(known[text][1], row)
        if known[text][0].microsecond:
            raise _too_fine(table, name, row)
    style = max(styles, key=len)
    for other, row in styles.items():
        if not _compatible(other, style):
            first = texts[styles[style]]
            raise DataError(
                f"{table.place(row, name)}: {quote(texts[row])} is written otherwise than {quote(first)}; "
                "write all times in one form"
            )
    return np.array([known[text][0] for text in texts], dtype="datetime64[s]"), style


def _parse_at(table: Table, name: str, row: int, text: str) -> tuple[datetime, str]:
    found = parse_time(text)
    if found is not None:
        return found
    place = table.place(row, name)
    if is_missing(text):
        raise DataError(f"{place}: the time is missing; fill it in, or delete the row")
    if is_ambiguous(text):
        raise DataError(f"{place}: {quote(text)} may be day before month or month before day; {_REMEDY}")
    raise DataError(f"{place}: {quote(text)} is not a time; {_REMEDY}")


def _compatible(style: str, finest: str) -> bool:
    """Whether times of two styles may stand in one column: midnights without their time of day, whole minutes."""
    if style == finest:
        return True
    clocks = [s.removesuffix("Z").removesuffix("+00:00") for s in (style, finest)]
    if clocks != [style, finest]:  # zones do not go with none, nor with other clocks
        return clocks[0] == clocks[1] and clocks[0] != style
    return "%d" in style and finest.startswith(style)


def _typed(table: Table, name: str, column: np.ndarray) -> tuple[np.ndarray, str]:
    if np.isnat(column).any():
        row = int(np.flatnonzero(np.isnat(column))[0])
        raise DataError(f"{table.place(row, name)}: the time is missing; fill it in, or delete the row")
    unit = np.datetime_data(column.dtype)[0]
    if unit in ("ps", "fs", "as"):  # NumPy does not compare them with years
        raise DataError(f"{table.name}, column {quote(name)}: times of type {column.dtype}; convert to datetime64[ns]")
    years = column.astype("datetime64[Y]").astype(np.int64) + 1970
    outside = (years < 1) | (years > LAST_YEAR)
    if outside.any():  # before the conversion below, which overflows in silence
        row = int(np.flatnonzero(outside)[0])
        raise DataError(
            f"{table.place(row, name)}: {column[row]} is not in the years 1 to {LAST_YEAR}; correct it, or {_COUNT}"
        )
    times = column.astype("datetime64[s]")
    if (times != column).any():
        raise _too_fine(table, name, int(np.flatnonzero(times != column)[0]))
    if style := _STYLE_OF_UNIT.get(unit):
        return times, style
    return times, _DATE if (times == times.astype("datetime64[D]")).all() else _SECONDS


def _too_fine(table: Table, name: str, row: int) -> DataError:
    return DataError(
        f"{table.place(row, name)}: the time has a fraction of a second, which is not supported; "
        f"round the times, or {_COUNT}"
    )


def format_times(times: np.ndarray, style: str) -> list[str]:
    """Times as texts in a style that :func:`read_times` gave.

    >>> format_times(np.array(["2020-04-01"], dtype="datetime64[s]"), "%YQ%q")
    ['2020Q2']
    """
    moments: list[datetime] = times.astype("datetime64[s]").tolist()
    return [_format(moment, style) for moment in moments]


def _format(moment: datetime, style: str) -> str:
    # strftime writes the years before 1000 without leading zeros on some systems
    return moment.strftime(style.replace("%Y", f"{moment.year:04}").replace("%q", str((moment.month + 2) // 3)))
