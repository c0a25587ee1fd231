"""The operations that equations use, on torch tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from elman.cells import Ops


class TorchOps(Ops):
    """:class:`elman.cells.Ops` on torch tensors of any floating type and device; autograd sees through all of it."""

    def sigmoid(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)

    def log_sigmoid(self, x: Tensor) -> Tensor:
        return functional.logsigmoid(x)

    def tanh(self, x: Tensor) -> Tensor:
        return torch.tanh(x)

    def relu(self, x: Tensor) -> Tensor:
        return torch.relu(x)

    def exp(self, x: Tensor) -> Tensor:
        return torch.exp(x)

    def sqrt(self, x: Tensor) -> Tensor:
        return torch.sqrt(x)

    def mean(self, x: Tensor) -> Tensor:
        return x.mean(-1, keepdim=True)

    def where(self, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return torch.where(condition, a, b)

    def zeros(self, like: Tensor, *shape: int) -> Tensor:
        return like.new_zeros(shape)

    def stack(self, arrays: Sequence[Tensor]) -> Tensor:
        return torch.stack(tuple(arrays))
