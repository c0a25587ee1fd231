"""A small forecaster made by hand, for files to be mutated: nothing has to be trained."""

from __future__ import annotations

import numpy as np

from elman.data import read_series
from elman.model import Model, model_shapes
from elman.tasks.forecast.encoding import Encoding, Scaler
from elman.tasks.forecast.limits import fit_limits
from elman.tasks.forecast.network import layers_for
from elman.tasks.forecast.plan import Plan
from elman.tasks.forecast.predictor import ForecastPredictor
from elman.tasks.forecast.pretrained import PretrainedMember
from elman.tasks.forecast.record import record_of
from elman.tasks.forecast.settings import ForecastSettings
from elman.tasks.forecast.smoothing import SmoothingMember

DATA = read_series({"y": np.sin(np.arange(40.0)), "ds": np.datetime64("2020-01", "M") + np.arange(40)})


def forecaster(strategy: str = "recursive", *, highway: bool = True, intervals: str = "conformal") -> ForecastPredictor:
    """Of one series, with drawn weights."""
    horizon = 3
    encoding = Encoding(8, 1 if strategy == "recursive" else horizon, 4, "seasonal", "window")
    smoothings = (
        SmoothingMember("damped", "log", (4,), 20, "all", {"": (0.3, 0.1, 0.2, 0.9), "y": (0.1, 0.1, 0.0, 0.8)}),
        SmoothingMember("airline", "none", (4,), 20, "first", {"": (-0.5, -0.2)}),
        SmoothingMember("double", "none", (8, 4), 24, "all", {"": (0.1, 0.2, 0.3, 0.5)}),
    )
    pretrained = (PretrainedMember("none", 4, 20), PretrainedMember("log", 4, 16))
    weights = {"network": 0.2, "4 + 1": 0.2, **{one.name: 0.1 for one in (*smoothings, *pretrained)}}
    plan = Plan(
        horizon,
        strategy,
        encoding,
        seasons=(4, 8),
        scalers={"y": Scaler(0.5, 2.0)},
        limits={"y": fit_limits(DATA.series[0].values)},
        smoothings=smoothings,
        pretrained=pretrained,
        weights={"": {**weights, "linear": 0.1} if highway else {**weights, "last": 0.1}},
        units={"80": {"": 1.0, "y": 0.5}},
        intervals={"80": [0.5, 1.0, 1.5]},
        fitted={"y": "time:2022-01-01T00:00:00"},
    )
    settings = ForecastSettings(hidden_size=2, highway=highway, intervals=intervals)
    layers, random = layers_for(plan, settings), np.random.default_rng(0)
    arrays = {name: random.standard_normal(shape).astype("f4") for name, shape in model_shapes(layers).items()}
    return ForecastPredictor(Model(layers, arrays, "forecast", record_of(plan)))
