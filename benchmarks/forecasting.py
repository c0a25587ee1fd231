"""The forecaster with default settings on real series, and two sine jobs, against the baselines.

The real series are not part of the repository: they are looked for in ``$ELMAN_DATA`` or ``../shared/data``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._data import DATA
from elman import Forecaster
from elman.learning import Evaluation
from elman.studies.demo import noisy_price

# file, columns, horizon
SERIES: tuple[tuple[str, dict[str, str], int], ...] = (
    ("air_passengers.csv", {"time": "Month", "target": "#Passengers"}, 12),
    ("monthly_milk_incomplete.csv", {}, 12),
    ("monthly_sunspots.csv", {}, 12),
    ("taylor_half_hourly_load.csv", {}, 48),
    ("ETTh1.csv", {"target": "OT"}, 24),
)
PRICE = ("apple_stock.csv", {"target": "AAPL.Close"}, 12)
SEEDS = 3
EACH, ALL = 1.03, 0.92  # of the best of the simple forecasts' MASE: on each series, and their geometric mean
MOST = 1.1  # mean test MSE over seeds, as a multiple of the autoregression's


def noisy_sine() -> np.ndarray:
    """1,000 points of ``sin(0.01 i)`` with normal noise of standard deviation 0.2."""
    noise = np.random.default_rng(0).normal(0, 0.2, 1000)
    series: np.ndarray = (np.sin(0.01 * np.arange(1000)) + noise).astype(np.float32)
    return series


# name → data, and the settings that the tutorials of this example use
EXAMPLES: Mapping[str, tuple[Callable[[], np.ndarray], dict[str, Any]]] = {
    "noisy price": (
        lambda: noisy_price()[0],
        {"window": 10, "num_layers": 2, "batch_size": 0, "epochs": 100, "test_size": 100},
    ),
    "cell from scratch": (noisy_sine, {"window": 4, "batch_size": 32, "epochs": 1000, "test_size": 400}),
}


def main() -> bool:
    """Print the scores; True if every bar is met."""
    return all([_real_series(), _examples()])


def _real_series() -> bool:
    folder = DATA / "series"
    if not folder.is_dir():
        print("the real series are not here; set ELMAN_DATA to the folder of the development data")
        return False
    print(f"MASE over the last fifth, mean of {SEEDS} seeds, and its ratio to the best of the simple ones")
    print(f"{'':30} {'elman':>7} {'ratio':>7} {'best':>7}")
    ratios = [_ratio(folder / name, columns, horizon) for name, columns, horizon in SERIES]
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    name, columns, horizon = PRICE
    price = _ratio(folder / name, columns, horizon)
    met = max(*ratios, price) <= EACH and mean <= ALL
    print(f"geometric mean of the first {len(ratios)}: {mean:.3f} (bar {ALL}; each {EACH}) {'ok' if met else 'MISSED'}")
    return met


def _ratio(file: Path, columns: Mapping[str, Any], horizon: int) -> float:
    """The forecaster's MASE over that of the best of last value, autoregression and the seasonal naive at each
    season."""
    found = [_evaluate(file, columns, horizon=horizon, seed=seed) for seed in range(SEEDS)]
    own = statistics.fmean(evaluation.scores["mase"] for evaluation in found)
    simple = {name: scores["mase"] for name, scores in found[0].baselines.items()}
    simple |= {name: s["mase"] for name, s in found[0].facts["members"].items() if name.isdigit()}
    best = min(simple, key=simple.__getitem__)
    print(f"{file.name:30} {own:7.3f} {own / simple[best]:7.3f} {simple[best]:7.3f} {best}", flush=True)
    return own / simple[best]


def _evaluate(data: Any, columns: Mapping[str, Any], **settings: Any) -> Evaluation:
    evaluation = Forecaster(**settings).fit(data, **columns).outcome.evaluation
    assert evaluation is not None, "a test is held back"
    return evaluation


def _examples() -> bool:
    print(f"\ntest MSE over that of the least-squares autoregression, mean of {SEEDS} seeds")
    met = True
    for name, (make, settings) in EXAMPLES.items():
        for cell in ("lstm", "gru"):
            fixed = {"cell": cell, "horizon": 1, "stride": 1, "hidden_size": 20, "learning_rate": 0.01, "loss": "mse"}
            fixed |= {"highway": False, "combine": "none"}  # the network of the tutorials, alone
            ratios = []
            for seed in range(SEEDS):
                evaluation = _evaluate(make(), {}, seed=seed, **fixed, **settings)
                ratios.append(evaluation.scores["mse"] / evaluation.baselines["linear"]["mse"])
            ratio = statistics.fmean(ratios)
            met &= ratio <= MOST
            verdict = f"(bar {MOST}) {'ok' if ratio <= MOST else 'MISSED'}"
            print(f"{name:18} {cell:5} {ratio:6.3f} {verdict}   {[round(r, 3) for r in ratios]}", flush=True)
    return met
