"""What a recurrent layer draws while training: the same numbers in the same order, whichever path runs."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from elman import torch_private
from elman.recurrence import Layout
from elman.recurrence.backends import native


class Masks(NamedTuple):
    """Of each part (layer-major, then direction): recurrent dropout (B, R), scaled by ``1 / (1 - p)``, and for each
    state the units that zoneout keeps (T, B, size), bool. Each is None where the layer draws none."""

    recurrent: list[Tensor] | None
    zoneout: list[tuple[Tensor, ...]] | None


NONE = Masks(None, None)
CPU = torch.device("cpu")  # whatever the default device is


def draw_masks(
    layout: Layout, recurrent_dropout: float, steps: int, batch: int, like: Tensor, *, training: bool
) -> Masks:
    """The masks for a batch, of the type and on the device of ``like``; none in evaluation."""
    if not training or not (recurrent_dropout or layout.zoneout):
        return NONE
    parts = range(layout.num_parts)
    recurrent = zoneout = None
    if recurrent_dropout:
        ones = like.new_ones(batch, layout.recurrent_size)
        recurrent = [functional.dropout(ones, recurrent_dropout) for _ in parts]
    if layout.zoneout:
        zoneout = [
            tuple(
                draw_bits(rate, (steps, batch, size), like.device)
                for rate, size in zip(layout.zoneout, layout.state_sizes, strict=True)
            )
            for _ in parts
        ]
    return Masks(recurrent, zoneout)


def fast_dropout(x: Tensor, rate: float) -> Tensor:
    """torch's dropout with masks of our own: torch draws its one number after the other, on one thread."""
    kept = ~draw_bits(rate, tuple(x.shape), x.device)
    return x * kept.to(x.dtype).mul_(1 / (1 - rate))


def draw_bits(rate: float, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """True with probability ``rate``, from 16 random bits each, or 32 where 16 are not exact to a thousandth of it.

    torch's generator seeds a counter-based RNG (see :func:`random_words`): its own sequential draws take longer than a
    small layer's products.
    """
    bits = 16 if abs(round(rate * 2**16) / 2**16 - rate) <= rate / 1000 else 32
    limit, count = round(rate * 2**bits), math.prod(shape)  # values below limit are True
    seed = torch.empty((), dtype=torch.int64, device=CPU).random_(-(2**63), None)
    core = native()
    if core is not None and device.type == "cpu" and not torch_private.dispatch_modes():
        mask = torch.empty(shape, dtype=torch.bool, device=CPU)
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
    """(count,) words of 64 random bits from SplitMix64 (Steele, Lea and Flood 2014): word i, counted from 1, mixes the
    bits of ``seed + i · golden ratio``. native/kernels/random.h has the same.

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
    """Shifted right, without the sign."""
    shifted: Tensor = (z >> bits) & (2 ** (64 - bits) - 1)
    return shifted
