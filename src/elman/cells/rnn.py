"""The simple recurrent network, with tanh or relu."""

from __future__ import annotations

from collections.abc import Mapping

from elman.cells.base import Array, Cell, Ops, State, Weights

SOURCE = "Elman 1990, 'Finding structure in time', Cognitive Science 14; in the form of torch.nn.RNN"


def _tanh(x: Array, state: State, weights: Weights, ops: Ops) -> tuple[State, Mapping[str, Array]]:
    (h,) = state
    (x_h,), (h_h,) = ops.input(x, weights), ops.recurrent(h, weights)
    return (ops.tanh(x_h + h_h),), {}


def _relu(x: Array, state: State, weights: Weights, ops: Ops) -> tuple[State, Mapping[str, Array]]:
    (h,) = state
    (x_h,), (h_h,) = ops.input(x, weights), ops.recurrent(h, weights)
    return (ops.relu(x_h + h_h),), {}


TANH = Cell(name="rnn", gates=("h",), states=("h",), step=_tanh, source=SOURCE)
RELU = Cell(name="rnn-relu", gates=("h",), states=("h",), step=_relu, source=SOURCE)
