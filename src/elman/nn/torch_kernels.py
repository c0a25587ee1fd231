"""The path that runs torch's own kernels, on any type and device that they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from elman.nn.call import Call, reordered, with_data
from elman.nn.checks import States
from elman.recurrence import Layout

# cell → torch's kernel, and its name in torch and cuDNN
KERNELS: dict[str, tuple[Callable[..., Any], str]] = {
    "rnn": (torch.rnn_tanh, "RNN_TANH"),
    "rnn-relu": (torch.rnn_relu, "RNN_RELU"),
    "lstm": (torch.lstm, "LSTM"),
    "gru": (torch.gru, "GRU"),
}


def unsupported_layout(layout: Layout) -> str:
    """What torch has no kernel for in ``layout``; empty if it has one."""
    if layout.cell not in KERNELS:
        return f"the cell {layout.cell}"
    return "layer_norm" if layout.layer_norm else "zoneout" if layout.zoneout else ""


def unsupported_reason(call: Call, *, resets: bool) -> str:
    """What torch has no kernel for in a call; empty if it can run."""
    if reason := unsupported_layout(call.layout):
        return reason
    if resets:
        return "resets"
    return "recurrent_dropout in training" if call.training and call.recurrent_dropout else ""


def _run(call: Call, sequence: tuple[Tensor, ...], states: States, *batch_first: bool) -> tuple[Tensor, States]:
    layout = call.layout
    output, *finals = KERNELS[layout.cell][0](
        *sequence,
        states if len(states) > 1 else states[0],
        call.weights,
        layout.bias,
        layout.num_layers,
        call.dropout,
        call.training,
        layout.bidirectional,
        *batch_first,
    )
    return output, tuple(finals)


def padded(
    call: Call, input: Tensor, states: States | None, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, States]:
    """A padded batch; see :class:`elman.nn.call.Call`."""
    first = call.batch_first
    states = states or call.zeros(input, input.shape[0 if first else 1])
    steps = input.shape[1 if first else 0]
    if lengths is None or int(lengths.min()) == steps:
        return _run(call, (input,), states, first)
    sequence = pack_padded_sequence(input, lengths, batch_first=first, enforce_sorted=False)
    output, states = packed(call, sequence, states, resets)
    return pad_packed_sequence(output, batch_first=first, total_length=steps)[0], states


def packed(
    call: Call, input: PackedSequence, states: States | None, resets: Tensor | None
) -> tuple[PackedSequence, States]:
    """A packed batch; see :class:`elman.nn.call.Call`."""
    if states is None:
        states = call.zeros(input.data, input.batch_sizes[0])
    else:
        states = reordered(states, input.sorted_indices)
    output, finals = _run(call, (input.data, input.batch_sizes), states)
    return with_data(input, output), reordered(finals, input.unsorted_indices)
