"""Anomaly scores: how far a new value lies from what was forecast one step before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Any

import numpy as np

from elman.model.stream import State

Array = np.ndarray
Step = Callable[[Any, State], tuple[Array, State]]
EXPECTED = "expected"  # the next value's forecast, and what counts as one standard deviation below and above it


def scores_of(
    step: Step,
    initial: Mapping[str, Array],
    levels: Mapping[str, Any],
    *,
    one_width: bool = True,
    value_of: Callable[[Any], Any] = lambda x: x,
) -> tuple[Step, dict[str, Array]]:
    """A stream's step and initial state that put out scores, from those that put out forecasts with intervals.

    A score is the error of the one-step forecast in standard deviations: half the width of the widest interval, divided
    by the half width that it has for a normal distribution of variance one. Half the width is the distance to the upper
    end, or, of intervals that may be wider on one side, to the end on the value's side. It is NaN for a missing value,
    and until there is a forecast. A value's score is known before the value has changed anything.

    Args:
        step: gives (H, 1 + 2 L): the forecast, and the ends of the intervals of the ``levels``, in their order.
        one_width: the intervals are as wide below the forecast as above it.
        value_of: the value in what a step is given.
    """
    widest = max(levels, key=float)
    upper = 2 + 2 * list(levels).index(widest)
    deviations = NormalDist().inv_cdf((1 + float(widest) / 100) / 2)

    def scored(x: Any, state: State) -> tuple[Array, State]:
        ahead, new = step(x, {name: value for name, value in state.items() if name != EXPECTED})
        mean, below, above = state[EXPECTED]
        with np.errstate(all="ignore"):  # a width of almost nothing, or a state restored with one of 0
            error = np.asarray(value_of(x), float).reshape(()) - mean
            score = error / (below if error < 0 else above)
            middle, low, high = ahead[0, [0, upper - 1, upper]]
            above = (high - middle) / deviations
            # an end at the least possible value says nothing of the width
            below = above if one_width or low >= middle else (middle - low) / deviations
            new[EXPECTED] = np.array([middle, below, above])
        return np.asarray(score), new

    return scored, {**initial, EXPECTED: np.full(3, np.nan)}
