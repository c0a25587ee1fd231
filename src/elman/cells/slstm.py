"""The scalar LSTM of xLSTM: an exponential input gate, and states that normalise and stabilise it."""

from __future__ import annotations

from collections.abc import Mapping

from elman.cells.base import Array, Cell, Ops, Option, State, Weights

HEADS = Option("heads", 1.0, least=1.0, whole=True, help="each head's units read its own units of h alone")


def _step(x: Array, state: State, weights: Weights, ops: Ops) -> tuple[State, Mapping[str, Array]]:
    h, c, n, m = state
    x_i, x_f, x_z, x_o = ops.input(x, weights)
    h_i, h_f, h_z, h_o = ops.recurrent(h, weights)
    log_i = x_i + h_i
    log_f = ops.log_sigmoid(x_f + h_f)
    z = ops.tanh(x_z + h_z)
    o = ops.sigmoid(x_o + h_o)
    kept = ops.where(n > 0, log_f + m, log_i)  # n is 0 before anything was taken in: there m has nothing to keep
    m = ops.where(kept > log_i, kept, log_i)
    i = ops.exp(log_i - m)
    f = ops.exp(kept - m)
    c = f * c + i * z
    n = f * n + i
    h = o * c / n
    return (h, c, n, m), {"i": i, "f": f, "z": z, "o": o}


CELL = Cell(
    name="slstm",
    gates=("i", "f", "z", "o"),
    states=("h", "c", "n", "m"),
    step=_step,
    source="Beck et al. 2024, 'xLSTM: extended long short-term memory', arXiv:2405.04517, with f = σ(…)",
    options=(HEADS,),
    heads="heads",
    keep="f",
    write="i",
)
