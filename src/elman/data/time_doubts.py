"""Tables in which no times were found: is the order of the rows that of time?"""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from elman.data.grouping import rows_by_id
from elman.data.numbers import loose_number
from elman.data.table import Table
from elman.data.text import Unreadable, is_missing, parse_number, quote
from elman.data.time_columns import is_called_time, is_meant_for_times, is_number, sample
from elman.data.time_formats import settle
from elman.data.time_styles import MONTHS, WEEKDAYS
from elman.errors import DataError

_MOSTLY, _ALL_BUT_FEW = 0.8, 0.9
_EVEN = 1.5  # the longest step by the shortest, of months of 28 to 31 days and of rounded numbers
_CYCLE = 366  # days of a year, the longest that such numbers count
_COUNTED = re.compile(r"(\D*)(\d+)(\D*)", re.ASCII)
_DATED = re.compile(  # a year; a day, a month and a year; a month; a fiscal year; a moment in JavaScript
    r"(?<!\d)(?:1[89]|20|21)\d\d(?!\d)|(?<![v\d.])\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?![\d.])|"
    rf"(?<![^\W\d_])(?:{'|'.join(f'{month}|{month[:3]}' for month in MONTHS)})(?![^\W\d_])|[FC]Y ?'?\d\d|^/Date\(\d",
    re.IGNORECASE,
)
_STEPS = 'count the rows as steps (`time` "")'
_REMEDY = "write ISO dates (2020-01-31), or name the column as `time` with its `time_format`"


def check_no_reversal(table: Table, free: list[str], *, target: bool = False) -> None:
    """Refuse rows whose newest comes first, as a column shows that counts steps, months or weekdays.

    Args:
        free: the columns that are nothing else.
        target: whether the target is none of them.

    Raises:
        DataError: the message names the column.
    """
    others = target or len([name for name in free if is_number(table, name)]) > 1
    for name in free:
        if is_called_time(name) or (others and name != "y" and is_number(table, name)):
            _check_no_reversal(table, name)


def check_no_times(table: Table, free: list[str], id: str) -> None:
    """Refuse rows beside which there seem to be times, in a form that is not known.

    Such are a column that is called so and counts something, but not by one step from the oldest row on; and texts of
    which each row of a series has its own, with digits if their column is called so, else with a year, a month or the
    like, unless they count the rows from the first on, or a column that is called a time does.

    Args:
        free: the columns that are nothing else.
        id: the column of names, "" without.

    Raises:
        DataError: the message names the column, and what it holds.
    """
    if len(table) < 3:
        return
    groups = list(rows_by_id(table, id if id in table.columns else "").values())
    ordered = any(is_number(table, name) and is_called_time(name) and _ascends(table, name, groups) for name in free)
    for name in free:
        if is_number(table, name) and is_meant_for_times(name):
            _check_numbers(table, name, groups)
        if not is_number(table, name) and isinstance(table.columns[name], list) and not ordered:
            _check_texts(table, name, groups)


def _check_texts(table: Table, name: str, groups: list[np.ndarray]) -> None:
    texts = table.texts(name)
    shown = sample(table.columns[name])
    holds = re.compile(r"\d") if is_called_time(name) else _DATED
    dated = [text for text in shown if holds.search(text) and not loose_number(text)]
    if len(dated) < _MOSTLY * len(shown) or not dated or not _differ(texts, groups) or table.is_numeric(name):
        return
    if all(_counts_rows([texts[row] for row in rows.tolist()]) for rows in groups):
        return
    unknown = f"{quote(dated[0])} and the rest are no times that can be read, so the order of the rows is not known"
    remedy = f"{_REMEDY}, or, if the oldest row comes first, {_STEPS}"
    raise DataError(f"{table.name}, column {quote(name)}: {unknown}; {remedy}")


def _check_numbers(table: Table, name: str, groups: list[np.ndarray]) -> None:
    texts = table.texts(name)
    if not _differ(texts, groups):
        return
    numbers = [np.array([parse_number(texts[row]) for row in rows.tolist()], np.float64) for rows in groups]
    with np.errstate(invalid="ignore"):  # of infinite ones, which are refused where they are read
        steps = np.concatenate([np.diff(values[~np.isnan(values)]) for values in numbers])
    ascends = bool((steps > 0).all())
    if np.nanmax(np.concatenate(numbers)) <= _CYCLE:  # of weeks or hours, which begin anew
        steps = steps[steps > 0] if np.mean(steps > 0) > 0.5 else steps
    if not len(steps) or (steps.min() > 0 and steps.max() <= _EVEN * steps.min()):
        return
    try:
        settle(list(dict.fromkeys(text for text in texts if not is_missing(text))))
        place, reason = f"{table.name}, column {quote(name)}", "it is called a time, but its numbers are none"
    except Unreadable as error:
        place, reason = table.place(texts.index(error.text), name), f"{quote(error.text)} {error.reason}"
    if "fraction of a second" not in reason:
        reason = f"{reason.partition(';')[0]}; {_REMEDY}"  # which tells more than that of a single text
    raise DataError(f"{place}: {reason}" + (f", or {_STEPS}" if ascends else ""))


def _ascends(table: Table, name: str, groups: list[np.ndarray]) -> bool:
    """Whether numbers count the rows of each series up, by one step."""
    texts = table.texts(name)
    if any(is_missing(text) for text in texts):
        return False
    steps = np.concatenate([np.diff([parse_number(texts[row]) or 0.0 for row in rows.tolist()]) for rows in groups])
    return bool(len(steps) and steps.min() > 0 and steps.max() <= _EVEN * steps.min())


def _differ(texts: list[str], groups: list[np.ndarray]) -> bool:
    """Whether each row of a series, but for a few, has a text of its own."""
    different = sum(len({texts[row] for row in rows.tolist() if not is_missing(texts[row])}) for rows in groups)
    return len(texts) > len(groups) and different >= max(_ALL_BUT_FEW * len(texts), len(groups) + 2)


def _counts_rows(texts: list[str]) -> bool:
    """Whether texts count rows from the first on: A001, A002 and so on."""
    found = [_COUNTED.fullmatch(text) for text in texts]
    counts = [(match[1], int(match[2]), match[3]) for match in found if match is not None]
    if len(counts) < len(texts) or len({(before, after) for before, _, after in counts}) > 1:
        return False
    numbers = [number for _, number, _ in counts]
    anew = max(numbers, default=0) <= _CYCLE  # W52 goes on with W1
    return all(b == a + 1 or (anew and b <= 1 < a and b == min(numbers)) for a, b in pairwise(numbers))


def _check_no_reversal(table: Table, name: str) -> None:
    if is_number(table, name):
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
