"""Rows of the columns that are known beforehand, for the steps after the end of each series."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from elman.data.covariates import known_to
from elman.data.grouping import rows_by_id
from elman.data.options import SeriesOptions
from elman.data.read import read_table
from elman.data.repeated import one_row_a_time
from elman.data.series_columns import find_roles, name_columns
from elman.data.series_set import REGULAR, Series, SeriesSet
from elman.data.table import Table
from elman.data.text import quote
from elman.data.times import Times, read_times
from elman.errors import DataError

_FURTHEST = 1_000_000  # steps ahead: no forecast goes beyond


def with_future(
    data: SeriesSet,
    source: Any,
    *,
    time: str | None = None,
    id: str | None = None,
    options: SeriesOptions | None = None,
) -> SeriesSet:
    """``data`` with what ``source`` holds of its future columns in the steps after each series' end.

    Rows of steps inside a series are left alone, so that a file of all steps will do. Without times, the rows are the
    steps that follow.

    Args:
        source: as for :func:`elman.data.read_table`.
        time, id: its columns, if they are not called as in ``data``.

    Raises:
        DataError: a column is missing or no numbers, a series has no row after its end, a time is there twice
            with other numbers, or between the steps; the message names the place and the remedy.
    """
    names, how, options = data.read_as.covariates.future, data.read_as, options or SeriesOptions()
    if not names:
        raise DataError(f"{data.source}: no column is named as `future`, so `future_data` say nothing; leave them out")
    table = name_columns(read_table(source, what="future data", options=options))
    for name in names:
        table.column(name)
    roles = find_roles(table, names, how.time if time is None else time, how.id if id is None else id)
    table = roles.table
    groups, times = rows_by_id(table, roles.id), None
    columns = {name: table.values(name) for name in names}
    if roles.time:
        order = how.day_first if options.day_first is None else options.day_first
        times = read_times(table, roles.time, time_format=options.time_format, day_first=order)
        groups = {key: rows[np.argsort(times.values[rows], kind="stable")] for key, rows in groups.items()}
        groups, columns = one_row_a_time(table, roles.time, times.values, groups, columns, options.repeated)
    if bool(roles.time) != any(series.times is not None for series in data):
        which = "has times, the series have none" if roles.time else "has no times, as the series have"
        raise DataError(f"{table.name}: it {which}; give both in the same form")
    if options.strict:
        table.notes.refuse(table.name)
    numbers = np.column_stack([columns[name] for name in names])
    found = [_extended(data, series, table, roles.time, times, numbers, groups) for series in data]
    said = (*how.notes, *(f"{table.name}: {line}" for line in table.notes))
    return replace(data, series=tuple(found), read_as=replace(how, notes=said))


def _extended(
    data: SeriesSet,
    series: Series,
    table: Table,
    time: str,
    times: Times | None,
    numbers: np.ndarray,
    groups: dict[str, np.ndarray],
) -> Series:
    own = series.covariates
    assert own is not None, "the set has columns of the future"
    rows = groups.get(own.group, np.array([], int))
    if times is None or series.times is None:
        after = np.arange(1, len(rows) + 1)
    else:
        rows = rows[times.values[rows] > series.times[-1]]
        if data.frequency is None:
            raise DataError(f"{data.source}: one time does not tell the length of a step; give more rows")
        after = data.frequency.positions(np.append(series.times[-1:], times.values[rows]))[1:]
        for row in rows[after < 0][:1]:
            off = f"{quote(table.texts(time)[row])} is not on the steps of the series, which are {data.frequency.name}"
            raise DataError(f"{table.place(int(row), time)}: {off}; {REGULAR}")
    if not len(rows):
        end = f" after {data.labels(series)[-1]}, where it ends" if series.times is not None else ""
        raise DataError(f"{table.name}: there is no row of series {quote(series.id)}{end}; give rows of what follows")
    rows, after = rows[after <= _FURTHEST], after[after <= _FURTHEST]
    size = max(len(own.future), len(series) + int(after[-1] if len(after) else 0))
    future = np.full((size, numbers.shape[1]), np.nan)
    future[: len(own.future)] = own.future
    future[len(series) - 1 + after] = numbers[rows]
    return replace(series, covariates=replace(own, future=known_to(future, len(series))))
