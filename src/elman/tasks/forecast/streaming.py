"""A forecaster as a stream: one value in, a forecast out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from elman.data import Series
from elman.errors import DataError
from elman.model import Stream
from elman.model.stream import State
from elman.tasks.forecast.plan import Plan, history_of
from elman.tasks.forecast.rolling import ForecastWindows

Array = np.ndarray
MOST_SEEN = 2**62


def stream_of(plan: Plan, forecast: ForecastWindows, unique_id: str | None = None, *, identity: str = "") -> Stream:
    """A stream: one value in, the forecast of the next ``H`` steps out, (H,) float64.

    A missing value (NaN) is filled in as in training. Until a whole window has come in, the forecast is NaN.

    Args:
        unique_id: the series whose scale to use; without it that of the only series in training, or else the scale
            of the values in the window.
        identity: the model's, so that another model's state is refused.

    Raises:
        DataError: ``unique_id`` was not in training; and in ``step`` for what is not one number.
    """
    if unique_id is not None and unique_id not in plan.scalers:
        raise DataError(f"series {unique_id!r} was not in training; there were: {', '.join(plan.scalers)}")
    scalers = list(plan.scalers.values())
    fixed = plan.scalers[unique_id] if unique_id is not None else scalers[0] if len(scalers) == 1 else None
    window, season = plan.encoding.window, plan.encoding.season
    kept = max(window, 2 * season + 1)  # filling a gap looks back two seasons

    @np.errstate(over="ignore", invalid="ignore")  # of absurd values the forecast says so
    def step(x: Any, state: State) -> tuple[Array, State]:
        try:
            value = float(np.asarray(x, float).reshape(()))
        except (TypeError, ValueError):
            raise DataError(f"a stream takes one number a step, not {x!r:.60}") from None
        if math.isinf(value):
            raise DataError("a stream takes finite numbers, or nan for a missing one; it got an infinite one")
        seen = min(max(int(state["seen"]), 0), MOST_SEEN)  # whatever state was restored
        if seen or not math.isnan(value):  # what is missing before the first value does not count
            seen += 1
        recent = np.append(state["recent"][1:], value)
        missing = min(max(int(state["missing"]), 0), seen) + 1 if math.isnan(value) and seen else 0
        if missing > season:
            recent[-1] = recent[-1 - season]  # beyond a season, a gap repeats what it was filled with
        elif missing:
            tail = recent[-min(seen, kept) :].copy()
            tail[-missing:] = math.nan  # the whole gap anew: what was put there is no observation
            recent[-1] = history_of(Series("", tail), season).values[-1]
        new = {"recent": recent, "seen": np.array(seen), "missing": np.array(missing)}
        if seen < window:
            return np.full(plan.horizon, math.nan), new
        scaler = fixed or plan.encoding.fit_scaler(recent[-min(seen, kept) :])
        return forecast(recent[-window:][None], scaler)[0], new

    initial = {"recent": np.full(kept, math.nan), "seen": np.array(0), "missing": np.array(0)}
    return Stream(step, initial, identity=identity)
