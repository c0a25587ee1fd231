"""A small model and small examples; dropout in it, so that the random stream counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import elman.nn
from elman.settings import TrainingSettings
from elman.learning import Examples


class Small(torch.nn.Module):
    """Two layers with dropout between; the last step's output to two values."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
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
    return Examples(inputs, targets, np.ones_like(targets))


def state_of(module: torch.nn.Module) -> dict[str, bytes]:
    """Every bit of the weights and buffers."""
    return {name: t.numpy().tobytes() for name, t in module.state_dict().items()}


def numbers_of(history: list[dict]) -> list[dict]:
    """A history without its times."""
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in history]


@pytest.fixture
def small():
    return Small


@pytest.fixture
def examples():
    return make_examples


@pytest.fixture
def bits():
    return state_of


@pytest.fixture
def numbers():
    return numbers_of


@pytest.fixture
def settings():
    """Seven batches of 4 or fewer an epoch from 26 examples."""

    def make(**given) -> TrainingSettings:
        return TrainingSettings(**({"epochs": 5, "batch_size": 4, "learning_rate": 0.01, "schedule": "cosine"} | given))

    return make
