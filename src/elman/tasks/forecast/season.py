"""The length of a season, from the values, for data without a calendar."""

from __future__ import annotations

import numpy as np

RISE = 0.1  # how far a peak must stand above the lowest autocorrelation before it
STRENGTH = 0.3  # the weakest autocorrelation that counts as a season
SLACK = 0.02  # how much weaker than the strongest a peak may be and still count as much
LONGEST = 2000
LEAST_PART, HALF = 4, 0.5
MOST_MULTIPLE = 14  # of a season, that is looked at for a longer one
ROUNDING = 1e-12
SIMILAR, CLEARLY_CLOSER = 1.1, 0.7  # shares of 1 - autocorrelation


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
    rest = _without_trend(values)
    if rest is None:
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


def further_season(values: np.ndarray, season: int) -> int | None:
    """The multiple of a season after which a series repeats itself clearly better than after one, as a week beside a
    day; None if there is none.

    Args:
        values: (T,) without missing values. Multiples up to 14, and lags up to T/3 are considered.

    >>> time = np.arange(24 * 40)
    >>> further_season(np.sin(time * 2 * np.pi / 24) * (1 + 0.3 * (time // 24 % 7 > 4)), 24)
    168
    """
    lags = [k * season for k in range(1, MOST_MULTIPLE + 1) if k * season <= len(values) // 3]
    if season < 2 or len(lags) < 2:
        return None
    rest = _without_trend(values)
    if rest is None:
        return None
    # an exact repetition is off by rounding, to either side
    apart = [max(1 - _correlation(rest[:-lag], rest[lag:]), ROUNDING) for lag in lags]
    best = min(range(1, len(lags)), key=lambda k: (apart[k], k))
    # the shortest of those that are about as good: two weeks are no better than one
    best = next(k for k in range(1, len(lags)) if apart[k] <= SIMILAR * apart[best])
    return lags[best] if apart[best] < CLEARLY_CLOSER * apart[0] else None


def shorter_season(values: np.ndarray, season: int) -> int | None:
    """The part of a long season after which a series repeats itself too, as a day within a week; None if there is none.

    Args:
        values: (T,) without missing values. Parts down to a fourteenth are considered, of at least four steps.

    >>> time = np.arange(24 * 40)
    >>> shorter_season(np.sin(time * 2 * np.pi / 24) * (1 + 0.3 * (time // 24 % 7 > 4)), 168)
    24
    """
    parts = [season // k for k in range(2, MOST_MULTIPLE + 1) if season % k == 0 and season // k >= LEAST_PART]
    rest = _without_trend(values) if parts else None
    if rest is None:
        return None
    strength = {part: _correlation(rest[:-part], rest[part:]) for part in parts}
    best = max(parts, key=lambda part: strength[part])
    nearby = [_correlation(rest[:-lag], rest[lag:]) for lag in (best - max(best // 4, 1), best + max(best // 4, 1))]
    return best if strength[best] >= max(HALF, *nearby) else None


def _without_trend(values: np.ndarray) -> np.ndarray | None:
    """The rest after a straight line; None where that is rounding alone."""
    time = np.arange(len(values))
    level = values - np.median(values)  # first: the fit of a high level would be rounding
    rest: np.ndarray = level - np.polyval(np.polyfit(time, level, 1), time)
    smallest = 1e-9 * np.abs(level).max() + 8 * np.finfo(float).eps * np.abs(values).max()
    return rest if rest.std() > smallest else None


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0
