"""What a layer accepts: its settings' types, and the shapes of inputs, states, lengths and resets."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from elman import torch_private
from elman.cells import get_cell
from elman.errors import ElmanError, SettingsError, ShapeError
from elman.recurrence import Layout
from elman.recurrence.backends import native

States = tuple[Tensor, ...]


class LayerShapeError(ShapeError, RuntimeError):
    """A tensor does not fit the layer.

    torch.nn raises RuntimeError for some of these cases and ValueError for others: code that catches either goes on.
    """


class ModifiedTensorError(ElmanError, RuntimeError):
    """A tensor that a derivative needs was modified in place since."""


class SettingTypeError(SettingsError, TypeError):
    """A setting has the wrong type; a TypeError too, as torch.nn raises."""


def as_size(name: str, value: Any) -> int:
    """``value`` as an int, or a :class:`SettingTypeError` that names the setting."""
    try:
        return operator.index(value)
    except TypeError:
        raise SettingTypeError(f"{name} should be of type int, got: {type(value).__name__}") from None


def as_flag(name: str, value: Any) -> bool:
    """``value`` if it is a bool; positional arguments in the wrong place end here."""
    if not isinstance(value, bool):
        raise SettingTypeError(f"{name} should be of type bool, got: {type(value).__name__}")
    return value


def as_probability(name: str, value: Any) -> float:
    """``value`` as a float in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= float(value) <= 1:
        raise SettingsError(f"{name} should be a number in range [0, 1], got: {value!r}")
    return float(value)


def as_tensor(values: Any) -> Tensor:
    """``values`` as a tensor: on the CPU, whatever the default device is, where they are none yet."""
    return values if isinstance(values, Tensor) else torch.as_tensor(values, device="cpu")


def check_dtype(name: str, tensor: Tensor, dtype: torch.dtype) -> None:
    """``tensor`` has the weights' type, unless autocast is there to convert."""
    if tensor.dtype != dtype and not torch.is_autocast_enabled(tensor.device.type):
        raise LayerShapeError(
            f"{name} dtype ({tensor.dtype}) does not match weight dtype ({dtype}); "
            f"use {name}.to({dtype}) or layer.to({tensor.dtype})"
        )


def check_input(layout: Layout, dtype: torch.dtype, input: Tensor, dims: tuple[int, ...]) -> None:
    """``input`` has one of ``dims`` dimensions, the layer's input size, and the weights' type."""
    if not isinstance(input, Tensor):
        raise LayerShapeError(f"input must be a tensor or a PackedSequence, got {type(input).__name__}")
    shape = input.shape
    if len(shape) not in dims:
        expected = " or ".join(f"{d}-D" for d in dims)
        raise LayerShapeError(f"input must be {expected}, got {len(shape)}-D of shape {tuple(shape)}")
    if shape[-1] != layout.input_size:
        raise LayerShapeError(
            f"input.size(-1) must be equal to input_size: expected {layout.input_size}, got {shape[-1]}"
        )
    check_dtype("input", input, dtype)


def check_states(layout: Layout, dtype: torch.dtype, hx: Any, batch: int, *, batched: bool = True) -> States:
    """The initial states as a tuple of (L·D, B, size) tensors, whatever the number of the cell's states."""
    names = get_cell(layout.cell).states
    if isinstance(hx, Tensor) and len(names) == 1:
        states: States = (hx,)
    elif isinstance(hx, (tuple, list)) and len(hx) == len(names) > 1:
        states = tuple(hx)
    else:
        expected = "a tensor" if len(names) == 1 else f"a tuple ({', '.join(names)})"
        raise LayerShapeError(f"hx of {layout.cell} must be {expected}, got {type(hx).__name__}")
    for state, name, size in zip(states, names, layout.state_sizes, strict=True):
        if not isinstance(state, Tensor):
            raise LayerShapeError(f"hx: {name} must be a tensor, got {type(state).__name__}")
        expected_shape = (layout.num_parts, batch, size) if batched else (layout.num_parts, size)
        if tuple(state.shape) != expected_shape:
            raise LayerShapeError(
                f"hx: expected {name} of shape {expected_shape} for {'batched' if batched else 'unbatched'} input, "
                f"got {tuple(state.shape)}"
            )
        check_dtype("hx", state, dtype)
    return states if batched else tuple(s.unsqueeze(1) for s in states)


def check_weights(layout: Layout, weights: Sequence[Tensor]) -> None:
    """The weights are dense tensors of one type and of the layout's shapes."""
    for name, shape, weight in zip(layout.shapes(), layout.shape_list, weights, strict=True):
        if not isinstance(weight, Tensor):
            raise LayerShapeError(f"{name} must be a tensor, got {type(weight).__name__}")
        if weight.shape != shape:
            raise LayerShapeError(f"a weight is {tuple(weight.shape)}: {name} must be {shape}")
        if weight.layout is not torch.strided:
            raise LayerShapeError(f"a weight is {weight.layout}: {name} must be dense, see Tensor.to_dense")
        check_dtype(name, weight, weights[0].dtype)


def check_packed(layout: Layout, dtype: torch.dtype, input: PackedSequence) -> None:
    """A packed input's data fit the layer, and its sizes describe them."""
    data, sizes = input.data, input.batch_sizes
    check_input(layout, dtype, data, (2,))
    shaped = sizes.dim() == 1 and len(sizes) > 0 and sizes.is_contiguous()
    if not shaped or sizes.dtype is not torch.int64 or not sizes.is_cpu:
        raise LayerShapeError(
            f"batch_sizes must be int64 (steps,) on the CPU, contiguous; got {sizes.dtype} {tuple(sizes.shape)} of "
            f"strides {sizes.stride()} on {sizes.device}"
        )
    for name, tensor in (
        ("batch_sizes", sizes),
        ("sorted_indices", input.sorted_indices),
        ("unsorted_indices", input.unsorted_indices),
    ):
        if tensor is not None and tensor.is_cpu:
            check_memory(name, tensor)
    values = sizes.tolist()
    if sum(values) != len(data) or values[-1] < 1 or values != sorted(values, reverse=True):
        shown = f"{values[:8]}"[:-1] + (", …]" if len(values) > 8 else "]")
        raise LayerShapeError(
            f"batch_sizes {shown} do not describe data of {len(data)} rows: they must not rise, be at least 1 and sum "
            "to that number; use pack_padded_sequence or pack_sequence"
        )


def check_memory(name: str, tensor: Tensor) -> None:
    """A tensor's storage holds it, where that is the processor's memory."""
    core = native()
    if core is None or type(tensor) not in (Tensor, torch.nn.Parameter) or not tensor.is_cpu:
        return
    if tensor.layout is not torch.strided or torch_private.interception(tensor):
        return
    if torch_private.is_lazy_zero(tensor) or tensor.dtype.is_complex:
        return
    try:
        core.check_memory(tensor, name)
    except ValueError as error:
        raise LayerShapeError(str(error)) from None


def check_lengths(lengths: Tensor | Sequence[int], steps: int, batch: int) -> Tensor:
    """``lengths`` as a (B,) int64 tensor on the CPU, each from 1 to ``steps``."""
    given = as_tensor(lengths)
    if given.is_cpu:
        check_memory("lengths", given)
    if given.is_floating_point() or given.dtype == torch.bool:
        raise LayerShapeError(f"lengths must be integers, got {given.dtype}")
    given = given.to("cpu", torch.int64)
    if tuple(given.shape) != (batch,):
        raise LayerShapeError(f"lengths must have shape ({batch},), one for each row, got {tuple(given.shape)}")
    for row, length in enumerate(given.tolist()):
        if not 1 <= length <= steps:
            raise LayerShapeError(
                f"lengths[{row}] is {length}; it must be from 1 to {steps}, the padded length: leave empty rows out"
            )
    return given


def check_resets(resets: Tensor, steps: int, batch: int, device: torch.device) -> Tensor:
    """``resets`` (B, T) as (T, B), on ``device``."""
    resets = as_tensor(resets)
    if resets.is_cpu:
        check_memory("resets", resets)
    if resets.dtype != torch.bool:
        raise LayerShapeError(f"resets must be bool, got {resets.dtype}")
    if tuple(resets.shape) != (batch, steps):
        raise LayerShapeError(
            f"resets must have shape (batch, time) = {(batch, steps)}, whatever batch_first is, "
            f"got {tuple(resets.shape)}"
        )
    return resets.to(device).t()


class Arguments(NamedTuple):
    """The arguments of a call, checked, with a batch dimension: ``lengths`` (B,) on the CPU, ``resets`` (T, B)."""

    input: Tensor
    states: States | None
    lengths: Tensor | None
    resets: Tensor | None
    batched: bool  # as they were given


def check_arguments(
    layout: Layout,
    dtype: torch.dtype,
    input: Tensor,
    hx: Any,
    lengths: Tensor | Sequence[int] | None,
    resets: Tensor | None,
    *,
    batch_first: bool,
) -> Arguments:
    """All that a layer takes beside a padded input; ``dtype`` is the weights'."""
    check_input(layout, dtype, input, (2, 3))
    batched = input.dim() == 3
    if not batched:
        input = input.unsqueeze(0 if batch_first else 1)
        lengths = None if lengths is None else as_tensor(lengths).reshape(-1)
        resets = None if resets is None else as_tensor(resets).reshape(1, -1)
    shape = input.shape
    batch, steps = (shape[0], shape[1]) if batch_first else (shape[1], shape[0])
    if not steps:
        raise LayerShapeError(f"input of shape {tuple(shape)} has no time steps; it needs at least 1")
    return Arguments(
        input,
        None if hx is None else check_states(layout, dtype, hx, batch, batched=batched),
        None if lengths is None else check_lengths(lengths, steps, batch),
        None if resets is None else check_resets(resets, steps, batch, input.device),
        batched,
    )
