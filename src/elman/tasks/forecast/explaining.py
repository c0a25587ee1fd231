"""A series as the network reads it, for a look at what it does."""

from __future__ import annotations

from dataclasses import replace

from elman.data import SeriesSet
from elman.learning import Answer, Example
from elman.learning.example import LinearMap, Window, check_number
from elman.model import Model
from elman.tasks.forecast.encoding import LEAST_SPREAD, Scaler, check_known
from elman.tasks.forecast.plan import Plan, history_of


def example_of(model: Model, plan: Plan, data: SeriesSet, number: int) -> Example:
    """The window at the end of a series, from which what follows is forecast.

    Raises:
        DataError: there is no such series, or it is shorter than the window.
    """
    check_number(number, len(data), data.source, "series")
    series, encoding = data.series[number], plan.encoding
    history = history_of(series, encoding.season)
    check_known(history.values, encoding.window, f"{data.source}: series {history.id!r}")
    values, scaler = history.values[-encoding.window :], plan.scaler(history)
    (name,) = model.wiring.inputs
    by_window = encoding.scale == "window"
    # divided by 1, what the encoding does to a window is linear
    plain, undivided = replace(encoding, scale="series"), Scaler(scaler.center, 1.0)
    notes = ["gaps are filled in"] if not history.observed[-encoding.window :].all() else []
    if plan.strategy == "recursive":
        notes.append("the network tells one step; for those after it, it reads its own forecasts")
    return Example(
        name=f"series {series.id}",
        inputs={name: encoding.encode(values[None], scaler).inputs[:, :, None].astype("f4")},
        reading=Window(
            input=name,
            values=values,
            channel=series.id,
            reads=LinearMap.of(lambda x: plain.encode(x, undivided).inputs, encoding.window),
            reference=LinearMap.of(lambda x: plain.encode(x, undivided).reference, encoding.window),
            spread=LEAST_SPREAD * scaler.spread if by_window else scaler.spread,
            by_window=by_window,
        ),
        answer=Answer(tuple(data.following(series, encoding.horizon)), classes=False, follows=True),
        steps=tuple(data.labels(series)[-encoding.window :]),
        notes=tuple(notes),
    )
