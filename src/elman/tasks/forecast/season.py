"""The length of a season, from the values, for data without a calendar."""

from __future__ import annotations

import numpy as np

RISE = 0.1  # how far a peak must stand above the lowest autocorrelation before it
STRENGTH = 0.3  # the weakest autocorrelation that counts as a season
SLACK = 0.02  # how much weaker than the strongest a peak may be and still count as much
LONGEST = 2000


def strongest_season(values: np.ndarray) -> int:
    """The lag of the strongest autocorrelation peak of a series without its straight-line trend; 1 if there is none.

    Among peaks of about the same height, the one at the shortest lag.

    Args:
        values: (T,) without missing values. Lags up to T/3 are considered: a season must occur three times.

    >>> strongest_season(np.sin(np.arange(200) * 2 * np.pi / 25))
    25
    >>> strongest_season(np.arange(200.0))
    1
    """
    steps = len(values)
    lags = min(steps // 3, LONGEST)
    if lags < 3:
        return 1
    time = np.arange(steps)
    rest = values - np.polyval(np.polyfit(time, values, 1), time)
    if rest.std() <= 1e-9 * max(np.abs(values).max(), 1e-300):
        return 1
    correlation = np.array([1.0] + [_correlation(rest[:-lag], rest[lag:]) for lag in range(1, lags + 1)])
    lowest = np.minimum.accumulate(correlation)
    peaks = [
        lag
        for lag in range(2, lags)
        if correlation[lag] >= max(correlation[lag - 1], correlation[lag + 1], STRENGTH, lowest[lag] + RISE)
    ]
    if not peaks:
        return 1
    # What repeats every s steps also repeats every 2s and 3s, and noise decides which peak is the highest.
    highest = max(correlation[peaks])
    enough = highest - max(SLACK, (1 - highest) / 2)
    first = next(lag for lag in peaks if correlation[lag] >= enough)
    return max((lag for lag in peaks if first <= lag < 1.5 * first), key=lambda lag: float(correlation[lag]))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0
