"""Which series can be trained on: few short ones neither shrink everyone's window nor stop the run."""

from __future__ import annotations

import numpy as np

from elman.data import SeriesSet, fill
from elman.data.notes import counted
from elman.data.series_set import LeftOut
from elman.learning import Columns, Predictor
from elman.tasks.forecast.baselines import seasonal_naive
from elman.tasks.forecast.intervals import bound_names
from elman.tasks.forecast.limits import without_outliers
from elman.tasks.forecast.plan import Plan
from elman.tasks.forecast.selection import default_horizon, default_window
from elman.tasks.forecast.settings import ForecastSettings
from elman.tasks.forecast.span import held_back_of

Array = np.ndarray


def usable(data: SeriesSet, settings: ForecastSettings, plan: Plan | None = None) -> SeriesSet:
    """The series that are long enough to learn from, the others named in ``left_out``.

    What precedes a series' test must hold a window. Of the windows that the series allow, the middle one counts: half
    of them or more are kept, and the window is not shortened for the rest. If one series is all there is, or none would
    be left, nothing is left out: what is wrong is then said by whoever needs more.

    Args:
        plan: of the model that training goes on from, whose window is fixed.
    """
    if len(data) == 1:
        return data
    calendar = data.frequency.season if data.frequency is not None else 1
    season = settings.season[0] if settings.season else calendar
    horizon = settings.horizon or default_horizon(season)
    known = {}
    for series in data:
        known[series.id] = len(series) - held_back_of(settings, horizon, len(series))
    if plan is not None:
        window = plan.encoding.window
    else:
        usual = int(np.median(list(known.values())))
        window = settings.window or max(2, min(default_window(season, horizon), usual))
    short = [series for series in data if known[series.id] < window]
    if not short or len(short) == len(data):
        return data
    instead = f"too few to fill a window of {window} before a test: not learned from, and forecast as a season ago"
    left_out = [LeftOut(series.id, f"has {counted(len(series), 'step')}", instead) for series in short]
    return data.only({series.id for series in data} - {series.id for series in short}, left_out)


def with_short(predictor: Predictor, plan: Plan, data: SeriesSet, short: SeriesSet | None = None) -> Columns:
    """The model's forecasts for ``data``, and for series shorter than its window those of the seasonal naive.

    Args:
        short: further series that the model was not given.
    """
    window = plan.encoding.window
    long = {series.id for series in data if len(series) >= window}
    found: Columns = {name: [] for name in ("unique_id", "ds", "step", "forecast", *bound_names(plan.intervals))}
    if long:
        found = predictor.predict(data if len(long) == len(data) else data.only(long))
    others = [(data, series) for series in data if series.id not in long]
    others += [(short, series) for series in short] if short is not None else []
    for owner, series in others:
        values = fill(series.values, plan.encoding.season)
        own: Columns = {
            "unique_id": [series.id] * plan.horizon,
            "ds": owner.following(series, plan.horizon),
            "step": list(range(1, plan.horizon + 1)),
            "forecast": _seasonal(values, plan).tolist(),
        }
        for name, column in found.items():
            column.extend(own.get(name, [float("nan")] * plan.horizon))
    return found


def short_remarks(plan: Plan, data: SeriesSet) -> list[str]:
    """What to say of series shorter than the model's window."""
    short = [series.id for series in data if len(series) < plan.encoding.window]
    if not short:
        return []
    named = ", ".join(short[:10]) + (" …" if len(short) > 10 else "")
    return [f"shorter than the window of {plan.encoding.window}, forecast as a season ago: {named}"]


def outlier_lines(plan: Plan, data: SeriesSet) -> list[str]:
    """A line on the values that are read as missing because they lie far outside the others."""
    found = []
    for series in data:
        limits = plan.limits.get(series.id)
        if limits is not None:
            left = without_outliers(series.values, limits)
            places = np.flatnonzero(np.isnan(left) & ~np.isnan(series.values)).tolist()
            labels = data.labels(series) if places else []
            found += [
                f"{series.values[k]:g} at {labels[k]}" + (f" of {series.id}" if len(data) > 1 else "") for k in places
            ]
    if not found:
        return []
    shown = ", ".join(found[:5]) + (" …" if len(found) > 5 else "")
    return [f"far outside the rest, read as missing: {counted(len(found), 'value')}: {shown}"]


def _seasonal(values: Array, plan: Plan) -> Array:
    """The seasonal naive's forecast, the last value's where there is no whole season."""
    season = plan.encoding.season if len(values) >= plan.encoding.season else 1
    forecast: Array = seasonal_naive(values, len(values) - 1, plan.horizon, season)
    return forecast
