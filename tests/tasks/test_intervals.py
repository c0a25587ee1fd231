"""Conformal intervals on errors whose size lasts for a while, as that of real ones does."""

from __future__ import annotations

import numpy as np
import pytest

from elman.tasks.forecast.combination import Backtest
from elman.tasks.forecast.intervals import fit_intervals

SERIES, WINDOWS, HORIZON, APART = 400, 9, 16, 4
Array = np.ndarray


def lasting(seed: int) -> Array:
    """Errors (SERIES, T) with a standard deviation that wanders."""
    random = np.random.default_rng(seed)
    volatility = np.zeros(SERIES)
    errors = []
    for _ in range(60 + (WINDOWS - 1) * APART + 2 * HORIZON):
        volatility = 0.97 * volatility + 0.25 * random.normal(size=SERIES)
        errors.append(np.exp(volatility) * random.normal(size=SERIES))
    return np.stack(errors[60:], axis=1)


def covered(seed: int) -> tuple[float, float]:
    """The share of the errors after the last window within the intervals of 80 and of 95 percent."""
    errors, last = lasting(seed), (WINDOWS - 1) * APART
    backtests = {}
    for number, own in enumerate(errors):
        actual = np.stack([own[begin : begin + HORIZON] for begin in range(0, last + 1, APART)])
        windows = (last + HORIZON) / HORIZON
        backtests[str(number)] = Backtest({"network": np.zeros_like(actual)}, actual, windows, 1.0)
    units, widths = fit_intervals(backtests, (80.0, 95.0), 0.0)
    following = np.abs(errors[:, last + HORIZON :])
    eighty, ninety_five = (
        np.mean([row <= units[level][str(k)] * np.array(widths[level]) for k, row in enumerate(following)])
        for level in ("80", "95")
    )
    return float(eighty), float(ninety_five)


def test_windows_that_share_steps_do_not_make_the_intervals_narrow() -> None:
    eighty, ninety_five = np.mean([covered(seed) for seed in range(4)], axis=0)
    assert eighty == pytest.approx(0.80, abs=0.012)
    assert ninety_five == pytest.approx(0.95, abs=0.008)
