"""Long expressive memory: two coupled equations, each with time steps that are learned."""

from __future__ import annotations

from collections.abc import Mapping

from elman.cells.base import Array, Cell, Ops, Option, State, Weights

DT = Option("dt", 1.0, above=0.0, most=1.0, help="the longest time step")


def _step(x: Array, state: State, weights: Weights, ops: Ops) -> tuple[State, Mapping[str, Array]]:
    h, c = state
    x_i, x_o, x_g, x_n = ops.input(x, weights)
    h_i, h_o, h_g = ops.recurrent(h, weights, ("i", "o", "g"))
    dt = ops.option(DT)
    i = dt * ops.sigmoid(x_i + h_i)
    o = dt * ops.sigmoid(x_o + h_o)
    g = ops.tanh(x_g + h_g)
    c = (1 - i) * c + i * g
    (c_n,) = ops.recurrent(c, weights, ("n",))
    n = ops.tanh(x_n + c_n)
    h = (1 - o) * h + o * n
    return (h, c), {"i": i, "o": o, "g": g, "n": n}


CELL = Cell(
    name="lem",
    gates=("i", "o", "g", "n"),
    states=("h", "c"),
    step=_step,
    source="Rusch et al. 2022, 'Long expressive memory for sequence modeling', arXiv:2110.04744 (h is y, c is z)",
    options=(DT,),
    projects=False,
    write="i",
)
