"""The path that runs the equations themselves, a step at a time, on tensors of any type and device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from elman.cells import get_cell
from elman.nn.call import Call, order_of_rows, reordered, sorted_rows, with_data
from elman.nn.checks import States
from elman.nn.masks import Masks
from elman.nn.torch_ops import TorchOps
from elman.recurrence import Layout, Result, run_layers
from elman.torch_private import is_lazy_zero, wraps_others


def run_equations(
    layout: Layout,
    x: Tensor,
    states: States,
    weights: Sequence[Tensor],
    masks: Masks,
    *,
    lengths: Tensor | None = None,
    resets: Tensor | None = None,
    between: Callable[[Tensor], Tensor] | None = None,
    trace: bool = False,
) -> Result:
    """:func:`elman.recurrence.run_layers` on tensors, ``x`` (T, B, I), with masks that have been drawn."""
    ops = [
        TorchOps(
            get_cell(layout.cell).gates,
            layout.hidden_size,
            layer_norm=layout.layer_norm,
            options=layout.option_values,
            heads=layout.heads,
            recurrent_mask=None if masks.recurrent is None else masks.recurrent[part],
        )
        for part in range(layout.num_parts)
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


def run_reference(
    call: Call,
    x: Tensor,
    states: States | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    *,
    trace: bool = False,
) -> Result:
    """The equations on ``x`` (T, B, I), with the masks that training draws."""
    steps, batch = x.shape[:2]
    x, states = _written(x), states and tuple(map(_written, states))
    masks = call.draw_masks(steps, batch, x)
    between = (lambda y: call.drop(y, call.dropout)) if call.active_dropout else None
    return run_equations(
        call.layout,
        x,
        states or call.zeros(x, batch),
        call.weights,
        masks,
        lengths=lengths,
        resets=resets,
        between=between,
        trace=trace,
    )


def _written(tensor: Tensor) -> Tensor:
    """Zeros that torch has yet to write, written: not all wrappers of tensors take the others."""
    return tensor.clone() if is_lazy_zero(tensor) else tensor


def padded(
    call: Call, input: Tensor, states: States | None, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, States]:
    """A padded batch; see :class:`elman.nn.call.Call`."""
    x = input.transpose(0, 1) if call.batch_first else input
    result = run_reference(call, x, states, lengths, resets)
    return result.output.transpose(0, 1) if call.batch_first else result.output, result.state


def packed(
    call: Call, input: PackedSequence, states: States | None, resets: Tensor | None
) -> tuple[PackedSequence, States]:
    """A packed batch; see :class:`elman.nn.call.Call`."""
    sequence, back = input, None
    if order_of_rows(input) is None:
        sequence, states, resets = sorted_rows(input, states, resets)
        back = input.unsorted_indices
    x, lengths = _padded_rows(sequence)
    result = run_reference(call, x, states, lengths, resets)
    return with_data(input, packed_rows(sequence, result.output, lengths)), reordered(result.state, back)


def packed_rows(packed: PackedSequence, output: Tensor, lengths: Tensor) -> Tensor:
    """The rows of ``output`` (T, B, …) in the order that ``packed`` has."""
    if packed.sorted_indices is not None:
        output, lengths = output.index_select(1, packed.sorted_indices), lengths[packed.sorted_indices.cpu()]
    if _has_memory(output):
        return pack_padded_sequence(output, lengths).data
    return torch.cat([output[t, :rows] for t, rows in enumerate(packed.batch_sizes.tolist())])


def _padded_rows(packed: PackedSequence) -> tuple[Tensor, Tensor]:
    """(T, B, …) in the caller's order of rows, and their lengths."""
    if _has_memory(packed.data):
        return pad_packed_sequence(packed)
    sizes, rows = packed.batch_sizes, int(packed.batch_sizes[0])
    steps = packed.data.split(sizes.tolist())
    whole = torch.stack([torch.cat([x, x.new_zeros(rows - len(x), *x.shape[1:])]) for x in steps])
    lengths = (sizes[:, None] > torch.arange(rows)).sum(0)
    back = packed.unsorted_indices
    return (whole, lengths) if back is None else (whole.index_select(1, back), lengths[back.cpu()])


def _has_memory(tensor: Tensor) -> bool:
    """Whether torch's kernels for packing, which read it, can."""
    return type(tensor) in (Tensor, torch.nn.Parameter) or not wraps_others(tensor)
