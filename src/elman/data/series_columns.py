"""Which column of a table is what to a forecaster: times, ids, targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from elman.data.table import Column, Table
from elman.data.text import is_missing, parse_number, quote
from elman.data.times import is_ambiguous, parse_time
from elman.errors import DataError

_TIME_NAMES = frozenset({"ds", "date", "timestamp", "datetime"})
_PERHAPS_TIME_NAMES = frozenset({"time", "month", "index", "unnamed: 0"})  # January, noon and 17 are no times


class Roles(NamedTuple):
    """Names of columns; "" where there is none."""

    targets: list[str]
    time: str
    id: str


def name_columns(table: Table) -> Table:
    """The table with names for columns that were only counted: ``time`` and ``y``, of several ``y0``, ``y1`` …

    >>> list(name_columns(Table("bare.csv", {"0": ["2020-01-01"], "1": ["5"]}, unnamed=("0", "1"))).columns)
    ['time', 'y']
    """
    times = [name for name in table.unnamed if _begins_with_a_time(table.columns[name])]
    numbers = [name for name in table.unnamed if name not in set(times)]
    names: dict[str, str] = {}
    for kind, members in (("time", times), ("y", numbers)):
        names |= {name: kind if len(members) == 1 else f"{kind}{i}" for i, name in enumerate(members)}
    columns = {names.get(name, name): column for name, column in table.columns.items()}
    if len(columns) < len(table.columns):
        twice = next(name for name in names.values() if name in table.columns)
        raise DataError(f"{table.name}: two columns are named {quote(twice)}; rename one")
    return replace(table, columns=columns, unnamed=())


def _begins_with_a_time(column: Column) -> bool:
    if isinstance(column, np.ndarray):
        return False
    return parse_number(column[0]) is None and parse_time(column[0].strip()) is not None


def find_roles(table: Table, target: str | Sequence[str], time: str | None, id: str | None) -> Roles:
    """The columns that were chosen, and of those that were not the ones that are meant.

    Raises:
        DataError: a chosen column is not there or has two roles, or several could be meant.
    """
    id = id if id is not None else "unique_id" if "unique_id" in table.columns else ""
    named = [target] if isinstance(target, str) else list(target)
    time = time if time is not None else find_time(table, {id, *named})
    for role, name in (("id", id), ("time", time)):
        if name:
            table.column(name)
        if name and name in named:
            raise DataError(f"{table.name}: column {quote(name)} cannot be both target and {role}; name another column")
    if id and id == time:
        raise DataError(f"{table.name}: column {quote(id)} cannot be both id and time; name another column")
    return Roles(_targets(table, named, {id, time}), time, id)


def find_time(table: Table, taken: set[str]) -> str:
    """The column that is meant for times, "" if none is."""
    kinds = {name: column.dtype.kind for name, column in table.columns.items() if isinstance(column, np.ndarray)}
    typed = [name for name, kind in kinds.items() if kind == "M" and name not in taken]
    named = [name for name in table.columns if _is_called_time(name) and name not in taken]
    if chosen := [name for name in named if name in typed] or typed:
        if len(chosen) > 1:
            raise DataError(
                f"{table.name}: columns {quote(chosen[0])} and {quote(chosen[1])} hold times; choose with `time`"
            )
        return chosen[0]
    for name in named:
        texts = [text for text in table.texts(name) if not is_missing(text)]
        if all(parse_number(text) is not None for text in texts):
            if texts and all(map(parse_time, texts)):
                return name  # years, or days as 20200131; other numbers only count
        elif name.strip().lower() in _TIME_NAMES or parse_time(texts[0]) or is_ambiguous(texts[0]):
            return name  # if some are broken, that is to be said, not passed over
    return ""


def _is_called_time(name: str) -> bool:
    return name.strip().lower() in _TIME_NAMES | _PERHAPS_TIME_NAMES


def _targets(table: Table, named: list[str], taken: set[str]) -> list[str]:
    checked: set[str] = set()
    for name in named:
        table.column(name)
        if name in checked:
            raise DataError(f"{table.name}: column {quote(name)} is named twice as a target; name it once")
        checked.add(name)
    if named:
        return named
    if "y" in table.columns and "y" not in taken:
        return ["y"]
    rest = [name for name in table.columns if name not in taken]
    if len(rest) > 1:
        rest = [name for name in rest if not _is_called_time(name) and table.is_numeric(name)] or rest
    if len(rest) == 1:
        return rest
    if not rest:
        raise DataError(f"{table.name}: besides {table.listing()} there is no column of values; add one of numbers")
    raise DataError(f"{table.name}: several columns could be the target; choose with `target` from {table.listing()}")
