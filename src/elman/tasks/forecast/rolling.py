"""Forecasts of the model and the baselines from cutoffs that roll over a span."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from elman.data import Series, SeriesSet, fill
from elman.learning import Columns
from elman.tasks.forecast.baselines import LABELS, Autoregression, naive, seasonal_naive
from elman.tasks.forecast.combination import Backtest
from elman.tasks.forecast.forecasts import Forecasts
from elman.tasks.forecast.intervals import bound_names
from elman.tasks.forecast.naive_intervals import naive_bounds
from elman.tasks.forecast.plan import History, Plan
from elman.tasks.forecast.scores import Rolling, in_sample_naive_error
from elman.tasks.forecast.span import Span

Array = np.ndarray
WORST = 12
MOST_WINDOWS = 48  # of a series' backtest
ENOUGH = 500  # windows of all series together
Forecast = Callable[[Sequence[History], Sequence[Sequence[int]]], list[Forecasts]]
"""Histories, and the cutoffs to forecast from in each → forecasts of each."""


def roll(span: Span, plan: Plan, forecast: Forecast) -> list[Rolling]:
    """For each series, forecasts from cutoffs one stride apart, each from what was known at it."""
    data, season, window = span.data, plan.encoding.season, plan.encoding.window
    # the baselines read the series as they are: gaps filled in, outliers left where they stand
    known = [_filled(series, season, end) for series, end in zip(data, span.starts, strict=True)]
    linear = Autoregression(known, window, plan.horizon)
    cutoffs = span.cutoffs(plan.horizon)
    # gaps and outliers are found causally: nothing after a step is in it
    histories = [plan.history(series, before=start) for series, start in zip(data, span.starts, strict=True)]
    found = forecast(histories, cutoffs)
    return [
        _rolling(series, start, own, plan, forecasts, linear)
        for series, start, own, forecasts in zip(data, span.starts, cutoffs, found, strict=True)
    ]


def _filled(series: Series, season: int, end: int | None = None) -> History:
    values = series.values[:end]
    return History(series.id, fill(values, season), ~np.isnan(values))


def _rolling(
    series: Series, start: int, cutoffs: Sequence[int], plan: Plan, found: Forecasts, linear: Autoregression
) -> Rolling:
    season, horizon = plan.encoding.season, plan.horizon
    values = _filled(series, season).values
    simple = {
        "naive": [naive(values, c, horizon) for c in cutoffs],
        "seasonal_naive": [seasonal_naive(values, c, horizon, season) for c in cutoffs],
        "linear": [linear.forecast(series.id, values, c) for c in cutoffs],
    }
    made = {name: np.stack(rows) for name, rows in simple.items()}
    intervals = {}
    if found.bounds:
        alone = {name: made[name] for name in ("naive", "seasonal_naive")}
        intervals = naive_bounds(alone, values[:start], series.values[:start], season, found.bounds)
    return Rolling(
        series.id,
        np.array(cutoffs),
        following(series.values, cutoffs, horizon),
        {"model": found.values, **made},
        in_sample_naive_error(series.values[:start], season),
        found.members,
        found.bounds,
        intervals,
    )


def following(values: Array, cutoffs: Sequence[int], horizon: int) -> Array:
    """The ``horizon`` values after each cutoff: (N, H), NaN where missing or after the end.

    >>> following(np.array([1.0, 2.0, 3.0]), [0, 1], 2).tolist()
    [[2.0, 3.0], [3.0, nan]]
    """
    padded = np.concatenate([values, np.full(horizon, math.nan)])
    return padded[np.asarray(cutoffs)[:, None] + 1 + np.arange(horizon)]


def backtest(
    data: SeriesSet, ends: Sequence[int | None], borders: Sequence[int], plan: Plan, forecast: Forecast
) -> dict[str, Backtest]:
    """Forecasts of each series inside its validation part, from ``borders`` to ``ends``, none of whose steps was
    fitted."""
    histories, cutoffs, season = [], [], plan.encoding.season
    several = season > 1 and sum(max(len(s) - b, 0) // season for s, b in zip(data, borders, strict=True)) >= ENOUGH
    for series, end, border in zip(data, ends, borders, strict=True):
        history = plan.history(series, end)
        last = len(history.values) - 1 - plan.horizon
        # where there are enough of them, windows that begin at the same place in the season as the next forecast will
        apart = season if several else max(1, math.ceil((last - border + 2) / MOST_WINDOWS))
        histories.append(history)
        # from the end backwards: what is left over is the earliest
        cutoffs.append(list(range(last, max(border - 1, 1) - 1, -apart))[::-1])
    wanted = [k for k, own in enumerate(cutoffs) if own]
    found = forecast([histories[k] for k in wanted], [cutoffs[k] for k in wanted])
    tests = {}
    for k, forecasts in zip(wanted, found, strict=True):
        history, own = histories[k], cutoffs[k]
        actual = following(np.where(history.observed, history.values, math.nan), own, plan.horizon)
        span = own[-1] - own[0] + plan.horizon
        # distances are in the data's units already
        unit = 1.0 if forecasts.apart else plan.unit(plan.scalers[history.id], history)
        tests[history.id] = Backtest(forecasts.members, actual, span / plan.horizon, unit, forecasts.apart)
    return tests


def prediction_rows(data: SeriesSet, rollings: Sequence[Rolling]) -> Columns:
    """``predictions.csv``: a row for each step of each forecast inside the series; ``y`` is NaN where unknown."""
    ends = bound_names(rollings[0].bounds)
    rows: Columns = {name: [] for name in ("unique_id", "cutoff", "ds", "step", "y", "forecast", *ends)}
    for series, rolling in zip(data, rollings, strict=True):
        labels = data.labels(series)
        for k, (cutoff, actual, forecast) in enumerate(
            zip(rolling.cutoffs.tolist(), rolling.actual, rolling.forecasts["model"], strict=True)
        ):
            steps = range(min(len(forecast), len(series) - 1 - cutoff))
            for level, bounds in rolling.bounds.items():
                for end, values in zip(("lo", "hi"), bounds, strict=True):
                    rows[f"{end}-{level}"] += [float(values[k, step]) for step in steps]
            rows["unique_id"] += [series.id for _ in steps]
            rows["cutoff"] += [labels[cutoff] for _ in steps]
            rows["ds"] += [labels[cutoff + 1 + step] for step in steps]
            rows["step"] += [step + 1 for step in steps]
            rows["y"] += [float(actual[step]) for step in steps]
            rows["forecast"] += [float(forecast[step]) for step in steps]
    return rows


def worst_windows(data: SeriesSet, rollings: Sequence[Rolling]) -> Columns:
    """The forecasts furthest off by their mean absolute error, beside the strongest baseline's of the same window; over
    several series in units of each one's naive error, where it is known."""
    names = list(rollings[0].forecasts)
    rows = []
    for series, rolling in zip(data, rollings, strict=True):
        with np.errstate(invalid="ignore"):
            known = ~np.isnan(rolling.actual)
            counts = np.maximum(known.sum(axis=1), 1)
            means = {
                name: np.where(known, np.abs(rolling.actual - rolling.forecasts[name]), 0).sum(axis=1) / counts
                for name in names
            }
        unit = rolling.naive_error if len(data) > 1 and rolling.naive_error == rolling.naive_error else 1.0
        labels = data.labels(series)
        for k in np.flatnonzero(known.any(axis=1)).tolist():
            own, cutoff = float(means["model"][k]), labels[int(rolling.cutoffs[k])]
            best = min((name for name in names if name != "model"), key=lambda name: float(means[name][k]))
            rows.append((own / unit, (series.id, cutoff, own, float(means[best][k]), LABELS[best])))
    rows.sort(key=lambda row: -row[0])
    titles = ("unique_id", "cutoff", "mae", "best baseline's mae", "which")
    return {title: [row[k] for _, row in rows[:WORST]] for k, title in enumerate(titles)}
