"""The choices before training, with the columns beside the values: which features of the calendar help among them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from elman.data import Frequency, SeriesSet
from elman.errors import DataError, SettingsError
from elman.tasks.forecast.calendar import AUTO, CALENDAR, SHARES
from elman.tasks.forecast.covariates import Columns, columns_of
from elman.tasks.forecast.limits import fit_limits
from elman.tasks.forecast.plan import history_of
from elman.tasks.forecast.selection import CLEARLY, Choice, make_plan
from elman.tasks.forecast.settings import ForecastSettings

_LEAST_YEARS = 2  # of which the places in the year are learned
_DAY, _YEAR = 86_400, 366 * 86_400


def named_columns(data: SeriesSet, settings: ForecastSettings) -> Columns:
    """The columns that ``data`` were read with, and the calendar that is asked for.

    Raises:
        DataError: no times for a calendar, a feature of it that never differs, or past columns that the strategy
            cannot use.
        SettingsError: a calendar that is to be chosen and is given.
    """
    asked = settings.calendar
    if len(set(asked)) < len(asked) or (AUTO in asked and len(asked) > 1):
        raise SettingsError(f"calendar is {', '.join(asked)}; give {AUTO}, or each feature once")
    columns = columns_of(data.read_as.covariates, () if AUTO in asked else asked)
    columns.check(data)
    for name in columns.calendar:
        places = [SHARES[name](series.times) for series in data if series.times is not None]
        if not np.ptp(np.concatenate(places)):
            raise DataError(
                f"{data.source}: {name} is the same at every step and tells nothing; leave it out of `calendar`"
            )
    if columns.past and settings.strategy == "recursive":
        raise DataError(
            f"{data.source}: the column {columns.past[0]!r} is not known after the last value, and `strategy` "
            "recursive reads the steps that it forecasts; use `strategy` direct, or name it as `future`"
        )
    return columns


def choose(
    data: SeriesSet, ends: Sequence[int | None], seasons: Sequence[int], settings: ForecastSettings, columns: Columns
) -> Choice:
    """The plan, decided on each series up to its end.

    Of a calendar that is to be chosen (``auto``), a feature is taken if the regression that the other choices are
    judged by does clearly better with it, and all of these if it does so with them together.

    Raises:
        DataError: too little data.
    """
    limits = [fit_limits(series.values[:end]) for series, end in zip(data, ends, strict=True)]

    def with_calendar(names: Sequence[str]) -> Choice:
        own = dataclasses.replace(columns, calendar=tuple(names)).fit(data, ends)
        known = [
            history_of(series, seasons[0], end, limit)._replace(features=own.features(series, data.frequency, end))
            for series, end, limit in zip(data, ends, limits, strict=True)
        ]
        return make_plan(known, seasons, settings, own)

    if AUTO not in settings.calendar:
        return with_calendar(columns.calendar)
    none = with_calendar(())
    found = [with_calendar([name]) for name in _possible(data, ends)]
    better = sorted((one for one in found if one.error < CLEARLY * none.error), key=lambda one: one.error)
    if len(better) > 1:
        names = {name for one in better for name in one.plan.columns.calendar}
        together = with_calendar([name for name in CALENDAR if name in names])
        if together.error < CLEARLY * better[0].error:
            return together
    return better[0] if better else none


def _possible(data: SeriesSet, ends: Sequence[int | None]) -> list[str]:
    """The features that differ between the steps of ``data`` and come again in what is known of them."""
    frequency = data.frequency
    if frequency is None:
        return []
    step = _seconds(frequency)
    times = [series.times[:end] for series, end in zip(data, ends, strict=True) if series.times is not None]
    years = max((float((t[-1] - t[0]).astype(int)) / _YEAR for t in times), default=0.0)
    possible = {
        "time-of-day": step < _DAY,
        "day-of-week": step <= _DAY,
        "day-of-month": step <= _DAY,
        "day-of-year": step < _YEAR / 2 and years >= _LEAST_YEARS,
    }
    return [name for name in CALENDAR if possible[name]]


def _seconds(frequency: Frequency) -> float:
    """About how long a step is."""
    if frequency.unit == "month":
        return frequency.step * _YEAR / 12
    if frequency.unit == "slot":
        return 7 * _DAY / max(len(frequency.slots), 1)
    return _DAY if frequency.unit == "weekday" else frequency.step
