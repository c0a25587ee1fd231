"""The masks that a recurrent layer draws while training: in one order, whichever path runs."""

from __future__ import annotations

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
    if not layer.training:
        return NONE
    layout = layer.layout
    parts = range(layout.num_layers * layout.num_directions)
    recurrent = zoneout = None
    if layer.recurrent_dropout:
        ones = like.new_ones(batch, layout.recurrent_size)
        recurrent = [functional.dropout(ones, layer.recurrent_dropout) for _ in parts]
    if layout.zoneout:
        zoneout = [
            tuple(
                torch.empty(steps, batch, size, dtype=torch.bool, device=like.device).bernoulli_(rate)
                for rate, size in zip(layout.zoneout, layout.state_sizes, strict=True)
            )
            for _ in parts
        ]
    return Masks(recurrent, zoneout)
