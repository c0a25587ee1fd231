"""Forecasting series of numbers."""

from elman.runs.task import Task
from elman.tasks.forecast.forecaster import Forecaster
from elman.tasks.forecast.settings import ForecastSettings

TASK = Task(
    Forecaster,
    help="train a model to forecast series of numbers",
    network_alone={"combine": "none", "highway": False},
    test_help="a file whose rows follow on DATA's: the test",
)

__all__ = ["TASK", "ForecastSettings", "Forecaster"]
