"""What a time says of a step: its place in the day, the week, the month and the year, each on a circle."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Array = np.ndarray
_DAY, _WEEK = 86_400, 7 * 86_400


def _of_month(times: Array) -> Array:
    month = times.astype("datetime64[M]")
    size = (month + 1).astype("datetime64[s]") - month.astype("datetime64[s]")
    share: Array = (times - month.astype("datetime64[s]")) / size
    return share


def _of_year(times: Array) -> Array:
    year = times.astype("datetime64[Y]")
    size = (year + 1).astype("datetime64[s]") - year.astype("datetime64[s]")
    share: Array = (times - year.astype("datetime64[s]")) / size
    return share


SHARES: dict[str, Callable[[Array], Array]] = {
    "time-of-day": lambda times: times.astype(np.int64) % _DAY / _DAY,
    "day-of-week": lambda times: (times.astype(np.int64) // _DAY + 3) % 7 / 7,  # 1 January 1970 was a Thursday
    "day-of-month": _of_month,
    "day-of-year": _of_year,
}
CALENDAR = tuple(SHARES)
AUTO = "auto"  # where they help


def calendar_features(times: Array, names: Sequence[str]) -> Array:
    """Sine and cosine of each feature's share of its circle: (T, 2 · features), times the root of 2: of spread one.

    Args:
        times: (T,) datetime64[s].

    >>> calendar_features(np.array(["2024-01-01T06:00:00"], "datetime64[s]"), ["time-of-day"]).round(2).tolist()
    [[1.41, 0.0]]
    """
    found = []
    for name in names:
        angle = 2 * np.pi * SHARES[name](times)
        found += [np.sqrt(2) * np.sin(angle), np.sqrt(2) * np.cos(angle)]
    return np.stack(found, axis=1)
