"""What a layer hands to the path that runs it."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
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
    """

    layout: Layout
    weights: list[Tensor]
    batch_first: bool
    training: bool
    dropout: float
    recurrent_dropout: float

    @property
    def active_dropout(self) -> float:
        """The dropout between layers that this call applies."""
        return self.dropout if self.training and self.layout.num_layers > 1 else 0.0

    def draw_masks(self, steps: int, batch: int, like: Tensor) -> Masks:
        """See :func:`elman.nn.masks.draw_masks`."""
        return draw_masks(self.layout, self.recurrent_dropout, steps, batch, like, training=self.training)

    def zeros(self, like: Tensor, batch: int) -> States:
        """States to begin from where none are given."""
        return tuple(like.new_zeros(self.layout.num_parts, batch, size) for size in self.layout.state_sizes)


def with_data(packed: PackedSequence, data: Tensor) -> PackedSequence:
    """Other values of the same rows and steps."""
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
