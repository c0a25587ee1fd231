"""The small model of :mod:`tests.training.helpers`, and settings for it."""

from __future__ import annotations

import pytest

from elman.training.settings import TrainingSettings
from tests.training.helpers import Small, make_examples, numbers_of, state_of


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
