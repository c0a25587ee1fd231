"""Gated recurrent unit, reset after the recurrent product (torch, cuDNN, Flax)."""

from __future__ import annotations

from collections.abc import Mapping

from elman.cells.base import Array, Cell, Ops, State, Weights


def _step(x: Array, state: State, weights: Weights, ops: Ops) -> tuple[State, Mapping[str, Array]]:
    (h,) = state
    x_r, x_z, x_n = ops.input(x, weights)
    h_r, h_z, h_n = ops.recurrent(h, weights)
    r = ops.sigmoid(x_r + h_r)
    z = ops.sigmoid(x_z + h_z)
    n = ops.tanh(x_n + r * h_n)
    h = (1 - z) * n + z * h
    return (h,), {"r": r, "z": z, "n": n}


CELL = Cell(
    name="gru",
    gates=("r", "z", "n"),
    states=("h",),
    step=_step,
    source="Cho et al. 2014, arXiv:1406.1078v1; in the form of cuDNN and torch.nn.GRU (z keeps the old state)",
    keep="z",
)
