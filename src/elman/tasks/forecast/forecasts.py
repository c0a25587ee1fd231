"""Forecasts from the steps before each cutoff: the network's, the simple ones', and what they come to together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from elman.errors import DataError, ModelFileError
from elman.model import Model
from elman.model.model import Inputs
from elman.tasks.forecast.combination import combined
from elman.tasks.forecast.encoding import Scaler
from elman.tasks.forecast.examples import network_inputs
from elman.tasks.forecast.features import Around, encode
from elman.tasks.forecast.intervals import bound_names
from elman.tasks.forecast.network import highway_of
from elman.tasks.forecast.plan import ANY, LINEAR, NETWORK, Known, Plan
from elman.tasks.forecast.quantiles import Distances, distances, quantile_head
from elman.tasks.forecast.references import references
from elman.tasks.forecast.smoothing import smoothing_forecasts

Array = np.ndarray
LARGEST_OUTPUT = 20.0  # of the network, in spreads of logarithms: beyond it a forecast is nonsense, or overflows


class Forecasts(NamedTuple):
    """Of N cutoffs.

    Args:
        values: (N, H).
        members: each member's own, (N, H) by name; NaN in rows that it has no forecast for.
        bounds: level in percent → the interval's ends, each (N, H).
        apart: how far the network's own quantiles lie from its median, before they are calibrated; empty without them.
    """

    values: Array
    members: Mapping[str, Array]
    bounds: Mapping[str, tuple[Array, Array]]
    apart: Distances = MappingProxyType({})

    def columns(self) -> dict[str, Array]:
        """The forecast and the ends of its intervals, each (N, H), by the names of their columns."""
        ends = [end for both in self.bounds.values() for end in both]
        return {"forecast": self.values, **dict(zip(bound_names(self.bounds), ends, strict=True))}

    def rows(self, start: int, end: int) -> Forecasts:
        """Those of the cutoffs from number ``start`` on, before ``end``."""
        return Forecasts(
            self.values[start:end],
            {name: own[start:end] for name, own in self.members.items()},
            {level: (low[start:end], high[start:end]) for level, (low, high) in self.bounds.items()},
            {level: (below[start:end], above[start:end]) for level, (below, above) in self.apart.items()},
        )


def forecast(
    model: Model,
    plan: Plan,
    contexts: Array,
    known: Sequence[Known],
    beside: Around | None = None,
    maps: Mapping[str, Array] = MappingProxyType({}),
) -> Forecasts:
    """Forecasts from ``contexts`` (N, ``plan.memory``), the steps up to each cutoff; NaN before a series begins.

    Args:
        known: of the series of each.
        beside: the columns around each cutoff, ``plan.horizon`` steps ahead.
        maps: of the members by smoothing, where all are of one series.

    Raises:
        DataError: the values are so far from those in training that the arithmetic overflows.
    """
    steps = plan.horizon
    ids, scalers = [one.id for one in known], [one.scaler for one in known]
    weights = [plan.weights.get(id, plan.weights[ANY]) for id in ids]
    used = {name for row in weights for name in row}
    own = network_forecasts(model, plan, contexts, scalers, steps, beside)
    members: dict[str, Array] = {NETWORK: median_of(own)}
    if LINEAR in used:
        members[LINEAR] = median_of(network_forecasts(model, plan, contexts, scalers, steps, beside, linear=True))
    for number, linear in enumerate(plan.linears):
        if linear.name in used:
            members[linear.name] = linear.forecast(contexts, [one.linears[number] for one in known])
    smoothings = [one for one in plan.smoothings if one.name in used]
    members |= smoothing_forecasts(smoothings, contexts, ids, steps, maps)
    members |= {one.name: one.forecast(contexts, steps) for one in plan.pretrained if one.name in used}
    if used - members.keys():
        simple = references(contexts, steps, plan.seasons)
        members |= {name: simple[name] for name in simple if name in used}
    values = combined(members, weights, plan.outside)
    head = quantile_head(model)
    units = np.array([[one.unit] for one in known])
    apart: Distances = {} if head is None else distances(head, own, plan.intervals, units)
    _check_finite("forecast", values, *(end for both in apart.values() for end in both))
    floors = np.array([one.limits.floor for one in known])[:, None]
    values = np.maximum(values, floors)
    bounds = {}
    below = above = np.zeros_like(values)  # never less than that of a lower level
    for level in sorted(plan.intervals, key=float):
        down, up = apart.get(level, (1.0, 1.0))
        with np.errstate(over="ignore", invalid="ignore"):  # of absurd widths, checked here
            half = _units(plan, level, known, bool(apart)) * plan.intervals[level]
            below, above = np.maximum(below, half * down), np.maximum(above, half * up)
            bounds[level] = (np.maximum(values - below, floors), values + above)
        _check_finite("forecast's interval", *bounds[level])
    return Forecasts(values, members, {level: bounds[level] for level in plan.intervals}, apart)


def _check_finite(what: str, *found: Array) -> None:
    if not all(np.isfinite(one).all() for one in found):
        raise DataError(f"a {what} is not a finite number: values too far from those in training; check their units")


def _units(plan: Plan, level: str, known: Sequence[Known], relative: bool) -> Array:
    """(N, 1) the unit of the interval's width in each row; ``relative`` to the network's quantiles, it is no width."""
    own, other = plan.units[level], plan.units[level][ANY]
    units = [1.0 if relative else one.unit for one in known]
    found = [own[one.id] if one.id in own and one.id else other * unit for one, unit in zip(known, units, strict=True)]
    return np.array(found)[:, None]


def network_forecasts(
    model: Model,
    plan: Plan,
    contexts: Array,
    scalers: Sequence[Scaler],
    steps: int,
    beside: Around | None = None,
    *,
    linear: bool = False,
) -> Array:
    """The network's own forecasts, or with ``linear`` those of its highway alone: (N, ``steps``, Q) its quantiles, of
    which the median is in the middle; Q is 1 where it has none.

    A history shorter than the window is read as if its first value had stood before it. The recursive strategy appends
    each forecast to its window and repeats: no true value after a cutoff is used.

    Args:
        beside: the columns around each cutoff, ``steps`` ahead.
    """
    encoding = plan.encoding
    window = in_full(contexts[:, -encoding.window :])
    found: list[Array] = []
    answer = _highway(model) if linear else model.predict
    spreads = np.array([scaler.spread for scaler in scalers])[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        x = encoding.forward(window)
        for step in range(1 if plan.strategy == "direct" else steps):
            encoded = encoding.encode(x, scalers)
            columns: tuple[Array, ...] = ()
            if beside is not None:
                columns = encode(encoding, beside.moved(step, encoding.horizon), spreads / encoded.spread)
            output = answer(network_inputs(encoded.inputs, *columns)).astype(float)
            output = output.reshape(*output.shape[:2], -1)
            if encoding.transform == "log":
                output = np.clip(output, -LARGEST_OUTPUT, LARGEST_OUTPUT)
            found.append(encoded.reference[..., None] + encoded.spread[..., None] * output)
            ahead = median_of(found[-1])
            x = np.concatenate([x[:, ahead.shape[1] :], ahead], axis=1)[:, -encoding.window :]
        return encoding.back(np.concatenate(found, axis=1))


def median_of(quantiles: Array) -> Array:
    """The middle one of (…, Q)."""
    median: Array = quantiles[..., quantiles.shape[-1] // 2]
    return median


def in_full(window: Array) -> Array:
    """Windows (N, W) in which what precedes a series is its first value."""
    if not np.isnan(window).any():
        return window
    first = np.argmax(~np.isnan(window), axis=1)
    return np.where(np.isnan(window), window[np.arange(len(window)), first][:, None], window)


def _highway(model: Model) -> Callable[[Inputs], Array]:
    found = highway_of(model)
    if found is None:
        raise ModelFileError("its forecasts need a highway, and its network has none")
    weight, bias = found

    def answer(inputs: Inputs) -> Array:
        parts = inputs.values() if isinstance(inputs, Mapping) else [inputs]
        flat = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        found: Array = flat.astype(np.float32) @ weight.T + bias
        return found

    return answer
