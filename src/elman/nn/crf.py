"""The torch twin of the linear-chain conditional random field."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.errors import ShapeError
from elman.nn.twin import HeadTwin


class CRFTwin(HeadTwin):
    """Targets (N, T) int64; the loss is that of each row's whole sequence, a word. Of several members it is the sum of
    theirs, and in evaluation that of their mean scores."""

    def __init__(self, tags: int, members: int = 1) -> None:
        super().__init__()
        self.tags, self.members = tags, members
        self.start = torch.nn.Parameter(torch.zeros(tags))
        self.transitions = torch.nn.Parameter(torch.zeros(tags, tags))
        self.end = torch.nn.Parameter(torch.zeros(tags))

    def loss(self, output: Tensor, targets: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor | int]:
        if output.shape[:-1] != targets.shape or output.ndim != 3 or targets.is_floating_point():
            raise ShapeError(
                f"the model's output has shape {tuple(output.shape)} and the targets are {targets.dtype} "
                f"{tuple(targets.shape)}; they must be whole numbers, one for each step of each row"
            )
        if weight is not None and weight.shape != targets.shape:
            raise ShapeError(f"a crf head takes weights {tuple(targets.shape)}, 0 behind each row's end")
        tags = targets.long()
        real = torch.ones_like(tags, dtype=torch.bool) if weight is None else weight > 0
        count = real.sum()
        if self.members > 1:
            each = output.unflatten(-1, (self.members, self.tags))
            if self.training:  # the sum: each member's gradient is as large as alone
                output = each.movedim(2, 0).flatten(0, 1)
                tags, real = (given.repeat(self.members, 1) for given in (tags, real))
            else:
                output = each.mean(dim=2)
        total = (self._all_paths(output, real) - self._path(output, tags, real)).sum()
        return total / count, count

    def _path(self, output: Tensor, tags: Tensor, real: Tensor) -> Tensor:
        """The score of the given tags, (N,)."""
        emitted = (output.gather(2, tags[:, :, None])[:, :, 0] * real).sum(1)
        moved = (self.transitions[tags[:, :-1], tags[:, 1:]] * real[:, 1:]).sum(1)
        last = tags.gather(1, real.sum(1, keepdim=True) - 1)[:, 0]
        return self.start[tags[:, 0]] + emitted + moved + self.end[last]

    def _all_paths(self, output: Tensor, real: Tensor) -> Tensor:
        """The logarithm of the sum of all sequences' exponentials, (N,): the forward algorithm."""
        score = self.start + output[:, 0]
        shortest = int(real.sum(1).min())
        for t in range(1, output.shape[1]):
            following = torch.logsumexp(score[:, :, None] + self.transitions, dim=1) + output[:, t]
            score = following if t < shortest else torch.where(real[:, t, None], following, score)
        return torch.logsumexp(score + self.end, dim=1)
