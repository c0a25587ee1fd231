"""A forecast from the network's and from simple ones, by what each was worth on the validation part.

Forecasts that err differently are together better than the best of them (Bates and Granger 1969, "The combination of
forecasts"). A member's weight is a power of the inverse of its mean absolute error. A mean of all is spoilt by one that
goes astray, so only the middle of them is averaged at each step, which lies between their mean and their median (Jose
and Winkler 2008, "Simple robust averages of forecasts"). Where the squared error counts, the mean of all is better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from elman.tasks.forecast.plan import ANY, NETWORK

Array = np.ndarray
POWER = 6.0  # of the inverse error, where there are many windows; less where one may have been lucky
FEW_WINDOWS = 8.0  # with as many the power is halved
SMALLEST = 0.005  # share of a forecast below which a member is left out
OUTSIDE = 1 / 3  # share of the members' weight, at each end, that does not count
LEAST_ERROR = 1e-9  # times the largest of the members' errors: a perfect one is not infinitely better


class Backtest(NamedTuple):
    """Forecasts of one series in its validation part.

    Args:
        forecasts: member → (K, H), NaN in rows that it has no forecast for.
        actual: (K, H), NaN where not observed.
        windows: how many of the K do not overlap.
        unit: what the series' errors are counted in.
        apart: level in percent → distances below and above the forecast, (K, H), that errors on that side are counted
            in, besides.
    """

    forecasts: Mapping[str, Array]
    actual: Array
    windows: float
    unit: float
    apart: Mapping[str, tuple[Array, Array]] = MappingProxyType({})


def fit_weights(
    backtests: Mapping[str, Backtest], votes: Mapping[str, float] = MappingProxyType({})
) -> dict[str, dict[str, float]]:
    """The weights of each series' members, from its own backtest; for ``""``, of any series, from those of all.

    Args:
        votes: as how many members one counts, where that is not one.
    """
    if not backtests:
        return {ANY: {NETWORK: 1.0}}
    errors = {name: member_errors(found) for name, found in backtests.items()}
    found = {name: _weights(errors[name], backtests[name].windows, votes) for name in backtests}
    names = {member for own in errors.values() for member in own}
    relative: dict[str, list[float]] = {member: [] for member in names}
    for own in errors.values():
        known = [error for error in own.values() if np.isfinite(error)]
        unit = float(np.mean(known)) if known else 0.0
        for member in names:
            error = own.get(member, np.inf)
            if unit > 0 and np.isfinite(error):
                relative[member].append(error / unit)
    typical = {member: float(np.mean(values)) if values else np.inf for member, values in relative.items()}
    return {ANY: _weights(typical, float(np.mean([b.windows for b in backtests.values()])), votes), **found}


def member_errors(found: Backtest) -> dict[str, float]:
    """Mean absolute error of each member; ∞ where it has no forecast of some window."""
    known = ~np.isnan(found.actual)
    errors = {}
    for name, forecasts in found.forecasts.items():
        error = np.abs(forecasts - found.actual)[known]
        errors[name] = float(error.mean()) if len(error) and np.isfinite(error).all() else np.inf
    return errors


def _weights(errors: Mapping[str, float], windows: float, votes: Mapping[str, float]) -> dict[str, float]:
    finite = {name: error for name, error in errors.items() if np.isfinite(error)}
    if not any(finite.values()):
        return {NETWORK: 1.0}
    least = max(LEAST_ERROR * max(finite.values()), min(finite.values()), float(np.finfo(float).tiny))
    power = POWER * windows / (windows + FEW_WINDOWS)
    raw = {name: votes.get(name, 1.0) * (least / max(error, least)) ** power for name, error in finite.items()}
    total = sum(raw.values())
    kept = {name: value / total for name, value in raw.items() if value / total >= SMALLEST}
    return {name: round(value / sum(kept.values()), 4) for name, value in sorted(kept.items())}


def outside(loss: str) -> float:
    """The share of the weight at each end that does not count under a loss."""
    return 0.0 if loss == "mse" else OUTSIDE


def combined(members: Mapping[str, Array], weights: Sequence[Mapping[str, float]], outside: float) -> Array:
    """The members' forecasts (N, H) together, (N, H): at each step, in order of size, the weighted mean without the
    share ``outside`` of the weight at each end. A member whose forecast is not finite does not count.

    >>> forecasts = {"network": 2.0, "last": 4.0, "7": 90.0}
    >>> equal = dict.fromkeys(forecasts, 1 / 3)
    >>> combined({name: np.array([[value]]) for name, value in forecasts.items()}, [equal], 1 / 3).round(6).tolist()
    [[4.0]]
    """
    names = list(members)
    share = np.array([[row.get(name, 0.0) for name in names] for row in weights]).reshape(-1, len(names))
    values = np.stack([members[name] for name in names], axis=1)
    share = share * np.isfinite(values).all(axis=2)
    nothing = share.sum(axis=1) <= 0
    share[nothing, names.index(NETWORK)] = 1.0  # a history too short for all that have a weight
    share /= share.sum(axis=1, keepdims=True)
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(share[:, :, None], order, axis=1)
    end = np.cumsum(ordered, axis=1)
    middle = np.maximum(np.minimum(end, 1 - outside) - np.maximum(end - ordered, outside), 0)
    middle /= middle.sum(axis=1, keepdims=True)
    mean: Array = (middle * np.where(middle > 0, np.take_along_axis(values, order, axis=1), 0)).sum(axis=1)
    return mean
