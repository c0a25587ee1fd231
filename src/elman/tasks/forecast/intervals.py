"""Prediction intervals by the conformal method: as wide as the errors of the validation part were, at each lead time.

Vovk, Gammerman and Shafer 2005, "Algorithmic learning in a random world"; split conformal prediction with absolute
residuals. Each series' errors are counted in units of their own quantile, so that quiet and lively series share one
table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from elman.tasks.forecast.combination import Backtest, combined, fit_weights
from elman.tasks.forecast.plan import ANY

Array = np.ndarray
ENOUGH = 200  # errors for a lead time's own quantile; with fewer its neighbours' are taken too
PRIOR_WINDOWS = 1.0  # how many windows a series' own error must outweigh the others'
Intervals = dict[str, list[float]]


def level_name(level: float) -> str:
    """How a level is written in the names of columns.

    >>> level_name(80.0), level_name(99.5)
    ('80', '99.5')
    """
    return f"{level:.6f}".rstrip("0").rstrip(".")


def bound_names(levels: Iterable[str]) -> list[str]:
    """The columns of the ends of intervals of these levels.

    >>> bound_names(["80", "95"])
    ['lo-80', 'hi-80', 'lo-95', 'hi-95']
    """
    return [f"{end}-{level}" for level in levels for end in ("lo", "hi")]


def fit_intervals(
    backtests: Mapping[str, Backtest], levels: Sequence[float], outside: float
) -> tuple[dict[str, dict[str, float]], Intervals]:
    """For each level each series' unit, and half the width of the interval at each lead time, in units of it.

    A series' unit is the quantile of its own errors over all lead times, drawn towards the others' where it has few
    windows. Each half of its windows is judged by what the other half says, the combination's weights and the unit: its
    own would make the errors look smaller, and more alike, than those to come.
    """
    signed = {name: _halves(found, outside) for name, found in backtests.items()}
    units: dict[str, dict[str, float]] = {}
    widths: Intervals = {}
    for level in levels:
        share = level / 100
        halves = {name: _sizes(both, backtests[name], level_name(level)) for name, both in signed.items()}
        known = [_quantile(np.concatenate(h), share) / backtests[name].unit for name, h in halves.items() if _any(h)]
        if not known:
            return {}, {}
        typical = float(np.mean(known)) or 1.0
        units[level_name(level)], scaled = {ANY: typical}, []
        for name, found in backtests.items():
            unit, windows = found.unit, found.windows
            whole = np.concatenate(halves[name]) / unit
            units[level_name(level)][name] = _unit(whole, share, windows, typical) * unit
            for own, other in (halves[name], halves[name][::-1]):
                scaled.append(own / (_unit(other / unit, share, windows / 2, typical) * unit))
        widths[level_name(level)] = _widths(np.concatenate(scaled), share)
    return units, widths


def _any(halves: Sequence[Array]) -> bool:
    return any(bool((rows >= 0).any()) for rows in halves)


def _quantile(rows: Array, share: float) -> float:
    return float(np.nanquantile(rows, share))


def _unit(rows: Array, share: float, windows: float, typical: float) -> float:
    own = _quantile(rows, share) if _any([rows]) else typical
    mean = (windows * own + PRIOR_WINDOWS * typical) / (windows + PRIOR_WINDOWS)
    return max(mean, float(np.finfo(float).tiny))


def _halves(found: Backtest, outside: float) -> tuple[Array, Array]:
    """(K, H) errors of the earlier and the later windows; NaN where nothing was observed."""
    middle = max(len(found.actual) // 2, 1)
    parts = [_part(found, slice(0, middle)), _part(found, slice(middle, None))]
    residuals = []
    for own, other in (parts, parts[::-1]):
        weights = fit_weights({ANY: other if len(other.actual) else own})[ANY]
        residuals.append(combined(own.forecasts, [weights] * len(own.actual), outside) - own.actual)
    return residuals[0], residuals[1]


def _sizes(halves: tuple[Array, Array], found: Backtest, level: str) -> tuple[Array, Array]:
    """The errors without their signs, each in the distance that the forecast has on its side, if any."""
    if not found.apart:
        return np.abs(halves[0]), np.abs(halves[1])
    middle = len(halves[0])
    below, above = found.apart[level]
    parts = (slice(0, middle), slice(middle, None))
    sizes = [np.abs(e) / np.where(e > 0, below[k], above[k]) for e, k in zip(halves, parts, strict=True)]
    return sizes[0], sizes[1]


def _part(found: Backtest, rows: slice) -> Backtest:
    parts = {name: values[rows] for name, values in found.forecasts.items()}
    return Backtest(parts, found.actual[rows], max(found.windows / 2, 0.5), found.unit)


def _widths(scaled: Array, share: float) -> list[float]:
    """The quantile of the errors at each lead time that covers ``share`` of further ones."""
    horizon = scaled.shape[1]
    found = []
    for lead in range(horizon):
        reach = 0
        while True:
            near = scaled[:, max(0, lead - reach) : lead + reach + 1]
            values = np.sort(near[~np.isnan(near)])
            if len(values) >= ENOUGH or reach >= horizon:
                break
            reach = reach + max(1, reach)
        rank = min(math.ceil((len(values) + 1) * share), len(values))
        found.append(float(values[rank - 1]))
    return found
