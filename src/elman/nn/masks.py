"""The masks that a recurrent layer draws while training: in one order, whichever path runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from elman.backends import native

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
    """True with probability ``rate``, from 16 random bits each or, where those do not give a thousandth of it, from 32.

    Torch's generator gives the seed of a generator that counts (see :func:`random_words`): its own draws, one number
    after the other, take longer than a small layer's products.
    """
    bits = 16 if abs(round(rate * 2**16) / 2**16 - rate) <= rate / 1000 else 32
    limit, count = round(rate * 2**bits), math.prod(shape)  # of the values from 0 on, those below limit count as True
    seed = torch.empty((), dtype=torch.int64).random_(-(2**63), None)
    core = native()
    if core is not None and device.type == "cpu" and not torch._C._len_torch_dispatch_stack():
        mask = torch.empty(shape, dtype=torch.bool)
        core.draw(mask, count, int(seed) % 2**64, limit, bits)
        return mask
    if limit == 0:
        return torch.zeros(shape, dtype=torch.bool, device=device)
    each = 64 // bits
    words = random_words(seed.to(device), (count + each - 1) // each)
    pieces = words.view(torch.int16 if bits == 16 else torch.int32)[:count]
    half = 2 ** (bits - 1)  # the types are signed
    kept: Tensor = (pieces ^ -half) <= limit - 1 - half
    return kept.view(shape)


def random_words(seed: Tensor, count: int) -> Tensor:
    """(count,) of 64 random bits: SplitMix64 (Steele, Lea and Flood 2014), whose i-th number from 1 is a mixture of the
    bits of ``seed + i · golden ratio``; native/kernels/random.h has the same.

    >>> random_words(torch.tensor(0), 2).tolist()
    [-2152535657050944081, 7960286522194355700]
    """
    z = torch.arange(1, count + 1, device=seed.device) * _signed(0x9E3779B97F4A7C15) + seed
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ _shifted(z, shift)) * _signed(factor)
    words: Tensor = z ^ _shifted(z, 31)
    return words


def _signed(word: int) -> int:
    return word - 2**64


def _shifted(z: Tensor, bits: int) -> Tensor:
    """To the right, with zeros from the left."""
    shifted: Tensor = (z >> bits) & (2 ** (64 - bits) - 1)
    return shifted
