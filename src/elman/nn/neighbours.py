"""The torch twin of the layer that has recurrent layers tell each word's neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from elman.model import NeighbourWords
from elman.nn.twin import NO_STATE, LossTwin, State


class NeighbourWordsTwin(LossTwin):
    """States (N, T, D·R) and words (N, T) → the states."""

    next_weight: Tensor
    next_bias: Tensor
    previous_weight: Tensor
    previous_bias: Tensor

    def __init__(self, layer: NeighbourWords) -> None:
        super().__init__()
        self.layer = layer
        for name, shape in layer.shapes().items():
            own = torch.empty(shape).uniform_(-1, 1) / math.sqrt(layer.size / (2 if layer.bidirectional else 1))
            self.register_parameter(name, torch.nn.Parameter(own))

    def forward(self, x: Sequence[Tensor], lengths: Tensor | None, state: State) -> tuple[Tensor, State]:
        if self.training:
            self.keep(self._loss(x[0], x[1].long(), lengths))
        return x[0], NO_STATE

    def _loss(self, states: Tensor, words: Tensor, lengths: Tensor | None) -> Tensor:
        """The mean over all pairs of words beside each other, 0 where there is none."""
        pairs = torch.ones_like(words[:, 1:], dtype=torch.bool)
        if lengths is not None:
            pairs = (torch.arange(1, words.shape[1]) < lengths[:, None]).to(words.device)
        if not pairs.any():
            return states.new_zeros(())
        words = words.clamp(max=self.layer.count)
        half = self.next_weight.shape[1]
        ahead = functional.linear(states[:, :-1, :half][pairs], self.next_weight, self.next_bias)
        total = functional.cross_entropy(ahead, words[:, 1:][pairs])
        if self.layer.bidirectional:
            back = functional.linear(states[:, 1:, half:][pairs], self.previous_weight, self.previous_bias)
            total = total + functional.cross_entropy(back, words[:, :-1][pairs])
        return self.layer.weight * total
