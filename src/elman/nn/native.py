"""The path that runs elman's compiled kernels, on float32 and float64 on the CPU."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from elman.kernels import has_kernels, ragged
from elman.nn.autograd import contiguous, run, strided
from elman.nn.call import Call, order_of_rows, reordered, sorted_rows, with_data
from elman.nn.checks import LayerShapeError, States
from elman.nn.masks import NONE as NO_MASKS
from elman.nn.masks import Masks
from elman.nn.plans import DTYPES, Plan, dense_plan, plan
from elman.nn.pool import share_threads
from elman.recurrence import Layout
from elman.recurrence.backends import native
from elman.torch_private import interception

if native() is not None:
    share_threads(native())
    native().use_tensors(Tensor, torch.nn.Parameter)

_is_negated = Tensor.is_neg
EXACT = {Tensor, torch.nn.Parameter}  # what subclasses hold may lie anywhere


def unsupported_reason(layout: Layout, input: Tensor, others: Iterable[Tensor] = ()) -> str:
    """Why the kernels cannot run a call; empty if they can.

    Args:
        others: weights, states and whatever else the call has.
    """
    if not input.is_cpu or input.dtype not in DTYPES:
        return f"{input.dtype} on {input.device.type}"
    if not has_kernels(layout):
        return f"the cell {layout.cell}" + (" with layer_norm over several heads" if layout.heads > 1 else "")
    tensors = [input, *others]
    for tensor in () if native().all_readable(tensors) else tensors:
        if type(tensor) not in EXACT:
            return f"a {type(tensor).__name__}"
        if tensor.layout is not torch.strided:
            return f"a tensor of layout {tensor.layout}"
    return unsupported_context(input)


def unsupported_context(input: Tensor) -> str:
    """What about a call's surroundings the kernels do not support; empty if nothing."""
    return "autocast" if torch.is_autocast_enabled("cpu") else interception(input)


def usable(plan: Plan, x: Tensor, states: tuple[Any, ...], weights: list[Tensor], known: Any) -> bool:
    """Whether the kernels take the tensors as they are; ``known`` are the addresses of weights found good."""
    if not plan.stack.kernels.accepts(plan.batch, x, states, weights, known):
        return False
    if states is not plan.stack.no_states and any(type(s) not in EXACT or s.is_neg() for s in states):
        return False
    return not (x.is_neg() or any(map(_is_negated, weights)))


def _checked_weights(plan: Plan, x: Tensor, weights: list[Tensor], known: Any) -> list[Tensor]:
    """The weights as the kernels take them, or an error."""
    if plan.stack.kernels.accepts_weights(weights, known) and not any(map(_is_negated, weights)):
        return weights
    for weight, shape in zip(weights, plan.stack.layout.shape_list, strict=True):
        if weight.dtype is not x.dtype or not weight.is_cpu or weight.shape != shape:
            raise LayerShapeError(
                f"a weight is {weight.dtype} {tuple(weight.shape)} on {weight.device}; "
                f"the input needs {x.dtype} {shape} on {x.device}"
            )
    ready = [contiguous(weight) for weight in weights]
    for weight in ready:
        _check_memory(weight, "a weight")
    return ready


def _check_memory(tensor: Tensor, what: str) -> None:
    try:
        native().check_memory(tensor, what)
    except ValueError as error:
        raise LayerShapeError(str(error)) from None


def _run(plan: Plan, x: Tensor, states: States | None, weights: list[Tensor], known: Any) -> tuple[Tensor, States]:
    x, follow = strided(x), x.requires_grad
    weights = _checked_weights(plan, x, weights, known)
    given: list[Tensor | None] = [None] * len(plan.stack.finals)
    if states is not None:
        for k, state in enumerate(states):
            if not state.is_cpu or state.dtype is not x.dtype:
                raise LayerShapeError(
                    f"hx is {state.dtype} on {state.device}, the input {x.dtype} on {x.device}; convert one of them"
                )
            given[k] = contiguous(state)
            follow = follow or state.requires_grad
    return run(plan, x, given, weights, follow)


def _layer_by_layer(plan: Plan, call: Call, x: Tensor, states: States | None) -> tuple[Tensor, States]:
    """With dropout between the layers."""
    layout = plan.stack.layout
    weights = call.weights
    parts, arrays = layout.num_directions, len(weights) // layout.num_layers
    ends = []
    for k in range(layout.num_layers):
        if k:
            x = call.drop(x, call.dropout)
        mine = slice(k * parts, (k + 1) * parts)
        recurrent, zoneout = plan.masks
        masks = Masks(None if recurrent is None else recurrent[mine], None if zoneout is None else zoneout[mine])
        size = layout.input_size if k == 0 else parts * layout.recurrent_size
        single = replace(layout, input_size=size, num_layers=1)
        x, finals = _run(
            plan.of_layers(single, x.dtype, x.shape[:-1], masks),
            x,
            None if states is None else tuple(s[mine] for s in states),
            weights[k * arrays : (k + 1) * arrays],
            native().Addresses(),
        )
        ends.append(finals)
    return x, tuple(torch.cat(states) for states in zip(*ends, strict=True))


def padded(
    call: Call, input: Tensor, states: States | None, lengths: Tensor | None, resets: Tensor | None
) -> tuple[Tensor, States]:
    """A padded batch; see :class:`elman.nn.call.Call`."""
    time = 1 if call.batch_first else 0
    dropout = call.active_dropout
    if dropout and time:
        # time first between the layers, as on the reference: the same seed then drops the same units
        input, time = input.transpose(0, 1), 0
    outer = input.shape[:2]
    steps, rows = outer[time], outer[1 - time]
    masks = call.draw_masks(steps, rows, input)
    if lengths is None and resets is None and masks is NO_MASKS:
        how = dense_plan(call.layout, input.dtype, outer, time)
    else:
        counts = order = None
        if lengths is not None and rows and int(lengths.min()) < steps:
            counts, order = ragged(lengths.numpy(), steps)
        how = plan(
            call.layout,
            input.dtype,
            outer,
            time,
            counts=counts,
            order=order,
            resets=resets,
            lengths=lengths,
            masks=masks,
        )
    if not dropout:
        return _run(how, input, states, call.weights, call.known)
    output, finals = _layer_by_layer(how, call, input, states)
    return output.transpose(0, 1) if call.batch_first else output, finals


def packed(
    call: Call, input: PackedSequence, states: States | None, resets: Tensor | None
) -> tuple[PackedSequence, States]:
    """A packed batch; see :class:`elman.nn.call.Call`."""
    data, sizes = input.data, input.batch_sizes
    rows = int(sizes[0])
    order, sequence = order_of_rows(input), input
    if order is None:
        sequence, states, resets = sorted_rows(input, states, resets)
    how = plan(
        call.layout,
        data.dtype,
        (len(data),),
        -1,
        counts=sizes.contiguous().numpy(),
        order=order,
        resets=resets,
        packed=sequence,
        masks=call.draw_masks(len(sizes), rows, data),
    )
    if call.active_dropout:
        output, finals = _layer_by_layer(how, call, data, states)
    else:
        output, finals = _run(how, data, states, call.weights, call.known)
    if order is None:
        finals = reordered(finals, input.unsorted_indices)
    return with_data(input, output), finals
