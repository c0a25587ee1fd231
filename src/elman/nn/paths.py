"""Where a layer's sequence is run: on elman's kernels, on torch's own, or on the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from elman.backends import Backend, choose, current_backend
from elman.cells import get_cell
from elman.nn import native
from elman.nn.checks import States
from elman.nn.masks import Masks, draw_masks
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
    States are (L·D, B, size) in the caller's order of rows, or None for zeros. Both return output and states, laid
    out alike.
    """

    padded: Callable[[Recurrent, Tensor, States | None, Tensor | None, Tensor | None], tuple[Tensor, States]]
    packed: Callable[[Recurrent, PackedSequence, States | None, Tensor | None], tuple[PackedSequence, States]]


def lacks_kernel(layout: Layout) -> str:
    """What torch has no kernel for in ``layout``; empty if it has one."""
    if layout.cell not in KERNELS:
        return f"the cell {layout.cell}"
    return "layer_norm" if layout.layer_norm else "zoneout" if layout.zoneout else ""


def choose_path(layer: Recurrent, input: Tensor, resets: object) -> Path:
    """The path for this call: elman's kernels where they can run, else torch's, else the reference, unless
    :func:`elman.use_backend` asks for another."""
    refused = native.refusal(layer, input)
    if not refused and current_backend() in (None, "native"):
        return PATHS["native"]
    lacking = layer.lacks_kernel
    if not lacking and resets is not None:
        lacking = "resets"
    elif not lacking and layer.training and layer.recurrent_dropout:
        lacking = "recurrent_dropout in training"
    implementations: tuple[Backend, ...] = ("reference",) if lacking else ("torch", "reference")
    if not refused:
        implementations = ("native", *implementations)
    return PATHS[choose(implementations, refused or lacking or "a recurrent layer")]


def _zeros(layer: Recurrent, like: Tensor, batch: int) -> States:
    parts = layer.num_layers * layer.layout.num_directions
    return tuple(like.new_zeros(parts, batch, size) for size in layer.state_sizes)


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
    layer: Recurrent, input: Tensor, states: States | None, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, States]:
    first = layer.batch_first
    states = states or _zeros(layer, input, input.shape[0 if first else 1])
    steps = input.shape[1 if first else 0]
    if lengths is None or int(lengths.min()) == steps:
        return _call_kernel(layer, (input,), states, first)
    packed = pack_padded_sequence(input, lengths, batch_first=first, enforce_sorted=False)
    output, states = _torch_packed(layer, packed, states, resets)
    return pad_packed_sequence(output, batch_first=first, total_length=steps)[0], states


def _torch_packed(
    layer: Recurrent, input: PackedSequence, states: States | None, resets: Tensor | None
) -> tuple[PackedSequence, States]:
    states = states or _zeros(layer, input.data, int(input.batch_sizes[0]))
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
    states: States | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    *,
    trace: bool = False,
) -> Result:
    """The equations themselves on ``x`` (T, B, I), with the masks that training draws; see :func:`run_layers`."""
    steps, batch = x.shape[:2]
    masks = draw_masks(layer, steps, batch, x)
    between = partial(functional.dropout, p=layer.dropout) if layer.training and layer.dropout else None
    states = states or _zeros(layer, x, batch)
    return _equations(layer.layout, x, states, layer.weights(), masks, lengths, resets, between=between, trace=trace)


def _equations(
    layout: Layout,
    x: Tensor,
    states: States,
    weights: Sequence[Tensor],
    masks: Masks,
    lengths: Tensor | None,
    resets: Tensor | None,
    *,
    between: Callable[[Tensor], Tensor] | None = None,
    trace: bool = False,
) -> Result:
    ops = [
        TorchOps(
            get_cell(layout.cell).gates,
            layout.hidden_size,
            layer_norm=layout.layer_norm,
            recurrent_mask=None if masks.recurrent is None else masks.recurrent[part],
        )
        for part in range(layout.num_layers * layout.num_directions)
    ]
    return run_layers(
        layout,
        x,
        states,
        dict(zip(layout.shapes(), weights, strict=True)),
        ops.__getitem__,
        lengths=None if lengths is None else lengths.to(x.device),
        resets=resets,
        zoneout_masks=None if masks.zoneout is None else masks.zoneout.__getitem__,
        between=between,
        join=partial(torch.cat, dim=-1),
        trace=trace,
    )


def equations_of(sequence: native.Sequence, x: Tensor, tensors: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """Output and final states of what the kernels ran, from the equations, with the same masks.

    Args:
        sequence, x, tensors: as for the kernels: states (or None) and weights.
    """
    layout, packed = sequence.stack.layout, sequence.packed
    count = len(layout.state_sizes)
    parts = layout.num_layers * layout.num_directions
    states = tuple(
        x.new_zeros(parts, sequence.rows, size) if s is None else s
        for s, size in zip(tensors[:count], layout.state_sizes, strict=True)
    )
    weights = [w for w in tensors[count:] if w is not None]
    lengths = sequence.lengths
    if packed is not None:
        x, lengths = pad_packed_sequence(_like(packed, x))
    elif sequence.time:
        x = x.transpose(0, 1)
    result = _equations(layout, x, states, weights, sequence.masks, lengths, sequence.resets)
    output = result.output
    if packed is not None and lengths is not None:
        output = _packed_rows(packed, output, lengths)
    elif sequence.time:
        output = output.transpose(0, 1)
    return output, *result.state


def _packed_rows(packed: PackedSequence, output: Tensor, lengths: Tensor) -> Tensor:
    """The rows of (T, B, …) in the order that ``packed`` has."""
    if packed.sorted_indices is not None:
        output, lengths = output.index_select(1, packed.sorted_indices), lengths[packed.sorted_indices.cpu()]
    return pack_padded_sequence(output, lengths).data


def _reference_padded(
    layer: Recurrent, input: Tensor, states: States | None, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, States]:
    x = input.transpose(0, 1) if layer.batch_first else input
    result = run_reference(layer, x, states, lengths, resets)
    return result.output.transpose(0, 1) if layer.batch_first else result.output, result.state


def _reference_packed(
    layer: Recurrent, input: PackedSequence, states: States | None, resets: Tensor | None
) -> tuple[PackedSequence, States]:
    x, lengths = pad_packed_sequence(input)
    result = run_reference(layer, x, states, lengths, resets)
    return _like(input, _packed_rows(input, result.output, lengths)), result.state


TORCH = Path(_torch_padded, _torch_packed)
REFERENCE = Path(_reference_padded, _reference_packed)
PATHS: dict[str, Path] = {"native": Path(native.padded, native.packed), "torch": TORCH, "reference": REFERENCE}
