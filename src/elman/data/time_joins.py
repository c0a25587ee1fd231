"""Times that stand in several columns: year and month, date and time of day."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from elman.data.table import Column, Table
from elman.data.time_clocks import cut, parse_clock
from elman.data.time_columns import is_called_time, sample
from elman.data.time_formats import is_time
from elman.data.time_styles import MONTHS

_DIGITS = re.compile(r"\d+(?:\.0+)?", re.ASCII)


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
