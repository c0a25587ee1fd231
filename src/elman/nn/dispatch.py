"""Where a layer's call runs: on elman's kernels where they can, else on torch's, else on the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

import elman.nn.native as native
import elman.nn.reference as reference
import elman.nn.torch_kernels as torch_kernels
from elman.nn.autograd import run
from elman.nn.call import Call, with_data
from elman.nn.checks import States, check_memory, check_weights
from elman.nn.plans import packed_plan, plan_by_shape
from elman.recurrence import Layout
from elman.recurrence.backends import Backend, choose, current_backend
from elman.recurrence.backends import native as compiled
from elman.torch_private import interception, is_recording, wraps_others


class Path(NamedTuple):
    """One way to run; :class:`elman.nn.call.Call` says what the functions take."""

    padded: Callable[[Call, Tensor, States | None, Tensor | None, Tensor | None], tuple[Tensor, States]]
    packed: Callable[[Call, PackedSequence, States | None, Tensor | None], tuple[PackedSequence, States]]


PATHS: dict[Backend, Path] = {
    "native": Path(native.padded, native.packed),
    "torch": Path(torch_kernels.padded, torch_kernels.packed),
    "reference": Path(reference.padded, reference.packed),
}


def choose_path(call: Call, input: Tensor, states: States | None, resets: Tensor | None) -> Path:
    """The path for a call, unless :func:`elman.use_backend` asks for another that can run it."""
    asked = current_backend()
    others = [*call.weights, *(states or ()), *(() if resets is None else (resets,))]
    reasons: dict[Backend, str] = {"native": native.unsupported_reason(call.layout, input, others)}
    if not reasons["native"] and asked in (None, "native"):
        return PATHS["native"]
    reasons["torch"] = torch_kernels.unsupported_reason(call, resets=resets is not None)
    if not reasons["torch"] and not interception(input):
        # some of torch's kernels read the memory that a wrapper of other tensors does not have
        wrappers = [t for t in (input, *others) if type(t) not in native.EXACT and t.is_cpu and wraps_others(t)]
        reasons["torch"] = f"a {type(wrappers[0]).__name__}" if wrappers else ""
    if not is_recording():  # whose shapes are no numbers
        check_weights(call.layout, call.weights)  # torch's kernels take these on trust
    for tensor in (input, *others):
        check_memory("a tensor", tensor)
    implementations = [name for name in PATHS if not reasons.get(name)]
    return PATHS[choose(implementations, reasons.get(asked or "native") or "a recurrent layer")]


def recordable_path(call: Call, resets: Tensor | None) -> Path:
    """The path for a call that a compiler or exporter records, which asks for no backend."""
    return PATHS["reference" if torch_kernels.unsupported_reason(call, resets=resets is not None) else "torch"]


def fast_path(
    layout: Layout, input: Any, hx: Any, weights: list[Tensor], known: Any, *, batch_first: bool
) -> tuple[Any, Any] | None:
    """What a layer that draws no masks returns for an input and states; None where anything is out of the ordinary.

    For small layers, argument checks dominate: here as few as possible are made, and a dense plan is cached by shape.

    Args:
        input: a dense batch, or packed.
        hx: as the layer takes it; None for zeros.
        known: addresses of weights that were found good, kept from call to call; None where there is no core.
    """
    packed = type(input) is PackedSequence
    x = input.data if packed else input
    if known is None or type(x) is not Tensor or current_backend() not in (None, "native"):
        return None
    if native.unsupported_context(x) or not x.is_cpu:
        return None
    plan = packed_plan(layout, input) if packed else plan_by_shape(layout, x.dtype, x.shape, batch_first)
    if plan is None:
        return None
    none = plan.stack.no_states
    states: tuple[Any, ...] = none if hx is None else hx if type(hx) is tuple and len(none) > 1 else (hx,)
    if not native.usable(plan, x, states, weights, known):
        return None
    follow = x.requires_grad or (hx is not None and any(state.requires_grad for state in states))
    output, finals = run(plan, x, states, weights, follow)
    return with_data(input, output) if packed else output, finals if len(finals) > 1 else finals[0]


def new_addresses() -> Any:
    """What :func:`fast_path` keeps from call to call, for each layer its own."""
    core = compiled()
    return None if core is None else core.Addresses()
