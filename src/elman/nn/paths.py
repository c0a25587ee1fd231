"""Where a layer's sequence is run: on torch's own kernel where there is one, else on the reference."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from elman.backends import choose
from elman.nn.checks import States
from elman.nn.torch_ops import TorchOps
from elman.recurrence import Layout, Result, run_layers

if TYPE_CHECKING:
    from elman.nn.recurrent import Recurrent

# cell → torch's kernel for it, and what torch's and cuDNN's helpers call it
KERNELS: dict[str, tuple[Callable[..., Any], str]] = {
    "rnn": (torch.rnn_tanh, "RNN_TANH"),
    "rnn-relu": (torch.rnn_relu, "RNN_RELU"),
    "lstm": (torch.lstm, "LSTM"),
    "gru": (torch.gru, "GRU"),
}


class Path(NamedTuple):
    """One way to run: on a padded batch, and on a packed one.

    ``padded(layer, input, states, lengths, resets)`` takes ``input`` as the layer's ``batch_first`` says,
    ``lengths`` (B,) on the CPU or None, ``resets`` (T, B) or None. ``packed(layer, input, states, resets)``.
    States are (L·D, B, size) in the caller's order of rows. Both return output and states, laid out alike.
    """

    padded: Callable[[Recurrent, Tensor, States, Tensor | None, Tensor | None], tuple[Tensor, States]]
    packed: Callable[[Recurrent, PackedSequence, States, Tensor | None], tuple[PackedSequence, States]]


def lacks_kernel(layout: Layout) -> str:
    """What torch has no kernel for in ``layout``; empty if it has one."""
    if layout.cell not in KERNELS:
        return f"the cell {layout.cell}"
    return "layer_norm" if layout.layer_norm else "zoneout" if layout.zoneout else ""


def choose_path(layer: Recurrent, resets: object) -> Path:
    """The path for this call: torch's kernel where it has one, unless :func:`elman.use_backend` asks for another."""
    lacking = layer.lacks_kernel
    if not lacking and resets is not None:
        lacking = "resets"
    elif not lacking and layer.training and layer.recurrent_dropout:
        lacking = "recurrent_dropout in training"
    return PATHS[choose(("reference",) if lacking else ("torch", "reference"), lacking or "a recurrent layer")]


def _call_kernel(layer: Recurrent, sequence: tuple[Tensor, ...], states: States, *last: bool) -> tuple[Tensor, States]:
    result = KERNELS[layer.layout.cell][0](
        *sequence,
        states if len(states) > 1 else states[0],
        layer.weights(),
        layer.bias,
        layer.num_layers,
        layer.dropout,
        layer.training,
        layer.bidirectional,
        *last,
    )
    return result[0], result[1:]


def _torch_padded(
    layer: Recurrent, input: Tensor, states: States, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, States]:
    first = layer.batch_first
    steps = input.shape[1 if first else 0]
    if lengths is None or int(lengths.min()) == steps:
        return _call_kernel(layer, (input,), states, first)
    packed = pack_padded_sequence(input, lengths, batch_first=first, enforce_sorted=False)
    output, states = _torch_packed(layer, packed, states, resets)
    return pad_packed_sequence(output, batch_first=first, total_length=steps)[0], states


def _torch_packed(
    layer: Recurrent, input: PackedSequence, states: States, resets: Tensor | None
) -> tuple[PackedSequence, States]:
    output, finals = _call_kernel(layer, (input.data, input.batch_sizes), _rows(states, input.sorted_indices))
    return _like(input, output), _rows(finals, input.unsorted_indices)


def _rows(states: States, order: Tensor | None) -> States:
    """The states' rows in another order; None is the order they have."""
    return states if order is None else tuple(s.index_select(1, order) for s in states)


def _like(packed: PackedSequence, data: Tensor) -> PackedSequence:
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)


def run_reference(
    layer: Recurrent,
    x: Tensor,
    states: States,
    lengths: Tensor | None,
    resets: Tensor | None,
    *,
    trace: bool = False,
) -> Result:
    """The equations themselves on ``x`` (T, B, I), with the masks that training draws; see :func:`run_layers`."""
    layout, training = layer.layout, layer.training
    steps, batch = x.shape[:2]
    parts = layout.num_layers * layout.num_directions

    def draw_recurrent_mask() -> Tensor | None:
        if not (training and layer.recurrent_dropout):
            return None
        return functional.dropout(x.new_ones(batch, layout.recurrent_size), layer.recurrent_dropout)

    def draw_zoneout_masks() -> list[Tensor]:
        return [
            torch.rand(steps, batch, size, device=x.device) < rate
            for rate, size in zip(layout.zoneout, layout.state_sizes, strict=True)
        ]

    ops = [
        TorchOps(
            layer.cell.gates,
            layout.hidden_size,
            layer_norm=layout.layer_norm,
            recurrent_mask=draw_recurrent_mask(),
        )
        for _ in range(parts)
    ]
    masks = [draw_zoneout_masks() for _ in range(parts)] if training and layout.zoneout else None
    return run_layers(
        layout,
        x,
        states,
        dict(zip(layer.weight_names, layer.weights(), strict=True)),
        ops.__getitem__,
        lengths=None if lengths is None else lengths.to(x.device),
        resets=resets,
        zoneout_masks=None if masks is None else masks.__getitem__,
        between=partial(functional.dropout, p=layer.dropout) if training and layer.dropout else None,
        join=partial(torch.cat, dim=-1),
        trace=trace,
    )


def _reference_padded(
    layer: Recurrent, input: Tensor, states: States, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, States]:
    x = input.transpose(0, 1) if layer.batch_first else input
    result = run_reference(layer, x, states, lengths, resets)
    return result.output.transpose(0, 1) if layer.batch_first else result.output, result.state


def _reference_packed(
    layer: Recurrent, input: PackedSequence, states: States, resets: Tensor | None
) -> tuple[PackedSequence, States]:
    x, lengths = pad_packed_sequence(input)
    result = run_reference(layer, x, states, lengths, resets)
    output = result.output if input.sorted_indices is None else result.output.index_select(1, input.sorted_indices)
    lengths = lengths if input.sorted_indices is None else lengths[input.sorted_indices.cpu()]
    return _like(input, pack_padded_sequence(output, lengths).data), result.state


TORCH = Path(_torch_padded, _torch_packed)
REFERENCE = Path(_reference_padded, _reference_packed)
PATHS: dict[str, Path] = {"torch": TORCH, "reference": REFERENCE}
