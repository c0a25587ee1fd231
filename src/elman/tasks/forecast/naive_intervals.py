"""Conformal intervals of the simple baselines, from their own errors in the part before the test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from elman.tasks.forecast.quantile_loss import Ends

Array = np.ndarray
MOST_CUTOFFS, MOST_NUMBERS = 300, 3_000_000


def naive_bounds(
    forecasts: Mapping[str, Array], filled: Array, observed: Array, season: int, levels: Iterable[str]
) -> dict[str, Ends]:
    """Of the last value and the seasonal naive: as far to each side as their errors at the same lead time reached
    before, from the last cutoffs whose targets were known.

    Args:
        forecasts: (K, H) of ``naive`` and ``seasonal_naive``.
        filled: (T,) the series before the test, gaps filled in from before; ``observed`` has NaN for these.
        levels: in percent.

    Returns:
        baseline → level → the ends, each (K, H).

    >>> steps = np.arange(10.0)
    >>> found = naive_bounds({"naive": np.array([[9.0, 9.0]])}, steps, steps, 1, ["80"])
    >>> found["naive"]["80"][1].tolist()
    [[10.0, 11.0]]
    """
    horizon = next(iter(forecasts.values())).shape[1]
    most = max(1, min(MOST_CUTOFFS, MOST_NUMBERS // horizon))
    cutoffs = np.arange(max(0, len(filled) - 1 - most), len(filled) - 1)[:, None]
    ahead = np.arange(horizon)
    read = {
        "naive": np.broadcast_to(cutoffs, (len(cutoffs), horizon)),
        "seasonal_naive": np.where(cutoffs + 1 < season, cutoffs, cutoffs + 1 - season + ahead % season),
    }
    actual = np.append(observed, np.full(horizon, np.nan))[cutoffs + 1 + ahead]
    found: dict[str, Ends] = {}
    with np.errstate(over="ignore", invalid="ignore"):
        for name, values in forecasts.items():
            errors = np.sort(np.abs(filled[read[name]] - actual), axis=0)  # NaN at the end
            halves = {level: _half(errors, float(level) / 100) for level in levels}
            found[name] = {level: (values - half, values + half) for level, half in halves.items()}
    return found


def _half(errors: Array, share: float) -> Array:
    """(H,) the conformal quantile of sorted errors (C, H) at each lead time; where none is known, that of the lead time
    before it."""
    counts = (~np.isnan(errors)).sum(axis=0)
    if not counts.any():
        return np.full(errors.shape[1], np.nan)
    rank = np.minimum(np.ceil((counts + 1) * share).astype(int), counts)
    half: Array = errors[np.maximum(rank, 1) - 1, np.arange(errors.shape[1])]
    known = np.flatnonzero(counts)
    nearest = known[np.maximum(np.searchsorted(known, np.arange(len(half)), side="right") - 1, 0)]
    return half[nearest]
