"""Which steps a model was fitted on, so that no score is taken on them unsaid."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np

from elman.data import Series, SeriesSet
from elman.tasks.forecast.plan import Plan


def with_fitted(plan: Plan, data: SeriesSet, ends: Sequence[int | None]) -> Plan:
    """The plan with a mark for each series: known, while fitting, up to (not including) step ``end`` (None: whole)."""
    marks = {series.id: _mark(series, end) for series, end in zip(data, ends, strict=True)}
    return dataclasses.replace(plan, fitted={**plan.fitted, **marks})


def was_seen(plan: Plan, series: Series, start: int) -> bool:
    """Whether fitting saw step ``start`` of ``series`` or one after it.

    Series with times are compared by time. Where rows are only counted, a series is the one fitted on if it begins
    with the same values.
    """
    mark = plan.fitted.get(series.id)
    if mark is None or ":" not in mark:
        return False
    kind, rest = mark.split(":", 1)
    if kind == "time":
        return series.times is not None and bool(series.times[start] <= np.datetime64(rest))
    steps, _, digest = rest.partition(":")
    end = int(steps)
    return series.times is None and start < end <= len(series) and _digest(series.values[:end]) == digest


def _mark(series: Series, end: int | None) -> str:
    values = series.values[:end]
    if series.times is not None:
        return f"time:{series.times[len(values) - 1]}"
    return f"rows:{len(values)}:{_digest(values)}"


def _digest(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values, "<f8").tobytes()).hexdigest()[:16]
