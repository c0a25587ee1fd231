"""Causal imputation: missing values are filled in from the past alone."""

from __future__ import annotations

import numpy as np

from elman.errors import SettingsError

SEASONS_BACK = 3  # that a step at the same place in the season is looked for


def fill(values: np.ndarray, season: int) -> np.ndarray:
    """The series with its missing values filled in causally: nothing after a step is used for it.

    A missing value becomes the value one season earlier, plus what the level has changed over the season that ends at
    the last value known: ``y[t-s] + (y[l] - y[l-s])`` with ``l`` the last observed step before ``t``. In a gap longer
    than a season the last whole season is repeated, shifted once. Where one of the two steps a season earlier was not
    observed itself, those of two or three seasons earlier serve; where there are none, or ``season`` is 1, it becomes
    the last value known. What is missing before the first value stays missing. So whatever the gaps, nothing is made
    from what was made: it lies at most the range of what was observed beyond it, on either side.

    Args:
        values: (T,) numbers, NaN where missing.
        season: steps in a season, at least 1.

    Returns:
        (T,) float64, a new array.

    Raises:
        SettingsError: ``season`` is below 1.

    >>> fill(np.array([1.0, 5.0, 2.0, np.nan, np.nan]), 2)
    array([1., 5., 2., 6., 3.])
    """
    if season < 1:
        raise SettingsError(f"season {season}: a season has at least 1 step; give 1 where there is none")
    known = np.array(values, dtype=np.float64)
    filled = known.copy()
    edges = np.flatnonzero(np.diff(np.isnan(known), prepend=False, append=False))
    for begin, end in edges.reshape(-1, 2).tolist():
        if begin == 0:
            continue
        last = begin - 1
        filled[begin:end] = known[last]
        if season == 1:
            continue
        steps = np.arange(begin, end)
        places = steps - season * -(-(steps - last) // season)  # of the last season up to the last value known
        for back in reversed(range(SEASONS_BACK)):  # the nearest season last, so that it counts
            if last < (back + 1) * season:
                continue
            earlier = np.where(places >= back * season, known[places - back * season], np.nan)
            seasonal = earlier + (known[last] - known[last - (back + 1) * season])
            filled[begin:end] = np.where(np.isnan(seasonal), filled[begin:end], seasonal)
    return filled
