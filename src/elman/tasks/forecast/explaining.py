"""A series as the network reads it, for a look at what it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from elman.data import SeriesSet
from elman.data.windows import contexts
from elman.learning import Answer, Example
from elman.learning.example import LinearMap, Window, check_number
from elman.model import INPUT, Model
from elman.tasks.forecast.ahead import check_ahead
from elman.tasks.forecast.encoding import LEAST_SPREAD, Scaler
from elman.tasks.forecast.features import AHEAD, COLUMNS, around, encode
from elman.tasks.forecast.forecasts import in_full
from elman.tasks.forecast.plan import ANY, NETWORK, Plan
from elman.tasks.forecast.quantiles import quantile_head
from elman.tasks.forecast.scoring import label_of


def example_of(model: Model, plan: Plan, data: SeriesSet, number: int) -> Example:
    """The window at the end of a series, from which the network forecasts what follows.

    Raises:
        DataError: there is no such series.
    """
    check_number(number, len(data), data.source, "series")
    plan.columns.check(data)
    check_ahead(plan.columns, data, plan.encoding.horizon)
    series, encoding = data.series[number], plan.encoding
    history = plan.history(series)
    values = in_full(contexts(history.values, [len(history.values) - 1], encoding.window))[0]
    scaler, observed = plan.known(history).scaler, bool(history.observed[-encoding.window :].all())
    encoded = encoding.encode(encoding.forward(values)[None], scaler)
    by_window = encoding.scale == "window"
    # divided by 1, what the encoding does to a transformed window is linear
    plain, undivided = replace(encoding, scale="series"), Scaler(scaler.center, 1.0)
    labels = data.labels(series)[-encoding.window :]
    inputs, notes = {INPUT: encoded.inputs[:, :, None].astype("f4")}, []
    if history.features is not None:
        found = around(history.features, [len(history.values) - 1], encoding.window, encoding.horizon)
        beside = encode(encoding, found, np.array([[scaler.spread]]) / encoded.spread)
        inputs |= {key: array for key, array in zip((COLUMNS, AHEAD), beside, strict=True) if array.shape[2]}
        notes.append("the columns beside the values stay as they are, whatever is done to the values")
    return Example(
        name=f"series {series.id}",
        inputs=inputs,
        reading=Window(
            input=INPUT,
            values=values,
            channel=series.id,
            reads=LinearMap.of(lambda x: plain.encode(x, undivided).inputs, encoding.window),
            reference=LinearMap.of(lambda x: plain.encode(x, undivided).reference, encoding.window),
            spread=LEAST_SPREAD * scaler.spread if by_window else scaler.spread,
            by_window=by_window,
            logarithm=encoding.transform == "log",
        ),
        answer=Answer(tuple(data.following(series, encoding.horizon)), classes=False, follows=True),
        steps=("",) * (encoding.window - len(labels)) + tuple(labels),
        apart=(AHEAD,) if AHEAD in inputs else (),
        notes=(*notes, *_notes(plan, series.id, observed, quantile_head(model) is not None)),
    )


def _notes(plan: Plan, id: str, observed: bool, quantiles: bool) -> list[str]:
    notes = [] if observed else ["gaps and values far outside the usual are filled in"]
    if plan.strategy == "recursive":
        notes.append("the network tells one step; for those after it, it reads its own forecasts")
    if quantiles:
        notes.append("of the network's quantiles, this is the median")
    weights = plan.weights.get(id, plan.weights[ANY])
    if set(weights) != {NETWORK}:
        parts = sorted(weights.items(), key=lambda item: -item[1])[:5]
        shares = ", ".join(f"{label_of(name)} {weight:.0%}" for name, weight in parts)
        notes.append(f"this is the network alone; a forecast combines {shares}")
    return notes
