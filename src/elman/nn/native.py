"""A layer's sequence on the compiled kernels, seen by autograd."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from elman.backends import current_backend, native, say_once
from elman.kernels import address, current_target, kernels_for, native_cells, ragged, thread_count
from elman.nn import buffers
from elman.nn.checks import LayerShapeError, States
from elman.nn.masks import NONE as NO_MASKS
from elman.nn.masks import Masks, draw_masks
from elman.nn.pool import share_threads
from elman.recurrence import Layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elman.nn.recurrent import Recurrent

if native() is not None:
    share_threads(native())
    native().use_tensors(Tensor)

_requires_grad, _is_negated = attrgetter("requires_grad"), Tensor.is_neg
_dispatch_modes, _tracing_state = torch._C._len_torch_dispatch_stack, torch._C._get_tracing_state
_transforms_active = torch._C._are_functorch_transforms_active
_of_transforms, _of_vmap = torch._C._functorch.is_batchedtensor, torch._C._functorch.is_legacy_batchedtensor
DTYPES: dict[torch.dtype, np.dtype[Any]] = {torch.float32: np.dtype("f4"), torch.float64: np.dtype("f8")}


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
    if _dispatch_modes() or _tracing_state() is not None:
        return "a traced call"
    if _transforms_active() or torch.compiler.is_compiling():
        return "a transformed call"
    if torch.autograd.forward_ad._current_level >= 0:
        return "forward-mode differentiation"
    return ""


class Stack(NamedTuple):
    """The layers that a call runs, and what they take for its steps."""

    layout: Layout
    kernels: Any  # elman._native.Layers; what forward keeps is for the same kernels
    output_shape: tuple[int, ...]
    final_shapes: tuple[tuple[int, ...], ...]
    saved_size: int


class Sequence(NamedTuple):
    """All of a call but the tensors that autograd follows; calls that have nothing else share one."""

    stack: Stack
    rows: int
    time: int  # the dimension of x that is time; -1 if packed
    batch: Any  # elman._native.Batch; it holds addresses in:
    counts: np.ndarray | None
    order: np.ndarray | None
    resets: Tensor | None  # (T, B)
    lengths: Tensor | None
    packed: PackedSequence | None
    masks: Masks

    def call(self, x: Tensor, output: Tensor, tensors: Any, saved: Tensor | None) -> tuple[Any, ...]:
        """What the kernels take first, forward and back; ``tensors`` are the states, then the weights."""
        recurrent, zoneout = self.masks
        flat = None if zoneout is None else [mask for part in zoneout for mask in part]
        return self.batch, x, output, tensors, recurrent, flat, saved


def _stack(layout: Layout, dtype: torch.dtype, outer: tuple[int, ...], rows: int, batch: Any, masks: Masks) -> Stack:
    """``outer`` are the dimensions of the input but its last."""
    kernels = kernels_for(layout, DTYPES[dtype])
    parts = layout.num_layers * layout.num_directions
    return Stack(
        layout,
        kernels,
        (*outer, layout.num_directions * layout.recurrent_size),
        tuple((parts, rows, size) for size in layout.state_sizes),
        kernels.saved_size(batch, masks.zoneout is not None),
    )


def _sequence(
    layout: Layout,
    dtype: torch.dtype,
    outer: tuple[int, ...],
    time: int,
    threads: int,
    *,
    counts: np.ndarray | None = None,
    order: np.ndarray | None = None,
    resets: Tensor | None = None,
    lengths: Tensor | None = None,
    packed: PackedSequence | None = None,
    masks: Masks = NO_MASKS,
) -> Sequence:
    if packed is not None and counts is not None:
        steps, rows = len(counts), int(counts[0])
    else:
        steps, rows = outer[time], outer[1 - time]
    batch = native().Batch(
        steps,
        rows,
        0 if counts is None else address(counts),
        0 if order is None else address(order),
        time,
        *((0, 0, 0) if resets is None else (resets.data_ptr(), *resets.stride())),
        threads,
    )
    stack = _stack(layout, dtype, outer, rows, batch, masks)
    return Sequence(stack, rows, time, batch, counts, order, resets, lengths, packed, masks)


@lru_cache(maxsize=512)
def _bare(
    layout: Layout, dtype: torch.dtype, outer: tuple[int, ...], time: int, threads: int, target: str | None
) -> Sequence:
    """The sequence of the calls that have nothing but tensors; ``target`` is the one that the kernels are for."""
    return _sequence(layout, dtype, outer, time, threads)


@lru_cache(maxsize=512)
def _plain_sequence(
    layout: Layout, dtype: torch.dtype, shape: torch.Size, batch_first: bool, threads: int, target: str | None
) -> Sequence | None:
    """:func:`_bare` for an input of this shape; None if it is not a batch that the layer takes."""
    if len(shape) != 3 or shape[2] != layout.input_size or not shape[int(batch_first)]:
        return None
    return _bare(layout, dtype, shape[:2], int(batch_first), threads, target)


def _forward(sequence: Sequence, x: Tensor, tensors: Any, training: bool) -> tuple[Tensor, list[Tensor], Tensor | None]:
    _, kernels, output_shape, final_shapes, saved_size = sequence.stack
    dtype = x.dtype
    # torch takes sizes one by one in less time than a tuple of them
    output = torch.empty(*output_shape, dtype=dtype)
    finals = [torch.empty(*shape, dtype=dtype) for shape in final_shapes]
    saved = buffers.empty(saved_size, dtype) if training else None
    kernels.forward(*sequence.call(x, output, tensors, saved), finals)
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
        _, wants_x, *wanted = ctx.needs_input_grad
        given = (d_output, *d_finals)
        if torch.is_grad_enabled() or any(map(_is_batched, given)):
            return None, *_backward_by_reference(sequence, x, tensors, given, (wants_x, *wanted))
        d_output = None if d_output is None else _strided(d_output)
        ends = [None if d is None else _plain(d) for d in d_finals]
        d_x = torch.empty(*x.shape, dtype=x.dtype) if wants_x else None
        gradients = [torch.empty_like(t) if w else None for t, w in zip(tensors, wanted, strict=True)]
        sequence.stack.kernels.backward(*sequence.call(x, output, tensors, saved), d_output, ends, d_x, gradients)
        return None, d_x, *gradients


# Function.apply without its care for torch.func, whose transforms never come here
_apply: Any = super(torch.autograd.Function, _Recurrence).apply


def _is_batched(d: Tensor | None) -> bool:
    return d is not None and (_of_transforms(d) or _of_vmap(d))


def _strided(tensor: Tensor) -> Tensor:
    """As it reads in memory, its last dimension contiguous: torch puts off negating, and writing zeros."""
    if tensor._is_zerotensor():
        tensor = tensor.clone()
    if tensor.is_neg():
        tensor = tensor.resolve_neg()
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _plain(tensor: Tensor) -> Tensor:
    """As it reads in memory, contiguous."""
    return _strided(tensor).contiguous()


def _backward_by_reference(
    sequence: Sequence, x: Tensor, tensors: Any, d_results: Any, wanted: Any
) -> tuple[Tensor | None, ...]:
    """The derivatives as a graph of their own, which the kernels do not have: the equations are run again."""
    from elman.nn.paths import equations_of

    say_once("second derivatives of a recurrent layer run on the reference, which is slow")
    with torch.enable_grad():
        results = equations_of(sequence, x, tensors)
    pairs = [(r, d) for r, d in zip(results, d_results, strict=True) if d is not None]
    inputs = [t for t, w in zip((x, *tensors), wanted, strict=True) if w]
    found = iter(
        torch.autograd.grad(
            [r for r, _ in pairs],
            inputs,
            [d for _, d in pairs],
            create_graph=torch.is_grad_enabled(),
            allow_unused=True,
        )
    )
    return tuple(next(found) if w else None for w in wanted)


def _run(sequence: Sequence, x: Tensor, states: States | None, weights: list[Tensor]) -> tuple[Tensor, States]:
    x, follow = _strided(x), x.requires_grad
    weights = _checked(sequence, x, weights)
    given: list[Tensor | None] = [None] * len(sequence.stack.final_shapes)
    if states is not None:
        for k, state in enumerate(states):
            if not state.is_cpu:
                raise LayerShapeError(f"hx is on {state.device}, the input on {x.device}; move one of them")
            given[k] = _plain(state)
            follow = follow or state.requires_grad
    return _differentiable(sequence, x, given, weights, follow)


def _differentiable(
    sequence: Sequence, x: Tensor, given: Iterable[Tensor | None], weights: list[Tensor], follow: bool
) -> tuple[Tensor, States]:
    """``follow``: whether the derivatives of anything but the weights are asked for."""
    if torch.is_grad_enabled() and (follow or any(map(_requires_grad, weights))):
        output, *finals = _apply(sequence, x, *given, *weights)
    else:
        output, finals, _ = _forward(sequence, x, (*given, *weights), training=False)
    return output, tuple(finals)


def _as_they_are(kernels: Any, weights: list[Tensor]) -> bool:
    return kernels.accepts(weights) and not any(map(_is_negated, weights))


def _checked(sequence: Sequence, x: Tensor, weights: list[Tensor]) -> list[Tensor]:
    """The weights as the kernels take them, or an error."""
    layout, kernels = sequence.stack.layout, sequence.stack.kernels
    if _as_they_are(kernels, weights):
        return weights
    for weight, shape in zip(weights, layout.shape_list, strict=True):
        if weight.dtype is not x.dtype or not weight.is_cpu or weight.shape != shape:
            raise LayerShapeError(
                f"a weight is {weight.dtype} {tuple(weight.shape)} on {weight.device}; "
                f"the input needs {x.dtype} {shape} on {x.device}"
            )
    return [_plain(weight) for weight in weights]


def plain(layer: Recurrent, input: Tensor | PackedSequence) -> tuple[Tensor, Any] | None:
    """What a layer returns for an input alone, if nothing about the call is out of the ordinary; else None.

    A small layer's call is mostly what is asked before its kernels run; here the answers for a shape are kept.
    """
    if type(input) is not Tensor or current_backend() not in (None, "native"):
        return None
    layout = layer.layout
    if layer.training and (layer.dropout or layer.recurrent_dropout or layout.zoneout):
        return None
    if refusal(layer, input) or input.is_neg() or input._is_zerotensor():
        return None
    threads = thread_count(torch.get_num_threads())
    sequence = _plain_sequence(layout, input.dtype, input.shape, layer.batch_first, threads, current_target())
    weights = layer.weights()
    if sequence is None or input.stride(2) != 1 or not _as_they_are(sequence.stack.kernels, weights):
        return None
    none = (None,) * len(sequence.stack.final_shapes)
    output, states = _differentiable(sequence, input, none, weights, input.requires_grad)
    return output, states if len(states) > 1 else states[0]


def _layer_by_layer(
    sequence: Sequence, x: Tensor, states: States | None, weights: list[Tensor], dropout: float
) -> tuple[Tensor, States]:
    """With dropout between the layers, which torch draws."""
    layout = sequence.stack.layout
    parts, arrays = layout.num_directions, len(weights) // layout.num_layers
    ends = []
    for k in range(layout.num_layers):
        if k:
            x = functional.dropout(x, dropout)
        mine = slice(k * parts, (k + 1) * parts)
        recurrent, zoneout = sequence.masks
        masks = Masks(None if recurrent is None else recurrent[mine], None if zoneout is None else zoneout[mine])
        size = layout.input_size if k == 0 else parts * layout.recurrent_size
        single = replace(layout, input_size=size, num_layers=1)
        stack = _stack(single, x.dtype, x.shape[:-1], sequence.rows, sequence.batch, masks)
        x, finals = _run(
            sequence._replace(stack=stack, masks=masks),
            x,
            None if states is None else tuple(s[mine] for s in states),
            weights[k * arrays : (k + 1) * arrays],
        )
        ends.append(finals)
    return x, tuple(torch.cat(states) for states in zip(*ends, strict=True))


def padded(
    layer: Recurrent, input: Tensor, states: States | None, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, States]:
    """As :class:`elman.nn.paths.Path` has it."""
    time = 1 if layer.batch_first else 0
    dropout = layer.dropout if layer.training and layer.num_layers > 1 else 0.0
    if dropout and time:
        # time first between the layers, as on the reference: the same seed then drops the same units
        input, time = input.transpose(0, 1), 0
    outer = input.shape[:2]
    steps, rows = outer[time], outer[1 - time]
    masks = draw_masks(layer, steps, rows, input)
    threads = thread_count(torch.get_num_threads())
    if lengths is None and resets is None and masks is NO_MASKS:
        sequence = _bare(layer.layout, input.dtype, outer, time, threads, current_target())
    else:
        counts = order = None
        if lengths is not None and rows and int(lengths.min()) < steps:
            counts, order = ragged(lengths.numpy(), steps)
        sequence = _sequence(
            layer.layout,
            input.dtype,
            outer,
            time,
            threads,
            counts=counts,
            order=order,
            resets=resets,
            lengths=lengths,
            masks=masks,
        )
    if not dropout:
        return _run(sequence, input, states, layer.weights())
    output, finals = _layer_by_layer(sequence, input, states, layer.weights(), dropout)
    return output.transpose(0, 1) if layer.batch_first else output, finals


def packed(
    layer: Recurrent, input: PackedSequence, states: States | None, resets: Tensor | None
) -> tuple[PackedSequence, States]:
    """As :class:`elman.nn.paths.Path` has it."""
    data, counts = input.data, input.batch_sizes.numpy()
    order = None if input.sorted_indices is None else input.sorted_indices.numpy()
    sequence = _sequence(
        layer.layout,
        data.dtype,
        (len(data),),
        -1,
        thread_count(torch.get_num_threads()),
        counts=counts,
        order=order,
        resets=resets,
        packed=input,
        masks=draw_masks(layer, len(counts), int(counts[0]), data),
    )
    if layer.dropout and layer.training and layer.num_layers > 1:
        output, finals = _layer_by_layer(sequence, data, states, layer.weights(), layer.dropout)
    else:
        output, finals = _run(sequence, data, states, layer.weights())
    return PackedSequence(output, input.batch_sizes, input.sorted_indices, input.unsorted_indices), finals
