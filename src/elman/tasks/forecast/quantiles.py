"""The network's own quantiles: which ones, where they begin, and how far they lie from its median.

With ``intervals`` quantile the network learns the ends of the intervals, which may be wider here than there. They are
then calibrated on the validation part as conformal ones are, with each error counted in the distance of the quantile on
its side from the median: conformalised quantile regression (Romano, Patterson and Candès 2019), in the form that scales
the distances (Kivaranovic, Johnson and Leeb 2020). Coverage thus is that of the combined forecast, around which the
distances are put.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from elman.model import Model, QuantileHead
from elman.tasks.forecast.intervals import Intervals, level_name
from elman.tasks.forecast.plan import ANY, Plan
from elman.tasks.forecast.quantile_loss import tail_of

Array = np.ndarray
Distances = Mapping[str, tuple[Array, Array]]
"""Level in percent → how far the interval's ends lie below and above the median, each (N, H)."""
LEAST_DISTANCE = 1e-6  # in units of a series' errors
LEAST_GAP = 1e-3  # between quantiles, as the network begins
MOST_ROWS = 10_000


def quantiles_for(levels: Iterable[float]) -> tuple[float, ...]:
    """The quantiles that the ends of intervals are, and the median.

    >>> quantiles_for((80.0, 95.0))
    (0.025, 0.1, 0.5, 0.9, 0.975)
    """
    tails = {tail_of(level) for level in levels}
    return tuple(sorted({0.5, *tails, *(round(1 - tail, 12) for tail in tails)}))


def quantile_head(model: Model) -> QuantileHead | None:
    """The model's head, if it is one of quantiles."""
    return model.head if isinstance(model.head, QuantileHead) else None


def has_quantiles(head: QuantileHead, levels: Iterable[str]) -> bool:
    """Whether a head has the median in its middle, and the ends of intervals of all ``levels``."""
    wanted = set(quantiles_for(map(float, levels)))
    return head.quantiles[head.middle] == 0.5 and wanted <= set(head.quantiles)


def uncalibrated(levels: Sequence[float], horizon: int) -> tuple[dict[str, dict[str, float]], Intervals]:
    """Units and widths that leave the network's quantiles as they are."""
    names = [level_name(level) for level in levels]
    return {name: {ANY: 1.0} for name in names}, {name: [1.0] * horizon for name in names}


def is_calibrated(plan: Plan) -> bool:
    """Whether a plan's intervals were measured on a validation part."""
    return any(units.keys() != {ANY} for units in plan.units.values())


def intervals_line(plan: Plan, head: QuantileHead | None) -> str:
    """Which intervals a model has, in a line."""
    if not plan.intervals:
        return "no prediction intervals"
    levels = ", ".join(plan.intervals)
    if head is None:
        return f"intervals of {levels} %, as wide as the errors of the validation part"
    how = ", calibrated on the validation part" if is_calibrated(plan) else ", as they are"
    return f"intervals of {levels} % from the network's quantiles{how}"


def distances(head: QuantileHead, found: Array, levels: Iterable[str], units: Array) -> Distances:
    """How far the quantiles ``found`` (N, H, Q) lie from the median, at each level.

    Args:
        units: (N, 1) what the errors of each row's series are counted in, of which a distance is never nothing.
    """
    least, median = LEAST_DISTANCE * units, found[..., head.middle]
    place = {quantile: k for k, quantile in enumerate(head.quantiles)}
    apart = {}
    for level in levels:
        tail = tail_of(float(level))
        with np.errstate(over="ignore", invalid="ignore"):  # of absurd values the forecast says so
            below, above = median - found[..., place[tail]], found[..., place[round(1 - tail, 12)]] - median
        apart[level] = (np.maximum(below, least), np.maximum(above, least))
    return apart


def first_gaps(residuals: Array, weights: Array, quantiles: Sequence[float]) -> Array:
    """What a :class:`~elman.model.QuantileHead` must read for the gaps between the quantiles of ``residuals`` (N, H),
    so that the network begins with intervals of one width: (Q - 1, H).

    Args:
        weights: of their shape, 0 for those that are not known.
    """
    apart = -(-len(residuals) // MOST_ROWS)
    rows = np.where(weights > 0, residuals, np.nan)[::apart].astype(float)
    known = ~np.isnan(rows)
    every = rows[known]
    if not len(every):
        return np.zeros((len(quantiles) - 1, rows.shape[1]))
    columns = [
        np.quantile(column[ok] if ok.any() else every, quantiles) for column, ok in zip(rows.T, known.T, strict=True)
    ]
    gaps = np.maximum(np.diff(np.stack(columns, axis=1), axis=0), LEAST_GAP)
    first: Array = gaps + np.log(-np.expm1(-gaps))  # the inverse of log(1 + exp(x))
    return first
