"""The network of a forecaster: recurrent layers over the window, and a linear highway around them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from elman.errors import DataError
from elman.model import (
    INPUT,
    FixedLinear,
    Join,
    LastStep,
    Layer,
    Linear,
    Model,
    PointEnsembleHead,
    PointHead,
    QuantileHead,
    Segments,
    recurrent_layers,
)
from elman.tasks.forecast.features import AHEAD, COLUMNS
from elman.tasks.forecast.plan import Plan
from elman.tasks.forecast.quantiles import quantiles_for
from elman.tasks.forecast.settings import ForecastSettings

Array = np.ndarray
HIGHWAY, CORRECTION, GAPS = "highway", "correction", "gaps"
MOST_STEPS_READ = 32  # by the recurrent layers, where the segments are chosen for it
FEW_STEPS = 64  # that are read one by one


def layers_for(plan: Plan, settings: ForecastSettings) -> tuple[Layer, ...]:
    """``settings.ensemble`` networks side by side, each with recurrent layers, their last state, and from it all the
    steps that it puts out. With a highway, a fixed linear layer from the whole window is added to each: they learn what
    it leaves. Of quantiles that is the median; a linear layer of its own gives the gaps between them.

    Columns beside the values are read with them at each step. For those that are known beforehand, further recurrent
    layers go on from the last state over the steps of the horizon: they move all quantiles alike."""
    steps, size, members = plan.encoding.steps, plan.encoding.horizon, settings.ensemble
    beside, ahead = plan.columns.sizes(plan.encoding)
    segment = settings.segment or default_segment(steps, plan.encoding.season)
    if steps % segment:
        raise DataError(f"`segment` is {segment}, which does not divide the {steps} steps that the network reads")
    found: list[Layer] = []
    if settings.highway:
        found += _highway(plan)
    read = INPUT
    if beside:
        read = "steps"
        found.append(Join("concatenate", name=read, reads=(INPUT, COLUMNS)))
    names: list[str] = []
    quantiles = quantiles_for(settings.levels) if settings.intervals == "quantile" else ()
    for k in range(members):
        recurrent = recurrent_layers(settings, segment * (1 + beside))
        if segment > 1:
            found.append(Segments(segment, reads=(read,)))
        else:
            recurrent = dataclasses.replace(recurrent, reads=(read,))
        names.append(f"{CORRECTION}{k}" if members > 1 else CORRECTION)
        state = f"state{k}" if ahead or quantiles else ""
        found += [recurrent, LastStep(name=state), Linear(settings.hidden_size, size, name=names[-1])]
        added = [names[-1]]
        if ahead:
            found.append(Join("concatenate", reads=(state, AHEAD)))
            found.append(recurrent_layers(settings, settings.hidden_size + ahead))
            found.append(Linear(settings.hidden_size, 1, name=f"{CORRECTION}-ahead{k}"))
            found += [Segments(size), LastStep(name=f"ahead{k}")]
            added.append(f"ahead{k}")
        if settings.highway:
            added.append(HIGHWAY)
        if len(added) > 1:
            found.append(Join("add", name=f"sum{k}", reads=tuple(added)))
            names[-1] = f"sum{k}"
        if quantiles:
            names.append(f"{GAPS}{k}")
            gaps = size * (len(quantiles) - 1)
            found.append(Linear(settings.hidden_size, gaps, name=names[-1], reads=(state,)))
    if quantiles:
        return (*found, Join("concatenate", reads=tuple(names)), QuantileHead(quantiles, size, members))
    if members > 1:
        found.append(Join("concatenate", reads=tuple(names)))
        return (*found, PointEnsembleHead(settings.loss, size, members))
    return (*found, PointHead(settings.loss, size))


def _highway(plan: Plan) -> list[Layer]:
    """A linear layer from all that is read, step by step: the values, the columns beside them, those ahead."""
    steps, size = plan.encoding.steps, plan.encoding.horizon
    beside, ahead = plan.columns.sizes(plan.encoding)
    if not beside:
        return [Segments(steps, reads=(INPUT,)), LastStep(), FixedLinear(steps, size, name=HIGHWAY)]
    found: list[Layer] = []
    names = []
    for source, length in ((INPUT, steps), (COLUMNS, steps), *([(AHEAD, size)] if ahead else [])):
        names.append(f"all of {source}")
        found += [Segments(length, reads=(source,)), LastStep(name=names[-1])]
    total = highway_size(plan)
    return [*found, Join("concatenate", reads=tuple(names)), FixedLinear(total, size, name=HIGHWAY)]


def highway_size(plan: Plan) -> int:
    """Numbers that a highway reads."""
    beside, ahead = plan.columns.sizes(plan.encoding)
    return plan.encoding.steps * (1 + beside) + plan.encoding.horizon * ahead


def highway_of(model: Model) -> tuple[Array, Array] | None:
    """Weight (H, ·) and bias (H,) of a model's highway; None if it has none."""
    for number, layer in enumerate(model.layers):
        if isinstance(layer, FixedLinear) and layer.name == HIGHWAY:
            return model.arrays[f"{number}.weight"], model.arrays[f"{number}.bias"]
    return None


def is_silent(model: Model) -> bool:
    """Whether the recurrent layers of all members put out nothing, as they begin."""
    named = [(number, layer.name) for number, layer in enumerate(model.layers)]
    parts = [f"{number}.{part}" for number, name in named if name.startswith(CORRECTION) for part in ("weight", "bias")]
    parts += [f"{number}.weight" for number, name in named if name.startswith(GAPS)]
    return not any(model.arrays[part].any() for part in parts)


def default_segment(steps: int, season: int) -> int:
    """Steps read at once: 1 for a short window, else so many that the recurrent layers read at most 32 segments, if
    possible a part of a season.

    >>> default_segment(24, 12), default_segment(96, 24), default_segment(336, 24), default_segment(97, 1)
    (1, 3, 12, 1)
    """
    if steps <= FEW_STEPS:
        return 1
    divisors = [size for size in range(2, steps // 2 + 1) if steps % size == 0 and steps // size <= MOST_STEPS_READ]
    return next((size for size in divisors if season % size == 0), divisors[0] if divisors else 1)


def begun(
    layers: tuple[Layer, ...],
    arrays: Mapping[str, Array],
    coefficients: Array | None,
    zero: bool,
    gaps: Array | None = None,
) -> dict[str, Array]:
    """Initial weights: the highway holds ``coefficients`` (T + 1, H), the constant's last, and with ``zero`` what the
    recurrent layers say counts for nothing yet. ``gaps`` (Q - 1, H) between quantiles are what they begin with."""
    found = dict(arrays)
    for number, layer in enumerate(layers):
        weight, bias = f"{number}.weight", f"{number}.bias"
        if layer.name == HIGHWAY and coefficients is not None:
            found[weight] = np.ascontiguousarray(coefficients[:-1].T, np.float32)
            found[bias] = coefficients[-1].astype(np.float32)
        elif layer.name.startswith(CORRECTION) and zero:
            found[weight], found[bias] = np.zeros_like(found[weight]), np.zeros_like(found[bias])
        elif layer.name.startswith(GAPS) and gaps is not None:
            found[bias] = gaps.ravel().astype(np.float32)
            if zero:
                found[weight] = np.zeros_like(found[weight])
    return found
