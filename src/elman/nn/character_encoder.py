"""The torch twin of the layer that reads words a character at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from elman.model import CharacterEncoder
from elman.nn.recurrent import Recurrent
from elman.nn.twin import NO_STATE, State, arguments_of


class CharacterEncoderTwin(Recurrent):
    """(N, T, C) → (N, T, D·R)."""

    def __init__(self, layer: CharacterEncoder, init: str) -> None:
        layout = layer.layout
        super().__init__(**arguments_of(layout), init=init)
        self.characters = torch.nn.Parameter(torch.randn(layer.count, layout.input_size))
        self.output_features = layout.recurrent_size * layout.num_directions

    def forward(  # type: ignore[override]
        self, x: Sequence[Tensor], lengths: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        spelled = x[0].long()
        flat = spelled.flatten(0, 1)
        counts = (flat != 0).sum(1)
        real = counts.nonzero()[:, 0]
        table = self.characters.new_zeros(len(flat), self.output_features)
        if not len(real):
            return table.unflatten(0, spelled.shape[:2]), NO_STATE
        own = counts[real]
        values = functional.embedding(flat[real, : int(own.max())], self.characters)
        steps, _ = Recurrent.forward(self, values, None, lengths=own.cpu())
        last = steps[torch.arange(len(real), device=steps.device), own - 1]
        if self.bidirectional:
            half = steps.shape[-1] // 2
            last = torch.cat([last[:, :half], steps[:, 0, half:]], dim=-1)
        return table.index_copy(0, real, last).unflatten(0, spelled.shape[:2]), NO_STATE
