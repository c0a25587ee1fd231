"""A plan: what the kernels need of a call besides its tensors. Plans of dense batches are cached by shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from elman.cells import get_cell
from elman.kernels import current_target, has_kernels, kernels_for, thread_count
from elman.nn.call import taker
from elman.nn.masks import NONE as NO_MASKS
from elman.nn.masks import Masks
from elman.recurrence import Layout
from elman.recurrence.backends import native

DTYPES: dict[torch.dtype, np.dtype[Any]] = {torch.float32: np.dtype("f4"), torch.float64: np.dtype("f8")}


class Stack(NamedTuple):
    """The layers that a plan runs, and what follows from its steps and rows."""

    layout: Layout
    kernels: Any  # elman._native.Layers; saved activations are for the same kernels
    no_states: tuple[None, ...]
    output: tuple[
        tuple[int, ...], tuple[int, ...]
    ]  # shape and strides: time first in memory, as torch's layers have it
    finals: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    saved_size: int
    parts: Parts


class Parts(NamedTuple):
    """Of a layout's states and weights, in their order: those that backward reads, which must not change before it,
    and those it does not, its biases."""

    width: int  # of the output
    read: Callable[[Any], tuple[Any, ...]]
    biases: Callable[[Any], tuple[Any, ...]]
    joined: Callable[[Any], tuple[Any, ...]]  # of the two, one behind the other: all in their order


class Plan(NamedTuple):
    """All of a call but the tensors that autograd follows."""

    stack: Stack
    rows: int
    time: int  # the dimension of x that is time; -1 if packed
    batch: Any  # elman._native.Batch
    resets: Tensor | None  # (T, B)
    lengths: Tensor | None
    packed: PackedSequence | None
    masks: Masks

    def arguments(self, x: Tensor, output: Tensor, tensors: Any, saved: Tensor | None) -> tuple[Any, ...]:
        """What the kernels take first, forward and backward; ``tensors`` are the states, then the weights."""
        recurrent, zoneout = self.masks
        flat = None if zoneout is None else [mask for part in zoneout for mask in part]
        return self.batch, x, output, tensors, recurrent, flat, saved

    def of_layers(self, layout: Layout, dtype: torch.dtype, outer: tuple[int, ...], masks: Masks) -> Plan:
        """The plan for other layers along the same steps of the same rows."""
        stack = _stack(layout, dtype, outer, self.rows, self.time, self.batch, masks)
        return self._replace(stack=stack, masks=masks)


def _stack(
    layout: Layout, dtype: torch.dtype, outer: tuple[int, ...], rows: int, time: int, batch: Any, masks: Masks
) -> Stack:
    kernels, parts = kernels_for(layout, DTYPES[dtype]), _parts(layout)
    width = parts.width
    strides = (width,) if time < 0 else (rows * width, width) if time == 0 else (width, rows * width)
    return Stack(
        layout,
        kernels,
        (None,) * len(layout.state_sizes),
        ((*outer, width), (*strides, 1)),
        tuple(((layout.num_parts, rows, size), (rows * size, size, 1)) for size in layout.state_sizes),
        kernels.saved_size(batch, masks.zoneout is not None),
        parts,
    )


@lru_cache(maxsize=512)
def _parts(layout: Layout) -> Parts:
    names = [*get_cell(layout.cell).states, *layout.shapes()]
    biases = [k for k, name in enumerate(names) if name.startswith("bias_")]
    read = [k for k in range(len(names)) if k not in biases]
    places = [*read, *biases]
    return Parts(
        layout.num_directions * layout.recurrent_size,
        taker(*read),
        taker(*biases),
        taker(*(places.index(k) for k in range(len(names)))),
    )


def plan(
    layout: Layout,
    dtype: torch.dtype,
    outer: tuple[int, ...],
    time: int,
    *,
    threads: int | None = None,
    counts: np.ndarray | None = None,
    order: np.ndarray | None = None,
    resets: Tensor | None = None,
    lengths: Tensor | None = None,
    packed: PackedSequence | None = None,
    masks: Masks = NO_MASKS,
) -> Plan:
    """A plan for an input whose dimensions but the last are ``outer``.

    Args:
        threads: at most so many; torch's number for None.
        counts, order: as in :class:`elman.kernels.Ragged`.
    """
    if packed is not None and counts is not None:
        steps, rows = len(counts), int(counts[0])
    else:
        steps, rows = outer[time], outer[1 - time]
    batch = native().Batch(
        steps,
        rows,
        counts,
        order,
        time,
        resets,
        threads or thread_count(torch.get_num_threads()),
    )
    stack = _stack(layout, dtype, outer, rows, time, batch, masks)
    return Plan(stack, rows, time, batch, resets, lengths, packed, masks)


def dense_plan(layout: Layout, dtype: torch.dtype, outer: tuple[int, ...], time: int) -> Plan:
    """The plan of a call that gives nothing but tensors; cached."""
    return _dense(layout, dtype, outer, time, thread_count(torch.get_num_threads()), current_target())


@lru_cache(maxsize=512)
def _dense(
    layout: Layout, dtype: torch.dtype, outer: tuple[int, ...], time: int, threads: int, target: str | None
) -> Plan:
    return plan(layout, dtype, outer, time, threads=threads)


def packed_plan(layout: Layout, packed: PackedSequence) -> Plan | None:
    """The plan of a packed batch; None if it is none, or if its permutations are not int64 and each other's inverse."""
    data, dtype = packed.data, packed.data.dtype
    if dtype not in DTYPES or not has_kernels(layout):
        return None
    threads = thread_count(torch.get_num_threads())
    try:
        batch = native().Batch.of_packed(packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices, threads)
    except (ValueError, RuntimeError):  # of what has no memory torch itself raises the latter
        return None
    stack = _stack(layout, dtype, (len(data),), batch.rows, -1, batch, NO_MASKS)
    return Plan(stack, batch.rows, -1, batch, None, None, packed, NO_MASKS)


def plan_by_shape(layout: Layout, dtype: torch.dtype, shape: torch.Size, batch_first: bool) -> Plan | None:
    """:func:`dense_plan` of an input of this shape; None if the layer takes no such batch."""
    return _by_shape(layout, dtype, shape, batch_first, thread_count(torch.get_num_threads()), current_target())


@lru_cache(maxsize=512)
def _by_shape(
    layout: Layout, dtype: torch.dtype, shape: torch.Size, batch_first: bool, threads: int, target: str | None
) -> Plan | None:
    if len(shape) != 3 or shape[2] != layout.input_size or not shape[int(batch_first)]:
        return None
    if not has_kernels(layout) or dtype not in DTYPES:
        return None
    return _dense(layout, dtype, shape[:2], int(batch_first), threads, target)
