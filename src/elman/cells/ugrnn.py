"""Update gate RNN: one gate between the old state and a candidate."""

from __future__ import annotations

from collections.abc import Mapping

from elman.cells.base import Array, Cell, Ops, State, Weights


def _step(x: Array, state: State, weights: Weights, ops: Ops) -> tuple[State, Mapping[str, Array]]:
    (h,) = state
    x_g, x_c = ops.input(x, weights)
    h_g, h_c = ops.recurrent(h, weights)
    g = ops.sigmoid(x_g + h_g)
    c = ops.tanh(x_c + h_c)
    h = g * h + (1 - g) * c
    return (h,), {"g": g, "c": c}


CELL = Cell(
    name="ugrnn",
    gates=("g", "c"),
    states=("h",),
    step=_step,
    source="Collins, Sohl-Dickstein and Sussillo 2016, arXiv:1611.09913",
    keep="g",
)
