"""A backtest as numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from elman.learning import Columns, Drawing, Evaluation
from elman.report.tables import evaluation_text
from elman.tasks.forecast.scores import METRICS
from elman.tasks.forecast.windows import BY_SERIES, NAMES, WINDOWS, column_of

Scores = dict[str, dict[str, float]]
"""``"model"`` and each baseline → metric → number."""


@dataclass(frozen=True)
class BacktestResult:
    """What :meth:`elman.Forecaster.backtest` found. ``print`` shows it as tables.

    ``pandas.DataFrame(...)`` or ``polars.DataFrame(...)`` makes a frame of each table.

    Args:
        evaluation: of all windows together: scores, baselines, verdict, figures.
    """

    evaluation: Evaluation

    @property
    def windows(self) -> Columns:
        """A row a window: ``window`` (from 1), ``cutoff`` (its last known step), the model's metrics, and each
        baseline's, as ``mae_naive``; with ``refit`` also what was chosen for it. Of several series the mean."""
        return self.evaluation.tables[WINDOWS]

    @property
    def series(self) -> Columns:
        """The same for each window and each series, by ``unique_id``."""
        alone = self.evaluation.rows["unique_id"][:1] * len(self.windows["window"])
        both = {"window": self.windows["window"], "cutoff": self.windows["cutoff"], "unique_id": alone}
        return self.evaluation.tables.get(BY_SERIES, {**both, **{name: self.windows[name] for name in _columns()}})

    @property
    def forecasts(self) -> Columns:
        """A row for each step of each forecast: ``unique_id``, ``cutoff``, ``ds``, ``step``, ``y``, ``forecast``, and
        the ends of the intervals."""
        return self.evaluation.rows

    @property
    def mean(self) -> Scores:
        """The mean of each score over the windows; NaN where no window has it."""
        return self._over_windows(fmean, 1)

    @property
    def spread(self) -> Scores:
        """The standard deviation of each score over the windows, of a sample; NaN where fewer than two have it."""
        return self._over_windows(stdev, 2)

    @property
    def figures(self) -> Sequence[Drawing]:
        """The forecasts from all cutoffs, and the scores by cutoff; :func:`elman.report.draw` draws one."""
        return self.evaluation.figures

    def _over_windows(self, statistic: Callable[[list[float]], float], least: int) -> Scores:
        known = {name: [value for value in self.windows[name] if not math.isnan(value)] for name in _columns()}
        found = {name: statistic(values) if len(values) >= least else math.nan for name, values in known.items()}
        return {name: {metric: found[column_of(metric, name)] for metric in METRICS} for name in NAMES}

    def __str__(self) -> str:
        return evaluation_text("model", self.evaluation)


def _columns() -> list[str]:
    return [column_of(metric, name) for name in NAMES for metric in METRICS]
