"""The figures of a forecaster's test and of its forecast."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from elman.data import Series, SeriesSet
from elman.learning import Columns, Figure, Line
from elman.tasks.forecast.baselines import BASELINES, LABELS
from elman.tasks.forecast.scores import Rolling, error_by_lead

Array = np.ndarray
MOST_HISTORY = 2  # test spans of history to draw before the test
MOST_DRAWN = 500  # steps, beyond which a line becomes a block


def figures_of(data: SeriesSet, starts: Sequence[int], rollings: Sequence[Rolling]) -> tuple[Figure, ...]:
    """The first series with its rolling forecasts, and the error against lead time over all series."""
    lead = 1 + np.arange(rollings[0].actual.shape[1])
    errors = [Line("model", lead, error_by_lead(rollings, "model"), "model")]
    errors += [Line(LABELS[name], lead, error_by_lead(rollings, name), "baseline") for name in BASELINES]
    return (
        _test_figure(data, data.series[0], starts[0], rollings[0]),
        Figure("error_by_lead", "Error by lead time", "steps ahead", "mean absolute error", tuple(errors), y_min=0),
    )


def axis(series: Series) -> np.ndarray:
    """What a series is drawn over: its times, or the numbers of its steps."""
    return series.times if series.times is not None else np.arange(len(series))


def _test_figure(data: SeriesSet, series: Series, start: int, rolling: Rolling) -> Figure:
    x, size = axis(series), len(series)
    begin = max(0, start - MOST_HISTORY * (size - start), size - MOST_DRAWN)
    shown = max(begin, start)
    lines = [Line("observed", x[begin:], series.values[begin:], "truth")]
    for name, label, role in (("seasonal_naive", LABELS["seasonal_naive"], "baseline"), ("model", "model", "model")):
        lines.append(Line(label, x[shown:], _joined(rolling, rolling.forecasts[name], size)[shown:], role))
    if rolling.bounds:
        level = max(rolling.bounds, key=float)
        lower, upper = (_joined(rolling, bound, size)[shown:] for bound in rolling.bounds[level])
        label = f"model, and where {level} % should be"
        lines[-1] = dataclasses.replace(lines[-1], label=label, lower=lower, upper=upper)
    more = f" (first of {len(data)} series)" if len(data) > 1 else ""
    horizon = rolling.actual.shape[1]
    last = f"; the last {MOST_DRAWN} of {size - start} steps" if shown > start else ""
    return Figure(
        "test",
        f"Test: {series.id}{more}",
        "" if series.times is not None else "step",
        series.id,
        tuple(lines),
        marks=() if shown > start else ((x[start], "test begins"),),
        note="each value forecast from what was known at its cutoff, "
        + (f"up to {horizon} steps before" if horizon > 1 else "one step before")
        + last,
    )


def _joined(rolling: Rolling, forecasts: Array, size: int) -> Array:
    """Forecasts (K, H) one after another, on the steps that they are for; of several, the latest."""
    joined = np.full(size, np.nan)
    for cutoff, forecast in zip(rolling.cutoffs, forecasts, strict=True):
        part = joined[cutoff + 1 : cutoff + 1 + len(forecast)]
        part[:] = forecast[: len(part)]
    return joined


def beyond_figure(data: SeriesSet, forecast: Columns) -> Figure:
    """The first series and the forecast beyond its end."""
    series = data.series[0]
    chosen = np.array([name == series.id for name in forecast["unique_id"]])
    own = {
        name: np.array(values)[chosen] for name, values in forecast.items() if name not in ("unique_id", "ds", "step")
    }
    values = own["forecast"]
    begin = max(0, len(series) - 4 * len(values) - 24)
    x = axis(series)
    if series.times is not None and data.frequency is not None:
        ahead = data.frequency.following(series.times[-1], len(values))
    else:
        ahead = len(series) + np.arange(len(values))
    levels = [name.removeprefix("lo-") for name in own if name.startswith("lo-")]
    line = Line("forecast", ahead, values, "model")
    if levels:
        level = max(levels, key=float)
        label = f"forecast, and where {level} % should be"
        line = Line(label, ahead, values, "model", own[f"lo-{level}"], own[f"hi-{level}"])
    more = f" (first of {len(data)} series)" if len(data) > 1 else ""
    return Figure(
        "forecast",
        f"Forecast: {series.id}{more}",
        "" if series.times is not None else "step",
        series.id,
        (Line("observed", x[begin:], series.values[begin:], "truth"), line),
        marks=((x[-1], "last observation"),),
    )
