"""Which column of a table holds its times: found by what stands in it, whatever it is called."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice

import numpy as np

from elman.data.table import Column, Table
from elman.data.text import Unreadable, is_missing, parse_number, quote
from elman.data.time_formats import is_time, settle
from elman.errors import DataError

NAMES = frozenset({"ds", "date", "timestamp", "datetime"})  # of times, whatever stands in them
_DATE_WORDS = "ds|dates?|timestamps?|datetimes?|ts|epoch|unix|unixtime|utc"
_TIME_WORDS = (
    "times?|day|week|month|quarter|qtr|year|yr|period|hour|datum|zeit|jahr|monat|woche|quartal|stichtag|fecha|año|mes|"
    "trimestre|semana|année|mois|semaine|mese|anno|settimana|mês|ano|maand|jaar|kwartaal|дата|месяц|год|период|日期|"
    "时间|時間|年月|年份|날짜|시점"
)
_CALLED = re.compile(rf"(?:^|[^a-z])(?:{_DATE_WORDS}|{_TIME_WORDS}|dt|stamp|index|unnamed: 0)(?:$|[^a-z])")
_MEANT = re.compile(rf"(?:.*[^a-z])?(?:{_DATE_WORDS})(?:[^a-z].*)?|.*(?:date|timestamp|datetime)|{_TIME_WORDS}")
_SAMPLE, _LOOKED_AT = 50, 1000
_MOSTLY = 0.8
_DIGITS = re.compile(r"\d+(?:\.0+)?", re.ASCII)
_LENGTHS = {4, 6, 8, 9, 10, 12, 13, 14, 16, 19}  # digits of years, months, days, seconds from 1970 …
_BETWEEN = np.datetime64("1500-01-01", "s"), np.datetime64("2200-01-01", "s")
_DATED = re.compile(r"\d{4}|\d[-/.:]\d", re.ASCII)


def is_called_time(name: str) -> bool:
    """Whether a column's name is one of a time or of a part of it."""
    return _CALLED.search(name.strip().lower()) is not None or name.strip().lower().endswith(("date", "time"))


def is_meant_for_times(name: str) -> bool:
    """Whether a column's name leaves no doubt: a date and the like, or nothing but time, month, week …"""
    return _MEANT.fullmatch(name.strip().lower()) is not None


def find_time(table: Table, taken: set[str], *, numbers: bool = True, target: bool = False) -> str:
    """The column that is meant for times, "" if none is.

    Args:
        taken: columns that are something else.
        numbers: whether a column of numbers may be one that is not called so: of years, of seconds from 1970 …
        target: whether the target is among those taken; else a column of numbers without another is it.

    Raises:
        DataError: several columns hold times.
    """
    kinds = {name: column.dtype.kind for name, column in table.columns.items() if isinstance(column, np.ndarray)}
    typed = [name for name, kind in kinds.items() if kind == "M" and name not in taken]
    if typed:
        return _only([name for name in typed if is_called_time(name)] or typed, table)
    free = [name for name in table.columns if name not in taken]
    for name in free:  # the first that is called so: if some of it is broken, that is to be said, not passed over
        if name.strip().lower() in NAMES and (counts_times(table, name) or not is_number(table, name)):
            return name
    texts = [name for name in free if not is_number(table, name) and holds_times(table, name)]
    if chosen := [name for name in texts if is_called_time(name)] or texts:
        return _only(chosen, table)
    counted = [name for name in free if name != "y" and is_number(table, name)]
    if chosen := [name for name in counted if is_called_time(name) and counts_times(table, name)]:
        return _only(chosen, table)
    evenly = [
        name for name in counted if numbers and (target or len(free) > 1) and counts_times(table, name, evenly=True)
    ]
    if evenly:
        return _only(evenly, table)
    return ""


def holds_times(table: Table, name: str) -> bool:
    """Whether most texts of a column are times, each in some form; numbers are not."""
    texts = sample(table.columns[name])
    if not texts or all(parse_number(text) is not None for text in texts):
        return False
    if sum(map(is_time, texts)) >= _MOSTLY * len(texts):
        return True
    dated = sum(_DATED.search(text) is not None and parse_number(text) is None for text in texts)
    return is_called_time(name) and dated >= _MOSTLY * len(texts)


def _only(names: list[str], table: Table) -> str:
    if len(names) > 1:
        raise DataError(f"{table.name}: columns {quote(names[0])} and {quote(names[1])} hold times; choose with `time`")
    return names[0]


def sample(column: Column) -> list[str]:
    """Some of the different texts at the beginning of a column; none of an array."""
    if isinstance(column, np.ndarray):
        return []
    texts = dict.fromkeys(text.strip() for text in column[:_LOOKED_AT] if not is_missing(text))
    return list(islice(texts, _SAMPLE))


def is_number(table: Table, name: str) -> bool:
    """Whether a column holds numbers as they stand, by some of them."""
    column = table.columns[name]
    if isinstance(column, np.ndarray):
        return column.dtype.kind in "iuf"
    return all(parse_number(text) is not None for text in sample(column))


def counts_times(table: Table, name: str, *, evenly: bool = False) -> bool:
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
