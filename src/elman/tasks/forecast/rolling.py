"""Forecasts of the model and the baselines from cutoffs that roll over a span."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from elman.data import Series, SeriesSet
from elman.learning import Columns
from elman.tasks.forecast.baselines import LABELS, Autoregression, naive, seasonal_naive
from elman.tasks.forecast.encoding import Scaler, check_known
from elman.tasks.forecast.plan import History, Plan, history_of
from elman.tasks.forecast.scores import Rolling, in_sample_naive_error
from elman.tasks.forecast.span import Span

Array = np.ndarray
WORST = 12
ForecastWindows = Callable[[Array, Scaler], Array]
"""(N, W) windows and their series' scaler → (N, H) forecasts."""


def roll(span: Span, plan: Plan, forecast: ForecastWindows) -> list[Rolling]:
    """For each series, forecasts from cutoffs one stride apart, each from what was known at it.

    Raises:
        DataError: there is less than a window before a span.
    """
    data, season, window = span.data, plan.encoding.season, plan.encoding.window
    known = [history_of(series, season, end) for series, end in zip(data, span.starts, strict=True)]
    for history in known:
        check_known(history.values, window, f"{data.source}: before its test, series {history.id!r}")
    linear = Autoregression(known, window, plan.horizon)
    stride = span.stride or plan.horizon
    return [
        _roll(series, before, start, stride, plan, forecast, linear)
        for series, before, start in zip(data, known, span.starts, strict=True)
    ]


def _roll(
    series: Series,
    before: History,
    start: int,
    stride: int,
    plan: Plan,
    forecast: ForecastWindows,
    linear: Autoregression,
) -> Rolling:
    season, window, horizon = plan.encoding.season, plan.encoding.window, plan.horizon
    values = history_of(series, season).values  # gaps filled in causally: nothing after a step is in it
    cutoffs = list(range(start - 1, len(series) - 1, stride))
    x = np.stack([values[c + 1 - window : c + 1] for c in cutoffs])
    actual = np.full((len(cutoffs), horizon), math.nan)
    for row, c in zip(actual, cutoffs, strict=True):
        observed = series.values[c + 1 : c + 1 + horizon]
        row[: len(observed)] = observed
    forecasts = {
        "model": forecast(x, plan.scaler(before)),
        "naive": np.stack([naive(values, c, horizon) for c in cutoffs]),
        "seasonal_naive": np.stack([seasonal_naive(values, c, horizon, season) for c in cutoffs]),
        "linear": np.stack([linear.forecast(series.id, values, c) for c in cutoffs]),
    }
    naive_error = in_sample_naive_error(series.values[:start], season)
    return Rolling(series.id, np.array(cutoffs), actual, forecasts, naive_error)


def prediction_rows(data: SeriesSet, rollings: Sequence[Rolling]) -> Columns:
    """``predictions.csv``: a row for each step of each forecast inside the series; ``y`` is NaN where unknown."""
    rows: Columns = {name: [] for name in ("unique_id", "cutoff", "ds", "step", "y", "forecast")}
    for series, rolling in zip(data, rollings, strict=True):
        labels = data.labels(series)
        for cutoff, actual, forecast in zip(
            rolling.cutoffs.tolist(), rolling.actual, rolling.forecasts["model"], strict=True
        ):
            steps = range(min(len(forecast), len(series) - 1 - cutoff))
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
