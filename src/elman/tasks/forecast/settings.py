"""The settings of forecasting."""

from __future__ import annotations

from dataclasses import dataclass

from elman.cells import cell_names
from elman.data.options import SeriesOptions
from elman.errors import SettingsError
from elman.model import ModelSettings
from elman.model.heads import POINT_LOSSES
from elman.settings import setting
from elman.tasks.forecast.calendar import AUTO, CALENDAR
from elman.training.settings import TrainingSettings

TRANSFORMS = ("auto", "none", "log")
SCALES = ("auto", "series", "window")
COMBINATIONS = ("validation", "none")
LEVELS = ("auto", "none", "last", "seasonal", "seasonal-last")
STRATEGIES = ("direct", "recursive")
INTERVALS = ("conformal", "quantile", "none")
DEFAULT_LEVELS = (80.0, 95.0)
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
    season: tuple[int, ...] | None = setting(
        None,
        "steps in a season, 1 for none; may be repeated, the first being MASE's; without it found in the data",
        minimum=1,
        below=MOST_STEPS,
        fixed=True,
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
        "auto",
        "what each window is divided by: the spread of its series while training (series), or its own (window); auto "
        "decides on the training part",
        choices=lambda: SCALES,
        fixed=True,
    )
    transform: str = setting(
        "auto",
        "forecast the values (none), or their logarithms (log); auto decides on the training part",
        choices=lambda: TRANSFORMS,
        fixed=True,
    )
    segment: int | None = setting(
        None,
        "steps of the window that the recurrent layers read at once; without it 1, or so many that they read about 32",
        minimum=1,
        below=MOST_STEPS,
        fixed=True,
    )
    highway: bool = setting(True, "a linear layer from the window around the recurrent ones", fixed=True)
    ensemble: int = setting(1, "networks side by side, whose forecasts are averaged", minimum=1, below=1000, fixed=True)
    combine: str = setting(
        "validation",
        "a forecast combines the network's and simple ones, weighted by their errors in the validation part "
        "(validation), or the network's alone (none)",
        choices=lambda: COMBINATIONS,
        fixed=True,
    )
    intervals: str = setting(
        "conformal",
        "prediction intervals: as wide as the errors of the validation part (conformal); with ends that the network "
        "learns, calibrated on that part (quantile); or none",
        choices=lambda: INTERVALS,
        fixed=True,
    )
    levels: tuple[float, ...] = setting(
        DEFAULT_LEVELS,
        "percent that the prediction intervals should cover; may be repeated",
        minimum=0.001,
        maximum=99.999,
    )
    loss: str = setting("mae", "training loss", choices=lambda: POINT_LOSSES)
    validation: float = setting(
        0.2, "share of the training part, at its end, that decides when to stop; 0 for none", minimum=0, below=1
    )
    test_size: int | None = setting(
        None,
        "steps held back at the end of each series, 0 for none; without it a fifth, at least one horizon",
        minimum=0,
        instead_of="windows",
    )
    stride: int | None = setting(None, "steps between the origins of the test; without it one horizon", minimum=1)
    windows: int | None = setting(
        None,
        "a backtest: forecasts that the test makes of each series, one stride apart, the last one up to its end; "
        "instead of the test size",
        minimum=1,
        below=100_000,
        instead_of="test_size",
    )
    refit: bool = setting(False, "train anew for each of the windows, on all that precedes it")

    cells: tuple[str, ...] | None = setting(
        None,
        "cells of which the one with the least validation loss is kept, instead of one cell",
        choices=cell_names,
        fixed=True,
        metavar="NAMES",
    )
    hidden_sizes: tuple[int, ...] | None = setting(
        None, "the same for the units in each recurrent layer", minimum=1, below=1_000_000, fixed=True
    )
    calendar: tuple[str, ...] = setting(
        (),
        "where each step lies in the day, the week, the month or the year, read beside the values; may be repeated; "
        "auto decides on the training part which help",
        choices=lambda: (AUTO, *CALENDAR),
        fixed=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for one, several in (("cell", "cells"), ("hidden_size", "hidden_sizes")):
            named, own = getattr(self, several), getattr(self, one)
            if named is not None and len(set(named)) < max(len(named), 1):
                raise SettingsError(f"`{several}` names one twice, or none; give different ones")
            if named is not None and own not in (getattr(type(self), one), *named):
                raise SettingsError(f"`{one}` is {own}, which is none of `{several}`; give one of the two settings")
        if self.windows is not None and self.test_size is not None:
            raise SettingsError("`windows` and `test_size` are two ways to say how long the test is; give one of them")
        if self.refit and self.windows is None:
            raise SettingsError("`refit` trains anew for each window of a backtest; say with `windows` how many")
        self._check_intervals()

    def _check_intervals(self) -> None:
        if self.intervals == "quantile":
            if self.strategy != "direct":
                raise SettingsError(
                    "`intervals` quantile needs `strategy` direct, since quantiles of one step, fed back in, are not "
                    "those of later ones: take it, or `intervals` conformal"
                )
            if self.loss != "mae":
                raise SettingsError(
                    f"`loss` is {self.loss}, but quantiles are learned by the pinball loss, half the mae of the "
                    "median: leave `loss` out, or take `intervals` conformal"
                )
        if self.intervals == "none" and self.levels != DEFAULT_LEVELS:
            raise SettingsError("`levels` are given, but `intervals` is none: leave one of them out")


@dataclass(frozen=True, kw_only=True)
class ForecastColumns(SeriesOptions):
    """Which columns hold what and how they are read; :func:`elman.data.read_series` says what happens without that."""

    target: tuple[str, ...] = setting((), "values; may be repeated", metavar="COLUMN")
    time: str | None = setting(None, 'times; "" counts the rows', metavar="COLUMN")
    id: str | None = setting(None, 'names of the series; "" for one series', metavar="COLUMN")
    past: tuple[str, ...] = setting(
        (), "read beside the values, known as far as they are; may be repeated", metavar="COLUMN"
    )
    future: tuple[str, ...] = setting(
        (), "read beside the values, known for the steps to forecast too; may be repeated", metavar="COLUMN"
    )
    static: tuple[str, ...] = setting((), "what a series is, a number or a category; may be repeated", metavar="COLUMN")
    future_data: str | None = setting(
        None, "rows of the columns of `future` for the steps after the data's end, where DATA has none", metavar="FILE"
    )
