"""Prediction intervals by the conformal method: as wide as the errors of the validation part were, at each lead time.

Vovk, Gammerman and Shafer 2005, "Algorithmic learning in a random world"; split conformal prediction with absolute
residuals. Each series' errors are counted in units of their own quantile, so that quiet and lively series share one
table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from elman.tasks.forecast.combination import Backtest, combined, fit_weights
from elman.tasks.forecast.plan import ANY

Array = np.ndarray
NEIGHBOURS = 2  # lead times to each side whose errors count with a lead time's own: they are alike, and its are few
ENOUGH = 200  # errors for a quantile; with fewer those of more neighbours are taken
PRIOR_WINDOWS = 0.5  # how many windows a series' own error must outweigh the others'
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
    own would make the errors look smaller, and more alike, than those to come. Nothing that the one half should
    forecast is in the other.
    """
    folds = {name: _folds(found, outside) for name, found in backtests.items()}
    units: dict[str, dict[str, float]] = {}
    widths: Intervals = {}
    for level in map(level_name, levels):
        share = float(level) / 100
        sizes = {
            name: [(_sizes(own, backtests[name], level), _sizes(other, backtests[name], level)) for own, other in both]
            for name, both in folds.items()
        }
        held_out = {name: np.concatenate([own for own, _ in both]) for name, both in sizes.items()}
        known = [_quantile(rows, share) / backtests[name].unit for name, rows in held_out.items() if _any(rows)]
        if not known:
            return {}, {}
        typical = float(np.mean(known)) or 1.0
        units[level], scaled = {ANY: typical}, []
        for name, (_, _, windows, unit, _) in backtests.items():
            units[level][name] = _unit(held_out[name] / unit, share, windows, typical) * unit
            for own, other in sizes[name]:
                scaled.append(own / (_unit(other / unit, share, max(windows / 2, 1.0), typical) * unit))
        widths[level] = _widths(np.concatenate(scaled), share)
    return units, widths


def _any(rows: Array) -> bool:
    return bool((rows >= 0).any())


def _quantile(rows: Array, share: float) -> float:
    return float(np.nanquantile(rows, share))


def _unit(rows: Array, share: float, windows: float, typical: float) -> float:
    own = _quantile(rows, share) if _any(rows) else typical
    mean = (windows * own + PRIOR_WINDOWS * typical) / (windows + PRIOR_WINDOWS)
    return max(mean, float(np.finfo(float).tiny))


class _Errors(NamedTuple):
    """Of the windows ``rows``, (N, H); NaN where nothing was observed."""

    rows: slice
    values: Array


def _folds(found: Backtest, outside: float) -> list[tuple[_Errors, _Errors]]:
    """The errors of the earlier windows and of the later ones, each beside those of the other half that share no step
    with them, if there are any, and both by the weights that these say."""
    count = len(found.actual)
    middle = max(count // 2, 1)
    # windows that begin within one horizon of another
    near = math.ceil((count - 1) / (found.windows - 1) - 1e-9) - 1 if found.windows > 1 else 0
    folds = [
        (slice(0, middle), slice(min(middle + near, count - 1), count)),
        (slice(middle, count), slice(0, max(middle - near, 1))),
    ]
    errors = []
    for rows, others in folds:
        if rows.start < rows.stop:
            weights = fit_weights({ANY: _part(found, others)})[ANY]
            errors.append((_errors(found, rows, weights, outside), _errors(found, others, weights, outside)))
    return errors


def _errors(found: Backtest, rows: slice, weights: Mapping[str, float], outside: float) -> _Errors:
    part = _part(found, rows)
    return _Errors(rows, combined(part.forecasts, [weights] * len(part.actual), outside) - part.actual)


def _sizes(errors: _Errors, found: Backtest, level: str) -> Array:
    """The errors without their signs, each in the distance that the forecast has on its side, if any."""
    sizes: Array = np.abs(errors.values)
    if not found.apart:
        return sizes
    below, above = found.apart[level]
    return sizes / np.where(errors.values > 0, below[errors.rows], above[errors.rows])


def _part(found: Backtest, rows: slice) -> Backtest:
    parts = {name: values[rows] for name, values in found.forecasts.items()}
    return Backtest(parts, found.actual[rows], max(found.windows / 2, 0.5), found.unit)


def _widths(scaled: Array, share: float) -> list[float]:
    """The quantile of the errors at each lead time that covers ``share`` of further ones."""
    horizon = scaled.shape[1]
    found = []
    for lead in range(horizon):
        reach = NEIGHBOURS
        while True:
            near = scaled[:, max(0, lead - reach) : lead + reach + 1]
            values = np.sort(near[~np.isnan(near)])
            if len(values) >= ENOUGH or reach >= horizon:
                break
            reach *= 2
        rank = min(math.ceil((len(values) + 1) * share), len(values))
        found.append(float(values[rank - 1]))
    return found
