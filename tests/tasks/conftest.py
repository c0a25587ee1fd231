"""Forecasters trained once for all the tests: a few units, a few epochs."""

from __future__ import annotations

import numpy as np
import pytest

from elman import Forecaster
from tests.tasks.helpers import wavy

# level last, no highway: there is a season to learn, so that the weights kept are not those of the beginning
TINY = {
    "hidden_size": 4,
    "epochs": 3,
    "horizon": 3,
    "season": 6,
    "level": "last",
    "learning_rate": 0.01,
    "highway": False,
    "combine": "none",
}


@pytest.fixture(scope="session")
def tiny_data() -> np.ndarray:
    return wavy(80)


@pytest.fixture(scope="session")
def tiny(tiny_data: np.ndarray) -> Forecaster:
    """Trained on :func:`tiny_data`; do not change it."""
    forecaster = Forecaster(**TINY).fit(tiny_data)
    assert forecaster.outcome.best_epoch > 0
    return forecaster
