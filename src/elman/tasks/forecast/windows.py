"""A backtest: the windows of a test one by one, and what their scores say together."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from elman.data import SeriesSet
from elman.learning import Breakdown, Columns, Evaluation, Figure, Line
from elman.tasks.forecast.baselines import BASELINES, LABELS
from elman.tasks.forecast.figures import MOST_DRAWN, MOST_HISTORY, axis
from elman.tasks.forecast.plan import Plan
from elman.tasks.forecast.quantile_loss import Ends
from elman.tasks.forecast.rolling import Forecast, roll
from elman.tasks.forecast.scores import (
    METRICS,
    QUANTILE_LOSS,
    Rolling,
    in_sample_naive_error,
    mean_scores,
    quantile_loss,
    scores_of,
)
from elman.tasks.forecast.span import Span

Array = np.ndarray
WINDOWS, BY_SERIES = "windows.csv", "windows_by_series.csv"
NAMES = ("model", *BASELINES)
CHOSEN = ("seasons", "window", "level", "transform", "scale")  # facts that may differ from window to window


def roll_anew(span: Span, predictors: Sequence[tuple[Plan, Forecast]], season: int) -> list[Rolling]:
    """For each series, the forecasts of the models that were trained for the windows, and of their baselines.

    Args:
        predictors: of each window from the first on, its plan and how its model forecasts.
        season: of the naive error that errors are divided by, the same in all windows.
    """
    horizon = predictors[0][0].horizon
    found = [roll(span.window(k, horizon), *one) for k, one in enumerate(predictors)]
    units = (in_sample_naive_error(s.values[:start], season) for s, start in zip(span.data, span.starts, strict=True))
    return [_joined(parts, unit) for parts, unit in zip(zip(*found, strict=True), units, strict=True)]


def _joined(parts: Sequence[Rolling], naive_error: float) -> Rolling:
    """One series' windows, with the members and the intervals that all of them have."""
    members = [name for name in parts[0].members if all(name in part.members for part in parts)]
    baselines = [name for name in parts[0].baseline_bounds if all(name in part.baseline_bounds for part in parts)]
    return Rolling(
        parts[0].id,
        np.concatenate([part.cutoffs for part in parts]),
        np.concatenate([part.actual for part in parts]),
        {name: np.concatenate([part.forecasts[name] for part in parts]) for name in parts[0].forecasts},
        naive_error,
        {name: np.concatenate([part.members[name] for part in parts]) for name in members},
        _joined_ends([part.bounds for part in parts]),
        {name: _joined_ends([part.baseline_bounds[name] for part in parts]) for name in baselines},
    )


def _joined_ends(parts: Sequence[Ends]) -> Ends:
    levels = [level for level in parts[0] if all(level in part for part in parts)]
    return {
        level: (np.concatenate([part[level][0] for part in parts]), np.concatenate([part[level][1] for part in parts]))
        for level in levels
    }


def choices_of(plans: Sequence[Plan]) -> Columns:
    """What was chosen anew for each window; ``input`` is how many steps the network looks back."""
    return {
        "season": [plan.encoding.season for plan in plans],
        "input": [plan.encoding.window for plan in plans],
        **{name: [getattr(plan.encoding, name) for plan in plans] for name in ("level", "transform", "scale")},
    }


def by_window(
    evaluation: Evaluation, test: Span, rollings: Sequence[Rolling], choices: Columns | None = None
) -> Evaluation:
    """``evaluation`` with the scores of each window beside those of all.

    Args:
        choices: where a model was trained for each window, what was chosen for it.
    """
    data, numbers, horizon = test.data, range(len(rollings[0].cutoffs)), rollings[0].actual.shape[1]
    cutoffs = [_cutoff(data, rollings, k) for k in numbers]
    parts = [[rolling.one(k) for rolling in rollings] for k in numbers]
    rows = [[{name: scores_of(one, one.forecasts[name]) for name in NAMES} for one in own] for own in parts]
    means = [{name: mean_scores([row[name] for row in own]) for name in NAMES} for own in rows]
    table: Columns = {"window": [k + 1 for k in numbers], "cutoff": list(cutoffs)}
    table |= {**_columns(means), **_quantile_losses(parts), **(choices or {})}
    tables = {**evaluation.tables, WINDOWS: table}
    if len(rollings) > 1:
        labels = [data.labels(series) for series in data]
        tables[BY_SERIES] = {
            "window": [k + 1 for k in numbers for _ in rollings],
            "cutoff": [own[int(r.cutoffs[k])] for k in numbers for own, r in zip(labels, rollings, strict=True)],
            "unique_id": [rolling.id for _ in numbers for rolling in rollings],
            **_columns([row for own in rows for row in own]),
            **_quantile_losses([[one] for own in parts for one in own]),
        }
    metric = "mae" if any(math.isnan(own["model"]["mase"]) for own in means) else "mase"
    values = {name: [own[name][metric] for own in means] for name in NAMES}
    labels_of = {name: evaluation.labels.get(name, name) for name in NAMES}
    apart = f", {test.stride or horizon} apart" if len(numbers) > 1 else ""
    many = "1 window" if len(numbers) == 1 else f"{len(numbers)} windows"
    trained = "a model trained for each on all that precedes it"
    if choices is None:
        trained = "one model, fitted before the first; " + evaluation.title.partition("; ")[2]
    series = "1 series" if len(data) == 1 else f"{len(data)} series"
    return dataclasses.replace(
        evaluation,
        title=f"Backtest: {many} of {horizon} steps{apart}, of {series}; {trained}",
        tables=tables,
        facts={**evaluation.facts, "refit": choices is not None},
        breakdown=Breakdown(
            f"{metric.upper()} by cutoff",
            tuple(labels_of[name] for name in NAMES),
            tuple((cutoff, tuple(values[name][k] for name in NAMES)) for k, cutoff in enumerate(cutoffs)),
        ),
        figures=(
            _forecasts_figure(data, rollings[0]),
            _scores_figure(data, rollings[0], metric, values, labels_of),
            *(figure for figure in evaluation.figures if figure.name != "test"),
        ),
    )


def column_of(metric: str, name: str) -> str:
    """How the column of a metric of ``name``, the model or a baseline, is called.

    >>> column_of("mae", "model"), column_of("mae", "naive")
    ('mae', 'mae_naive')
    """
    return metric if name == "model" else f"{metric}_{name}"


def _columns(rows: Sequence[Mapping[str, Mapping[str, float]]]) -> Columns:
    """The model's metrics, then each baseline's."""
    return {column_of(metric, name): [row[name][metric] for row in rows] for name in NAMES for metric in METRICS}


def _quantile_losses(rows: Sequence[Sequence[Rolling]]) -> Columns:
    """The weighted quantile loss of each row's forecasts together, of all that have intervals."""
    known = [name for name in NAMES if rows[0][0].bounds_of(name)]
    return {column_of(QUANTILE_LOSS, name): [quantile_loss(own, name) for own in rows] for name in known}


def _cutoff(data: SeriesSet, rollings: Sequence[Rolling], k: int) -> str:
    """The last step known to window ``k``: its label if it is the same for all series, else from which to which."""
    labels = {data.labels(s)[int(r.cutoffs[k])]: None for s, r in zip(data, rollings, strict=True)}
    names = sorted(labels) if data.series[0].times is not None else sorted(labels, key=int)
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _forecasts_figure(data: SeriesSet, rolling: Rolling) -> Figure:
    """The first series, and each window's forecast from its cutoff on, also where they overlap."""
    series, first = data.series[0], int(rolling.cutoffs[0])
    x, size, horizon = axis(series), len(series), rolling.actual.shape[1]
    begin = max(0, first - MOST_HISTORY * (size - first), size - MOST_DRAWN)
    shown = [k for k, cutoff in enumerate(rolling.cutoffs) if cutoff >= begin]

    ahead = rolling.cutoffs[shown, None] + 1 + np.arange(horizon)
    apart = horizon > 1 and bool((np.diff(rolling.cutoffs) != horizon).any())
    steps = np.hstack([ahead, ahead[:, -1:]]).ravel() if apart else ahead.ravel()

    def broken(rows: Array) -> Array:
        rows = rows[shown]
        return np.hstack([rows, np.full((len(rows), 1), np.nan)]).ravel() if apart else rows.ravel()

    level = max(rolling.bounds, key=float, default=None)
    bounds = None if level is None else tuple(map(broken, rolling.bounds[level]))
    label = "model" if level is None else f"model, and where {level} % should be"
    model = Line(label, x[steps], broken(rolling.forecasts["model"]), "model", *(bounds or ()))
    naive = Line(LABELS["seasonal_naive"], x[steps], broken(rolling.forecasts["seasonal_naive"]), "baseline")
    more = f" (first of {len(data)} series)" if len(data) > 1 else ""
    last = f"; the last {MOST_DRAWN} steps" if begin == size - MOST_DRAWN else ""
    return Figure(
        "test",
        f"Backtest: {series.id}{more}",
        "" if series.times is not None else "step",
        series.id,
        (Line("observed", x[begin:], series.values[begin:], "truth"), naive, model),
        marks=tuple((x[rolling.cutoffs[k]], "cutoffs" if k == shown[0] else "") for k in shown),
        note=f"{len(shown)} forecasts of {horizon} {'steps' if horizon > 1 else 'step'}, each from what was known at "
        f"its cutoff{last}",
    )


def _scores_figure(
    data: SeriesSet,
    rolling: Rolling,
    metric: str,
    values: Mapping[str, Sequence[float]],
    labels: Mapping[str, str],
) -> Figure:
    x = axis(data.series[0])[rolling.cutoffs]
    roles = {name: "model" if name == "model" else "baseline" for name in NAMES}
    lines = tuple(Line(labels[name], x, np.array(own), roles[name]) for name, own in values.items())
    return Figure("windows", "Error by cutoff", "cutoff", metric.upper(), lines, y_min=0)
