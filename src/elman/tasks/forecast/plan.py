"""What turns histories into forecasts, besides the weights.

Everything here takes :class:`History` objects, series cut off where knowledge ends: nothing later can leak.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from elman.data import Frequency, Series, SeriesSet, fill
from elman.errors import DataError
from elman.tasks.forecast.covariates import NO_COLUMNS, Columns
from elman.tasks.forecast.encoding import Encoding, Scaler
from elman.tasks.forecast.features import Features
from elman.tasks.forecast.limits import NONE, Limits, fit_limits, without_outliers
from elman.tasks.forecast.linears import LinearMember
from elman.tasks.forecast.pretrained import PretrainedMember
from elman.tasks.forecast.references import memory
from elman.tasks.forecast.same_kind import same_scale
from elman.tasks.forecast.smoothing import SmoothingMember

Array = np.ndarray
MOST_OUTSIDE = 0.1  # share of values outside the limits: of more, the limits are not this series'
# The recursive strategy runs the network once a step on a whole window; a call costs as much as some more steps.
STEPS_OF_A_CALL, MOST_RECURSIVE_STEPS = 1000, 20_000_000
NETWORK, LINEAR, ANY = "network", "linear", ""


class History(NamedTuple):
    """A series as far as it may be known: values with gaps and outliers filled in from before, which were observed, and
    the columns beside them."""

    id: str
    values: Array
    observed: Array
    features: Features | None = None

    def until(self, end: int) -> History:
        """As it was known at step ``end``, which is no longer in it."""
        features = None if self.features is None else self.features.until(end)
        return History(self.id, self.values[:end], self.observed[:end], features)


class Known(NamedTuple):
    """What is known of a series besides its values.

    Args:
        id: its name in the plan's tables.
        scaler, limits: its own; ``linears`` are the scalers of the linear members.
        unit: of its forecasts' errors, where the plan has none.
    """

    id: str
    scaler: Scaler
    limits: Limits
    unit: float
    linears: tuple[Scaler, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All that turns histories into forecasts, besides the weights.

    Args:
        seasons: steps in each season, the first being the encoding's and MASE's.
        scalers, limits: of each series that was fitted.
        linears, smoothings, pretrained: further members, linear under other encodings, by exponential smoothing, and by
            the network that was trained beforehand.
        weights: of each series, how much of a forecast comes from each member (the network, its highway alone, the
            further ones, each of :func:`~elman.tasks.forecast.references.references`); ``""`` for all
            others.
        units: level in percent → of each series the unit of the interval's width; ``""`` is for others, in units of the
            scaler's spread.
        intervals: level in percent → half the width at each lead time, in units of ``units``; where the network has
            quantiles, what their distances from its median are multiplied by, and the units have no dimension.
        outside: share of the weight, at each end of the members in order of size, that does not count.
        fitted: how far each series was known when the weights were fitted, by a mark of its last step.
        frequency: what their steps were; None without times.
        columns: what is read beside the values.
    """

    horizon: int
    strategy: str
    encoding: Encoding
    seasons: tuple[int, ...]
    scalers: Mapping[str, Scaler] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    linears: tuple[LinearMember, ...] = ()
    smoothings: tuple[SmoothingMember, ...] = ()
    pretrained: tuple[PretrainedMember, ...] = ()
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: {ANY: {NETWORK: 1.0}})
    units: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    intervals: Mapping[str, Sequence[float]] = field(default_factory=dict)
    outside: float = 0.0
    fitted: Mapping[str, str] = field(default_factory=dict)
    frequency: Frequency | None = None
    columns: Columns = NO_COLUMNS

    @property
    def recursive_steps(self) -> int:
        """Work of a forecast with the recursive strategy, in steps of the network; 0 with the direct one."""
        return 0 if self.strategy == "direct" else self.horizon * (self.encoding.window + STEPS_OF_A_CALL)

    @property
    def memory(self) -> int:
        """Steps before a cutoff that a forecast depends on."""
        return max(self.encoding.window, memory(self.seasons), *self.further.values())

    @property
    def further(self) -> dict[str, int]:
        """The further members by name, and the steps that each reads."""
        found = {one.name: one.encoding.window for one in self.linears}
        found |= {one.name: one.window for one in self.smoothings}
        return found | {one.name: one.window for one in self.pretrained}

    def keeping(self, names: Container[str] = ()) -> Plan:
        """The plan with those of its further members that are named."""
        linears = tuple(one for one in self.linears if one.name in names)
        smoothings = tuple(one for one in self.smoothings if one.name in names)
        pretrained = tuple(one for one in self.pretrained if one.name in names)
        return dataclasses.replace(self, linears=linears, smoothings=smoothings, pretrained=pretrained)

    def history(self, series: Series, end: int | None = None, *, before: int | None = None) -> History:
        """``series`` up to (not including) step ``end``, outliers and gaps filled in with what was known before.

        Args:
            before: what counts as an outlier is judged by what precedes this step, where forecasts begin.
        """
        values, limits = series.values[:end], self.limits.get(series.id)
        judged = values[:before]
        if limits is not None and np.mean((judged < limits.low) | (judged > limits.high)) >= MOST_OUTSIDE:
            limits = None  # on another scale by now: not a series of outliers
        limits = limits or self._limits(series.id, judged)
        found = history_of(series, self.encoding.season, end, limits, positive=self.encoding.transform == "log")
        return found._replace(features=self.columns.features(series, self.frequency, end, self.horizon))

    def _limits(self, id: str, values: Array) -> Limits:
        found = fit_limits(values)
        if self.encoding.transform != "log":
            return found
        positive = values[values > 0]  # what has no logarithm is outside them
        if not len(positive):
            raise DataError(
                f"series {id!r} has no positive value, and the model forecasts logarithms; train a model on it with "
                "`transform` none"
            )
        least = float(positive.min())
        return found._replace(low=max(found.low, 0.01 * least), high=max(found.high, least))

    def known(self, history: History, *, same: bool = False) -> Known:
        """What is known of the series that ``history`` is of: its own, or for a series that is new, or on another scale
        by now, what its history says.

        Args:
            same: it is on the scale of the series of its name, whatever it looks like.
        """
        scaler = self.scalers.get(history.id)
        # nothing is said of the unit by a series that stays at one value
        judged = not same and len(history.values) >= self.encoding.window and bool(np.ptp(history.values) > 0)
        if scaler is None or judged:
            own = self.encoding.fit_scaler(self.encoding.forward(history.values))
            scaler = scaler if scaler is not None and same_scale(scaler, own) else None
        if scaler is None:
            id, scaler, limits = ANY, own, self._limits(history.id, history.values)
        else:
            id, limits = history.id, self.limits.get(history.id) or self._limits(history.id, history.values)
            if history.values.min() < 0:
                limits = limits._replace(floor=-NONE)  # it was never negative before
        linears = tuple(one.scaler(id, history.values) for one in self.linears)
        return Known(id, scaler, limits, self.unit(scaler, history), linears)

    def unit(self, scaler: Scaler, history: History) -> float:
        """What a series' errors are counted in: its spread, which of logarithms is a share of the level."""
        return scaler.spread * (float(np.abs(history.values).mean()) if self.encoding.transform == "log" else 1.0)

    def is_rescaled(self, history: History) -> bool:
        """Whether a known series is on another scale than when the model was fitted."""
        return history.id in self.scalers and self.known(history).id == ANY

    def fit_limits(self, series: Iterable[Series], ends: Sequence[int | None]) -> Plan:
        """The same plan with the limits of ``series``, each known up to its end; other series' stay."""
        found = {one.id: self._limits(one.id, one.values[:end]) for one, end in zip(series, ends, strict=True)}
        return dataclasses.replace(self, limits={**self.limits, **found})

    def fit_columns(self, data: SeriesSet, ends: Sequence[int | None]) -> Plan:
        """The same plan with the scales of the columns in ``data``, each series known up to its end."""
        return dataclasses.replace(self, columns=self.columns.fit(data, ends))

    def fit_scalers(self, histories: Sequence[History]) -> Plan:
        """The same plan with scalers for ``histories``; other series' scalers stay."""
        fitted = {h.id: self.encoding.fit_scaler(self.encoding.forward(h.values)) for h in histories}
        return dataclasses.replace(self, scalers={**self.scalers, **fitted})


def history_of(
    series: Series, season: int, end: int | None = None, limits: Limits | None = None, *, positive: bool = False
) -> History:
    """``series`` up to (not including) step ``end``, its gaps filled in with what was known before them.

    Args:
        limits: read what lies outside them as missing.
        positive: their logarithms are wanted: read what has none as missing, and fill in the lower limit, which must
            then be positive, instead of less than nothing.
    """
    values = series.values[:end]
    if positive:
        values = np.where(values <= 0, np.nan, values)
    if limits is not None:
        values = without_outliers(values, limits)
    filled = fill(values, season)
    if np.isnan(filled[:1]).any():  # the first value itself was far outside
        filled = np.where(np.isnan(filled), values[~np.isnan(values)][:1], filled)
    if limits is not None and positive:
        filled = np.where(filled <= 0, limits.low, filled)
    return History(series.id, filled, ~np.isnan(values))
