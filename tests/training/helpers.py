"""A small model and small examples; with dropout, so that the random state matters."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import elman.nn
from elman.learning import Examples
from elman.nn.network import Batch
from elman.nn.twins import PointTwin


class Trainable(torch.nn.Module):
    """A module with a point loss on the output of its ``forward``."""

    point_loss = "mse"

    def loss(self, batch: Batch, state: Any = None) -> tuple[torch.Tensor, Any, dict[str, torch.Tensor]]:
        mean, count = PointTwin(self.point_loss).loss(self(batch.inputs), batch.targets, batch.weight)
        return mean, count, {}


class Small(Trainable):
    """Two layers with dropout between; the last step's output to two values."""

    def __init__(self, seed: int = 0, point_loss: str = "mse") -> None:
        super().__init__()
        self.point_loss = point_loss
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.recurrent = elman.nn.GRU(2, 4, num_layers=2, dropout=0.3, batch_first=True)
            self.norm = torch.nn.BatchNorm1d(4)  # has buffers that training changes
            self.head = torch.nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.recurrent(x)[0][:, -1]))


def make_examples(count: int, seed: int = 0) -> Examples:
    random = np.random.default_rng(seed)
    inputs = random.standard_normal((count, 3, 2)).astype(np.float32)
    targets = inputs.sum(1) + 0.1 * random.standard_normal((count, 2)).astype(np.float32)
    return Examples(inputs, targets)


def state_of(module: torch.nn.Module) -> dict[str, bytes]:
    """Every bit of the weights and buffers."""
    return {name: t.numpy().tobytes() for name, t in module.state_dict().items()}


def numbers_of(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A history without its times."""
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in history]
