"""The torch twin of :class:`elman.model.QuantileHead`: the mean pinball loss of the quantiles as they are decoded."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from elman.errors import ShapeError
from elman.model import QuantileHead
from elman.nn.twin import HeadTwin, weighted_mean


class QuantileTwin(HeadTwin):
    """Targets (N, …, size), float; in evaluation the loss is that of the mean of the members' quantiles."""

    shares: Tensor

    def __init__(self, head: QuantileHead) -> None:
        super().__init__()
        self.members, self.size, self.middle = head.members, head.size, head.middle
        self.register_buffer("shares", torch.tensor(head.quantiles, dtype=torch.float64), persistent=False)

    def quantiles(self, output: Tensor) -> Tensor:
        """(…, members, quantiles, size), ascending, from what the head reads."""
        parts = output.unflatten(-1, (self.members, len(self.shares), self.size))
        middle, apart = parts[..., :1, :], functional.softplus(parts[..., 1:, :])
        below, above = apart[..., : self.middle, :], apart[..., self.middle :, :]
        return torch.cat(
            [middle - below.flip(-2).cumsum(-2).flip(-2), middle, middle + above.cumsum(-2)],
            dim=-2,
        )

    def loss(self, output: Tensor, targets: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor | int]:
        """Of a target ``y`` and its quantile ``f`` of share ``q``: ``max(q · (y - f), (q - 1) · (y - f))``, the mean
        over the quantiles, then over the targets."""
        if output.shape[:-1] != targets.shape[:-1] or targets.shape[-1] != self.size:
            raise ShapeError(
                f"the model's output has shape {tuple(output.shape)} and the targets {tuple(targets.shape)}; "
                f"they must be alike, with {self.size} targets in a row"
            )
        found = self.quantiles(output)
        if not self.training:
            found = found.mean(dim=-3, keepdim=True)
        error = targets[..., None, None, :] - found
        shares = self.shares.to(error.dtype)[:, None]
        each = torch.maximum(shares * error, (shares - 1) * error).mean(dim=-2)
        # the sum over members: each one's gradient is as large as alone
        total = each.sum(dim=-2)
        if weight is None:
            return total.mean(), targets.numel()
        return weighted_mean(total, weight)
