"""Simple forecasts that need no training, from the history before each cutoff: the last value, the steps of earlier
seasons, and these moved to the present level.

With ``y`` the history, ``T`` its last step, ``s`` a season and ``r`` a shorter stretch (one step, a shorter season, or
``s`` itself), ``L_r`` is the mean of the last ``r`` steps and ``L_r'`` that of the same steps a season earlier:

======================  ==========================================================
``last``                ``y_T``
``s``                   the same step of the last season
``mean of s``           the mean of the same step of the last three seasons
``s + r``               the same step of the last season, plus ``L_r - L_r'``
``s x r``               the same step of the last season, times ``L_r / L_r'``
======================  ==========================================================

Where ``r`` is the season itself, its change is repeated with each season ahead. The products need positive values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

Array = np.ndarray
SEASONS_AVERAGED = 3
LARGEST_FACTOR = 10.0  # of a product: a level near zero may give any


def memory(seasons: Sequence[int]) -> int:
    """Steps before a cutoff that :func:`references` reads at most.

    >>> memory((24, 168)), memory((1,))
    (504, 1)
    """
    return max([SEASONS_AVERAGED * season for season in seasons if season > 1], default=1)


def reference_names(seasons: Sequence[int]) -> tuple[str, ...]:
    """The names of the forecasts that :func:`references` makes.

    >>> reference_names((1,)), reference_names((4,))
    (('last',), ('last', '4', 'mean of 4', '4 + 1', '4 x 1', '4 + 4', '4 x 4'))
    """
    names = ["last"]
    for season in [season for season in seasons if season > 1]:
        names += [f"{season}", f"mean of {season}"]
        for stretch in _stretches(season, seasons):
            names += [f"{season} + {stretch}", f"{season} x {stretch}"]
    return tuple(names)


def references(contexts: Array, horizon: int, seasons: Sequence[int]) -> Mapping[str, Array]:
    """The simple forecasts of the ``horizon`` steps after each of N histories: (N, H) by name.

    Args:
        contexts: (N, C) the last steps of each history, C at least :func:`memory`; NaN before its beginning.

    Returns:
        a row is NaN in forecasts that its history is too short for, or not positive enough.

    >>> found = references(np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]), 2, (2,))
    >>> {name: rows[0].tolist() for name, rows in found.items() if name in ("last", "2", "2 + 2")}
    {'last': [6.0, 6.0], '2': [5.0, 6.0], '2 + 2': [7.0, 8.0]}
    """
    ahead = np.arange(horizon)
    found = {"last": np.repeat(contexts[:, -1:], horizon, axis=1)}
    lowest = np.where(np.isnan(contexts), np.inf, contexts).min(axis=1, keepdims=True)
    for season in [season for season in seasons if season > 1]:
        steps, ahead_seasons = ahead % season, 1 + ahead // season
        earlier = [_back(contexts, season * k, season)[:, steps] for k in range(1, SEASONS_AVERAGED + 1)]
        found[f"{season}"], found[f"mean of {season}"] = earlier[0], np.mean(earlier, axis=0)
        for stretch in _stretches(season, seasons):
            now = _back(contexts, stretch, stretch).mean(axis=1, keepdims=True)
            before = _back(contexts, stretch + season, stretch).mean(axis=1, keepdims=True)
            times = ahead_seasons if stretch == season else np.ones_like(ahead)
            found[f"{season} + {stretch}"] = earlier[0] + (now - before) * times
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                factor = np.where((lowest > 0) & (now < LARGEST_FACTOR * before), now / before, np.nan)
                found[f"{season} x {stretch}"] = earlier[0] * factor**times
    return found


def _stretches(season: int, seasons: Sequence[int]) -> list[int]:
    """What a season may be moved to the level of: the last step, the shorter seasons, itself."""
    return sorted({1, season, *(other for other in seasons if 1 < other < season)})


def _back(contexts: Array, steps: int, size: int) -> Array:
    """(N, size) steps beginning ``steps`` before the end."""
    begin = contexts.shape[1] - steps
    if begin < 0:
        return np.full((len(contexts), size), np.nan)
    part: Array = contexts[:, begin : begin + size]
    return part
