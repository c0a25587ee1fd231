"""An explanation as pictures: gates and states over time, saturation, memory, and what outputs depend on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.cells import get_cell
from elman.learning import Drawing, Example, Figure, HeatMap, HeatMaps, Line
from elman.learning.example import Numbers, Window
from elman.studies.explain.connectivity import Connectivity
from elman.studies.explain.parts import OPEN, SHUT, Part, keeper_of, shares_of

Array = np.ndarray


def pictures_of(
    parts: Sequence[Part], connectivity: Connectivity | None, example: Example, steps: Sequence[str]
) -> list[Drawing]:
    """All pictures; ``steps`` are what the model's steps are called."""
    above, label = _input(example, len(steps))
    found: list[Drawing] = []
    for number, part in enumerate(parts, start=1):
        wide = len(steps) // part.steps  # a layer between may have made one step of several
        own = None if above is None else above[wide - 1 :: wide]
        found.append(_states(number, part, steps[wide - 1 :: wide], own, label))
        found += [*_saturation(number, part), *_memory(number, part)]
    if connectivity is not None:
        found.append(_dependence(connectivity, steps, above, label))
    return found


def _input(example: Example, steps: int) -> tuple[Array | None, str]:
    """The curves of the input over the model's steps; None where the steps are no numbers."""
    reading = example.reading
    if isinstance(reading, Window):
        return reading.values[-steps:, None], reading.channel
    if isinstance(reading, Numbers):
        return reading.values, ", ".join(reading.channels[:6])
    return None, ""


def _title(part: Part) -> str:
    return f"{part.cell}, {part.name}"


def _states(number: int, part: Part, steps: Sequence[str], above: Array | None, label: str) -> HeatMaps:
    shares = shares_of(get_cell(part.cell))
    maps = []
    for name, values in {**part.gates, **part.states}.items():
        top = float(np.abs(values).max()) or 1.0
        low, high = (0.0, 1.0) if name in shares else (-top, top)
        kind = "state" if name in part.states else "gate"
        maps.append(HeatMap(f"{kind} {name}", values[:, part.order(values.shape[1])].T, low, high))
    return HeatMaps(
        f"states_{number}",
        f"Gates and states: {_title(part)}",
        "step",
        tuple(steps),
        tuple(maps),
        above,
        label,
        note=f"Shows every gate and state at every step, a row a unit, sorted {part.sorted_by}. It does not show what "
        "a unit stands for, nor whether the output uses it.",
    )


def _saturation(number: int, part: Part) -> list[Figure]:
    if not part.saturation:
        return []
    lines = []
    for name, (shut, wide) in part.saturation.items():
        places = np.arange(1, len(shut) + 1)
        lines.append(Line(f"{name} < {SHUT:g}", places, -np.sort(-shut), "baseline"))
        lines.append(Line(f"{name} > {OPEN:g}", places, -np.sort(-wide), "model"))
    return [
        Figure(
            f"saturation_{number}",
            f"Saturated gates: {_title(part)}",
            "units, each curve in its own order",
            "share of steps",
            tuple(lines),
            y_min=0,
            note=f"Shows in what share of this sequence's steps a unit's gate is nearly shut (below {SHUT:g}) or open "
            f"(above {OPEN:g}). It does not show other sequences, nor how much passes through the gate.",
        )
    ]


def _memory(number: int, part: Part) -> list[Figure]:
    constants, keeper = part.time_constants, keeper_of(get_cell(part.cell))
    if constants is None or keeper is None:
        return []
    line = Line(f"-1 / mean(log({keeper.name}))", np.arange(1, len(constants) + 1), -np.sort(-constants), "model")
    return [
        Figure(
            f"time_constants_{number}",
            f"How long units keep what they have: {_title(part)}",
            "units, longest first",
            "steps until 1/e is left",
            (line,),
            y_scale="log",
            note=f"Shows how fast {keeper.name} alone lets the old state fade on this sequence. It does not show what "
            "comes back through the recurrent weights, which can keep a memory longer.",
        )
    ]


def _dependence(found: Connectivity, steps: Sequence[str], above: Array | None, label: str) -> HeatMaps:
    top = float(found.strength.max()) or 1.0
    kind = "outputs, from the first step's down" if found.steps[0] >= 0 else "outputs, from the first down"
    return HeatMaps(
        "connectivity",
        "What each output depends on",
        "step of the input",
        tuple(steps),
        (HeatMap(kind, found.strength, 0.0, top),),
        above,
        label,
        note="Shows the norm of the gradient of each output (of a class: of its logit) with respect to what the model "
        "reads at each step: what a small change there would do. It does not show what a large change would do.",
    )
