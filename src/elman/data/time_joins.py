"""Times that stand in several columns: year and month, date and time of day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from elman.data.table import Column, Table
from elman.data.time_clocks import cut, parse_clock
from elman.data.time_columns import NAMES, counts_times, holds_times, is_called_time, sample
from elman.data.time_formats import is_time
from elman.data.time_styles import MONTHS

_DIGITS = re.compile(r"\d+(?:\.0+)?", re.ASCII)
_CLOCKS = frozenset({"time", "hour", "hr", "clock", "zeit", "uhrzeit", "stunde", "hora", "heure", "ora"})
_REPEATED = 0.75  # so many dates to a row, at most, have times of day of another name beside them


class _Join(NamedTuple):
    """Columns that make up times, and the times as texts."""

    parts: list[str]
    texts: list[str]


def with_joined_times(table: Table, taken: set[str], id: str = "", wanted: str | None = None) -> tuple[Table, str]:
    """The table with a column of times made of several (year and month, date and time of day), and its name; "" if the
    table has no such columns, or one column tells the rows apart as well.

    Args:
        taken: columns that are something else.
        id: the column of names, "" without.
        wanted: the name of the column to make, whatever others tell apart; None: any.
    """
    free = {name.strip().lower(): name for name in table.columns if name not in taken}
    joins = [*_of_parts(table, free), *_of_dates(table, free)]
    if wanted is not None:
        found = next((join for join in joins if " ".join(join.parts) == wanted), None)
    else:
        found = _best(table, list(free.values()), joins, table.texts(id) if id in table.columns else [""] * len(table))
    if found is None:
        return table, ""
    name = " ".join(found.parts)
    columns: dict[str, Column] = {}
    for key, column in table.columns.items():
        if key == found.parts[0]:
            columns[name] = found.texts
        elif key not in found.parts:
            columns[key] = column
    whole = len(columns) == len(table.columns) - len(found.parts) + 1
    return (replace(table, columns=columns), name) if whole else (table, "")


def _best(table: Table, free: list[str], joins: list[_Join], ids: list[str]) -> _Join | None:
    """The join that tells most rows of their series apart, if a column alone does not tell as many."""

    def distinct(texts: list[str]) -> int:
        return len(set(zip(ids, texts, strict=True)))

    alone = {name: distinct(table.texts(name)) for name in free if joins and _holds_times(table, name)}
    few = len(table) < 3 * len(set(ids))  # two rows at noon and midnight are of two dates
    best, most = None, (0, 0)
    for join in joins:
        count = distinct(join.texts)
        if _is_date(table.columns[join.parts[0]]):
            dates = alone[join.parts[0]]
            exact = join.parts[1].strip().lower() in _CLOCKS
            useful = few or count > dates if exact else count == len(table) and dates <= _REPEATED * len(table)
        else:
            useful = all(count >= one + (name.strip().lower() in NAMES) for name, one in alone.items())
        if useful and (told := (count, len(join.parts) if few else 0)) > most:
            best, most = join, told
    return best


def _of_parts(table: Table, free: dict[str, str]) -> Iterator[_Join]:
    """Year with month (and day), and that with the hour; with quarter; or with week."""
    year = next((free[name] for name in ("year", "yr", "yyyy", "jahr", "año") if name in free), None)
    if year is None or (years := _whole(table, year, 1000, 9999)) is None:
        return

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
                return
            months = found
        texts, parts = [f"{y}-{m:02}" for y, m in zip(years, months, strict=True)], [year, month]
        if (day := part("day", "dd", "dom")) and (days := _whole(table, day, 1, 31)) is not None:
            texts, parts = [f"{text}-{d:02}" for text, d in zip(texts, days, strict=True)], [*parts, day]
            yield _Join(parts, texts)
            if (hour := part("hour", "hr", "hh")) and (hours := _whole(table, hour, 0, 23)) is not None:
                yield _Join([*parts, hour], [f"{text} {h:02}:00" for text, h in zip(texts, hours, strict=True)])
        else:
            yield _Join(parts, texts)
        return
    quarter = part("quarter", "qtr", "q")
    if quarter is None and period is not None and _whole(table, period, 1, 4, "q", must=True):
        quarter = period
    if quarter and (quarters := _whole(table, quarter, 1, 4, "q")) is not None:
        yield _Join([year, quarter], [f"{y}Q{q}" for y, q in zip(years, quarters, strict=True)])
        return
    week = part("week", "wk", "isoweek", "iso_week", "kw")
    if week and (weeks := _whole(table, week, 1, 53, "w")) is not None:
        yield _Join([year, week], [f"{y}-W{w:02}" for y, w in zip(years, weeks, strict=True)])


def _of_dates(table: Table, free: dict[str, str]) -> Iterator[_Join]:
    """A date with each column of times of day."""
    date = next((name for name in free.values() if is_called_time(name) and _is_date(table.columns[name])), None)
    if date is None:
        return
    column = table.columns[date]
    dates = column.astype("datetime64[D]").astype(str).tolist() if isinstance(column, np.ndarray) else table.texts(date)
    for key, name in sorted(free.items(), key=lambda item: item[0] not in _CLOCKS):
        if name == date or not re.search(r"time|hour|^hr$|clock|uhrzeit|hora", key):
            continue
        hours = _whole(table, name, 0, 23)
        clocks = table.texts(name) if hours is None else [f"{hour:02}:00" for hour in hours]
        if all(":" in c or c[-1:] in "mM" for c in clocks) and all(parse_clock(c) for c in dict.fromkeys(clocks)):
            yield _Join([date, name], [f"{day} {clock}" for day, clock in zip(dates, clocks, strict=True)])


def _holds_times(table: Table, name: str) -> bool:
    """Whether a column alone holds times."""
    column = table.columns[name]
    typed = isinstance(column, np.ndarray) and column.dtype.kind == "M"
    called = name.strip().lower() in NAMES and counts_times(table, name)
    return typed or called or holds_times(table, name) or (is_called_time(name) and _is_date(column))


def _is_date(column: Column) -> bool:
    """Whether a column holds dates without a time of day."""
    if isinstance(column, np.ndarray):
        return column.dtype.kind == "M" and bool((column == column.astype("datetime64[D]")).all())
    texts = sample(column)
    return bool(texts) and all(
        (is_time(text) or (len(text) == 8 and _DIGITS.fullmatch(text))) and not cut(text).clock for text in texts
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
