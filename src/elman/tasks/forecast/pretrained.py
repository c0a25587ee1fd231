"""A network that was trained beforehand, on generated series, and forecasts any with a season: a member that learns
nothing from the series themselves, and so needs no more of them than three seasons. Of longer series its last layers,
those behind the recurrent one, learn on (:mod:`elman.tasks.forecast.fine_tuning`).

It is a GRU of which half of the state comes from the step before and half from the season before (as the dilated layers
of Smyl 2020, "A hybrid method of exponential smoothing and recurrent neural networks for time series forecasting"), as
in smoothing the level does and the season. For each step ahead it tells how much each of some simple forecasts counts,
and what to add. What it has learned is how such forecasts go on in the series of `elman.studies.pretrain`, as in
Dooley et al. 2023, "ForecastPFN: Synthetically-trained zero-shot forecasting".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    FEWEST_SEASONS,
    LEAD_SIZE,
    LEAST_STEPS,
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
PREFIX, TUNED = "pretrained: ", "fine-tuned: "
LONGEST_TUNED_SEASON = 48
TUNED_SEASONS, MOST_TUNED_STEPS = 14, 336  # that are read where it is fine-tuned, if there is no longer season
FEWEST_IN_LONGER = 7  # seasons in a longer one, such as days in a week, that all of it is read
DECIMALS, LARGEST_WEIGHT = 7, 1e6
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
        season: from :data:`SHORTEST_SEASON` to :data:`LONGEST_SEASON` steps; fine-tuned :data:`LONGEST_TUNED_SEASON`.
        window: steps before each cutoff that a forecast depends on, whole seasons.
        version: of the network, one of :data:`VERSIONS`.
        tuned: the arrays of :func:`head`, if they were fine-tuned.
    """

    transform: str
    season: int
    window: int
    version: str = VERSIONS[-1]
    tuned: Mapping[str, Array] | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """What it is called among the members.

        >>> PretrainedMember("log", 12, 120).name, PretrainedMember("log", 12, 168, tuned={}).name
        ('pretrained: log', 'fine-tuned: log')
        """
        return (PREFIX if self.tuned is None else TUNED) + self.transform

    @property
    def arrays(self) -> dict[str, Array]:
        """Those of the network, with the fine-tuned ones in their place."""
        return {**weights(self.version), **(self.tuned or {})}

    def forecast(self, histories: Array, horizon: int) -> Array:
        """(N, H) from the steps up to each cutoff, (N, at least ``window``), NaN before a series begins; NaN where
        there are fewer than three seasons, or no logarithm."""
        found = np.full((len(histories), horizon), np.nan)
        read = histories[:, -self.window :]
        steps = (~np.isnan(read)).sum(axis=1) // self.season * self.season
        usable = steps >= FEWEST_SEASONS * self.season
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
        arrays = self.arrays
        ops = NumpyOps(CELL.gates, len(arrays["from_season"]))
        own: Array = run(arrays, read, self.season, ops, stepper(self.version))
        found: Array = own * inputs.scale + inputs.center
        return found

    def record(self) -> dict[str, Any]:
        """JSON values."""
        found = {"transform": self.transform, "season": self.season, "window": self.window, "version": self.version}
        if self.tuned is None:
            return found
        tuned = {name: np.round(array.astype(float), DECIMALS).tolist() for name, array in self.tuned.items()}
        return {**found, "tuned": tuned}


def can_forecast(season: int, horizon: int, *, tuned: bool = False) -> bool:
    """Whether the network was trained for such a season and horizon, or can be fine-tuned for it.

    >>> can_forecast(12, 24), can_forecast(12, 25), can_forecast(1, 1), can_forecast(48, 1)
    (True, False, False, False)
    >>> can_forecast(48, 1, tuned=True)
    True
    """
    longest = LONGEST_TUNED_SEASON if tuned else LONGEST_SEASON
    return SHORTEST_SEASON <= season <= longest and horizon <= SEASONS_AHEAD * season


def tuned_steps(seasons: Sequence[int], window: int | None = None) -> int:
    """The steps that a fine-tuned network reads: of a longer season, such as a week, all; else 14 seasons, but not of
    the longest. 0 if fewer than three seasons of them are in ``window``.

    >>> tuned_steps([24, 168]), tuned_steps([48, 336]), tuned_steps([12]), tuned_steps([4]), tuned_steps([24])
    (168, 336, 168, 60, 336)
    >>> tuned_steps([12], 100), tuned_steps([12], 30)
    (96, 0)
    """
    season, longer = min(seasons), max(seasons)
    most = max(min(TUNED_SEASONS * season, MOST_TUNED_STEPS), LEAST_STEPS)
    if longer % season == 0 and FEWEST_IN_LONGER * season <= longer <= MOST_TUNED_STEPS:
        most = longer
    found = min(most, window or most) // season * season
    return found if found >= FEWEST_SEASONS * season else 0


def run(arrays: Mapping[str, Any], inputs: Inputs, season: int, ops: Ops, step: Step) -> Any:
    """The forecasts (N, L) in units of a history's scale, from ``arrays`` and ``inputs`` of the kind that ``ops`` work
    on, and the ``step`` of a GRU with these arrays."""
    state = states(arrays, inputs.steps, season, inputs.leads.shape[1], ops, step)
    return head(arrays, state, inputs.leads, inputs.simple, inputs.unit, ops)


def states(arrays: Mapping[str, Any], steps: Any, season: int, ahead: int, ops: Ops, step: Step) -> Any:
    """(N, ``ahead``, units): what is known of each step ahead. The units ``from_season`` have their state from the
    season before, so theirs is that of the same place in the last season."""
    before = nothing = ops.zeros(steps, steps.shape[1], len(arrays["from_season"]))
    found: list[Any] = []
    for number, x in enumerate(steps):
        older = found[number - season] if number >= season else nothing
        before = step(x, ops.where(arrays["from_season"], older, before))
        found.append(before)
    places = [found[len(found) - season + lead % season] for lead in range(ahead)]
    return ops.where(arrays["from_season"], ops.stack(places), before).swapaxes(0, 1)


def head(arrays: Mapping[str, Any], state: Any, leads: Any, simple: Any, unit: Any, ops: Ops) -> Any:
    """The forecasts (…) from states (…, units) and what :class:`Inputs` has of the steps ahead."""
    x = _swish(state @ arrays["state"].T + leads @ arrays["lead"].T + arrays["first_bias"], ops)
    x = _swish(x @ arrays["second"].T + arrays["second_bias"], ops)
    found = x @ arrays["last"].T + arrays["last_bias"]
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


def head_weights(version: str) -> dict[str, Array]:
    """Those that :func:`head` has, which can be fine-tuned."""
    recurrent = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "from_season")
    return {name: array for name, array in weights(version).items() if name not in recurrent}


def pretrained_members(
    season: int, horizon: int, window: int | None, transforms: Sequence[str]
) -> list[PretrainedMember]:
    """The members for series with a season, of which ``window`` steps may be read; none where it was not trained."""
    steps = whole_seasons(window or 10**9, season) if can_forecast(season, horizon) else 0
    return [PretrainedMember(transform, season, steps) for transform in transforms if steps]


def pretrained_from_record(record: Any, seasons: Sequence[int], horizon: int) -> PretrainedMember:
    """What :meth:`PretrainedMember.record` wrote.

    Args:
        seasons: of the plan, one of which is the member's; the shortest, but in files of before the first.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not that.
    """
    fixed, tuned = {name: value for name, value in record.items() if name != "tuned"}, "tuned" in record
    if fixed.keys() != {"transform", "season", "window", "version"}:
        raise KeyError(", ".join(record))
    found = PretrainedMember(**fixed)
    if found.version not in VERSIONS:
        raise ValueError(f"pre-trained network {found.version!a:.20}, which this elman lacks: update it")
    if found.transform not in ("none", "log") or type(found.window) is not int or type(found.season) is not int:
        raise ValueError("an unknown kind of the pre-trained network's forecasts")
    if found.season not in seasons or not can_forecast(found.season, horizon, tuned=tuned):
        raise ValueError("the pre-trained network cannot forecast this")
    whole = found.window // found.season * found.season if tuned else whole_seasons(found.window, found.season)
    if found.window != whole or not FEWEST_SEASONS * found.season <= whole <= MOST_TUNED_STEPS:
        raise ValueError("an impossible window of the pre-trained network")
    return replace(found, tuned=_tuned(record["tuned"], head_weights(found.version))) if tuned else found


def _tuned(record: Any, trained: Mapping[str, Array]) -> dict[str, Array]:
    if record.keys() != trained.keys():
        raise KeyError(", ".join(record))
    found = {name: _array(values) for name, values in record.items()}
    for name, array in found.items():
        if array.shape != trained[name].shape or not (np.abs(array) <= LARGEST_WEIGHT).all():
            raise ValueError("a fine-tuned network of the wrong size")
    return {name: array.astype(np.float32) for name, array in found.items()}


def _array(values: Any) -> Array:
    rows = values if values and isinstance(values[0], list) else [values]
    if any(type(number) not in (int, float) for row in rows for number in row):
        raise TypeError("numbers are needed")
    return np.array(values, float)
