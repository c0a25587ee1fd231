"""Minimal LSTM: gates that share one unit between them and a linear candidate, all of the input alone."""

from __future__ import annotations

from collections.abc import Mapping

from elman.cells.base import Array, Cell, Ops, State, Weights


def _step(x: Array, state: State, weights: Weights, ops: Ops) -> tuple[State, Mapping[str, Array]]:
    (h,) = state
    x_f, x_i, x_g = ops.input(x, weights)
    # f / (f + i) of f = σ(x_f) and i = σ(x_i), from their logarithms: both may be too small for a division
    f = ops.sigmoid(ops.log_sigmoid(x_f) - ops.log_sigmoid(x_i))
    i = 1 - f
    g = x_g
    h = f * h + i * g
    return (h,), {"f": f, "i": i, "g": g}


CELL = Cell(
    name="minlstm",
    gates=("f", "i", "g"),
    states=("h",),
    step=_step,
    source="Feng et al. 2024, 'Were RNNs all we needed?', arXiv:2410.01201, algorithm 3",
    recurrent=False,
    keep="f",
    write="i",
)
