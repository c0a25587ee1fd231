"""Columns of times: read in the form that the whole column is in, or as an option says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from elman.data.table import Table
from elman.data.text import Unreadable, is_missing, quote
from elman.data.time_centuries import first_year
from elman.data.time_formats import settle
from elman.data.time_styles import format_times
from elman.errors import DataError

__all__ = ["LAST_TIME", "LAST_YEAR", "Times", "format_times", "parse_time", "read_times"]

# Styles of the datetime64 units that are coarser than a day.
_STYLE_OF_UNIT = {"Y": "%Y", "M": "%Y-%m"}
LAST_YEAR = 9999  # the last that datetime, and four digits, can write
LAST_TIME = np.datetime64("9999-12-31T23:59:59", "s")
_FIRST_TIME = np.datetime64("0001-01-01T00:00:00", "s")
_DATE, _SECONDS = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"
_EPOCH = datetime(1970, 1, 1)


class Times(NamedTuple):
    """A column's times, datetime64[s] of shape (n,), their style (:mod:`elman.data.time_styles`), and whether the day
    comes before the month, where the column had to settle that."""

    values: np.ndarray
    style: str
    day_first: bool | None = None


def parse_time(text: str) -> tuple[datetime, str] | None:
    """The moment that a text alone names, in UTC if it names an offset, and the style that it is written in.

    None for a text that is no time or could be several.

    >>> parse_time("2020-01-31 13:00")
    (datetime.datetime(2020, 1, 31, 13, 0), '%Y-%m-%d %H:%M')
    >>> parse_time("2020Q2"), parse_time("03/04/2020")
    ((datetime.datetime(2020, 4, 1, 0, 0), '%YQ%q'), None)
    """
    try:
        found = settle([text])
    except Unreadable:
        return None
    moment = np.datetime64(found.seconds[text], "s")
    return (moment.item(), found.style) if _FIRST_TIME <= moment <= LAST_TIME else None


def read_times(table: Table, name: str, *, time_format: str | None = None, day_first: bool | None = None) -> Times:
    """A column's times.

    Args:
        time_format: how they are written, as for ``strptime``.
        day_first: whether 03/04/2020 is 3 April; None: the column must settle it.

    Raises:
        DataError: a time is missing, is none, could be several, is finer than a second, or is written otherwise than
            the rest; the message names its line.
    """
    column = table.column(name)
    if isinstance(column, np.ndarray) and column.dtype.kind == "M":
        return _typed(table, name, column)
    texts = table.texts(name)
    distinct = list(dict.fromkeys(texts))
    try:
        if time_format is not None:
            seconds, style, order = _by_format(distinct, time_format), _printed(time_format), None
        else:
            found = settle(distinct, day_first)
            seconds, style, order = found.seconds, found.style, found.day_first
    except Unreadable as error:
        for row, text in enumerate(texts):
            if is_missing(text):
                raise _missing(table, name, row) from None
        place = table.place(texts.index(error.text), name)
        raise DataError(f"{place}: {quote(error.text)} {error.reason}") from None
    values = np.array([seconds[text] for text in texts]).astype("datetime64[s]")
    for row in np.flatnonzero((values < _FIRST_TIME) | (values > LAST_TIME))[:1]:
        raise _outside(table, name, int(row), texts[row])
    return Times(values, style, order)


def _by_format(distinct: list[str], time_format: str) -> dict[str, int]:
    moments: dict[str, datetime] = {}
    for text in distinct:
        try:
            moment = datetime.strptime(text, time_format)
        except ValueError as error:
            reason = f"is not written as {time_format}; correct it, or `time_format`"
            if re.search("bad directive|stray %|redefinition", str(error)):
                reason = f"cannot be read with `time_format` {time_format} ({error}); give directives of strptime"
            raise Unreadable(text, reason) from None
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        if moment.microsecond:
            raise Unreadable(text, "has a fraction of a second, which is not supported; round the times")
        moments[text] = moment
    if re.search("%[yx]", time_format):
        moments = _of_one_century(moments)
    return {text: round((moment - _EPOCH).total_seconds()) for text, moment in moments.items()}


def _of_one_century(moments: dict[str, datetime]) -> dict[str, datetime]:
    """Moments whose years had two digits, in the hundred years that the whole column shows."""

    def since(first: int) -> list[datetime] | None:
        try:
            return [moment.replace(year=first + (moment.year - first) % 100) for moment in moments.values()]
        except ValueError:  # 1900 had no 29th of February
            return None

    def days(first: int) -> list[int] | None:
        return None if (found := since(first)) is None else [moment.toordinal() for moment in found]

    first = first_year([moment.year % 100 for moment in moments.values()], days)
    if first is None or (found := since(first)) is None:
        raise Unreadable(next(iter(moments)), "and the rest may be of two centuries; write years with four digits")
    return dict(zip(moments, found, strict=True))


def _printed(time_format: str) -> str:
    """The style that writes what was read with a format; offsets as UTC."""
    spelled = {
        "%z": "+0000",
        "%Z": "UTC",
        "%f": "000000",
        "%c": "%a %b %d %H:%M:%S %Y",
        "%x": "%m/%d/%y",
        "%X": "%H:%M:%S",
    }
    return re.sub("%[a-zA-Z]", lambda found: spelled.get(found[0], found[0]), time_format)


def _missing(table: Table, name: str, row: int) -> DataError:
    return DataError(f"{table.place(row, name)}: the time is missing; fill it in, or delete the row")


def _outside(table: Table, name: str, row: int, shown: object) -> DataError:
    return DataError(f"{table.place(row, name)}: {shown} is not in the years 1 to {LAST_YEAR}; correct it")


def _typed(table: Table, name: str, column: np.ndarray) -> Times:
    if np.isnat(column).any():
        raise _missing(table, name, int(np.flatnonzero(np.isnat(column))[0]))
    unit = np.datetime_data(column.dtype)[0]
    if unit in ("ps", "fs", "as"):  # NumPy does not compare them with years
        raise DataError(f"{table.name}, column {quote(name)}: times of type {column.dtype}; convert to datetime64[ns]")
    years = column.astype("datetime64[Y]").astype(np.int64) + 1970
    for row in np.flatnonzero((years < 1) | (years > LAST_YEAR))[
        :1
    ]:  # before the conversion, which overflows in silence
        raise _outside(table, name, int(row), column[row])
    times = column.astype("datetime64[s]")
    for row in np.flatnonzero(times != column)[:1]:
        place = table.place(int(row), name)
        raise DataError(f"{place}: the time has a fraction of a second, which is not supported; round the times")
    if style := _STYLE_OF_UNIT.get(unit):
        return Times(times, style)
    return Times(times, _DATE if (times == times.astype("datetime64[D]")).all() else _SECONDS)
