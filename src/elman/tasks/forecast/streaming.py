"""A forecaster as a stream: one value in, a forecast out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from elman.data import Series
from elman.data.fill import SEASONS_BACK
from elman.errors import DataError, SettingsError
from elman.model import Model, Stream
from elman.model.stream import State
from elman.tasks.forecast.anomalies import scores_of
from elman.tasks.forecast.forecasts import forecast
from elman.tasks.forecast.limits import AT_MOST
from elman.tasks.forecast.plan import ANY, History, Plan, history_of
from elman.tasks.forecast.quantiles import quantile_head
from elman.tasks.forecast.smoothing import smoothing_maps
from elman.tasks.forecast.stream_columns import around_step, check_columns, read_step, value_of

Array = np.ndarray
MOST_SEEN = 2**62


def stream_of(
    model: Model,
    plan: Plan,
    unique_id: str | None = None,
    *,
    intervals: bool = False,
    anomalies: bool = False,
    identity: str = "",
) -> Stream:
    """A stream: one value in, the forecast of the next ``H`` steps out, (H,) float64.

    A missing value (NaN), and one far outside the series' others, is filled in as in training. Until a whole window has
    come in, the forecast is NaN.

    A model with columns beside the values takes a mapping at each step: ``"value"``; of a past column a number; of a
    future one ``1 + H``, those of the step and of the H after it; of a static one what it is; with a calendar
    ``"time"``.

    Args:
        unique_id: the series whose scale and weights to use; without it that of the only series in training, or else
            the scale of the values that came in.
        intervals: put out (H, 1 + 2 L) instead, the forecast and the two ends of each of the L intervals.
        anomalies: put out one number instead, by how many standard deviations the value missed its forecast of one step
            before; see :mod:`elman.tasks.forecast.anomalies`.
        identity: the model's, so that another model's state is refused.

    Raises:
        SettingsError: both ``intervals`` and ``anomalies``.
        DataError: ``unique_id`` was not in training, intervals or scores of a model that has no intervals; and in
            ``step`` for what is not one number.
    """
    if intervals and anomalies:
        raise SettingsError("a stream puts out intervals or scores of anomalies; make one stream for each")
    if unique_id is not None and unique_id not in plan.scalers:
        raise DataError(f"series {unique_id!r} was not in training; there were: {', '.join(plan.scalers)}")
    if (intervals or anomalies) and not plan.intervals:
        raise DataError(
            "the model has no intervals: it was trained with `intervals` none, without a validation part, or on too "
            "little data"
        )
    names = list(plan.scalers)
    id = unique_id if unique_id is not None else names[0] if len(names) == 1 else ANY
    window, season = plan.encoding.window, plan.encoding.season
    limits, positive = plan.limits.get(id), plan.encoding.transform == "log"
    check_columns(plan)
    beside = plan.columns.some
    kept = max(plan.memory, (SEASONS_BACK + 1) * season + 1)  # what filling a gap looks back on
    width = (plan.horizon, 1 + 2 * len(plan.intervals)) if intervals or anomalies else (plan.horizon,)

    weighed = plan.weights.get(id, plan.weights[ANY])
    maps = smoothing_maps([one for one in plan.smoothings if one.name in weighed], id, plan.horizon)

    @np.errstate(over="ignore", invalid="ignore")  # of absurd values the forecast says so
    def step(x: Any, state: State) -> tuple[Array, State]:
        own = read_step(plan, x) if beside else None
        value = _number(x if own is None else own.value)
        if positive and value <= 0:
            value = math.nan  # it has no logarithm
        seen = min(max(int(state["seen"]), 0), MOST_SEEN)  # whatever state was restored
        outside = 0
        if limits is not None and (value < limits.low or value > limits.high):
            outside = min(max(int(state["outside"]), 0), AT_MOST) + 1
        if 0 < outside <= AT_MOST:
            value = math.nan
        if seen or not math.isnan(value):  # what is missing before the first value does not count
            seen += 1
        recent = np.append(state["recent"][1:], value)
        observed = np.append(state["observed"][1:], not math.isnan(value))
        missing = min(max(int(state["missing"]), 0), seen) + 1 if math.isnan(value) and seen else 0
        if missing > season:
            recent[-1] = recent[-1 - season]  # beyond a season, a gap repeats what it was filled with
        elif missing:
            tail = np.where(observed, recent, math.nan)[-min(seen, kept) :]  # what was put into gaps is none
            if not np.isnan(tail).all():  # whatever state was restored
                recent[-1] = history_of(Series("", tail), season, limits=limits, positive=positive).values[-1]
        counts = {"seen": seen, "missing": missing, "outside": outside}
        columns, held = (None, None) if own is None else around_step(own, state["columns"])
        new = {
            "recent": recent,
            "observed": observed,
            **({} if held is None else {"columns": held}),
            **{name: np.array(count) for name, count in counts.items()},
        }
        if seen < window:
            return np.full(width, math.nan), new
        values = recent[-min(seen, kept) :]
        history = History(id, values, ~np.isnan(values))
        context = np.concatenate([np.full(plan.memory, math.nan), values])[None, -plan.memory :]
        found = forecast(model, plan, context, [plan.known(history, same=True)], columns, maps)
        if len(width) == 1:
            return found.values[0], new
        return np.column_stack([values[0] for values in found.columns().values()]), new

    empty = {"recent": np.full(kept, math.nan), "observed": np.zeros(kept, bool)}
    if beside:
        empty["columns"] = np.full((window, plan.columns.levels[0]), math.nan)
    initial = {**empty, "seen": np.array(0), "missing": np.array(0), "outside": np.array(0)}
    if not anomalies:
        return Stream(step, initial, identity=identity)
    one_width = quantile_head(model) is None
    scored = scores_of(step, initial, plan.intervals, one_width=one_width, value_of=lambda x: value_of(plan, x))
    return Stream(*scored, identity=identity)


def _number(x: Any) -> float:
    try:
        value = float(np.asarray(x, float).reshape(()))
    except (TypeError, ValueError):
        raise DataError(f"a stream takes one number a step, not {x!r:.60}") from None
    if math.isinf(value):
        raise DataError("a stream takes finite numbers, or nan for a missing one; it got an infinite one")
    return value
