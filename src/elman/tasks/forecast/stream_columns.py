"""The columns beside the values in a stream, which are given with each value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from elman.errors import DataError
from elman.tasks.forecast.calendar import calendar_features
from elman.tasks.forecast.features import Around
from elman.tasks.forecast.plan import Plan

Array = np.ndarray
VALUE, TIME = "value", "time"  # what is given besides the columns


class Step(NamedTuple):
    """What one step of a stream is given.

    Args:
        value: as it was given.
        row: (C,) the columns at this step, standardised, NaN where missing.
        ahead: (H, F) those known beforehand in the steps after it.
        static: (S,).
    """

    value: Any
    row: Array
    ahead: Array
    static: Array


def check_columns(plan: Plan) -> None:
    """Check that a step can be given the columns by their names.

    Raises:
        DataError: one is called as something else that it is given.
    """
    if clash := set(plan.columns.names.all) & {VALUE, *([TIME] if plan.columns.calendar else [])}:
        raise DataError(
            f"a stream takes {min(clash)!r} beside the columns, and one is called so; rename it and train anew"
        )


def value_of(plan: Plan, x: Any) -> Any:
    """The value in what a step is given."""
    return x[VALUE] if plan.columns.some and isinstance(x, Mapping) and VALUE in x else x


def read_step(plan: Plan, x: Any) -> Step:
    """One step of a model with columns: a mapping of names to values.

    Raises:
        DataError: a name is missing or unknown, or a value of the wrong kind.
    """
    columns, horizon = plan.columns, plan.horizon
    needed = [VALUE, *columns.names.all, *([TIME] if columns.calendar else [])]
    if not isinstance(x, Mapping) or x.keys() != set(needed):
        given = sorted(map(str, x)) if isinstance(x, Mapping) else f"{x!r:.60}"
        raise DataError(f"a stream of this model takes a mapping with {', '.join(map(repr, needed))}, not {given}")
    past = [_numbers(name, x[name], 1)[0] for name in columns.past]
    future = np.array([_numbers(name, x[name], 1 + horizon) for name in columns.future]).reshape(-1, 1 + horizon).T
    if columns.calendar:
        future = np.concatenate([future * 1.0, _calendar(plan, x[TIME])], axis=1)
    row = columns.standard(np.array([*past, *future[0, : len(columns.future)]]), columns.names.numbers)
    ahead = columns.standard(future[:, : len(columns.future)], columns.future)
    ahead = np.concatenate([ahead, future[:, len(columns.future) :]], axis=1)
    static = np.concatenate([np.zeros(0), *columns.of_static([x[name] for name in columns.static])])
    return Step(x[VALUE], np.concatenate([row, future[0, len(columns.future) :]]), ahead[1:], static)


def around_step(step: Step, recent: Array) -> tuple[Around, Array]:
    """The columns around a step, and those of the last W steps with it.

    Args:
        recent: (W, C) those of the last W steps before; NaN before the first.
    """
    row = np.where(np.isnan(step.row), recent[-1], step.row)
    recent = np.concatenate([recent[1:], np.nan_to_num(row)[None]])
    ahead = np.concatenate([recent[-1:, len(row) - step.ahead.shape[1] :], step.ahead])
    for k in range(1, len(ahead)):
        ahead[k] = np.where(np.isnan(ahead[k]), ahead[k - 1], ahead[k])
    return Around(recent[None], ahead[None, 1:], step.static[None]), recent


def _numbers(name: str, given: Any, size: int) -> Sequence[float]:
    try:
        found = np.asarray(given, float)
    except (TypeError, ValueError):
        found = np.full(0, np.nan)
    if found.shape != (size,) and not (size == 1 and found.shape == ()):
        what = "a number" if size == 1 else f"{size} numbers, those of its step and of the {size - 1} after it"
        raise DataError(f"a stream takes {what}, for {name!r}, not {given!r:.60}")
    if np.isinf(found).any():
        raise DataError(f"a stream takes finite numbers, or nan for a missing one; {name!r} has an infinite one")
    return [float(number) for number in found.ravel()]


def _calendar(plan: Plan, given: Any) -> Array:
    assert plan.frequency is not None, "a plan with a calendar has times"
    try:
        time = np.datetime64(given, "s")
        if np.isnat(time):
            raise ValueError("no time")
    except (TypeError, ValueError):
        raise DataError(f"a stream takes a time as 2024-01-31T06:00 for {TIME!r}, not {given!r:.60}") from None
    times = np.concatenate([np.array([time]), plan.frequency.following(time, plan.horizon)])
    return calendar_features(times, plan.columns.calendar)
