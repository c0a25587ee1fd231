"""A layer's sequence on the compiled kernels, seen by autograd."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from elman.backends import native, say_once
from elman.kernels import kernels_for, native_cells, ragged, thread_count
from elman.nn.checks import LayerShapeError, States
from elman.nn.masks import Masks, draw_masks
from elman.recurrence import Layout

if TYPE_CHECKING:
    from elman.nn.recurrent import Recurrent

DTYPES = {torch.float32: np.dtype("f4"), torch.float64: np.dtype("f8")}


def refusal(layer: Recurrent, input: Tensor) -> str:
    """Why the kernels cannot run this call; empty if they can."""
    if not input.is_cpu or input.dtype not in DTYPES:
        return f"{input.dtype} on {input.device.type}"
    if layer.layout.cell not in native_cells():
        return f"the cell {layer.layout.cell}"
    if type(input) is not Tensor and type(input) is not torch.nn.Parameter:
        return f"a {type(input).__name__}"
    if torch.is_autocast_enabled("cpu"):
        return "autocast"
    # what looks inside operators sees none in a kernel
    if torch._C._are_functorch_transforms_active() or torch._C._get_tracing_state() is not None:
        return "a transformed or traced call"
    if torch.autograd.forward_ad._current_level >= 0:
        return "forward-mode differentiation"
    return ""


class Sequence(NamedTuple):
    """All of a call but its tensors that autograd follows."""

    layer: Recurrent
    layout: Layout
    steps: int
    rows: int
    time: int  # the dimension of x that is time; -1 if packed
    counts: np.ndarray | None
    order: np.ndarray | None
    lengths: Tensor | None
    resets: Tensor | None  # (T, B)
    masks: Masks
    packed: PackedSequence | None

    def batch(self) -> Any:
        resets = self.resets
        return native().Batch(
            self.steps,
            self.rows,
            0 if self.counts is None else self.counts.__array_interface__["data"][0],
            0 if self.order is None else self.order.__array_interface__["data"][0],
            self.time < 0,
            0 if resets is None else resets.data_ptr(),
            0 if resets is None else resets.stride(0),
            0 if resets is None else resets.stride(1),
            thread_count(torch.get_num_threads()),
        )

    def strides(self, tensor: Tensor) -> tuple[int, int]:
        """Element strides from step to step and from row to row."""
        if self.time < 0:
            return 0, tensor.stride(0)
        return tensor.stride(self.time), tensor.stride(1 - self.time)

    def call(self, x: Tensor, output: Tensor, states: Any, weights: Any, saved: Tensor | None) -> Any:
        masks = self.masks
        return native().Call(
            x.data_ptr(),
            *self.strides(x),
            output.data_ptr(),
            *self.strides(output),
            [0 if s is None else s.data_ptr() for s in states],
            [w.data_ptr() for w in weights],
            [] if masks.recurrent is None else [m.data_ptr() for m in masks.recurrent],
            [] if masks.zoneout is None else [m.data_ptr() for part in masks.zoneout for m in part],
            0 if saved is None else saved.data_ptr(),
        )


def _forward(sequence: Sequence, x: Tensor, tensors: Any, training: bool) -> tuple[Tensor, list[Tensor], Tensor | None]:
    layout = sequence.layout
    kernels = kernels_for(layout, DTYPES[x.dtype])
    width = layout.num_directions * layout.recurrent_size
    output = x.new_empty((*x.shape[:-1], width))
    parts = layout.num_layers * layout.num_directions
    sizes = layout.state_sizes
    finals = [x.new_empty((parts, sequence.rows, size)) for size in sizes]
    saved = None
    if training:
        active = x.shape[0] if sequence.time < 0 else int(sequence.steps * sequence.rows)
        if sequence.counts is not None and sequence.time >= 0:
            active = int(sequence.counts.sum())
        saved = x.new_empty(kernels.saved_size(active))
    call = sequence.call(x, output, tensors[: len(sizes)], tensors[len(sizes) :], saved)
    kernels.forward(sequence.batch(), call, [f.data_ptr() for f in finals])
    return output, finals, saved


class _Recurrence(torch.autograd.Function):
    """``apply(sequence, x, *states, *weights) -> (output, *finals)``; a state may be None."""

    @staticmethod
    def forward(ctx: Any, sequence: Sequence, x: Tensor, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        output, finals, saved = _forward(sequence, x, tensors, training=True)
        ctx.sequence = sequence
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, output, saved, *tensors)
        return output, *finals

    @staticmethod
    def backward(ctx: Any, d_output: Tensor | None, *d_finals: Tensor | None) -> tuple[Tensor | None, ...]:
        sequence: Sequence = ctx.sequence
        x, output, saved, *tensors = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        if torch.is_grad_enabled():
            return None, *_backward_by_reference(sequence, x, tensors, (d_output, *d_finals), wanted[1:])
        count = len(sequence.layout.state_sizes)
        if d_output is not None and (d_output.stride(-1) != 1 or not d_output.is_cpu):
            d_output = d_output.contiguous()
        ends = [None if d is None else d.contiguous() for d in d_finals]
        gradients = [torch.empty_like(t) if w else None for t, w in zip((x, *tensors), wanted[1:], strict=True)]
        d_x = gradients[0]
        if d_x is not None and not d_x.is_contiguous():
            d_x = gradients[0] = torch.empty_like(x, memory_format=torch.contiguous_format)
        addresses = [0 if g is None else g.data_ptr() for g in gradients]
        kernels_for(sequence.layout, DTYPES[x.dtype]).backward(
            sequence.batch(),
            sequence.call(x, output, tensors[:count], tensors[count:], saved),
            0 if d_output is None else d_output.data_ptr(),
            *((0, 0) if d_output is None else sequence.strides(d_output)),
            [0 if d is None else d.data_ptr() for d in ends],
            addresses[0],
            *((0, 0) if d_x is None else sequence.strides(d_x)),
            addresses[1 : 1 + count],
            addresses[1 + count :],
        )
        return None, *gradients


def _backward_by_reference(
    sequence: Sequence, x: Tensor, tensors: Any, d_results: Any, wanted: Any
) -> tuple[Tensor | None, ...]:
    """The derivatives as a graph of their own, which the kernels do not have: the equations are run again."""
    from elman.nn.paths import equations_of

    say_once("second derivatives of a recurrent layer run on the reference, which is slow")
    results = equations_of(sequence, x, tensors)
    pairs = [(r, d) for r, d in zip(results, d_results, strict=True) if d is not None]
    inputs = [t for t, w in zip((x, *tensors), wanted, strict=True) if w]
    found = iter(
        torch.autograd.grad([r for r, _ in pairs], inputs, [d for _, d in pairs], create_graph=True, allow_unused=True)
    )
    return tuple(next(found) if w else None for w in wanted)


def _run(sequence: Sequence, x: Tensor, states: States | None, weights: list[Tensor]) -> tuple[Tensor, States]:
    if x.stride(-1) != 1 and x.shape[-1] != 1:
        x = x.contiguous()
    shapes = sequence.layout.shapes().values()
    for k, (weight, shape) in enumerate(zip(weights, shapes, strict=True)):
        if not weight.is_cpu or weight.dtype is not x.dtype or weight.shape != shape:
            raise LayerShapeError(
                f"a weight is {weight.dtype} {tuple(weight.shape)} on {weight.device}; "
                f"the input needs {x.dtype} {shape} on {x.device}"
            )
        if not weight.is_contiguous():
            weights[k] = weight.contiguous()
    given: list[Tensor | None] = [None] * len(sequence.layout.state_sizes)
    if states is not None:
        given = [state.contiguous() for state in states]
        for state in states:
            if not state.is_cpu:
                raise LayerShapeError(f"hx is on {state.device}, the input on {x.device}; move one of them")
    tensors = (*given, *weights)
    if torch.is_grad_enabled() and (x.requires_grad or any(t is not None and t.requires_grad for t in tensors)):
        output, *finals = _Recurrence.apply(sequence, x, *tensors)
    else:
        output, finals, _ = _forward(sequence, x, tensors, training=False)
    return output, tuple(finals)


def _layer_by_layer(
    sequence: Sequence, x: Tensor, states: States | None, weights: list[Tensor]
) -> tuple[Tensor, States]:
    """With dropout between the layers, which torch draws."""
    layer, layout = sequence.layer, sequence.layout
    parts, arrays = layout.num_directions, len(weights) // layout.num_layers
    ends = []
    for k in range(layout.num_layers):
        if k:
            x = functional.dropout(x, layer.dropout)
        mine = slice(k * parts, (k + 1) * parts)
        masks = Masks(*(None if m is None else m[mine] for m in sequence.masks))
        x, finals = _run(
            sequence._replace(layout=_single(layout, k), masks=masks),
            x,
            None if states is None else tuple(s[mine] for s in states),
            weights[k * arrays : (k + 1) * arrays],
        )
        ends.append(finals)
    return x, tuple(torch.cat(states) for states in zip(*ends, strict=True))


def _single(layout: Layout, layer: int) -> Layout:
    size = layout.input_size if layer == 0 else layout.num_directions * layout.recurrent_size
    return dataclasses.replace(layout, input_size=size, num_layers=1)


def _dispatch(sequence: Sequence, x: Tensor, states: States | None) -> tuple[Tensor, States]:
    layer = sequence.layer
    run = _layer_by_layer if layer.dropout and layer.training and layer.num_layers > 1 else _run
    return run(sequence, x, states, layer.weights())


def padded(
    layer: Recurrent, input: Tensor, states: States | None, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, States]:
    """As :class:`elman.nn.paths.Path` has it."""
    time = 1 if layer.batch_first else 0
    steps, rows = input.shape[time], input.shape[1 - time]
    counts = order = None
    if lengths is not None and int(lengths.min()) < steps:
        counts, order = ragged(lengths.numpy(), steps)
    masks = draw_masks(layer, steps, rows, input)
    sequence = Sequence(layer, layer.layout, steps, rows, time, counts, order, lengths, resets, masks, None)
    if layer.dropout and layer.training and layer.num_layers > 1 and time:
        # time first between the layers, as on the reference: the same seed then drops the same units
        output, finals = _dispatch(sequence._replace(time=0), input.transpose(0, 1), states)
        return output.transpose(0, 1), finals
    return _dispatch(sequence, input, states)


def packed(
    layer: Recurrent, input: PackedSequence, states: States | None, resets: Tensor | None
) -> tuple[PackedSequence, States]:
    """As :class:`elman.nn.paths.Path` has it."""
    counts = input.batch_sizes.numpy()
    order = None if input.sorted_indices is None else input.sorted_indices.numpy()
    steps, rows = len(counts), int(counts[0])
    masks = draw_masks(layer, steps, rows, input.data)
    sequence = Sequence(layer, layer.layout, steps, rows, -1, counts, order, None, resets, masks, input)
    data, finals = _dispatch(sequence, input.data, states)
    return PackedSequence(data, input.batch_sizes, input.sorted_indices, input.unsorted_indices), finals
