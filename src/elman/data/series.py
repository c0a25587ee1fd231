"""Series from tables, and every check that they have to pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.data.frequency import Frequency, detect
from elman.data.grouping import rows_by_id
from elman.data.read import read_table
from elman.data.series_columns import find_roles, name_columns
from elman.data.series_set import REGULAR, Series, SeriesSet, on_grid
from elman.data.table import Table
from elman.data.text import quote
from elman.data.times import read_times
from elman.errors import DataError

_UNWRITABLE = re.compile("[\ud800-\udfff]")  # in no file of UTF-8


def read_series(
    source: Any,
    *,
    target: str | Sequence[str] = (),
    time: str | None = None,
    id: str | None = None,
    frequency: Frequency | None = None,
    at_least: int = 2,
    what: str = "data",
) -> SeriesSet:
    """Reads one or many series from a file, a frame or arrays.

    Rows may be in any order if there are times: they are sorted. Steps that have no row become missing values (except
    for weekdays, where the rows are the steps), and missing values before the first observed value and after the last
    are taken off.

    Args:
        source: as for :func:`elman.data.read_table`. A column without a name is called ``time`` if it holds times, else
            ``y``; several are numbered: ``y0``, ``y1`` …
        target: the columns to forecast; by default ``y``, else the only column of numbers. Several give a series each,
            called by the column, or ``id/column``.
        time: the column of times; "" for none: the rows are steps. By default one called ds, date, timestamp or
            datetime (in any case) unless it holds mere numbers; one called time or month if it holds times; or the
            only one of a type for times.
        id: the column that says to which series a row belongs; by default ``unique_id`` if there is one; "" for none.
        frequency: the step, if it is known already: for a later file of the same series.
        at_least: how many observed values a series must have.
        what: what messages call a source that is not a file.

    Raises:
        DataError: anything about the data is missing, broken, ambiguous or irregular; the message names the file, the
            line or column, and the remedy.
        MissingDependencyError: a Parquet file, and neither polars nor pyarrow to read it.

    >>> [(series.id, series.values.tolist()) for series in read_series({"a": [1, 2], "b": [3, None]}, target="a")]
    [('a', [1.0, 2.0])]
    """
    table = name_columns(read_table(source, what=what))
    targets, time, id = find_roles(table, target, time, id)

    columns = {name: table.values(name) for name in targets}
    times, style = read_times(table, time) if time else (None, "")
    groups = rows_by_id(table, id)
    if times is not None:
        groups = {key: rows[np.argsort(times[rows], kind="stable")] for key, rows in groups.items()}
        _check_distinct(table, time, times, groups)
        if frequency is None:
            frequency = detect([times[rows] for rows in groups.values()])
            if frequency is None and any(len(rows) > 1 for rows in groups.values()):
                raise DataError(f"{table.name}, column {quote(time)}: the times are not at a regular step; {REGULAR}")

    found: list[Series] = []
    for name, values in columns.items():
        for key, rows in groups.items():
            label = name if not id else key if len(targets) == 1 else f"{key}/{name}"
            one = Series(label, values[rows])
            if times is not None:
                one = _regular(table, time, label, rows, times[rows], values[rows], frequency)
            found.append(_trim(table, name, rows, one, at_least))
    ids: set[str] = set()
    for series in found:
        if series.id in ids:
            raise DataError(f"{table.name}: two series are both called {quote(series.id)}; rename an id or a column")
        ids.add(series.id)
        if not series.id.isascii() and _UNWRITABLE.search(series.id):
            raise DataError(f"{table.name}: the name {quote(series.id)} holds half a character; rename the series")
    return SeriesSet(tuple(found), frequency if times is not None else None, table.name, style)


def _check_distinct(table: Table, time: str, times: np.ndarray, groups: dict[str, np.ndarray]) -> None:
    for key, rows in groups.items():
        again = np.flatnonzero(np.diff(times[rows]) == np.timedelta64(0))
        if len(again):
            text = quote(table.texts(time)[rows[again[0] + 1]])
            of = f" of series {quote(key)}" if key else ""
            raise DataError(
                f"{table.place(rows[again[0] + 1], time)}: {text}{of} is there twice (before: "
                f"{table.place(rows[again[0]]).removeprefix(table.name + ', ')}); delete one of the rows"
                + ("" if key else ", or name the column that tells the series apart (`id`)")
            )


def _regular(
    table: Table,
    time: str,
    label: str,
    rows: np.ndarray,
    times: np.ndarray,
    values: np.ndarray,
    frequency: Frequency | None,
) -> Series:
    if frequency is None:
        return Series(label, values, times)
    positions = frequency.positions(times)
    if (positions < 0).any():
        row = rows[positions < 0][0]
        raise DataError(
            f"{table.place(row, time)}: {quote(table.texts(time)[row])} is not on the steps of the other times, "
            f"which are {frequency.name}; {REGULAR}"
        )
    return on_grid(label, times, values, positions, frequency, table.name)


def _trim(table: Table, column: str, rows: np.ndarray, series: Series, at_least: int) -> Series:
    observed = np.flatnonzero(~np.isnan(series.values))
    place = f"{table.name}, column {quote(column)}"
    if series.id != column:
        place += f", series {quote(series.id)}"
    if not len(observed):
        raise DataError(f"{place}: all {len(rows)} values are missing; give a column with values")
    if len(observed) < at_least:
        raise DataError(f"{place}: only {len(observed)} observed value(s), {at_least} are needed; give more rows")
    first, end = int(observed[0]), int(observed[-1]) + 1
    times = None if series.times is None else series.times[first:end]
    return Series(series.id, series.values[first:end], times, (first, len(series) - end))
