"""The columns that a forecaster reads besides the values: their names and scales, and what a series has of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from elman.data import CovariateNames, Covariates, Frequency, Series, SeriesSet
from elman.errors import DataError
from elman.tasks.forecast.calendar import calendar_features
from elman.tasks.forecast.encoding import Encoding
from elman.tasks.forecast.features import Features
from elman.tasks.forecast.limits import fit_limits

Array = np.ndarray


class ColumnScale(NamedTuple):
    """What a column's numbers are held to, and what becomes 0 and 1 of them."""

    low: float
    high: float
    center: float
    spread: float


@dataclass(frozen=True)
class Columns:
    """The columns that a forecaster reads besides the values.

    Args:
        past, future, static: their names.
        calendar: features of the time (:mod:`elman.tasks.forecast.calendar`), which go with ``future``.
        scales: of each column of numbers.
        categories: those of each static column that is not one of numbers.
    """

    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    calendar: tuple[str, ...] = ()
    scales: Mapping[str, ColumnScale] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> CovariateNames:
        """The names of those in the data."""
        return CovariateNames(self.past, self.future, self.static)

    @property
    def some(self) -> bool:
        """Whether there are any."""
        return bool(self.past or self.future or self.static or self.calendar)

    @property
    def known(self) -> int:
        """F: numbers of each step that are known beforehand."""
        return len(self.future) + 2 * len(self.calendar)

    @property
    def levels(self) -> tuple[int, int]:
        """C and F: the numbers of each step, and those of them that are known beforehand."""
        return len(self.past) + self.known, self.known

    def sizes(self, encoding: Encoding) -> tuple[int, int]:
        """Features of what the network reads at each step of the window, and of the horizon."""
        times = 1 if encoding.level == "none" else 2
        static = sum(len(self.categories.get(name, ("",))) for name in self.static)
        return times * (len(self.past) + self.known) + static, times * self.known

    def check(self, data: SeriesSet) -> None:
        """Check that ``data`` were read with these columns, and the times if a calendar is needed.

        Raises:
            DataError: they were not.
        """
        given = data.read_as.covariates
        for role in CovariateNames._fields:
            for name in getattr(self.names, role):
                if name not in getattr(given, role):
                    raise DataError(
                        f"{data.source}: it was read without the column {name!r}, which the model reads; name it as "
                        f"`{role}`"
                    )
            for name in getattr(given, role):
                if name not in getattr(self.names, role):
                    raise DataError(
                        f"{data.source}: it was read with the {role} column {name!r}, which the model does not read; "
                        "leave it out, or train a model with it"
                    )
        if self.calendar and data.frequency is None:
            raise DataError(f"{data.source}: there are no times, from which the model reads {', '.join(self.calendar)}")

    def fit(self, data: SeriesSet, ends: Sequence[int | None]) -> Columns:
        """The same columns with scales and categories of ``data``, each series known up to its end.

        Raises:
            DataError: a column has no number, or no category, in what is known.
        """
        if not self.some:
            return self
        own = [_of(series) for series in data]
        scales = {}
        for k, name in enumerate(self.past):
            scales[name] = _scale(data, name, [one.past[:end, k] for one, end in zip(own, ends, strict=True)])
        sizes = [len(series) if end is None else end for series, end in zip(data, ends, strict=True)]
        for k, name in enumerate(self.future):
            scales[name] = _scale(data, name, [one.future[:n, k] for one, n in zip(own, sizes, strict=True)])
        categories = {}
        for k, name in enumerate(self.static):
            found = list(dict.fromkeys(one.static[k] for one in own))
            if not any(map(text_of, found)):
                raise _nothing(name, "value")
            if any(isinstance(value, str) for value in found):
                categories[name] = tuple(sorted(text_of(value) for value in found if value not in ("",)))
            else:
                scales[name] = _scale(data, name, [np.array([one.static[k] for one in own], float)])
        return dataclasses.replace(self, scales=scales, categories=categories)

    def features(
        self, series: Series, frequency: Frequency | None, end: int | None = None, ahead: int = 0
    ) -> Features | None:
        """What ``series`` has of the columns, its values known up to ``end``; None where there are no columns.

        Args:
            ahead: steps after the series' end that the calendar is read for.
        """
        if not self.some:
            return None
        own, size = _of(series), len(series) if end is None else end
        past = _carried(self.standard(own.past[:size], self.past))
        future = _carried(self.standard(own.future, self.future))
        if self.calendar:
            assert series.times is not None and frequency is not None, "checked when the data came"
            rest = max(len(series) + ahead - len(future), 0)
            future = np.concatenate([future, np.zeros((rest, future.shape[1]))])
            times = np.concatenate([series.times, frequency.following(series.times[-1], len(future) - len(series))])
            future = np.concatenate([future, calendar_features(times, self.calendar)], axis=1)
        return Features(past, future, np.concatenate([np.zeros(0), *self.of_static(own.static)]))

    def standard(self, values: Array, names: Sequence[str]) -> Array:
        """``values`` (…, columns) of these columns, held to their usual range, centred and divided by their spread."""
        scales = [self.scales[name] for name in names]
        low, high, center, spread = np.array(scales, float).reshape(-1, 4).T
        found: Array = (np.clip(values, low, high) - center) / spread
        return found

    def of_static(self, values: Sequence[float | str]) -> list[Array]:
        """The numbers that stand for each static value: its own, or 1 at its place among the categories.

        Raises:
            DataError: a text where there were numbers in training.
        """
        found = []
        for name, value in zip(self.static, values, strict=True):
            if name in self.categories:
                found.append(np.array([text_of(value) == known for known in self.categories[name]], float))
            else:
                if isinstance(value, str) and value:
                    raise DataError(f"the static column {name!r} holds {value!r:.60}; in training it held numbers")
                number = float("nan") if isinstance(value, str) else value
                found.append(np.nan_to_num(self.standard(np.array([number]), (name,))))
        return found


NO_COLUMNS = Columns()


def columns_of(names: CovariateNames, calendar: Sequence[str] = ()) -> Columns:
    """The columns of these names."""
    return Columns(names.past, names.future, names.static, tuple(calendar))


def _of(series: Series) -> Covariates:
    none = np.empty((len(series), 0))
    return series.covariates or Covariates(none, none)


def text_of(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return "" if value != value else f"{value:.15g}"


def _nothing(name: str, what: str) -> DataError:
    return DataError(f"column {name!r} has no {what} in what is learned from; give more rows, or leave it out")


def _scale(data: SeriesSet, name: str, parts: Sequence[Array]) -> ColumnScale:
    values = np.concatenate(parts)
    values = values[~np.isnan(values)]
    if not len(values):
        raise _nothing(name, "number")
    low, high, _ = fit_limits(values)
    held = np.clip(values, low, high)
    spread = float(held.std())
    usual = spread > 1e-12 * float(np.abs(held).max())
    return ColumnScale(low, high, float(held.mean()), spread if usual else 1.0)


def _carried(values: Array) -> Array:
    """Rows in which a missing number is the last one known before it, and 0 where there is none."""
    if not np.isnan(values).any():
        return values
    known = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
    last = np.maximum.accumulate(known, axis=0)
    found: Array = np.nan_to_num(np.take_along_axis(values, last, axis=0))
    return found
