"""The masks that a recurrent layer draws while training: in one order, whichever path runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from elman.nn.recurrent import Recurrent


class Masks(NamedTuple):
    """Of each part (layer-major, then direction): recurrent dropout (B, R), scaled by ``1 / (1 - p)``, and for each
    state the units that zoneout keeps (T, B, size), bool. Each is None where the layer draws none."""

    recurrent: list[Tensor] | None
    zoneout: list[tuple[Tensor, ...]] | None


NONE = Masks(None, None)


def draw_masks(layer: Recurrent, steps: int, batch: int, like: Tensor) -> Masks:
    """What training draws for a batch, of the type and on the device of ``like``; nothing in evaluation."""
    layout = layer.layout
    if not layer.training or not (layer.recurrent_dropout or layout.zoneout):
        return NONE
    parts = range(layout.num_layers * layout.num_directions)
    recurrent = zoneout = None
    if layer.recurrent_dropout:
        ones = like.new_ones(batch, layout.recurrent_size)
        recurrent = [functional.dropout(ones, layer.recurrent_dropout) for _ in parts]
    if layout.zoneout:
        zoneout = [
            tuple(
                _drawn(rate, (steps, batch, size), like.device)
                for rate, size in zip(layout.zoneout, layout.state_sizes, strict=True)
            )
            for _ in parts
        ]
    return Masks(recurrent, zoneout)


def _drawn(rate: float, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """True with probability ``rate``, from 16 random bits each or, where those do not give a thousandth of it, from 32:
    in a fraction of the time of torch's own draw."""
    bits = 16 if abs(round(rate * 2**16) / 2**16 - rate) <= rate / 1000 else 32
    count, each = math.prod(shape), 64 // bits
    words = torch.empty((count + each - 1) // each, dtype=torch.int64, device=device).random_(-(2**63), None)
    last = round(rate * 2**bits) - 2 ** (bits - 1) - 1  # the greatest of the values that count as True
    if last < -(2 ** (bits - 1)):
        return torch.zeros(shape, dtype=torch.bool, device=device)
    kept: Tensor = words.view(torch.int16 if bits == 16 else torch.int32)[:count] <= last
    return kept.view(shape)
