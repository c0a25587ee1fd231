"""The part of series that is forecast and scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elman.data import SeriesSet
from elman.errors import DataError
from elman.tasks.forecast.selection import choose_seasons
from elman.tasks.forecast.settings import ForecastSettings


@dataclass(frozen=True)
class Span:
    """The end of each series, from ``starts`` on.

    Args:
        data: whole series.
        starts: index of the first step of the span in each.
        stride: steps between the cutoffs to forecast from; None: one horizon.
    """

    data: SeriesSet
    starts: tuple[int, ...]
    stride: int | None = None


def span_of(data: SeriesSet, settings: ForecastSettings, horizon: int) -> Span:
    """The last ``test_size`` steps of each series, by default a fifth and at least one horizon.

    Raises:
        DataError: a series is not longer than that.
    """
    starts = []
    for series in data:
        size = settings.test_size or max(horizon, len(series) // 5)
        if size >= len(series):
            raise DataError(
                f"{data.source}: series {series.id!r} has {len(series)} steps, but the test takes the last {size}; "
                "give more data, or a smaller `horizon` or `test_size`"
            )
        starts.append(len(series) - size)
    return Span(data, tuple(starts), settings.stride)


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
    horizon = settings.horizon or max(1, min(48, min(len(series) for series in data) // 2))
    ends: Sequence[int] = span_of(data, settings, horizon).starts
    return choose_seasons(data, ends, data.frequency)
