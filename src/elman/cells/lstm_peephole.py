"""LSTM whose gates read the cell state: i and f the previous one, o the new one."""

from __future__ import annotations

from collections.abc import Mapping

from elman.cells.base import Array, Cell, Ops, Parameter, State, Weights


def _step(x: Array, state: State, weights: Weights, ops: Ops) -> tuple[State, Mapping[str, Array]]:
    h, c = state
    x_i, x_f, x_g, x_o = ops.input(x, weights)
    h_i, h_f, h_g, h_o = ops.recurrent(h, weights)
    i = ops.sigmoid(x_i + h_i + weights["peephole_i"] * c)
    f = ops.sigmoid(x_f + h_f + weights["peephole_f"] * c)
    g = ops.tanh(x_g + h_g)
    c = f * c + i * g
    o = ops.sigmoid(x_o + h_o + weights["peephole_o"] * c)
    h = o * ops.tanh(c)
    return (h, c), {"i": i, "f": f, "g": g, "o": o}


CELL = Cell(
    name="lstm-peephole",
    gates=("i", "f", "g", "o"),
    states=("h", "c"),
    step=_step,
    source="Gers, Schraudolph and Schmidhuber 2002, 'Learning precise timing with LSTM recurrent networks'",
    extra=tuple(Parameter(f"peephole_{gate}", ("H",)) for gate in "ifo"),
    keep="f",
    write="i",
)
