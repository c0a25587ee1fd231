"""What a layer hands to the path that runs it."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from elman.nn.checks import States
from elman.nn.masks import Masks, draw_masks
from elman.recurrence import Layout


class Call(NamedTuple):
    """A layer as it is at one call.

    A path is a pair of functions. ``padded(call, input, states, lengths, resets) -> (output, states)`` takes ``input``
    as ``batch_first`` says, ``lengths`` (B,) on the CPU or None, ``resets`` (T, B) or None;
    ``packed(call, input, states, resets)`` takes a PackedSequence. States are (L·D, B, size) in the caller's order of
    rows, or None for zeros. Results are laid out as the arguments.

    Args:
        weights: in the layout's order, parametrised or replaced ones included.
        dropout: between layers.
        known: addresses of weights that were found good, kept from call to call; None where there is no core.
        drop: what dropout does to a layer's output, time first or packed; torch's kernels have their own.
    """

    layout: Layout
    weights: list[Tensor]
    batch_first: bool
    training: bool
    dropout: float
    recurrent_dropout: float
    known: Any
    drop: Callable[[Tensor, float], Tensor] = functional.dropout

    @property
    def active_dropout(self) -> float:
        """The dropout between layers that this call applies."""
        return self.dropout if self.training and self.layout.num_layers > 1 else 0.0

    def draw_masks(self, steps: int, batch: int, like: Tensor) -> Masks:
        """See :func:`elman.nn.masks.draw_masks`."""
        return draw_masks(self.layout, self.recurrent_dropout, steps, batch, like, training=self.training)

    def zeros(self, like: Tensor, batch: Any) -> States:
        """States to begin from where none are given; a ``batch`` that is a tensor stays free in a recording."""
        shapes = [(self.layout.num_parts, batch, size) for size in self.layout.state_sizes]
        return tuple(torch.zeros(*shape, dtype=like.dtype, device=like.device) for shape in shapes)


def taker(*keys: Any) -> Callable[[Any], tuple[Any, ...]]:
    """operator.itemgetter, which gives a tuple whatever the number of keys.

    >>> taker("a")({"a": 1}), taker()({})
    ((1,), ())
    """
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda values: tuple(values[key] for key in keys)


def with_data(packed: PackedSequence, data: Tensor) -> PackedSequence:
    """Other values of the same rows and steps."""
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)


def reordered(states: Any, order: Tensor | None) -> Any:
    """The rows of states (…, B, size) in another order; None leaves them."""
    return states if order is None or states is None else tuple(s.index_select(1, order) for s in states)


def order_of_rows(packed: PackedSequence) -> np.ndarray | None:
    """The caller's row of each sorted row, where the two permutations of ``packed`` undo each other; else None."""
    permutations = (packed.sorted_indices, packed.unsorted_indices)
    for indices in permutations:
        if type(indices) is not Tensor or not indices.is_cpu or indices.dtype not in (torch.int32, torch.int64):
            return None
    order, back = (indices.numpy() for indices in permutations if indices is not None)
    rows = int(packed.batch_sizes[0])
    if order.shape != (rows,) or back.shape != (rows,) or not 0 <= order.min() <= order.max() < rows:
        return None
    return np.ascontiguousarray(order, np.int64) if np.array_equal(back[order], np.arange(rows)) else None


def sorted_rows(
    packed: PackedSequence, states: States | None, resets: Tensor | None
) -> tuple[PackedSequence, States | None, Tensor | None]:
    """The same with its rows as they lie in ``packed``, which then has no indices; resets are (T, B)."""
    order = packed.sorted_indices
    resets = resets if order is None or resets is None else resets.index_select(1, order)
    return PackedSequence(packed.data, packed.batch_sizes), reordered(states, order), resets
