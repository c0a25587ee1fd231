"""The weighted quantile loss: how good a forecast and the ends of its intervals are together, in one number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

Array = np.ndarray
Ends = Mapping[str, tuple[Array, Array]]
"""Level in percent → the lower and the upper ends of the intervals."""


def tail_of(level: float) -> float:
    """The share of values below an interval of so many percent.

    >>> tail_of(80.0), tail_of(99.5)
    (0.1, 0.0025)
    """
    return round((100 - level) / 200, 12)


def quantiles_of(forecast: Array, bounds: Ends) -> dict[float, Array]:
    """Quantile → its forecast: the median, and two of each interval.

    >>> list(quantiles_of(np.zeros(1), {"80": (np.zeros(1), np.zeros(1))}))
    [0.5, 0.1, 0.9]
    """
    found = {0.5: forecast}
    for level, (low, high) in bounds.items():
        tail = tail_of(float(level))
        found[tail], found[round(1 - tail, 12)] = low, high
    return found


def weighted_quantile_loss(parts: Iterable[tuple[Array, Mapping[float, Array]]]) -> float:
    """``2 · Σ pinball / Σ |y|`` over all values of all parts, then the mean over the quantiles; NaN without values, or
    where all of them are 0.

    The pinball loss of a forecast ``f`` of quantile ``q`` is ``max(q · (y - f), (q - 1) · (y - f))``. Twice its mean
    over many quantiles is the continuous ranked probability score (CRPS); with the median alone what remains is
    ``Σ |y - f| / Σ |y|``. Defined as in Salinas et al. 2020, "DeepAR", and in GluonTS (``mean_wQuantileLoss``).

    Args:
        parts: observed values (…), NaN where unknown, and the forecasts of each quantile, of their shape; the same
            quantiles in each.

    >>> y, f = np.array([2.0, 4.0]), np.array([1.0, 4.0])
    >>> weighted_quantile_loss([(y, {0.5: f})])  # 2 · 0.5 / 6
    0.16666666666666666
    """
    losses: dict[float, float] = {}
    size = 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # of absurd values it is not finite, and is said to be
        for y, forecasts in parts:
            known = ~np.isnan(y)
            size += float(np.abs(y[known]).sum())
            for q, forecast in forecasts.items():
                error = y[known] - forecast[known]
                losses[q] = losses.get(q, 0.0) + float(np.maximum(q * error, (q - 1) * error).sum())
        return float(2 * np.mean(list(losses.values())) / size) if losses and size > 0 else math.nan
