"""Series: values at regular steps, with the labels of those steps."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.data.covariates import NO_NAMES, CovariateNames, Covariates, joined
from elman.data.frequency import Frequency, detect
from elman.data.text import quote
from elman.data.times import LAST_TIME, LAST_YEAR, format_times
from elman.errors import DataError

MOST_STEPS = 2  # to a row, beyond which most of a series would be made up
_MOST_GAPS = 50  # the same between a series and rows that follow on
REGULAR = "resample to a regular step"


@dataclass(frozen=True)
class Series:
    """One series.

    Args:
        id: its name.
        values: (n,) float64, NaN where a value is missing; the first and the last are observed.
        times: (n,) datetime64[s], or None if its steps are only counted.
        trimmed: how many missing values were taken off before the first and after the last observed one.
        covariates: the columns that go with it; None where the source was read without.
    """

    id: str
    values: np.ndarray
    times: np.ndarray | None = None
    trimmed: tuple[int, int] = (0, 0)
    covariates: Covariates | None = None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class LeftOut:
    """A series that cannot be used.

    Args:
        id: its name.
        reason: why: "has no values".
        instead: what becomes of it, if anything does.
    """

    id: str
    reason: str
    instead: str = ""


@dataclass(frozen=True)
class ReadAs:
    """How a source was read.

    Args:
        targets: the columns of values.
        time: the column of times, "" without.
        rows: how many there were.
        notes: what was repaired, or could have been read otherwise, a line each.
        day_first: whether the day comes before the month, where the column had to settle that.
        covariates: the columns that go with the values.
        id: the column of names, "" without.
    """

    targets: tuple[str, ...] = ()
    time: str = ""
    rows: int = 0
    notes: tuple[str, ...] = ()
    day_first: bool | None = None
    covariates: CovariateNames = NO_NAMES
    id: str = ""


@dataclass(frozen=True)
class SeriesSet:
    """Series of one source and one frequency.

    Args:
        series: in the order of their first rows.
        frequency: their step; None without times, or where no series has two of them.
        source: the file's path, or what messages call it.
        time_style: how the source writes times, "" without.
        left_out: series that the source has too, but that cannot be used.
        read_as: how the source was read.

    >>> from elman.data import read_series
    >>> data = read_series({"ds": ["2020-01", "2020-02", "2020-04"], "y": [1, 2, 4]})
    >>> data.labels(data.series[0]), data.following(data.series[0], 2), data.frequency.season
    (['2020-01', '2020-02', '2020-03', '2020-04'], ['2020-05', '2020-06'], 12)
    >>> data.series[0].values
    array([ 1.,  2., nan,  4.])
    """

    series: tuple[Series, ...]
    frequency: Frequency | None
    source: str
    time_style: str
    left_out: tuple[LeftOut, ...] = ()
    read_as: ReadAs = ReadAs()

    def __len__(self) -> int:
        return len(self.series)

    def __iter__(self) -> Iterator[Series]:
        return iter(self.series)

    @property
    def ids(self) -> list[str]:
        return [series.id for series in self.series]

    def labels(self, series: Series) -> list[str]:
        """The steps of a series: its times as the source writes them, else the numbers of its rows, from 0."""
        if series.times is None:
            return [str(series.trimmed[0] + i) for i in range(len(series))]
        return format_times(series.times, self.time_style)

    def following(self, series: Series, n: int) -> list[str]:
        """The labels of the ``n`` steps after a series' last one.

        Raises:
            DataError: there are times, but too few of them to know the step, or they go past the year 9999.
        """
        if series.times is None:
            return [str(series.trimmed[0] + len(series) + i) for i in range(n)]
        if self.frequency is None:
            raise DataError(f"{self.source}: one time does not tell the length of a step; give more rows")
        times = self.frequency.following(series.times[-1], n)
        if n and times[-1] > LAST_TIME:
            raise DataError(
                f"{self.source}: {n} {self.frequency.name} steps after {self.labels(series)[-1]} go past the year "
                f"{LAST_YEAR}; correct the times, or ask for fewer steps"
            )
        return format_times(times, self.time_style)

    def only(self, ids: Container[str], left_out: Iterable[LeftOut] = ()) -> SeriesSet:
        """The series of these ids, with the others' reasons for being left out."""
        kept = tuple(series for series in self if series.id in ids)
        return replace(self, series=kept, left_out=(*self.left_out, *left_out))

    def until(self, ends: Sequence[int]) -> SeriesSet:
        """The first steps of each series, up to (not including) its end in ``ends``."""
        cut = [
            replace(
                s,
                values=s.values[:end],
                times=None if s.times is None else s.times[:end],
                covariates=None if s.covariates is None else s.covariates.until(end),
            )
            for s, end in zip(self, ends, strict=True)
        ]
        return replace(self, series=tuple(cut))

    def extend(self, other: SeriesSet) -> SeriesSet:
        """This set with the rows of ``other``, of the same ids, behind its own; the steps stay those of this set.

        Steps between the two become missing values; rows without times follow on directly.

        Raises:
            DataError: the ids differ, only one of the two has times, or the times do not follow on.
        """
        if self.read_as.covariates != other.read_as.covariates:
            raise DataError(f"{other.source}: it was not read with the columns of {self.source}; name the same in both")
        if differing := sorted(set(self.ids) ^ set(other.ids)):
            where = other if differing[0] in self.ids else self
            raise DataError(
                f"{where.source}: there is no series {quote(differing[0])}; "
                f"{self.source} and {other.source} must hold the same series"
            )
        later = {series.id: series for series in other}
        pairs = [(series, later[series.id]) for series in self]
        for a, b in pairs:
            if (a.times is None) != (b.times is None):
                untimed = self if a.times is None else other
                raise DataError(f"{untimed.source}: there are no times as in the other file; name their column in both")
            if a.times is not None and b.times is not None and b.times[0] <= a.times[-1]:
                begin, end = other.labels(b)[0], self.labels(a)[-1]
                raise DataError(
                    f"{other.source}: series {quote(a.id)} begins at {begin}, but {self.source} goes on until {end}; "
                    "give only rows that come after"
                )
        frequency = self.frequency or other.frequency
        if frequency is None and pairs[0][0].times is not None:
            frequency = detect([np.concatenate([a.times, b.times]) for a, b in pairs])
        series = [_join(a, b, frequency, other) for a, b in pairs]
        whole = [
            replace(one, covariates=joined(a.covariates, b.covariates, len(one), len(b)))
            for one, (a, b) in zip(series, pairs, strict=True)
        ]
        return replace(self, series=tuple(whole), frequency=frequency)


def _join(a: Series, b: Series, frequency: Frequency | None, other: SeriesSet) -> Series:
    if a.times is None or b.times is None:
        between = np.full(a.trimmed[1] + b.trimmed[0], np.nan)
        return Series(a.id, np.concatenate([a.values, between, b.values]), None, (a.trimmed[0], b.trimmed[1]))
    times, values = np.concatenate([a.times, b.times]), np.concatenate([a.values, b.values])
    if frequency is None:
        raise DataError(f"{other.source}: the times are not at a regular step; {REGULAR}")
    if not frequency.rows_are_steps:  # the missing steps come back with the grid, on the steps of this set
        times, values = times[~np.isnan(values)], values[~np.isnan(values)]
    positions = frequency.positions(times)
    if (positions < 0).any():
        label = format_times(times[positions < 0][:1], other.time_style)[0]
        raise DataError(f"{other.source}: {label} is not on the {frequency.name} steps of the earlier rows; {REGULAR}")
    joined = on_grid(a.id, times, values, positions, frequency, other.source, _MOST_GAPS)
    return replace(joined, trimmed=(a.trimmed[0], b.trimmed[1]))


def on_grid(
    label: str,
    times: np.ndarray,
    values: np.ndarray,
    positions: np.ndarray,
    frequency: Frequency,
    source: str,
    most: int = MOST_STEPS,
) -> Series:
    """A series with a value for every step, NaN where no row has one.

    Raises:
        DataError: there are more than ``most`` steps to a row.
    """
    n = int(positions[-1]) + 1
    if n > most * len(times):
        raise DataError(
            f"{source}: series {quote(label)} has {len(times)} rows on {n} {frequency.name} steps from {times[0]} to "
            f"{times[-1]}: {1 - len(times) / n:.0%} would have to be filled in; correct the times, leave out what lies "
            "before the gap, or resample"
        )
    if frequency.rows_are_steps and (all_steps := frequency.went_by(times[0], times[-1])) > most * n:
        raise DataError(
            f"{source}: series {quote(label)} has {n} rows, and {all_steps} {frequency.name} steps went by from "
            f"{times[0]} to {times[-1]}: {1 - n / all_steps:.0%} have no row; correct the times, or leave out what "
            "lies before the gap"
        )
    if n == len(times):
        return Series(label, values, times)
    values_on_grid = np.full(n, np.nan)
    values_on_grid[positions] = values
    return Series(label, values_on_grid, frequency.grid(times[0], n))
