"""The kernels as a function that autograd differentiates: one node of the graph for a whole stack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_packed_sequence

from elman import torch_private
from elman.nn.buffers import empty
from elman.nn.call import with_data
from elman.nn.checks import LayerShapeError, ModifiedTensorError, States
from elman.nn.plans import Plan
from elman.nn.reference import packed_rows, run_equations
from elman.recurrence.backends import native, refuse_if_strict, warn_once
from elman.torch_private import is_changed_output, profiling, saves_through_hooks, version

_requires_grad = attrgetter("requires_grad")


def run(
    plan: Plan, x: Tensor, states: Iterable[Tensor | None], weights: list[Tensor], follow: bool
) -> tuple[Tensor, States]:
    """Run the kernels on tensors that they take as they are.

    Args:
        follow: whether derivatives with respect to anything but the weights are asked for.

    Returns:
        the output and the final states.

    Raises:
        LayerShapeError: a tensor is not as the kernels take it, or its memory was freed.
    """
    if profiling():
        with torch.profiler.record_function(f"elman::{plan.stack.layout.cell}"):
            return _run(plan, x, states, weights, follow)
    return _run(plan, x, states, weights, follow)


def _run(
    plan: Plan, x: Tensor, states: Iterable[Tensor | None], weights: list[Tensor], follow: bool
) -> tuple[Tensor, States]:
    try:
        if torch.is_grad_enabled() and (follow or any(map(_requires_grad, weights))):
            output, *finals = _apply(plan, x, *states, *weights)
        else:
            output, finals, _ = _forward(plan, x, (*states, *weights))
    except ValueError as error:
        raise LayerShapeError(str(error)) from None
    return output, tuple(finals)


def _forward(plan: Plan, x: Tensor, tensors: Any, found: Any = None) -> tuple[Tensor, list[Tensor], Any]:
    """``found``: the addresses that backward wants to know; None outside training."""
    stack = plan.stack
    # of the type and on the device of x, whatever the default device is
    output = x.new_empty_strided(*stack.output)
    finals = [x.new_empty_strided(shape, strides) for shape, strides in stack.finals]
    saved = None if found is None else empty(stack.saved_size, x)
    stack.kernels.forward(*plan.arguments(x, output, tensors, saved), finals, found)
    return output, finals, saved


class _Recurrence(torch.autograd.Function):
    """``apply(plan, x, *states, *weights) -> (output, *finals)``; a state may be None.

    Backward reads the output, which programs may change in place as they may torch's: it is then computed again.
    """

    @staticmethod
    def forward(ctx: Any, plan: Plan, x: Tensor, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        ctx.plan = plan
        ctx.addresses = addresses = native().Addresses()
        output, finals, saved = _forward(plan, x, tensors, addresses)
        ctx.set_materialize_grads(False)
        if version is None:
            ctx.save_for_backward(x, *tensors, saved, output)
            return output, *finals
        parts = plan.stack.parts
        ctx.versions = _versions(plan, x, tensors)
        # the biases too, which backward does not read: they may change
        ctx.inputs = (None, parts.biases(tensors)) if saves_through_hooks() else (x, tensors)
        ctx.save_for_backward(x, *parts.read(tensors), saved, output)
        return output, *finals

    @staticmethod
    def backward(ctx: Any, d_output: Tensor | None, *d_finals: Tensor | None) -> tuple[Tensor | None, ...]:
        kept = _restored(ctx)
        if not torch.is_grad_enabled():
            try:
                whole = d_output
                if d_output is not None and d_output.stride(-1) != 1 and _is_ordinary(d_output):
                    whole = contiguous(d_output)  # that of a sum or a mean is one number, expanded
                return None, *_backward(ctx, kept, whole, d_finals)
            except (ValueError, RuntimeError):  # something is not as the kernels take it: the core looks before it runs
                pass
        return None, *_backward_of_any(ctx, kept, d_output, d_finals)


# the input, states and weights, saved activations and the output
Kept = tuple[Tensor, Sequence[Tensor | None], Tensor, Tensor]


def _backward_of_any(
    ctx: Any, kept: Kept, d_output: Tensor | None, d_finals: Sequence[Tensor | None]
) -> tuple[Tensor | None, ...]:
    """Of gradients that are to be differentiated again, are batched or in another layout, and of what hooks have handed
    back in another layout, or replaced."""
    x, tensors, saved, output = kept
    given = (d_output, *d_finals)
    if torch.is_grad_enabled() or not all(d is None or _is_ordinary(d) for d in given):
        _require_unchanged(ctx.plan, x, tensors, output)
        return _backward_by_equations(ctx.plan, x, tensors, given, ctx.needs_input_grad[1:])
    d_output = None if d_output is None else strided(d_output)
    ends = [None if d is None else contiguous(d) for d in d_finals]
    tensors = [None if t is None else contiguous(t) for t in tensors]
    try:
        kept = contiguous(x), tensors, contiguous(saved), contiguous(output)
        return _backward(ctx, kept, d_output, ends)
    except ValueError as error:
        raise LayerShapeError(f"{error}; is it as forward saved it, or did a hook replace it?") from None


def _backward(
    ctx: Any, kept: Kept, d_output: Tensor | None, d_finals: Sequence[Tensor | None]
) -> tuple[Tensor | None, ...]:
    """By the kernels.

    Raises:
        ValueError, RuntimeError: a tensor that they do not take.
    """
    for d in (d_output, *d_finals):
        if d is not None and d.is_neg():
            raise ValueError("a gradient is negated")
    x, tensors, saved, output = kept
    plan: Plan = ctx.plan
    _, wants_x, *wanted = ctx.needs_input_grad
    d_x = x.new_empty(x.shape) if wants_x else None
    gradients = [None if t is None or not w else torch.empty_like(t) for t, w in zip(tensors, wanted, strict=True)]
    arguments = plan.arguments(x, output, tensors, saved)
    plan.stack.kernels.backward(*arguments, d_output, d_finals, d_x, gradients, ctx.addresses)
    return d_x, *gradients


def _versions(plan: Plan, x: Tensor, tensors: Sequence[Tensor | None]) -> Any:
    """Of the input and the states, which another layer may have put out. Autograd itself watches all that it saves, but
    does not tell which of them has changed."""
    assert version is not None
    if tensors[0] is None:  # then all states are
        return version(x)
    return list(map(version, (x, *tensors[: len(plan.stack.no_states)])))


def _restored(ctx: Any) -> Kept:
    """As forward had them."""
    try:
        x, *read, saved, output = ctx.saved_tensors
    except RuntimeError as error:
        # the output comes last: where it alone was changed, it can be computed again
        if version is None or ctx.inputs[0] is None or not is_changed_output(error, _Recurrence):
            raise
        x, tensors = ctx.inputs
        # and not an input, state or weight that another layer put out
        weights = tensors[len(ctx.plan.stack.no_states) :]
        if _versions(ctx.plan, x, tensors) != ctx.versions or any(map(_is_output, weights)):
            raise
        output, _, saved = _forward(ctx.plan, x, tensors, ctx.addresses)
        return x, tensors, saved, output
    if version is None:
        return x, read, saved, output
    parts, (whole, biases) = ctx.plan.stack.parts, ctx.inputs
    if whole is not None:
        biases = parts.biases(biases)
        ctx.inputs = None, biases  # autograd forgets what it saved, too
    return x, parts.joined((*read, *biases)), saved, output


def _is_output(weight: Tensor) -> bool:
    return weight.grad_fn is not None and weight.grad_fn.name() == f"{_Recurrence.__name__}Backward"


def _require_unchanged(plan: Plan, x: Tensor, tensors: Sequence[Tensor | None], output: Tensor) -> None:
    """What forward ran on still gives its output: the equations read the biases too, which autograd does not watch."""
    with torch.no_grad():
        same = torch.allclose(_forward(plan, x, tensors)[0], output, rtol=0, atol=0, equal_nan=True)
    if not same:
        raise ModifiedTensorError(
            "a weight, state or input of a recurrent layer was modified by an inplace operation between forward and a "
            "second derivative; modify a copy"
        )


def _is_ordinary(d: Tensor) -> bool:
    return type(d) is Tensor and d.layout is torch.strided and not torch_private.is_batched(d)


_apply = torch_private.direct_apply(_Recurrence)  # under torch.func's transforms another path runs


def strided(tensor: Tensor) -> Tensor:
    """A tensor as the kernels read it: its values in memory, aligned, the last dimension contiguous.

    Raises:
        LayerShapeError: its memory was freed.
    """
    if native().is_readable(tensor, False) and not tensor.is_neg():
        return tensor
    return _copied(tensor)


def contiguous(tensor: Tensor) -> Tensor:
    """The same, all of it contiguous."""
    if native().is_readable(tensor, True) and not tensor.is_neg():
        return tensor
    return _copied(tensor)


def _copied(tensor: Tensor) -> Tensor:
    # torch may postpone the writing of zeros, which then have no memory
    if not torch_private.is_lazy_zero(tensor):
        try:
            native().check_memory(tensor, "a tensor")
        except ValueError as error:
            raise LayerShapeError(str(error)) from None
    return tensor.clone(memory_format=torch.contiguous_format)  # negated where that was postponed


def _backward_by_equations(
    plan: Plan, x: Tensor, tensors: Any, d_results: Any, wanted: Any
) -> tuple[Tensor | None, ...]:
    """Derivatives that can be differentiated again, or are batched, as the kernels' cannot: the equations run again."""
    refuse_if_strict("a second derivative")
    warn_once("second derivatives of a recurrent layer run on the reference, which is slow")
    with torch.enable_grad():
        results = _equations(plan, x, tensors)
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


def _equations(plan: Plan, x: Tensor, tensors: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """Output and final states of what the kernels ran, from the equations, with the same masks."""
    layout, packed, lengths = plan.stack.layout, plan.packed, plan.lengths
    count = len(layout.state_sizes)
    states: States = tuple(
        x.new_zeros(layout.num_parts, plan.rows, size) if s is None else s
        for s, size in zip(tensors[:count], layout.state_sizes, strict=True)
    )
    weights = [w for w in tensors[count:] if w is not None]
    if packed is not None:
        x, lengths = pad_packed_sequence(with_data(packed, x))
    elif plan.time:
        x = x.transpose(0, 1)
    result = run_equations(layout, x, states, weights, plan.masks, lengths=lengths, resets=plan.resets)
    output = result.output
    if packed is not None and lengths is not None:
        output = packed_rows(packed, output, lengths)
    elif plan.time:
        output = output.transpose(0, 1)
    return output, *result.state
