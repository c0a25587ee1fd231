"""What the pre-trained network reads of a history: its steps, simple forecasts of what follows, and how these erred.

The simple forecasts are those of exponential smoothing and of the airline model with fixed parameters, the last season,
and the mean season. All are linear in the history, and so are their errors one step ahead, at every step of it: for a
length of history there is one matrix of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from elman.tasks.forecast.smoothing_forms import Parameters, forecasts

Array = np.ndarray
FEWEST_SEASONS, MOST_SEASONS = 3, 10
LEAST_STEPS = 60  # that a longest history has, of however many short seasons
SEASONS_AHEAD = 2
SHORTEST_SEASON, LONGEST_SEASON = 3, 31
POINTS: Mapping[str, Sequence[Parameters]] = {  # as in GRIDS of smoothing_forms
    "airline": [(a, b) for a in (0.0, -0.35, -0.7, -0.92) for b in (-0.2, -0.6, -0.92)],
    "level": [(0.1, 0.0, 0.1, 1.0), (0.4, 0.0, 0.1, 1.0), (0.9, 0.0, 0.0, 1.0)],
    "damped": [(0.3, 0.1, 0.1, 0.9), (0.8, 0.3, 0.0, 0.9)],
    "trend": [(0.1, 0.1, 0.05, 1.0), (0.4, 0.2, 0.1, 1.0)],
}
LAST_STAYS = (0.0, 0.6, 0.9, 1.0)  # share, at the next step, of what the last step differs from its season before
MEAN_STAYS = (0.0, 0.7, 0.93)  # and from the mean of its place in the season
SIMPLE = sum(map(len, POINTS.values())) + len(LAST_STAYS) + len(MEAN_STAYS) + 1
STEP_SIZE, LEAD_SIZE = SIMPLE + 5, 2 * SIMPLE + 7
LARGEST, LARGEST_CHANGE, LARGEST_TARGET = 30.0, 8.0, 60.0  # beyond them all is as large to the network
LEAST_SCALE, LEAST_UNIT, LEAST_OF_MEAN = 1e-14, 1e-6, 0.1  # the first of the values: below it all is rounding
TYPICAL_SEASON = 2.5  # its logarithm
LEAST_CHANGE, TOO_REGULAR = 0.02, 1e-3  # mean changes, in units of the scale; a series of less than that does not count


class Inputs(NamedTuple):
    """What is read of N histories of T steps, and told of the L steps after them; all but the last two in units of the
    history's scale.

    Args:
        steps: (T, N, :data:`STEP_SIZE`) of each step.
        leads: (N, L, :data:`LEAD_SIZE`) of each step ahead.
        simple: (N, L, :data:`SIMPLE`) the simple forecasts.
        unit: (N, 1) what a season's changes typically are.
        center, scale: (N, 1), of the values.
    """

    steps: Array
    leads: Array
    simple: Array
    unit: Array
    center: Array
    scale: Array


def whole_seasons(steps: int, season: int) -> int:
    """The steps that are read of a history of ``steps``: the latest whole seasons; 0 if there are too few.

    >>> whole_seasons(40, 12), whole_seasons(1000, 12), whole_seasons(1000, 4), whole_seasons(30, 12)
    (36, 120, 60, 0)
    """
    most = max(MOST_SEASONS * season, LEAST_STEPS)
    found = min(steps, most) // season
    return found * season if found >= FEWEST_SEASONS else 0


def inputs_of(values: Array, season: int, ahead: int) -> Inputs:
    """Of histories ``values`` (N, T), T whole seasons, and ``ahead`` steps after them, at most two seasons."""
    count, steps = values.shape
    center = values[:, -season:].mean(axis=1, keepdims=True)
    scale = np.abs(values[:, -FEWEST_SEASONS * season :] - center).mean(axis=1, keepdims=True)
    scale = np.maximum(scale, LEAST_SCALE * np.abs(values).max(axis=1, keepdims=True))  # 0 of zeros alone
    x = np.clip((values - center) / np.where(scale > 0, scale, 1), -LARGEST, LARGEST)
    changes = np.abs(x[:, season:] - x[:, :-season])
    unit = np.median(changes, axis=1, keepdims=True)
    unit = np.maximum(np.maximum(unit, LEAST_OF_MEAN * changes.mean(axis=1, keepdims=True)), LEAST_UNIT)
    erred, following = simple_maps(season, steps)
    errors = (x @ erred).reshape(count, SIMPLE, steps) / unit[:, :, None]
    simple = np.moveaxis((x @ following).reshape(count, SIMPLE, -1)[:, :, :ahead], 1, 2)
    typical = np.log(np.abs(errors[:, :, 2 * season :]).mean(axis=2) + 1e-3)

    def everywhere(one: Array | float, size: int) -> Array:
        return np.broadcast_to(one, (count, size))

    lag = np.concatenate([x[:, :season], x[:, :-season]], axis=1)
    known = np.arange(steps) >= season
    about = (np.log(season) - TYPICAL_SEASON, np.log(unit))
    read = [x, np.clip((x - lag) / unit, -LARGEST_CHANGE, LARGEST_CHANGE), everywhere(known, steps)]
    read += [everywhere(one, steps) for one in about]
    place, far = np.arange(ahead) % season, (np.arange(ahead) + 1) / season
    told = [x[:, steps - season + place], everywhere(x[:, -1:], ahead), everywhere(far, ahead)]
    told += [everywhere(far**0.5, ahead), *(everywhere(one, ahead) for one in about)]
    told.append(everywhere(np.log(steps / season), ahead))
    apart = _squashed((simple - simple.mean(axis=2, keepdims=True)) / unit[:, :, None])
    leads = [np.stack(told, axis=2), apart, np.broadcast_to(typical[:, None], apart.shape)]
    parts = [np.stack(read, axis=2), np.moveaxis(_squashed(errors), 1, 2)]
    return Inputs(
        np.moveaxis(np.concatenate(parts, axis=2), 1, 0), np.concatenate(leads, axis=2), simple, unit, center, scale
    )


def loss_weights(values: Array, season: int, scale: Array) -> Array:
    """(N, 1): what errors, in units of the scale, are multiplied by, to be in units of the mean change over a
    season."""
    change = np.abs(values[:, season:] - values[:, :-season]).mean(axis=1, keepdims=True)
    change = change / np.where(scale > 0, scale, 1)
    found: Array = (change > TOO_REGULAR) / np.maximum(change, LEAST_CHANGE)
    return found


def _squashed(x: Array) -> Array:
    found: Array = np.sign(x) * np.log1p(np.abs(x))
    return found


@lru_cache(maxsize=16)
def simple_maps(season: int, steps: int) -> tuple[Array, Array]:
    """What a history of ``steps`` is multiplied by: (T, M T) for the errors of the M simple forecasts at each of its
    steps, 0 in the first two seasons; (T, M L) for their forecasts of the two seasons after it."""
    unit, ahead = np.eye(steps), SEASONS_AHEAD * season
    erred, following = [], []
    for form, points in POINTS.items():
        parameters = np.array(points)[:, None]
        errors = np.zeros((len(points), steps, steps))
        cutoffs = range(2 * season - 1, steps - 1)
        run = forecasts(form, unit, (season,), parameters, 1, cutoffs)
        for cutoff, found in zip(cutoffs, run, strict=True):
            errors[:, :, cutoff + 1] = unit[cutoff + 1] - found[:, :, 0]
        erred.append(errors)
        following.append(next(forecasts(form, unit, (season,), parameters, ahead, [steps - 1])))
    far = np.arange(ahead)
    for simple, stays in ((_last_season, LAST_STAYS), (_mean_season, MEAN_STAYS), (_rising_season, (0.0,))):
        for share in stays:
            errors = np.zeros((1, steps, steps))
            for step in range(2 * season, steps):
                errors[0, :step, step] = -simple(step, season, share, far[:1])[:, 0]
                errors[0, step, step] = 1
            erred.append(errors)
            following.append(simple(steps, season, share, far)[None])
    return _side_by_side(erred), _side_by_side(following)


def _side_by_side(maps: Sequence[Array]) -> Array:
    """(M, T, ·) of each method → (T, M ·) of all."""
    together = np.concatenate(maps)
    return np.moveaxis(together, 1, 0).reshape(together.shape[1], -1)


def _last_season(steps: int, season: int, share: float, far: Array) -> Array:
    """(T, L): the season before, and a share that dwindles of how far the last step lies from its own."""
    found = np.zeros((steps, len(far)))
    found[steps - season + far % season, far] = 1
    found[-1] += share ** (far + 1)
    found[-1 - season] -= share ** (far + 1)
    return found


def _mean_season(steps: int, season: int, share: float, far: Array) -> Array:
    """The mean of the place in the season, and a share that dwindles of how far the last step lies from its own."""
    found = np.zeros((steps, len(far)))
    whole = steps // season
    back = season * np.arange(whole)
    for lead in far.tolist():
        found[steps - season + lead % season - back, lead] += 1 / whole
        found[steps - 1, lead] += share ** (lead + 1)
        found[steps - 1 - back, lead] -= share ** (lead + 1) / whole
    return found


def _rising_season(steps: int, season: int, _: float, far: Array) -> Array:
    """The season before, and half of what its mean differs from that of the one before."""
    found = _last_season(steps, season, 0.0, far)
    found[steps - season :] += 0.5 / season
    found[steps - 2 * season : steps - season] -= 0.5 / season
    return found
