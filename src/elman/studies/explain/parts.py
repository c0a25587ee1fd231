"""What the gates and states of one direction of one recurrent layer tell: how often gates are shut or open, how long
units keep what they have, and in which order to look at them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from elman.cells import Cell, get_cell
from elman.model import Model, RecurrentLayers

Array = np.ndarray
SHUT, OPEN = 0.1, 0.9
LONGEST = 1e6  # steps: longer is said to be so
EQUATIONS: dict[str, list[str]] = json.loads((Path(__file__).parent / "web/equations.json").read_text(encoding="utf-8"))
"""The equations of cells as the page computes and shows them, line by line; a quote marks a state before the step,
``x_g`` and ``h_g`` are gate g's products of the input and of the state, ``U_g`` is the second for something else."""


@dataclass(frozen=True)
class Part:
    """One direction of one recurrent layer, along one sequence of T steps; H units.

    Args:
        layer: the number of the model's layer.
        suffix: of the names of its arrays: ``"_l0_reverse"``.
        name: what it is called.
        cell: the cell's name.
        gates: every gate by name, (T, H).
        states: every state by name, (T, H); the first is the output, (T, R) with a projection.
    """

    layer: int
    suffix: str
    name: str
    cell: str
    gates: Mapping[str, Array] = field(repr=False)
    states: Mapping[str, Array] = field(repr=False)

    @property
    def steps(self) -> int:
        """T."""
        return len(next(iter(self.states.values())))

    @cached_property
    def saturation(self) -> dict[str, tuple[Array, Array]]:
        """Of each gate between 0 and 1, the share of steps in which a unit's is below 0.1, and above 0.9: (H,) each."""
        return {
            name: ((gate < SHUT).mean(axis=0), (gate > OPEN).mean(axis=0))
            for name, gate in self.gates.items()
            if name in shares_of(get_cell(self.cell))
        }

    @cached_property
    def time_constants(self) -> Array | None:
        """After how many steps a unit has 1/e of what it had, (H,): -1 / mean(log k) of what multiplies the old state,
        k, at most 10⁶; None for a cell in which no gate does.

        k₁·k₂·…·k_T = exp(T · mean(log k)) is the share of the first state that is left after T steps, if nothing but
        that gate acts on it.
        """
        keeper = keeper_of(get_cell(self.cell))
        if keeper is None or keeper.gate not in self.gates:
            return None
        gate = self.gates[keeper.gate]
        rate = -np.log(np.clip(1 - gate if keeper.rest else gate, 1e-30, 1.0)).mean(axis=0)
        return np.asarray(1 / np.maximum(rate, 1 / LONGEST))

    def order(self, size: int) -> Array:
        """The units from the slowest to the fastest: by time constant, or where there is none, or not of so many units,
        by :func:`restlessness` of the output."""
        constants, output = self.time_constants, next(iter(self.states.values()))
        if constants is not None and len(constants) == size:
            return np.argsort(-constants, kind="stable")
        chosen = output if output.shape[1] == size else next(s for s in self.states.values() if s.shape[1] == size)
        return np.argsort(restlessness(chosen), kind="stable")

    @property
    def sorted_by(self) -> str:
        """What :meth:`order` sorts by, in words."""
        keeper = keeper_of(get_cell(self.cell))
        if keeper is not None:
            return f"by how long {keeper.name} keeps what they have, longest at the top"
        return "by how little their output changes from step to step, steadiest at the top"


def restlessness(values: Array) -> Array:
    """Half the mean square of each unit's change from step to step over its variance, (H,): 0 for one that stays as it
    is, 1 for one that begins anew at every step.

    >>> restlessness(np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])).round(2).tolist()
    [0.4, 0.0]
    """
    variance = values.var(axis=0)
    change = np.square(np.diff(values, axis=0)).mean(axis=0) if len(values) > 1 else np.zeros_like(variance)
    return np.where(variance > 1e-30, change / np.maximum(2 * variance, 1e-30), 0.0)


class Keeper(NamedTuple):
    """What multiplies a cell's old state: a gate, or with ``rest`` what that leaves of 1; and its name."""

    gate: str
    rest: bool
    name: str


def keeper_of(cell: Cell) -> Keeper | None:
    """What multiplies the old state of a cell, which says so; None: no gate does.

    >>> keeper_of(get_cell("gru")).name
    'z'
    """
    if cell.keep:
        return Keeper(cell.keep, False, cell.keep)
    return Keeper(cell.write, True, f"1 − {cell.write}") if cell.write else None


def shares_of(cell: Cell) -> frozenset[str]:
    """The gates between 0 and 1: those that it says keep or write a state, and those that an equation makes with σ."""
    lines = EQUATIONS.get(cell.name, [])
    made = {line.split(" = ")[0] for line in lines if re.search(r" = (\w+ · )?σ\(.*\)$", line)}
    return frozenset(made | {cell.keep, cell.write} - {""})


def parts_of(model: Model, traces: Mapping[int, Mapping[str, Array]]) -> tuple[Part, ...]:
    """The parts of a model, from what :func:`elman.studies.explain.inside.look_inside` kept."""
    several = sum(isinstance(layer, RecurrentLayers) for layer in model.layers) > 1
    found = []
    for number, trace in traces.items():
        layer = model.layers[number]
        assert isinstance(layer, RecurrentLayers), "only these are traced"
        cell = get_cell(layer.layout.cell)
        for depth, direction, suffix in layer.layout.parts():
            words = [f"network layer {number}," if several else "", f"layer {depth + 1}"]
            words.append("backwards" if direction else "forwards" if layer.layout.bidirectional else "")
            own = {name.removesuffix(suffix): values for name, values in trace.items() if name.endswith(suffix)}
            states = {name: own.pop(name) for name in cell.states}
            found.append(Part(number, suffix, " ".join(filter(None, words)), cell.name, own, states))
    return tuple(found)
