"""Series with columns beside their values, for the tests of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.data import CovariateNames, SeriesSet, read_series
from tests.tasks.helpers import wavy

STEPS, HORIZON = 70, 3
BOTH = CovariateNames(("x",), ("p",), ("kind",))


def table(steps: int = STEPS, more: int = HORIZON, seed: int = 0) -> dict[str, Any]:
    """A series with a past, a future and a static column; of ``more`` steps after its end the future one alone."""
    random = np.random.default_rng(seed)
    nothing = np.full(more, np.nan)
    return {
        "ds": np.datetime64("2021-03-01", "h") + np.arange(steps + more),
        "y": np.append(wavy(steps, seed=seed), nothing),
        "x": np.append(random.normal(5, 2, steps), nothing),
        "p": (random.random(steps + more) < 0.3).astype(float),
        "kind": ["b"] * (steps + more),
    }


def data_of(columns: dict[str, Any], names: CovariateNames = BOTH) -> SeriesSet:
    return read_series(columns, covariates=names)


def changed(columns: dict[str, Any], name: str, steps: Any, value: float) -> dict[str, Any]:
    found = np.array(columns[name], float)
    found[steps] = value
    return {**columns, name: found}


def driven(steps: int = 260) -> dict[str, Any]:
    """A season, three times what is known beforehand, and twice what another column was two steps ago."""
    random = np.random.default_rng(3)
    p, x = (random.random(steps) < 0.25).astype(float), random.normal(0, 1, steps)
    noise = random.normal(0, 0.3, steps)
    wave = 20 + 2 * np.sin(np.arange(steps) * 2 * np.pi / 6)
    return {"promo": wave + 3 * p + noise, "lead": wave + 2 * np.roll(x, 2) + noise, "p": p, "x": x}
