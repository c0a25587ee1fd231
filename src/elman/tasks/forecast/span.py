"""The part of series that is forecast and scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elman.data import SeriesSet
from elman.errors import DataError
from elman.tasks.forecast.selection import LONGEST_HORIZON, choose_seasons, default_horizon
from elman.tasks.forecast.settings import ForecastSettings

FEWEST_STEPS = 2  # of a window


@dataclass(frozen=True)
class Span:
    """The end of each series, from ``starts`` on.

    Args:
        data: whole series.
        starts: index of the first step of the span in each.
        stride: steps between the cutoffs to forecast from; None: one horizon.
        windows: how many cutoffs there are in each; None: as many as begin in it.
    """

    data: SeriesSet
    starts: tuple[int, ...]
    stride: int | None = None
    windows: int | None = None

    def cutoffs(self, horizon: int) -> list[list[int]]:
        """The last known step of each forecast of ``horizon`` steps, for each series."""
        ends = ((start, len(series)) for series, start in zip(self.data, self.starts, strict=True))
        return [list(range(start - 1, end - 1, self.stride or horizon))[: self.windows] for start, end in ends]

    def window(self, number: int, horizon: int) -> Span:
        """That of cutoff ``number`` alone, from 0."""
        starts = tuple(start + number * (self.stride or horizon) for start in self.starts)
        return Span(self.data, starts, self.stride, 1)


def held_back_of(settings: ForecastSettings, horizon: int, steps: int) -> int:
    """How many of a series' ``steps`` the test takes."""
    if settings.windows is not None:
        return horizon + (settings.windows - 1) * (settings.stride or horizon)
    return settings.test_size if settings.test_size is not None else max(horizon, steps // 5)


def span_of(data: SeriesSet, settings: ForecastSettings, horizon: int) -> Span:
    """The last ``test_size`` steps of each series, by default a fifth and at least one horizon; or those of the
    ``windows``.

    Raises:
        DataError: a series is not longer than that.
    """
    starts = []
    if settings.windows is not None:
        _check_windows(data, settings, horizon)
    for series in data:
        size = held_back_of(settings, horizon, len(series))
        if size >= len(series):
            raise DataError(
                f"{data.source}: series {series.id!r} has {len(series)} steps, but the test takes the last {size}; "
                "give more data, or a smaller `horizon` or `test_size`"
            )
        starts.append(len(series) - size)
    return Span(data, tuple(starts), settings.stride, settings.windows)


def _check_windows(data: SeriesSet, settings: ForecastSettings, horizon: int) -> None:
    """Every series has a step before the first window, and the longest an example to learn from."""
    assert settings.windows is not None
    apart = settings.stride or horizon
    shortest, longest = (choose(data, key=len) for choose in (min, max))
    example = (settings.window or FEWEST_STEPS) + (horizon if settings.strategy == "direct" else 1)
    limits = [((len(s) - before - horizon) // apart + 1, s) for s, before in ((shortest, 1), (longest, example))]
    most, series = min(limits, key=lambda limit: limit[0])
    if settings.windows > most:
        many = f"{settings.windows} windows of {horizon} steps, {apart} apart" if settings.windows > 1 else "a window"
        less = ", or a smaller `horizon`" + (" or `stride`" if settings.windows > 1 else "")
        room = f"there may be {most} at most: give fewer `windows`, more data" if most > 0 else "give more data"
        raise DataError(
            f"{data.source}: series {series.id!r} has {len(series)} steps, too few for {many} and something to learn "
            f"from before; {room}{less}"
        )


def joined(data: SeriesSet, later: SeriesSet, stride: int | None) -> Span:
    """The series of both, and as span the steps of ``later`` from its first observed value on."""
    whole = data.extend(later)
    starts = [
        len(before) + int(np.argmax(~np.isnan(series.values[len(before) :])))
        for before, series in zip(data, whole, strict=True)
    ]
    return Span(whole, tuple(starts), stride)


def seasons_before(data: SeriesSet, settings: ForecastSettings) -> tuple[int, ...]:
    """The seasons, decided on what precedes the test span, which may itself depend on the season through the
    horizon."""
    ends: Sequence[int] = span_of(data, settings, longest_horizon(data, settings)).starts
    return choose_seasons(data, ends, data.frequency)


def longest_horizon(data: SeriesSet, settings: ForecastSettings) -> int:
    """The horizon, or the most that it may be before the season is known."""
    if settings.horizon:
        return settings.horizon
    shortest = min(len(series) for series in data)
    if settings.windows is None:
        return max(1, min(LONGEST_HORIZON, shortest // 2))
    if data.frequency is not None:  # the calendar's season, whatever the values
        return default_horizon(data.frequency.season)
    gaps = settings.windows - 1
    room = shortest // 2 - gaps * settings.stride if settings.stride else shortest // 2 // settings.windows
    return max(1, min(LONGEST_HORIZON, room))
