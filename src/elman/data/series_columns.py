"""Which column of a table is what to a forecaster: times, ids, targets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from elman.data.table import Table
from elman.data.text import quote
from elman.data.time_columns import find_time, holds_times, is_called_time
from elman.data.time_doubts import check_no_reversal, check_no_times
from elman.data.time_joins import with_joined_times
from elman.errors import DataError


class Roles(NamedTuple):
    """A table, and names of its columns; "" where there is none."""

    table: Table
    targets: list[str]
    time: str
    id: str


def name_columns(table: Table) -> Table:
    """The table with names for columns that were only counted: ``time`` and ``y``, of several ``y0``, ``y1`` …

    >>> list(name_columns(Table("bare.csv", {"0": ["2020-01-01"], "1": ["5"]}, unnamed=("0", "1"))).columns)
    ['time', 'y']
    """
    times = [name for name in table.unnamed if holds_times(table, name)]
    if not times and len(table.unnamed) > 1 and len(table.unnamed) == len(table.columns):
        times = [name for name in [find_time(table, set())] if name]
    numbers = [name for name in table.unnamed if name not in set(times)]
    names: dict[str, str] = {}
    for kind, members in (("time", times), ("y", numbers)):
        names |= {name: kind if len(members) == 1 else f"{kind}{i}" for i, name in enumerate(members)}
    columns = {names.get(name, name): column for name, column in table.columns.items()}
    if len(columns) < len(table.columns):
        twice = next(name for name in names.values() if name in table.columns)
        raise DataError(f"{table.name}: two columns are named {quote(twice)}; rename one")
    return replace(table, columns=columns, unnamed=())


def find_roles(
    table: Table, target: str | Sequence[str], time: str | None, id: str | None, others: Collection[str] = ()
) -> Roles:
    """The columns that were chosen, and of those that were not the ones that are meant, ``others`` being none of them.

    Times that stand in several columns (year and month, date and time of day) are joined to one, which the table of the
    result has.

    Raises:
        DataError: a chosen column is not there or has two roles, or several could be meant.
    """
    id = id if id is not None else "unique_id" if "unique_id" in table.columns else ""
    named = [target] if isinstance(target, str) else list(target)
    if time is None or (time and time not in table.columns):
        joined, name = with_joined_times(table, {id, *named, *others}, id, wanted=time)
        if time in (None, name):
            table, time = joined, name or None
    if time is None:
        time = find_time(table, {id, *named, *others}, target=bool(named))
        if not time:
            free = [name for name in table.columns if name not in {id, *named, *others}]
            check_no_reversal(table, free, target=bool(named))
            if named or len(free) > 1:  # else it is the target
                check_no_times(table, [name for name in free if name != "y"], id)
    for role, name in (("id", id), ("time", time)):
        if name:
            table.column(name)
        if name and name in named:
            raise DataError(f"{table.name}: column {quote(name)} cannot be both target and {role}; name another column")
    if id and id == time:
        raise DataError(f"{table.name}: column {quote(id)} cannot be both id and time; name another column")
    return Roles(table, _targets(table, named, {id, time, *others}), time, id)


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
        plain = [name for name in rest if table.is_numeric(name, plain=True)]
        rest = (
            [name for name in plain if not is_called_time(name)]
            or [name for name in rest if name not in plain and not is_called_time(name) and table.is_numeric(name)]
            or plain
            or rest
        )
    if len(rest) == 1:
        return rest
    if not rest:
        raise DataError(f"{table.name}: besides {table.listing()} there is no column of values; add one of numbers")
    raise DataError(f"{table.name}: several columns could be the target; choose with `target` from {table.listing()}")
