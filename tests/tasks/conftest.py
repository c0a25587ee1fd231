"""Forecasters trained once for all the tests: a few units, a few epochs."""

from __future__ import annotations

import numpy as np
import pytest

from elman import Forecaster
from tests.tasks.helpers import wavy

TINY = {"hidden_size": 4, "epochs": 3, "horizon": 3, "season": 6}


@pytest.fixture(scope="session")
def tiny_data() -> np.ndarray:
    return wavy(80)


@pytest.fixture(scope="session")
def tiny(tiny_data: np.ndarray) -> Forecaster:
    """Trained on :func:`tiny_data`; do not change it."""
    return Forecaster(**TINY).fit(tiny_data)
