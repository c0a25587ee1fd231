"""Rolling forecasts over a test span, scored against the observed values; and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from elman.learning.verdict import Contest
from elman.tasks.forecast.baselines import LABELS
from elman.tasks.forecast.quantile_loss import Ends, quantiles_of, weighted_quantile_loss

Array = np.ndarray
METRICS = ("mae", "mse", "rmse", "smape", "mase")
QUANTILE_LOSS = "wql"  # only where there are intervals


@dataclass(frozen=True)
class Rolling:
    """Forecasts of one series from successive cutoffs.

    Args:
        id: the series.
        cutoffs: (K,) index of the last known step of each forecast.
        actual: (K, H) observed values, NaN where unknown, filled in, or after the series' end.
        forecasts: by name (``"model"`` and each baseline): (K, H).
        naive_error: the mean absolute error of the seasonal naive inside the part before the test, for MASE;
            NaN where there is none.
        members: each member's own forecasts, (K, H) by name.
        bounds: level in percent → the ends of the interval, each (K, H).
        baseline_bounds: the same of baselines that have intervals.
    """

    id: str
    cutoffs: Array
    actual: Array
    forecasts: dict[str, Array]
    naive_error: float
    members: Mapping[str, Array] = field(default_factory=dict)
    bounds: Ends = field(default_factory=dict)
    baseline_bounds: Mapping[str, Ends] = field(default_factory=dict)

    def bounds_of(self, name: str) -> Ends:
        """The intervals of forecasts ``name``; empty where they have none."""
        return self.bounds if name == "model" else self.baseline_bounds.get(name, {})

    def one(self, k: int) -> Rolling:
        """The forecasts from cutoff ``k`` alone."""

        def rows(named: Mapping[str, Array]) -> dict[str, Array]:
            return {name: array[k : k + 1] for name, array in named.items()}

        def ends(named: Ends) -> Ends:
            return {level: (low[k : k + 1], high[k : k + 1]) for level, (low, high) in named.items()}

        return Rolling(
            self.id,
            self.cutoffs[k : k + 1],
            self.actual[k : k + 1],
            rows(self.forecasts),
            self.naive_error,
            rows(self.members),
            ends(self.bounds),
            {name: ends(bounds) for name, bounds in self.baseline_bounds.items()},
        )


def in_sample_naive_error(values: Array, season: int) -> float:
    """Mean absolute error of the seasonal naive inside ``values`` (T,), over pairs that were both observed (NaN: not).

    >>> in_sample_naive_error(np.array([1.0, 2.0, 4.0, np.nan, 5.0]), 1)
    1.5
    """
    errors = np.abs(values[season:] - values[:-season]) if len(values) > season else np.empty(0)
    errors = errors[~np.isnan(errors)]
    return float(errors.mean()) if len(errors) and errors.mean() > 0 else math.nan


def score(rollings: Sequence[Rolling], name: str) -> dict[str, float]:
    """Every metric of forecasts ``name``: over all steps and cutoffs of a series, then the mean over series.

    sMAPE is on the 0-200 scale, a step where both values are 0 counting 0. NaN where nothing could be scored. Where the
    model has intervals, the weighted quantile loss is added, which is one of all series together; NaN for a baseline
    that has none.
    """
    found = mean_scores([scores_of(rolling, rolling.forecasts[name]) for rolling in rollings])
    return {**found, QUANTILE_LOSS: quantile_loss(rollings, name)} if rollings[0].bounds else found


def metrics_of(rollings: Sequence[Rolling]) -> tuple[str, ...]:
    """The names of the scores that :func:`score` gives."""
    return (*METRICS, QUANTILE_LOSS) if rollings[0].bounds else METRICS


def quantile_loss(rollings: Sequence[Rolling], name: str = "model") -> float:
    """The weighted quantile loss of forecasts ``name`` as medians and of their intervals, over all series together;
    NaN where they have no intervals."""
    if not all(rolling.bounds_of(name) for rolling in rollings):
        return math.nan
    return weighted_quantile_loss((r.actual, quantiles_of(r.forecasts[name], r.bounds_of(name))) for r in rollings)


def mean_scores(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each metric over the series where it is known."""
    return {metric: _mean_known([row[metric] for row in rows]) for metric in METRICS}


def scores_of(rolling: Rolling, forecasts: Array) -> dict[str, float]:
    """Every metric of forecasts (K, H) of one series."""
    known = ~np.isnan(rolling.actual)
    y, f = rolling.actual[known], forecasts[known]
    if not len(y):
        return dict.fromkeys(METRICS, math.nan)
    error, size = np.abs(y - f), np.abs(y) + np.abs(f)
    with np.errstate(over="ignore"):  # of errors beyond 1e154 the square is infinite, and is said to be
        mae, mse = float(error.mean()), float((error * error).mean())
    smape = float(np.mean(np.divide(200 * error, size, out=np.zeros_like(error), where=size > 0)))
    return {"mae": mae, "mse": mse, "rmse": math.sqrt(mse), "smape": smape, "mase": mae / rolling.naive_error}


def _mean_known(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def error_by_lead(rollings: Sequence[Rolling], name: str) -> Array:
    """(H,) mean absolute error at each step ahead, over all cutoffs, then the mean over series."""
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = [np.abs(r.actual - r.forecasts[name]) for r in rollings]
        counts = [(~np.isnan(row)).sum(axis=0) for row in rows]
        means = np.array([np.nansum(row, axis=0) / count for row, count in zip(rows, counts, strict=True)])
        return np.asarray(np.nansum(means, axis=0) / (~np.isnan(means)).sum(axis=0))


def verdict(rollings: Sequence[Rolling], names: Sequence[str]) -> str:
    """One sentence: the model against the strongest baseline, and in how many windows it was the better one.

    It is "better" or "worse" only if a one-sided sign test over the windows gives p < 0.05 and the mean agrees, which
    needs at least five windows. Each window is one cutoff of one series.
    """
    scores = {name: score(rollings, name) for name in ("model", *names)}
    metric = "mase" if not math.isnan(scores["model"]["mase"]) else "mae"
    own = scores["model"][metric]
    if math.isnan(own):
        return "Nothing could be scored: no value of the test span was observed."
    rival = min(names, key=lambda name: scores[name][metric])
    other = scores[rival][metric]
    wins, losses = _wins(rollings, rival)
    return Contest(metric, own, LABELS[rival], other, wins, losses, "windows").verdict()


def _wins(rollings: Sequence[Rolling], rival: str) -> tuple[int, int]:
    wins = losses = 0
    for rolling in rollings:
        known = ~np.isnan(rolling.actual)
        gain = np.abs(rolling.actual - rolling.forecasts[rival]) - np.abs(rolling.actual - rolling.forecasts["model"])
        gains = np.where(known, gain, 0).sum(axis=1)[known.any(axis=1)]
        wins, losses = wins + int((gains > 0).sum()), losses + int((gains < 0).sum())
    return wins, losses
