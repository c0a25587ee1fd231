"""Which column of a table holds its times: found by what stands in it, whatever it is called."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np

from elman.data.table import Column, Table
from elman.data.text import Unreadable, is_missing, parse_number, quote
from elman.data.time_clocks import cut, parse_clock
from elman.data.time_formats import is_time, settle
from elman.data.time_styles import MONTHS, WEEKDAYS
from elman.errors import DataError

NAMES = frozenset({"ds", "date", "timestamp", "datetime"})  # of times, whatever stands in them
_CALLED = re.compile(
    r"(?:^|[^a-z])(?:ds|dates?|times?|timestamps?|datetime|day|week|month|quarter|qtr|year|yr|period|hour|dt|ts|stamp|epoch|unix|unixtime|utc|index|"
    r"unnamed: 0|datum|zeit|jahr|monat|woche|fecha|año|année)(?:$|[^a-z])"
)
_SAMPLE, _LOOKED_AT = 50, 1000
_MOSTLY = 0.8
_DIGITS = re.compile(r"\d+(?:\.0+)?", re.ASCII)
_LENGTHS = {4, 6, 8, 9, 10, 12, 13, 14, 16, 19}  # digits of years, months, days, seconds from 1970 …
_BETWEEN = np.datetime64("1500-01-01", "s"), np.datetime64("2200-01-01", "s")
_DATED = re.compile(r"\d{4}|\d[-/.:]\d", re.ASCII)


def is_called_time(name: str) -> bool:
    """Whether a column's name is one of a time or of a part of it."""
    return _CALLED.search(name.strip().lower()) is not None or name.strip().lower().endswith(("date", "time"))


def find_time(table: Table, taken: set[str], *, numbers: bool = True) -> str:
    """The column that is meant for times, "" if none is.

    Args:
        taken: columns that are something else.
        numbers: whether a column of numbers may be one that is not called so: of years, of seconds from 1970 …

    Raises:
        DataError: several columns hold times, or there are none, but a column shows that the newest rows come first.
    """
    kinds = {name: column.dtype.kind for name, column in table.columns.items() if isinstance(column, np.ndarray)}
    typed = [name for name, kind in kinds.items() if kind == "M" and name not in taken]
    if typed:
        return _only([name for name in typed if is_called_time(name)] or typed, table)
    free = [name for name in table.columns if name not in taken]
    for name in free:  # the first that is called so: if some of it is broken, that is to be said, not passed over
        if name.strip().lower() in NAMES and (_counts_times(table, name) or not _is_number(table, name)):
            return name
    texts = [name for name in free if not _is_number(table, name) and holds_times(table, name)]
    if chosen := [name for name in texts if is_called_time(name)] or texts:
        return _only(chosen, table)
    counted = [name for name in free if name != "y" and _is_number(table, name)]
    if chosen := [name for name in counted if is_called_time(name) and _counts_times(table, name)]:
        return _only(chosen, table)
    evenly = [name for name in counted if numbers and len(free) > 1 and _counts_times(table, name, evenly=True)]
    if evenly:
        return _only(evenly, table)
    others = len([name for name in free if _is_number(table, name)]) > 1
    for name in free:
        if is_called_time(name) or (others and name != "y" and _is_number(table, name)):
            _check_no_reversal(table, name)
    return ""


def holds_times(table: Table, name: str) -> bool:
    """Whether most texts of a column are times, each in some form; numbers are not."""
    sample = _sample(table.columns[name])
    if not sample or all(parse_number(text) is not None for text in sample):
        return False
    if sum(map(is_time, sample)) >= _MOSTLY * len(sample):
        return True
    dated = sum(_DATED.search(text) is not None and parse_number(text) is None for text in sample)
    return is_called_time(name) and dated >= _MOSTLY * len(sample)


def with_joined_times(table: Table, taken: set[str]) -> tuple[Table, str]:
    """The table with a column of times made of several (year and month, date and time of day), and its name; "" if the
    table has no such columns."""
    free = {name.strip().lower(): name for name in table.columns if name not in taken}
    for join in (_join_parts, _join_clock):
        if (found := join(table, free)) is not None:
            parts, texts = found
            name = " ".join(parts)
            columns: dict[str, Column] = {}
            for key, column in table.columns.items():
                if key == parts[0]:
                    columns[name] = texts
                elif key not in parts:
                    columns[key] = column
            if len(columns) == len(table.columns) - len(parts) + 1:
                return replace(table, columns=columns), name
    return table, ""


def _only(names: list[str], table: Table) -> str:
    if len(names) > 1:
        raise DataError(f"{table.name}: columns {quote(names[0])} and {quote(names[1])} hold times; choose with `time`")
    return names[0]


def _sample(column: Column) -> list[str]:
    if isinstance(column, np.ndarray):
        return []
    texts = dict.fromkeys(text.strip() for text in column[:_LOOKED_AT] if not is_missing(text))
    return list(islice(texts, _SAMPLE))


def _is_number(table: Table, name: str) -> bool:
    column = table.columns[name]
    if isinstance(column, np.ndarray):
        return column.dtype.kind in "iuf"
    return all(parse_number(text) is not None for text in _sample(column))


def _counts_times(table: Table, name: str, *, evenly: bool = False) -> bool:
    """Whether numbers count times: years, days as 20200131, seconds from 1970 …

    Args:
        evenly: whether they must all differ, and most of them at one distance: then they count times, whatever the
            column is called.
    """
    texts = table.texts(name)
    distinct = list(dict.fromkeys(text for text in texts if not is_missing(text)))
    if not distinct or not all(map(_DIGITS.fullmatch, distinct[:_SAMPLE])):
        return False
    lengths = {len(text.partition(".")[0]) for text in distinct}
    if not lengths <= _LENGTHS or (len(lengths) > 1 and not lengths <= {9, 10} and not lengths <= {12, 13}):
        return False
    try:
        times = np.array(list(settle(distinct).seconds.values())).astype("datetime64[s]")
    except Unreadable as error:
        return "may be" in error.reason
    if name.strip().lower() not in NAMES and (times.min() < _BETWEEN[0] or times.max() > _BETWEEN[1]):
        return False
    if not evenly:
        return True
    if len(distinct) < 3 or len(distinct) < len(texts):
        return False
    months = np.sort(times).astype("datetime64[M]").astype(np.int64)
    steps = [np.diff(np.sort(times)).astype(np.int64), np.diff(months)]
    return any(Counter(step.tolist()).most_common(1)[0][1] >= _MOSTLY * len(step) for step in steps if step.all())


def _check_no_reversal(table: Table, name: str) -> None:
    """Refuse rows without times whose newest comes first, as a column shows that counts steps, months or weekdays."""
    if _is_number(table, name):
        values = [parse_number(text) or 0.0 for text in table.texts(name)]
        with np.errstate(invalid="ignore"):  # of infinite ones, which are refused where they are read
            steps = np.diff(values)
        backwards = len(values) > 2 and bool((steps < 0).all() and (is_called_time(name) or (steps == steps[0]).all()))
    else:
        texts = [text[:3].lower() for text in table.texts(name)]
        backwards = False
        for names in (MONTHS, WEEKDAYS):
            places = {full[:3].lower(): k for k, full in enumerate(names)}
            if len(texts) > 2 and all(text in places for text in texts):
                steps = np.diff([places[text] for text in texts]) % len(names)
                backwards = bool(np.mean(steps == len(names) - 1) > 0.5)
    if backwards:
        raise DataError(
            f"{table.name}, column {quote(name)}: it counts backwards, so the newest row comes first; sort the rows by "
            "it, or add the year and name the column as `time`"
        )


def _join_parts(table: Table, free: dict[str, str]) -> tuple[list[str], list[str]] | None:
    """Year with month (and day, hour), quarter or week."""
    year = next((free[name] for name in ("year", "yr", "yyyy", "jahr", "año") if name in free), None)
    if year is None or (years := _whole(table, year, 1000, 9999)) is None:
        return None

    def part(*names: str) -> str | None:
        return next((free[name] for name in names if name in free), None)

    period = part("period")  # M01 to M12, or Q01 to Q04
    month = part("month", "mon", "mo", "mm", "monat")
    if month is None and period is not None and _whole(table, period, 1, 12, "m", must=True):
        month = period
    if month:
        if (months := _whole(table, month, 1, 12, "m")) is None:
            names = {full[:n].lower(): k + 1 for k, full in enumerate(MONTHS) for n in (3, len(full))}
            found = [names.get(text.lower(), 0) for text in table.texts(month)]
            if not all(found):
                return None
            months = found
        texts, parts = [f"{y}-{m:02}" for y, m in zip(years, months, strict=True)], [year, month]
        if (day := part("day", "dd", "dom")) and (days := _whole(table, day, 1, 31)) is not None:
            texts, parts = [f"{text}-{d:02}" for text, d in zip(texts, days, strict=True)], [*parts, day]
            if (hour := part("hour", "hr", "hh")) and (hours := _whole(table, hour, 0, 23)) is not None:
                texts, parts = [f"{text} {h:02}:00" for text, h in zip(texts, hours, strict=True)], [*parts, hour]
        return parts, texts
    quarter = part("quarter", "qtr", "q")
    if quarter is None and period is not None and _whole(table, period, 1, 4, "q", must=True):
        quarter = period
    if quarter and (quarters := _whole(table, quarter, 1, 4, "q")) is not None:
        return [year, quarter], [f"{y}Q{q}" for y, q in zip(years, quarters, strict=True)]
    week = part("week", "wk", "isoweek", "iso_week", "kw")
    if week and (weeks := _whole(table, week, 1, 53, "w")) is not None:
        return [year, week], [f"{y}-W{w:02}" for y, w in zip(years, weeks, strict=True)]
    return None


def _join_clock(table: Table, free: dict[str, str]) -> tuple[list[str], list[str]] | None:
    """A date with a time of day."""
    date = next((name for name in free.values() if is_called_time(name) and _is_date(table.columns[name])), None)
    if date is None:
        return None
    column = table.columns[date]
    dates = column.astype("datetime64[D]").astype(str).tolist() if isinstance(column, np.ndarray) else table.texts(date)
    for key, name in free.items():
        if name == date or not re.search(r"time|hour|^hr$|clock|uhrzeit|hora", key):
            continue
        hours = _whole(table, name, 0, 23)
        clocks = table.texts(name) if hours is None else [f"{hour:02}:00" for hour in hours]
        if all(":" in c or c[-1:] in "mM" for c in clocks) and all(parse_clock(c) for c in dict.fromkeys(clocks)):
            return [date, name], [f"{date} {clock}" for date, clock in zip(dates, clocks, strict=True)]
    return None


def _is_date(column: Column) -> bool:
    """Whether a column holds dates without a time of day."""
    if isinstance(column, np.ndarray):
        return column.dtype.kind == "M" and bool((column == column.astype("datetime64[D]")).all())
    sample = _sample(column)
    return bool(sample) and all(
        (is_time(text) or (len(text) == 8 and _DIGITS.fullmatch(text))) and not cut(text).clock for text in sample
    )


def _whole(table: Table, name: str, least: int, most: int, letter: str = "", *, must: bool = False) -> list[int] | None:
    """A column's whole numbers between two bounds, perhaps (or by all means) behind a letter; None if it holds anything
    else."""
    column = table.columns[name]
    if isinstance(column, np.ndarray) and column.dtype.kind not in "iuf":
        return None
    texts = [text.lower() for text in table.texts(name)]
    if must and not all(text.startswith(letter) for text in texts):
        return None
    texts = [text.removeprefix(letter) for text in texts]
    known = {text: int(float(text)) if _DIGITS.fullmatch(text) else -1 for text in dict.fromkeys(texts)}
    return [known[text] for text in texts] if all(least <= number <= most for number in known.values()) else None
