"""Ways to spoil one tensor: other strides, types, memory that is gone, subclasses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.testing._internal.two_tensor import TwoTensor


class Subclass(Tensor):
    """A tensor of another type, whose memory is its own."""


def transposed(t: Tensor) -> Tensor:
    return t.transpose(0, -1).contiguous().transpose(0, -1)


def nothing(t: Tensor) -> float:
    return torch.nan if t.is_floating_point() else 0


def every_other(t: Tensor) -> Tensor:
    return torch.stack([t, torch.full_like(t, nothing(t))], -1).flatten(-2)[..., ::2]


def repeated(t: Tensor) -> Tensor:
    return t[..., :1].expand(t.shape)


def part_of_more(t: Tensor) -> Tensor:
    more = torch.full((t.numel() + 7,), nothing(t), dtype=t.dtype)
    more[5 : 5 + t.numel()] = t.flatten()
    return more[5 : 5 + t.numel()].view(t.shape)


def negated(t: Tensor) -> Tensor:
    return torch._neg_view(-t)


def misaligned(t: Tensor) -> Tensor:
    memory = bytearray(t.numel() * t.element_size() + 1)
    apart = torch.frombuffer(memory, dtype=torch.uint8)[1:]
    apart.copy_(t.contiguous().flatten().view(torch.uint8))
    return torch.frombuffer(memory, dtype=t.dtype, offset=1, count=t.numel()).view(t.shape)


def lazy_zeros(t: Tensor) -> Tensor:
    return torch._efficientzerotensor(tuple(t.shape), dtype=t.dtype)


def freed(t: Tensor) -> Tensor:
    t = t.clone()
    t.untyped_storage().resize_(0)
    return t


def shortened(t: Tensor) -> Tensor:
    t = t.clone()
    t.untyped_storage().resize_(t.numel() * t.element_size() - 1)
    return t


def freed_and_shortened(t: Tensor) -> Tensor:
    t = freed(t)
    t.untyped_storage().resize_(t.element_size())
    return t


# what torch reads as it reads the values, and so do we
READABLE: list[Callable[[Tensor], Any]] = [
    Tensor.clone,
    transposed,
    every_other,
    repeated,
    part_of_more,
    negated,
    lazy_zeros,
    nn.Parameter,
    lambda t: t.as_subclass(Subclass),
    lambda t: t.clone().requires_grad_(),
    lambda t: t.double(),
    lambda t: t.float(),
    lambda t: t.half(),
    lambda t: t.bfloat16(),
    lambda t: t.int(),
    lambda t: t > 0,
    lambda t: torch.complex(t, t),
    lambda t: t.to("meta"),
    lambda t: t.to_sparse(),
    lambda t: TwoTensor(t, t),
]
# of another shape: weights like these make torch read behind them
SHAPES: list[Callable[[Tensor], Any]] = [
    lambda t: t[..., :-1],
    lambda t: t[:-1],
    lambda t: t.unsqueeze(0),
    lambda t: t[0],
    lambda t: t[:0],
    lambda t: t.flatten(),
    lambda t: t.tolist(),
]
# what nobody can read; torch may crash, and is not asked
GONE = [freed, shortened, freed_and_shortened]
