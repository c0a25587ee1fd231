"""Minimal GRU: a gate and a linear candidate, both of the input alone."""

from __future__ import annotations

from collections.abc import Mapping

from elman.cells.base import Array, Cell, Ops, State, Weights


def _step(x: Array, state: State, weights: Weights, ops: Ops) -> tuple[State, Mapping[str, Array]]:
    (h,) = state
    x_z, x_n = ops.input(x, weights)
    z = ops.sigmoid(x_z)
    n = x_n
    h = (1 - z) * h + z * n
    return (h,), {"z": z, "n": n}


CELL = Cell(
    name="mingru",
    gates=("z", "n"),
    states=("h",),
    step=_step,
    source="Feng et al. 2024, 'Were RNNs all we needed?', arXiv:2410.01201, algorithm 1 (z takes in the candidate)",
    recurrent=False,
    write="z",
)
