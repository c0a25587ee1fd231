"""The settings of forecasting."""

from __future__ import annotations

from dataclasses import dataclass

from elman.data.options import SeriesOptions
from elman.model import ModelSettings
from elman.model.heads import POINT_LOSSES
from elman.settings import setting
from elman.training.settings import TrainingSettings

LEVELS = ("auto", "none", "last", "seasonal", "seasonal-last")
STRATEGIES = ("direct", "recursive")
MOST_STEPS = 1_000_000  # in a window, a horizon or a season


@dataclass(frozen=True, kw_only=True)
class ForecastSettings(ModelSettings, TrainingSettings):
    """All settings of a forecaster."""

    horizon: int | None = setting(
        None, "steps to forecast; without it one season, at most 48 (12 if none)", minimum=1, below=MOST_STEPS
    )
    window: int | None = setting(
        None, "steps that the model looks back; without it a season and some", minimum=2, below=MOST_STEPS, fixed=True
    )
    season: int | None = setting(
        None, "steps in a season, 1 for none; without it found in the data", minimum=1, below=MOST_STEPS, fixed=True
    )
    strategy: str = setting(
        "direct",
        "direct: all steps at once from the last state; recursive: one step, fed back in",
        choices=lambda: STRATEGIES,
        fixed=True,
    )
    level: str = setting(
        "auto",
        "what is taken out of each window and put back: nothing (none), its last value (last), the same step a season "
        "ago (seasonal), or that and the last change over a season (seasonal-last); auto decides on the training part",
        choices=lambda: LEVELS,
        fixed=True,
    )
    scale: str = setting(
        "series",
        "what each window is divided by: the spread of its series while training (series), or its own (window)",
        choices=lambda: ("series", "window"),
        fixed=True,
    )
    loss: str = setting("mae", "training loss", choices=lambda: POINT_LOSSES)
    validation: float = setting(
        0.2, "share of the training part, at its end, that decides when to stop; 0 for none", minimum=0, below=1
    )
    test_size: int | None = setting(
        None,
        "steps held back at the end of each series, 0 for none; without it a fifth, at least one horizon",
        minimum=0,
    )
    stride: int | None = setting(None, "steps between the origins of the test; without it one horizon", minimum=1)


@dataclass(frozen=True, kw_only=True)
class ForecastColumns(SeriesOptions):
    """Which columns hold what and how they are read; :func:`elman.data.read_series` says what happens without that."""

    target: tuple[str, ...] = setting((), "values; may be repeated", metavar="COLUMN")
    time: str | None = setting(None, 'times; "" counts the rows', metavar="COLUMN")
    id: str | None = setting(None, 'names of the series; "" for one series', metavar="COLUMN")
