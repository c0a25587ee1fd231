"""Values far outside all others of a series, which would ruin what is learned from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Array = np.ndarray
FAR = 20.0  # times the deviation that nine values of ten keep within
AT_MOST = 2  # values in a row: more are a new level, and real
NONE = 1e300


class Limits(NamedTuple):
    """Values below ``low`` or above ``high`` are read as missing; forecasts are at least ``floor``."""

    low: float
    high: float
    floor: float


def fit_limits(values: Array) -> Limits:
    """Limits from a series as far as it may be known, (T,), NaN where missing.

    They lie 20 times as far from the median as nine values of ten do. A series that is mostly one value has none. Its
    floor is 0 where it was never negative.

    >>> fit_limits(np.arange(11.0))
    Limits(low=-95.0, high=105.0, floor=0.0)
    """
    known = values[~np.isnan(values)]
    middle = float(np.median(known))
    usual = float(np.quantile(np.abs(known - middle), 0.9))
    floor = 0.0 if known.min() >= 0 else -NONE
    if not 0 < usual < NONE / FAR:
        return Limits(-NONE, NONE, floor)
    return Limits(middle - FAR * usual, middle + FAR * usual, floor)


def without_outliers(values: Array, limits: Limits) -> Array:
    """``values`` with NaN in place of those outside the limits, but for what follows two such values in a row: that is
    a new level. Whether a value stays depends on none after it.

    >>> without_outliers(np.array([1.0, 9, 1, 9, 9, 9]), Limits(0, 5, 0)).tolist()
    [1.0, nan, 1.0, nan, nan, 9.0]
    """
    with np.errstate(invalid="ignore"):
        outside = (values < limits.low) | (values > limits.high)
    if not outside.any():
        return values
    before = np.concatenate([np.zeros(AT_MOST, bool), outside])
    running = np.logical_and.reduce([before[k : k + len(outside)] for k in range(AT_MOST)])
    return np.where(outside & ~running, np.nan, values)
