"""Shared by the tests of forecasting: synthetic series, models with random weights, and every single forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.data import Series, SeriesSet
from elman.learning import Evaluation
from elman.model import Layer, model_shapes
from elman.tasks.forecast import ForecastSettings
from elman.tasks.forecast.encoding import Scaler
from elman.tasks.forecast.forecasts import median_of, network_forecasts
from elman.tasks.forecast.predictor import ForecastPredictor
from elman.tasks.forecast.problem import ForecastProblem
from elman.tasks.forecast.rolling import roll
from elman.tasks.forecast.scores import Rolling

Array = np.ndarray


def series_set(*values: Any, ids: Sequence[str] | None = None) -> SeriesSet:
    """Series whose steps are counted, called a, b, c … unless named."""
    names = ids or [chr(ord("a") + k) for k in range(len(values))]
    found = tuple(Series(name, np.array(v, float)) for name, v in zip(names, values, strict=True))
    return SeriesSet(found, None, "made", "")


def wavy(steps: int, season: int = 6, seed: int = 0, noise: float = 0.3) -> Array:
    """A season, a trend and noise: (T,)."""
    t = np.arange(steps)
    return 20 + 0.05 * t + 3 * np.sin(2 * np.pi * t / season) + np.random.default_rng(seed).normal(0, noise, steps)


def with_gaps(values: Array, gaps: Sequence[int]) -> Array:
    """``values`` with NaN at the steps ``gaps``."""
    holed = values.copy()
    holed[list(gaps)] = np.nan
    return holed


def drawn_arrays(layers: tuple[Layer, ...], seed: int = 0) -> dict[str, Array]:
    """Weights as large as trained ones, so that every step read matters."""
    random = np.random.default_rng(seed)
    return {name: (0.5 * random.standard_normal(shape)).astype("f4") for name, shape in model_shapes(layers).items()}


def drawn(data: SeriesSet, seed: int = 0, **settings: Any) -> tuple[ForecastProblem, ForecastPredictor]:
    """A forecasting job on ``data``, and its predictor with random weights instead of trained ones."""
    problem = ForecastProblem(data, ForecastSettings(**({"horizon": 3, "hidden_size": 3} | settings)))
    return problem, problem.predictor(drawn_arrays(problem.layers, seed), "train")


PLAIN = {"combine": "none", "highway": False, "transform": "none", "scale": "series"}
"""The network alone, with nothing around it."""


def network_alone(
    predictor: ForecastPredictor, x: Array, scaler: Scaler, horizon: int | None = None, *, linear: bool = False
) -> Array:
    """The network's forecasts (N, H) from windows (N, W) of one series."""
    steps = horizon or predictor.plan.horizon
    found = network_forecasts(predictor.model, predictor.plan, x, [scaler] * len(x), steps, linear=linear)
    return median_of(found)


def rolled(problem: ForecastProblem, predictor: ForecastPredictor) -> tuple[Evaluation, list[Rolling]]:
    """The evaluation, and every forecast that went into it: the model's and the baselines'."""
    return predictor.evaluate(problem.test), roll(problem.test, predictor.plan, predictor.forecast)


def beyond(predictor: ForecastPredictor, data: SeriesSet) -> dict[str, Array]:
    """The forecast after the end of each series, by its name."""
    table = predictor.predict(data)
    values = np.array(table["forecast"]).reshape(len(data), -1)
    assert table["unique_id"][:: values.shape[1]] == data.ids
    return dict(zip(data.ids, values, strict=True))
