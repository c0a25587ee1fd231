"""Forecasting: how histories become examples, and a trained model becomes forecasts, scores and pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.cells import get_cell
from elman.data import Series, SeriesSet
from elman.errors import DataError, ModelFileError
from elman.model import LastStep, Layer, Linear, Model, RecurrentLayers
from elman.recurrence import Layout
from elman.stream import State, Stream
from elman.tasks.base import Evaluation
from elman.tasks.forecast.baselines import BASELINES, Autoregression, naive, seasonal_naive
from elman.tasks.forecast.encoding import Scaler, check_known
from elman.tasks.forecast.figures import figures_of
from elman.tasks.forecast.plan import History, Plan, choose_season, history_of, plan_from_record
from elman.tasks.forecast.scores import Rolling, in_sample_naive_error, score, verdict
from elman.tasks.forecast.settings import ForecastSettings

Array = np.ndarray


def layers_for(plan: Plan, settings: ForecastSettings) -> tuple[Layer, ...]:
    """The network: recurrent layers, their last state, and from it all the steps that it puts out."""
    states = get_cell(settings.cell).states
    layout = Layout(
        settings.cell,
        1,
        settings.hidden_size,
        settings.num_layers,
        layer_norm=settings.layer_norm,
        zoneout=(settings.zoneout,) * len(states) if settings.zoneout else (),
    )
    return (RecurrentLayers(layout), LastStep(), Linear(settings.hidden_size, plan.encoding.horizon))


def model_for(plan: Plan, layers: tuple[Layer, ...], arrays: dict[str, Array]) -> Model:
    """A trained model with its plan, ready for the model file."""
    return Model(layers, arrays, "forecast", plan.record())


def check_model(model: Model) -> None:
    """Refuse what is no forecaster, so that a model file is found wrong when it is read, not when it is used.

    Raises:
        ModelFileError: another task's model, a malformed plan, or layers that do not do what the plan says.
    """
    if model.task != "forecast":
        raise ModelFileError(f"it was trained for {model.task!r:.40}, not to forecast")
    plan = plan_from_record(model.encoding)
    match model.layers:
        case (RecurrentLayers(layout), LastStep(), Linear(features, steps)):
            good = layout.input_size == 1 and features == layout.recurrent_size * layout.num_directions
            good = good and steps == plan.encoding.horizon
        case _:
            good = False
    if not good:
        raise ModelFileError("its layers do not make its forecasts")


def forecast_windows(model: Model, plan: Plan, x: Array, scalers: Sequence[Scaler] | Scaler) -> Array:
    """Forecasts (N, H) from windows ``x`` (N, W), each ending at its cutoff.

    The recursive strategy appends each forecast to its window and goes on: no true value behind a cutoff is used.

    Raises:
        DataError: the values are so far from those in training that the arithmetic overflows.
    """
    x = np.array(x, float)
    steps = []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(1 if plan.strategy == "direct" else plan.horizon):
            encoded = plan.encoding.encode(x, scalers)
            output = model(encoded.inputs[:, :, None]).astype(float)
            steps.append(encoded.reference + encoded.spread * output)
            x = np.concatenate([x[:, steps[-1].shape[1] :], steps[-1]], axis=1)[:, -plan.encoding.window :]
    forecasts = np.concatenate(steps, axis=1)
    if not np.isfinite(forecasts).all():
        raise DataError("a forecast is not a finite number: values too far from those in training; check their units")
    return forecasts


def forecast_beyond(model: Model, data: SeriesSet) -> dict[str, Array]:
    """For each series the forecast (H,) of the steps after its end.

    Raises:
        DataError: a series is shorter than the model's window.
    """
    plan = plan_from_record(model.encoding)
    histories = [history_of(series, plan.encoding.season) for series in data]
    for history in histories:
        check_known(history.values, plan.encoding.window, f"{data.source}: series {history.id!r}")
    x = np.stack([h.values[-plan.encoding.window :] for h in histories])
    return dict(zip(data.ids, forecast_windows(model, plan, x, [plan.scaler(h) for h in histories]), strict=True))


def test_starts(data: SeriesSet, settings: ForecastSettings, horizon: int) -> list[int]:
    """Index of the first test step of each series.

    Raises:
        DataError: a series is not longer than its test span.
    """
    starts = []
    for series in data:
        size = settings.test_size or max(horizon, len(series) // 5)
        if size >= len(series):
            raise DataError(
                f"{data.source}: series {series.id!r} has {len(series)} steps, but the test takes the last {size}; "
                "give more data, or a smaller --horizon or --test-size"
            )
        starts.append(len(series) - size)
    return starts


def season_before_test(data: SeriesSet, settings: ForecastSettings) -> int:
    """The season, decided on what precedes the test span, which may itself depend on the season through the horizon."""
    if settings.season is not None:
        return settings.season
    horizon = settings.horizon or max(1, min(48, min(len(series) for series in data) // 2))
    return choose_season(data, test_starts(data, settings, horizon), data.frequency)


def evaluate(
    model: Model, data: SeriesSet, starts: Sequence[int], *, stride: int | None = None
) -> Evaluation:
    """Roll over the test span: forecasts from cutoffs ``stride`` apart, each from what was known at it.

    Args:
        starts: index of the first test step of each series.
        stride: steps between cutoffs; one horizon unless given.

    Raises:
        DataError: there is less than a window before a test span.
    """
    plan = plan_from_record(model.encoding)
    season, window, horizon = plan.encoding.season, plan.encoding.window, plan.horizon
    known = [history_of(series, season, end) for series, end in zip(data, starts, strict=True)]
    for history in known:
        check_known(history.values, window, f"{data.source}: before its test, series {history.id!r}")
    linear = Autoregression(known, window, horizon)
    rollings, rows = [], []
    for series, before, start in zip(data, known, starts, strict=True):
        rolling = _roll(model, plan, series, before, start, stride or horizon, linear)
        rollings.append(rolling)
        rows += _rows(data, series, rolling)
    sizes = [len(series) - start for series, start in zip(data, starts, strict=True)]
    return Evaluation(
        scores=score(rollings, "model"),
        baselines={name: score(rollings, name) for name in BASELINES},
        facts={
            "test_size": max(sizes),
            "windows": sum(len(rolling.cutoffs) for rolling in rollings),
            "season": season,
            "horizon": horizon,
            "window": window,
            "level": plan.encoding.level,
            "series": len(data),
        },
        verdict=verdict(rollings, BASELINES),
        header=("unique_id", "cutoff", "ds", "step", "y", "forecast"),
        rows=rows,
        figures=figures_of(data, starts, rollings),
    )


def _roll(
    model: Model, plan: Plan, series: Series, before: History, start: int, stride: int, linear: Autoregression
) -> Rolling:
    season, window, horizon = plan.encoding.season, plan.encoding.window, plan.horizon
    values = history_of(series, season).values  # gaps filled in causally: nothing after a step is in it
    cutoffs = list(range(start - 1, len(series) - 1, stride))
    x = np.stack([values[c + 1 - window : c + 1] for c in cutoffs])
    actual = np.full((len(cutoffs), horizon), math.nan)
    for row, c in zip(actual, cutoffs, strict=True):
        seen = series.values[c + 1 : c + 1 + horizon]
        row[: len(seen)] = seen
    forecasts = {
        "model": forecast_windows(model, plan, x, plan.scaler(before)),
        "naive": np.stack([naive(values, c, horizon) for c in cutoffs]),
        "seasonal_naive": np.stack([seasonal_naive(values, c, horizon, season) for c in cutoffs]),
        "linear": np.stack([linear.forecast(series.id, values, c) for c in cutoffs]),
    }
    naive_error = in_sample_naive_error(series.values[:start], season)
    return Rolling(series.id, np.array(cutoffs), actual, forecasts, naive_error)


def _rows(data: SeriesSet, series: Series, rolling: Rolling) -> list[tuple[str, ...]]:
    labels = data.labels(series)
    rows: list[tuple[str, ...]] = []
    forecasts = rolling.forecasts["model"]
    for cutoff, actual, forecast in zip(rolling.cutoffs.tolist(), rolling.actual, forecasts, strict=True):
        for step in range(min(len(forecast), len(series) - 1 - cutoff)):
            y = "" if math.isnan(actual[step]) else repr(float(actual[step]))
            place = (series.id, labels[cutoff], labels[cutoff + 1 + step], str(step + 1))
            rows.append((*place, y, repr(float(forecast[step]))))
    return rows


def forecast_rows(data: SeriesSet, forecasts: dict[str, Array]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows of ``forecast.csv``."""
    rows: list[tuple[str, ...]] = []
    for series in data:
        values = forecasts[series.id]
        for step, (label, value) in enumerate(zip(data.following(series, len(values)), values, strict=True), 1):
            rows.append((series.id, label, str(step), repr(float(value))))
    return ("unique_id", "ds", "step", "forecast"), rows


def stream_of(model: Model, unique_id: str | None = None) -> Stream:
    """A stream: one value in, the forecast of the next ``H`` steps out, (H,) float64.

    A missing value (NaN) is filled in as in training. Until the model has seen a window of values, the forecast is NaN.

    Args:
        unique_id: the series whose scale to use; without it that of the only series in training, or else the scale
            of the values in the window.

    Raises:
        DataError: ``unique_id`` was not in training; and in ``step`` for what is not one number.
    """
    plan = plan_from_record(model.encoding)
    if unique_id is not None and unique_id not in plan.scalers:
        raise DataError(f"series {unique_id!r} was not in training; there were: {', '.join(plan.scalers)}")
    scalers = list(plan.scalers.values())
    fixed = plan.scalers[unique_id] if unique_id is not None else scalers[0] if len(scalers) == 1 else None
    window, season = plan.encoding.window, plan.encoding.season
    kept = max(window, 2 * season + 1)  # filling a gap looks back two seasons

    def step(x: Any, state: State) -> tuple[Array, State]:
        try:
            value = float(np.asarray(x, float).reshape(()))
        except (TypeError, ValueError):
            raise DataError(f"a stream takes one number a step, not {x!r:.60}") from None
        if math.isinf(value):
            raise DataError("a stream takes finite numbers, or nan for a missing one; it got an infinite one")
        seen = int(state["seen"])
        if seen or not math.isnan(value):  # what is missing before the first value does not count
            seen += 1
        recent = np.append(state["recent"][1:], value)
        missing = int(state["missing"]) + 1 if math.isnan(value) and seen else 0
        if missing > season:
            recent[-1] = recent[-1 - season]  # beyond a season, a gap repeats what it was filled with
        elif missing:
            tail = recent[-min(seen, kept) :].copy()
            tail[-missing:] = math.nan  # the whole gap anew: what was put there is no observation
            recent[-1] = history_of(Series("", tail), season).values[-1]
        new = {"recent": recent, "seen": np.array(seen), "missing": np.array(missing)}
        if seen < window:
            return np.full(plan.horizon, math.nan), new
        x = recent[-window:]
        scaler = fixed or plan.encoding.fit_scaler(recent[-min(seen, kept) :])
        return forecast_windows(model, plan, x[None], scaler)[0], new

    return Stream(step, {"recent": np.full(kept, math.nan), "seen": np.array(0), "missing": np.array(0)})
