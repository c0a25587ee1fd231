"""Long short-term memory, with forget gate."""

from __future__ import annotations

from collections.abc import Mapping

from elman.cells.base import Array, Cell, Ops, State, Weights


def _step(x: Array, state: State, weights: Weights, ops: Ops) -> tuple[State, Mapping[str, Array]]:
    h, c = state
    x_i, x_f, x_g, x_o = ops.input(x, weights)
    h_i, h_f, h_g, h_o = ops.recurrent(h, weights)
    i = ops.sigmoid(x_i + h_i)
    f = ops.sigmoid(x_f + h_f)
    g = ops.tanh(x_g + h_g)
    o = ops.sigmoid(x_o + h_o)
    c = f * c + i * g
    h = o * ops.tanh(c)
    return (h, c), {"i": i, "f": f, "g": g, "o": o}


CELL = Cell(
    name="lstm",
    gates=("i", "f", "g", "o"),
    states=("h", "c"),
    step=_step,
    source="Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber and Cummins 2000; as in torch.nn.LSTM",
    keep="f",
    write="i",
)
