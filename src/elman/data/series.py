"""Series from tables, and every check that they have to pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from elman.data.covariates import NO_NAMES, CovariateNames, check_names, covariates_of, positions_of, static_of
from elman.data.frequency import Frequency
from elman.data.grouping import rows_by_id
from elman.data.notes import counted
from elman.data.options import SeriesOptions
from elman.data.read import read_table
from elman.data.repeated import one_row_a_time
from elman.data.series_columns import find_roles, name_columns
from elman.data.series_frequency import common_frequency
from elman.data.series_set import REGULAR, LeftOut, ReadAs, Series, SeriesSet, on_grid
from elman.data.table import Table
from elman.data.text import quote
from elman.data.times import Times, read_times
from elman.errors import DataError

_UNWRITABLE = re.compile("[\ud800-\udfff]")  # in no file of UTF-8


class _Unusable(DataError):
    """One series that cannot be used: left out if there are others."""

    def __init__(self, message: str, left_out: LeftOut) -> None:
        super().__init__(message)
        self.left_out = left_out


def read_series(
    source: Any,
    *,
    target: str | Sequence[str] = (),
    time: str | None = None,
    id: str | None = None,
    covariates: CovariateNames = NO_NAMES,
    frequency: Frequency | None = None,
    at_least: int = 2,
    what: str = "data",
    options: SeriesOptions | None = None,
) -> SeriesSet:
    """Reads one or many series from a file, a frame or arrays.

    Rows may be in any order if there are times: they are sorted. Steps that have no row become missing values (except
    where the rows are the steps: on weekdays, in opening hours), and missing values before the first observed value and
    after the last are taken off. A series that cannot be used is left out, if there are others.

    Args:
        source: as for :func:`elman.data.read_table`. A column without a name is called ``time`` if it holds times, else
            ``y``; several are numbered: ``y0``, ``y1`` …
        target: the columns to forecast; by default ``y``, else the only column of numbers. Several give a series each,
            called by the column, or ``id/column``.
        time: the column of times; "" for none: the rows are steps. By default the one that holds times, whatever it is
            called (:mod:`elman.data.time_columns`); one called ds, date, timestamp or datetime goes before others.
            Years with months, quarters or weeks in columns of their own, and dates that repeat with times of day, are
            joined.
        id: the column that says to which series a row belongs; by default ``unique_id`` if there is one; "" for none.
        covariates: the columns that go with the targets. Rows behind the last target of a series give ``future`` ones
            of the steps after it.
        frequency: the step, if it is known already: for a later file of the same series.
        at_least: how many observed values a series must have.
        what: what messages call a source that is not a file.
        options: how it is to be read, where its columns do not settle that.

    Raises:
        DataError: anything about the data is missing, broken, ambiguous or irregular; the message names the file, the
            line or column, and the remedy.
        MissingDependencyError: a Parquet file or a workbook, and nothing installed to read it.

    >>> [(series.id, series.values.tolist()) for series in read_series({"a": [1, 2], "b": [3, None]}, target="a")]
    [('a', [1.0, 2.0])]
    """
    options = options or SeriesOptions()
    table = name_columns(read_table(source, what=what, options=options))
    table, targets, time, id = find_roles(table, target, time, id, covariates.all)
    check_names(table, covariates, {**dict.fromkeys(targets, "target"), time: "time", id: "id"})

    columns = {name: table.values(name) for name in (*targets, *covariates.numbers)}
    times = None
    if time:
        times = read_times(table, time, time_format=options.time_format, day_first=options.day_first)
    groups = rows_by_id(table, id)
    if times is not None:
        groups = {key: rows[np.argsort(times.values[rows], kind="stable")] for key, rows in groups.items()}
        groups, columns = one_row_a_time(table, time, times.values, groups, columns, options.repeated)
        if frequency is None:
            frequency = common_frequency(table, time, times.values, groups)

    static = static_of(table, covariates.static, groups)
    found: list[Series] = []
    unusable: list[_Unusable] = []
    for name in targets:
        values = columns[name]
        for key, rows in groups.items():
            label = name if not id else key if len(targets) == 1 else f"{key}/{name}"
            try:
                series = _series(table, name, time, label, rows, times, values, frequency, at_least)
            except _Unusable as error:
                unusable.append(error)
                continue
            if covariates.all:
                steps = positions_of(rows, None if times is None else times.values, frequency)
                begin, end = series.trimmed[0], series.trimmed[0] + len(series)
                own = covariates_of(covariates, columns, static[key], key, rows, steps, begin, end)
                series = replace(series, covariates=own)
            found.append(series)
    if not found:
        raise DataError(str(unusable[0]))
    _check_ids(table, [*(series.id for series in found), *(error.left_out.id for error in unusable)])
    left_out = tuple(error.left_out for error in unusable)
    for one in left_out:
        if options.strict:
            table.notes.repaired(f"series {quote(one.id)} {one.reason}")
    if options.strict:
        table.notes.refuse(table.name)
    style, order = ("", None) if times is None else (times.style, times.day_first)
    read_as = ReadAs(tuple(targets), time, len(table), tuple(table.notes), order, covariates, id)
    return SeriesSet(tuple(found), frequency if times is not None else None, table.name, style, left_out, read_as)


def _check_ids(table: Table, ids: Sequence[str]) -> None:
    known: set[str] = set()
    for id in ids:
        if id in known:
            raise DataError(f"{table.name}: two series are both called {quote(id)}; rename an id or a column")
        known.add(id)
        if not id.isascii() and _UNWRITABLE.search(id):
            raise DataError(f"{table.name}: the name {quote(id)} holds half a character; rename the series")


def _series(
    table: Table,
    column: str,
    time: str,
    label: str,
    rows: np.ndarray,
    times: Times | None,
    values: np.ndarray,
    frequency: Frequency | None,
    at_least: int,
) -> Series:
    observed = int((~np.isnan(values[rows])).sum())
    place = f"{table.name}, column {quote(column)}"
    if label != column:
        place += f", series {quote(label)}"
    if not observed:
        message = f"{place}: all {len(rows)} values are missing; give a column with values"
        raise _Unusable(message, LeftOut(label, "has no values"))
    if observed < at_least:
        message = f"{place}: only {observed} observed value(s), {at_least} are needed; give more rows"
        raise _Unusable(message, LeftOut(label, f"has {counted(observed, 'value')}, {at_least} are needed"))
    if times is None:
        return _trim(Series(label, values[rows]))
    return _trim(_regular(table, time, label, rows, times.values[rows], values[rows], frequency))


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
    for row in rows[positions < 0][:1]:
        off = f"{quote(table.texts(time)[row])} is not on the steps of the other times, which are {frequency.name}"
        message = f"{table.place(row, time)}: {off}; {REGULAR}"
        raise _Unusable(message, LeftOut(label, f"has times between the steps ({table.row_name(row)}: {off})"))
    try:
        return on_grid(label, times, values, positions, frequency, table.name)
    except DataError as error:
        rows_are_steps = frequency.rows_are_steps
        steps = frequency.went_by(times[0], times[-1]) if rows_are_steps else int(positions[-1]) + 1
        reason = f"has {counted(len(times), 'row')} on {steps:,} {frequency.name} steps"
        raise _Unusable(str(error), LeftOut(label, reason)) from None


def _trim(series: Series) -> Series:
    observed = np.flatnonzero(~np.isnan(series.values))
    first, end = int(observed[0]), int(observed[-1]) + 1
    times = None if series.times is None else series.times[first:end]
    return Series(series.id, series.values[first:end], times, (first, len(series) - end))
