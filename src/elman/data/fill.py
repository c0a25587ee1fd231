"""Causal imputation: missing values are filled in from the past alone."""

from __future__ import annotations

import numpy as np

from elman.errors import SettingsError


def fill(values: np.ndarray, season: int) -> np.ndarray:
    """The series with its missing values filled in causally: nothing after a step is used for it.

    A missing value becomes the value one season earlier, plus what the level has changed over the season that ends at
    the last value known: ``y[t-s] + (y[l] - y[l-s])`` with ``l`` the last observed step before ``t``. In a gap longer
    than a season the last whole season is repeated, shifted once. Where there is no such season yet, or ``season`` is
    1, it becomes the last value known. What is missing before the first value stays missing.

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
    filled = np.array(values, dtype=np.float64)
    edges = np.flatnonzero(np.diff(np.isnan(filled), prepend=False, append=False))
    for begin, end in edges.reshape(-1, 2).tolist():
        if begin == 0:
            continue
        last = begin - 1
        filled[begin:end] = filled[last]
        if season == 1 or last < season:
            continue
        steps = np.arange(begin, end)
        earlier = filled[steps - season * -(-(steps - last) // season)]
        seasonal = earlier + (filled[last] - filled[last - season])
        filled[begin:end] = np.where(np.isnan(seasonal), filled[last], seasonal)
    return filled
