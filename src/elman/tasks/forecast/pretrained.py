"""A network that was trained beforehand, on generated series, and forecasts any with a season: a member that learns
nothing from the series themselves, and so needs no more of them than three seasons.

It is a GRU of which half of the state comes from the step before and half from the season before (as the dilated layers
of Smyl 2020, "A hybrid method of exponential smoothing and recurrent neural networks for time series forecasting"), as
in smoothing the level does and the season. For each step ahead it tells how much each of some simple forecasts counts,
and what to add. What it has learned is how such forecasts go on in the series of `elman.studies.pretrain`, as in
Dooley et al. 2023, "ForecastPFN: Synthetically-trained zero-shot forecasting".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from elman.arrayfile import unpacked
from elman.cells import Ops
from elman.cells.gru import CELL
from elman.cells.numpy_ops import NumpyOps
from elman.kernels import Stepper, has_kernels
from elman.recurrence import Layout
from elman.tasks.forecast.pretrained_inputs import (
    LEAD_SIZE,
    LONGEST_SEASON,
    SEASONS_AHEAD,
    SHORTEST_SEASON,
    SIMPLE,
    STEP_SIZE,
    Inputs,
    inputs_of,
    whole_seasons,
)

Array = np.ndarray
PREFIX = "pretrained: "
VERSIONS = ("1",)  # the latest last; each has a file, for models that were trained beside it
LARGEST_LOGIT = 8.0
AT_ONCE = 500_000  # errors of the simple forecasts, which need the most memory
Step = Callable[[Any, Any], Any]
"""Of a GRU: what comes in (N, ·) and the state (N, H) → the new state."""


@dataclass(frozen=True)
class PretrainedMember:
    """The network's forecasts of the values, or of their logarithms.

    Args:
        transform: ``none``, or ``log``.
        season: from :data:`SHORTEST_SEASON` to :data:`LONGEST_SEASON` steps.
        window: steps before each cutoff that a forecast depends on, whole seasons.
        version: of the network, one of :data:`VERSIONS`.
    """

    transform: str
    season: int
    window: int
    version: str = VERSIONS[-1]

    @property
    def name(self) -> str:
        """What it is called among the members.

        >>> PretrainedMember("log", 12, 120).name
        'pretrained: log'
        """
        return PREFIX + self.transform

    def forecast(self, histories: Array, horizon: int) -> Array:
        """(N, H) from the steps up to each cutoff, (N, at least ``window``), NaN before a series begins; NaN where
        there are fewer than three seasons, or no logarithm."""
        found = np.full((len(histories), horizon), np.nan)
        read = histories[:, -self.window :]
        steps = np.array([whole_seasons(int(known), self.season) for known in (~np.isnan(read)).sum(axis=1)])
        usable = steps > 0
        if self.transform == "log":
            usable &= np.where(np.isnan(read), np.inf, read).min(axis=1) > 0
        for length in np.unique(steps[usable]).tolist():
            alike = np.flatnonzero(usable & (steps == length))
            for rows in np.array_split(alike, -(-len(alike) * SIMPLE * length // AT_ONCE)):
                values = read[rows, -length:]
                with np.errstate(over="ignore", invalid="ignore"):
                    if self.transform == "log":
                        found[rows] = np.exp(self._ahead(np.log(values), horizon))
                    else:
                        found[rows] = self._ahead(values, horizon)
        return found

    def _ahead(self, values: Array, horizon: int) -> Array:
        inputs = inputs_of(values, self.season, horizon)
        steps, leads = (np.ascontiguousarray(one, np.float32) for one in inputs[:2])
        read = inputs._replace(steps=steps, leads=leads)
        arrays = weights(self.version)
        ops = NumpyOps(CELL.gates, len(arrays["from_season"]))
        own: Array = run(arrays, read, self.season, ops, stepper(self.version))
        found: Array = own * inputs.scale + inputs.center
        return found

    def record(self) -> dict[str, Any]:
        """JSON values."""
        return {"transform": self.transform, "season": self.season, "window": self.window, "version": self.version}


def can_forecast(season: int, horizon: int) -> bool:
    """Whether the network was trained for such a season and horizon.

    >>> can_forecast(12, 24), can_forecast(12, 25), can_forecast(1, 1), can_forecast(52, 1)
    (True, False, False, False)
    """
    return SHORTEST_SEASON <= season <= LONGEST_SEASON and horizon <= SEASONS_AHEAD * season


def run(arrays: Mapping[str, Any], inputs: Inputs, season: int, ops: Ops, step: Step) -> Any:
    """The forecasts (N, L) in units of a history's scale, from ``arrays`` and ``inputs`` of the kind that ``ops`` work
    on, and the ``step`` of a GRU with these arrays. The units ``from_season`` have their state from the season before.
    """
    (steps, leads, simple, unit), units = inputs[:4], len(arrays["from_season"])
    before = nothing = ops.zeros(steps, steps.shape[1], units)
    states: list[Any] = []
    for number, x in enumerate(steps):
        older = states[number - season] if number >= season else nothing
        before = step(x, ops.where(arrays["from_season"], older, before))
        states.append(before)
    places = [states[len(states) - season + lead % season] for lead in range(leads.shape[1])]
    state = ops.where(arrays["from_season"], ops.stack(places), before)
    at_lead = leads.swapaxes(0, 1)
    x = _swish(state @ arrays["state"].T + at_lead @ arrays["lead"].T + arrays["first_bias"], ops)
    x = _swish(x @ arrays["second"].T + arrays["second_bias"], ops)
    found = (x @ arrays["last"].T + arrays["last_bias"]).swapaxes(0, 1)
    shares = ops.exp(LARGEST_LOGIT * ops.tanh(found[..., :SIMPLE] / LARGEST_LOGIT))
    return (ops.mean(shares * simple) / ops.mean(shares))[..., 0] + found[..., SIMPLE] * unit


def step_of(arrays: Mapping[str, Any], ops: Ops) -> Step:
    """The cell's equation with ``arrays``, of the kind that ``ops`` work on."""
    return lambda x, h: CELL.step(x, (h,), arrays, ops)[0][0]


@cache
def stepper(version: str) -> Step:
    """The same, compiled where there are kernels."""
    arrays = weights(version)
    layout = Layout(CELL.name, STEP_SIZE, len(arrays["from_season"]))
    if not has_kernels(layout):
        return step_of(arrays, NumpyOps(CELL.gates, layout.hidden_size))
    compiled = Stepper(layout, {name: arrays[name.removesuffix("_l0")] for name in layout.shapes()})
    return lambda x, h: compiled.step(x, (h[None],))[0]


def _swish(x: Any, ops: Ops) -> Any:
    return x * ops.sigmoid(x)


def shapes(units: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """Of the arrays of a network with ``units`` in its layer and ``hidden`` in what follows it."""
    return {
        "weight_ih": (3 * units, STEP_SIZE),
        "weight_hh": (3 * units, units),
        "bias_ih": (3 * units,),
        "bias_hh": (3 * units,),
        "state": (hidden, units),
        "lead": (hidden, LEAD_SIZE),
        "first_bias": (hidden,),
        "second": (hidden, hidden),
        "second_bias": (hidden,),
        "last": (SIMPLE + 1, hidden),
        "last_bias": (SIMPLE + 1,),
    }


def from_season(units: int) -> Array:
    """Which units have their state from the season before: the second half of them."""
    found: Array = np.arange(units) >= units // 2
    return found


@cache
def weights(version: str) -> dict[str, Array]:
    """The arrays of a version of the network."""
    content = files("elman.tasks.forecast").joinpath(f"pretrained-{version}.safetensors").read_bytes()
    arrays = unpacked(content).arrays
    return {**arrays, "from_season": from_season(arrays["weight_hh"].shape[1])}


def pretrained_members(
    season: int, horizon: int, window: int | None, transforms: Sequence[str]
) -> list[PretrainedMember]:
    """The members for series with a season, of which ``window`` steps may be read; none where it was not trained."""
    steps = whole_seasons(window or 10**9, season) if can_forecast(season, horizon) else 0
    return [PretrainedMember(transform, season, steps) for transform in transforms if steps]


def pretrained_from_record(record: Any, season: int, horizon: int) -> PretrainedMember:
    """What :meth:`PretrainedMember.record` wrote.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not that.
    """
    if record.keys() != {field.name for field in fields(PretrainedMember)}:
        raise KeyError(", ".join(record))
    found = PretrainedMember(**record)
    if found.version not in VERSIONS:
        raise ValueError(f"pre-trained network {found.version!a:.20}, which this elman lacks: update it")
    if found.transform not in ("none", "log") or type(found.window) is not int or type(found.season) is not int:
        raise ValueError("an unknown kind of the pre-trained network's forecasts")
    if found.season != season or not can_forecast(season, horizon):
        raise ValueError("the pre-trained network cannot forecast this")
    if not found.window or found.window != whole_seasons(found.window, season):
        raise ValueError("an impossible window of the pre-trained network")
    return found
