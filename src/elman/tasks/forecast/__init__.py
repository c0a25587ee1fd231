"""Forecasting series of numbers."""

from elman.tasks.forecast.settings import ForecastSettings

__all__ = ["ForecastSettings"]
