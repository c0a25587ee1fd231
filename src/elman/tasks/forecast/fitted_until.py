"""How far each series was known when a model was fitted, so that no score is taken on those steps."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np

from elman.data import Series, SeriesSet
from elman.tasks.forecast.plan import Plan

BEGINNING = 16  # values that identify a series whose rows are only counted


def with_marks(plan: Plan, data: SeriesSet, ends: Sequence[int | None]) -> Plan:
    """The plan with a mark for each series: known, while fitting, up to (not including) step ``end`` (None: whole).

    The mark of an earlier fit of the same weights is kept where it reaches further.
    """
    marks = {
        series.id: _mark(series, end)
        for series, end in zip(data, ends, strict=True)
        if not was_fitted_on(plan, series, end)
    }
    return dataclasses.replace(plan, fitted={**plan.fitted, **marks})


def was_fitted_on(plan: Plan, series: Series, start: int | None) -> bool:
    """Whether the model was fitted on step ``start`` of ``series`` (None: the one after its end) or on a later one.

    Series with times are compared by time. Where rows are only counted, a series is the one fitted on if it begins
    with the same values.
    """
    mark = plan.fitted.get(series.id, "")
    kind, _, rest = mark.partition(":")
    start = len(series) if start is None else start
    if kind == "time" and series.times is not None:
        if start == len(series):
            return bool(series.times[-1] < np.datetime64(rest))
        return bool(series.times[start] <= np.datetime64(rest))
    if kind == "rows" and series.times is None:
        end, digest = rest.split(":")
        return start < int(end) and _digest(series.values[: min(int(end), BEGINNING)]) == digest
    return False


def _mark(series: Series, end: int | None) -> str:
    values = series.values[:end]
    if series.times is not None:
        return f"time:{series.times[len(values) - 1]}"
    return f"rows:{len(values)}:{_digest(values[:BEGINNING])}"


def _digest(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values, "<f8").tobytes()).hexdigest()[:16]
