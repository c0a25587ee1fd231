"""Every private name of torch that elman uses, each with a public fallback; no other file has any.

A fallback takes a name's place where this torch lacks it. ``ELMAN_PUBLIC_TORCH_ONLY=1`` in the environment switches all
of the private names off, so that the tests can run without them.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from operator import attrgetter, is_not
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.optim.adamw import adamw

PUBLIC_ONLY = os.environ.get("ELMAN_PUBLIC_TORCH_ONLY", "") not in ("", "0")

# the module that is loaded when programs compile with torch.compile; the fallback is always loaded
COMPILER = "torch" if PUBLIC_ONLY else "torch._dynamo"


def _private(path: str) -> Any:
    """torch's attribute at a dotted path; None if there is none, or if private names are switched off."""
    found: Any = None if PUBLIC_ONLY else torch
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


# ---------------------------------------------------------------------------------- what watches or replaces operators


def _recording_modes() -> int:
    """make_fx alone: no public name tells of other dispatch modes, which then see nothing of a kernel."""
    recorder = sys.modules.get("torch.fx.experimental.proxy_tensor")
    return 0 if recorder is None or recorder.get_proxy_mode() is None else 1


def _is_tracing() -> bool:
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined,no-untyped-call]


def _has_no_memory(tensor: Tensor) -> bool:
    """As of the tensors by which transforms stand for others."""
    try:
        tensor.data_ptr()
    except RuntimeError:
        return True
    return False


def wraps_others(tensor: Tensor) -> bool:
    """Whether a tensor subclass has no memory of its own."""
    return _has_no_memory(tensor) or (tensor.numel() > 0 and tensor.data_ptr() == 0)


def _level_of_forward_mode() -> int:
    try:
        with forward_ad.dual_level():
            return -1
    except RuntimeError:  # levels cannot be nested
        return 0


dispatch_modes: Callable[[], int] = _private("_C._len_torch_dispatch_stack") or _recording_modes
_tracing_state = _private("_C._get_tracing_state") or (lambda: _is_tracing() or None)
_transforms_active = _private("_C._are_functorch_transforms_active") or (lambda: _has_no_memory(torch.empty(0)))
_of_transforms = _private("_C._functorch.is_batchedtensor") or _has_no_memory
_of_autograds_vmap = _private("_C._functorch.is_legacy_batchedtensor") or _has_no_memory
_LEVELS_ARE_KNOWN = _private("autograd.forward_ad._current_level") is not None


def is_recording() -> bool:
    """Whether torch.jit.trace or an exporter records the operators."""
    return _tracing_state() is not None


def interception(input: Tensor) -> str:
    """What intercepts operators on ``input`` at the moment, and would see none in a kernel; empty if nothing does."""
    if dispatch_modes() or _tracing_state() is not None:
        return "a traced call"
    if _transforms_active() or (COMPILER in sys.modules and torch.compiler.is_compiling()):
        return "a transformed call"
    if PUBLIC_ONLY and _has_no_memory(input):
        return "a transformed call"
    if (forward_ad._current_level if _LEVELS_ARE_KNOWN else _level_of_forward_mode()) >= 0:
        return "forward-mode differentiation"
    return ""


def is_batched(tensor: Tensor) -> bool:
    """Whether a vmap, torch.func's or autograd's own, gave this tensor, which has no memory."""
    return bool(_of_transforms(tensor) or _of_autograds_vmap(tensor))


def _is_zero_without_memory(tensor: Tensor) -> bool:
    return tensor.numel() > 0 and tensor.data_ptr() == 0


# whether a tensor's zeros have yet to be written: it has no memory
is_lazy_zero: Callable[[Tensor], bool] = _private("Tensor._is_zerotensor") or _is_zero_without_memory


def uncompiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, which torch.compile leaves alone; to be called once :data:`COMPILER` has been loaded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where the fallback loads the compiler, that uses what torch deprecates
        wrapped: Callable[..., Any] = torch.compiler.disable(function)
        return wrapped


# whether somebody profiles: without a private name nobody is seen to
profiling: Callable[[], bool] = _private("autograd._profiler_enabled") or (lambda: False)


# ---------------------------------------------------------------------------------------------- what autograd saves

# Counts changes in place of a tensor. Without it, autograd alone watches what is saved, and permits no change.
version: Callable[[Any], int] | None = None if PUBLIC_ONLY else attrgetter("_version")
_top_hooks = _private("_C._autograd._top_saved_tensors_default_hooks")


def is_changed_output(error: RuntimeError, function: type[torch.autograd.Function]) -> bool:
    """Whether autograd says that the first output of ``function`` is the first saved tensor modified in place since."""
    text = str(error)
    return "modified by an inplace operation" in text and f"which is output 0 of {function.__name__}, is" in text


def saves_through_hooks() -> bool:
    """Whether hooks stand between autograd and what it saves, or may do so."""
    return _top_hooks is None or _top_hooks(False) is not None


# ---------------------------------------------------------------------------------------------- shorter ways to torch


def direct_apply(function: type[torch.autograd.Function]) -> Callable[..., Any]:
    """``function.apply`` without its support for torch.func, for callers that check for transforms themselves."""
    if PUBLIC_ONLY:
        return function.apply
    apply: Callable[..., Any] = super(torch.autograd.Function, function).apply  # type: ignore[misc]
    return apply


def backward(loss: Tensor) -> None:
    """``loss.backward()``, on the CPU without the Python around torch's engine, which outweighs a small head."""
    if loss.is_cpu and _engine is not None:
        _engine.run_backward(
            (loss,), (torch.ones_like(loss),), False, False, (), allow_unreachable=True, accumulate_grad=True
        )
    else:
        loss.backward()


_engine = _private("autograd.Variable._execution_engine")


def fused_adamw(
    values: list[Tensor],
    gradients: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    counts: list[Tensor],
    **constants: Any,
) -> None:
    """One step of AdamW by torch's fused kernel; ``counts`` have been increased already.

    Args:
        constants: ``lr``, ``beta1``, ``beta2``, ``eps``, ``weight_decay``, ``amsgrad``, ``maximize``.
    """
    if _fused_kernel is not None:  # the function around it takes several times as long for a small model
        _fused_kernel(values, gradients, means, squares, [], counts, **constants)
        return
    for count in counts:  # the function increases them itself
        count.sub_(1)
    adamw(values, gradients, means, squares, [], counts, foreach=False, fused=True, **constants)


_fused_kernel = _private("_fused_adamw_")


# ------------------------------------------------------------------------------------------- modules and their weights


def _named_buffers(module: torch.nn.Module) -> dict[str, Any]:
    return dict(module.named_buffers(recurse=False, remove_duplicate=False))


# a module's own buffers by name
buffers_of: Callable[[torch.nn.Module], dict[str, Any]] = _named_buffers if PUBLIC_ONLY else attrgetter("_buffers")


def current_weights(layer: torch.nn.RNNBase, own: Callable[[Any], Any], names: tuple[str, ...]) -> list[Tensor]:
    """The weights called ``names`` as torch's layers would take them, parametrised and replaced ones included.

    A program that assigns ``_flat_weights`` is heeded, until one of the parameters is replaced.

    Args:
        own: takes the same names out of a dictionary.
    """
    if PUBLIC_ONLY:
        return [getattr(layer, name) for name in names]
    try:  # a module's attributes are found the slow way
        weights = own(layer._parameters)
    except KeyError:
        return [getattr(layer, name) for name in names]
    if any(map(is_not, weights, layer._flat_weights)):
        layer._update_flat_weights()
        weights = layer._flat_weights
    return list(weights)


def list_weights(layer: torch.nn.RNNBase, names: list[list[str]]) -> None:
    """Have the methods of torch's base class (``flatten_parameters``, ``all_weights``, moving, copying) work on the
    parameters called ``names``, a list for each layer and direction.

    These attributes have no public names; programs for torch.nn's layers know them too.
    """
    layer._all_weights = names
    layer._flat_weights_names = [name for part in names for name in part]
    layer._init_flat_weights()
