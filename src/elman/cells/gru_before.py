"""Gated recurrent unit, reset before the recurrent product (the 2014 paper, the textbook, ONNX's default)."""

from __future__ import annotations

from collections.abc import Mapping

from elman.cells.base import Array, Cell, Ops, State, Weights


def _step(x: Array, state: State, weights: Weights, ops: Ops) -> tuple[State, Mapping[str, Array]]:
    (h,) = state
    x_r, x_z, x_n = ops.input(x, weights)
    h_r, h_z = ops.recurrent(h, weights, ("r", "z"))
    r = ops.sigmoid(x_r + h_r)
    z = ops.sigmoid(x_z + h_z)
    (h_n,) = ops.recurrent(r * h, weights, ("n",))
    n = ops.tanh(x_n + h_n)
    h = (1 - z) * n + z * h
    return (h,), {"r": r, "z": z, "n": n}


CELL = Cell(
    name="gru-before",
    gates=("r", "z", "n"),
    states=("h",),
    step=_step,
    source="Cho et al. 2014, 'Learning phrase representations using RNN encoder-decoder' (z keeps the old state)",
    keep="z",
)
