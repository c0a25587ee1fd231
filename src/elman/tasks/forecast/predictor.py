"""A trained forecaster: its plan parsed once, its forecasts beyond the data, over a test span, and as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from elman.data import SeriesSet
from elman.data.series_report import remarks_on
from elman.data.windows import contexts
from elman.errors import ModelFileError, SettingsError
from elman.learning import Columns, Evaluation, Example, Metric, Predictor
from elman.model import Model, Stream
from elman.model.file import model_digest
from elman.model.model import Inputs
from elman.tasks.forecast.ahead import check_ahead, column_remarks, columns_text
from elman.tasks.forecast.baselines import BASELINES, LABELS
from elman.tasks.forecast.examples import network_inputs
from elman.tasks.forecast.explaining import example_of
from elman.tasks.forecast.features import Around, around, together
from elman.tasks.forecast.figures import figures_of
from elman.tasks.forecast.fitted_until import was_fitted_on
from elman.tasks.forecast.forecasts import Forecasts, forecast
from elman.tasks.forecast.network import highway_of, highway_size, is_silent
from elman.tasks.forecast.plan import ANY, LINEAR, History
from elman.tasks.forecast.quantiles import has_quantiles, intervals_line, is_calibrated, quantile_head
from elman.tasks.forecast.record import plan_from_record
from elman.tasks.forecast.rolling import prediction_rows, roll, worst_windows
from elman.tasks.forecast.same_kind import logarithm_remarks, scale_remarks
from elman.tasks.forecast.scores import Rolling, metrics_of, score, verdict
from elman.tasks.forecast.scoring import (
    interval_scores,
    intervals_text,
    label_of,
    member_scores,
    members_text,
    scores_by_series,
)
from elman.tasks.forecast.span import Span
from elman.tasks.forecast.streaming import stream_of
from elman.tasks.forecast.usable import short_remarks
from elman.tasks.forecast.windows import CHOSEN, by_window, choices_of, roll_anew

Array = np.ndarray
SHOWN_SERIES, SHOWN_MEMBERS = 10, 5
AT_ONCE = 1_000_000  # numbers in the windows of the series that are forecast together
SILENT = "No epoch improved on what the network began with: its recurrent layers add nothing."


class ForecastPredictor(Predictor):
    """Forecasts with ``model``, which was trained for the task ``forecast``.

    Raises:
        ModelFileError: another task's model, a malformed plan, or layers that do not fit the plan; raised when a file
            is read, not when it is used.
    """

    def __init__(self, model: Model) -> None:
        if model.task != "forecast":
            raise ModelFileError(f"it was trained for {model.task!a:.40}, not to forecast")
        self.model, self.plan = model, plan_from_record(model.encoding)
        encoding = self.plan.encoding
        try:
            output = model.predict(self._zeros())
        except SettingsError:  # of the environment
            raise
        except ValueError as error:
            raise ModelFileError("its layers do not make its forecasts") from error
        linear = any(LINEAR in weights for weights in self.plan.weights.values())
        highway = highway_of(model)
        sizes = (encoding.horizon, highway_size(self.plan))
        if (linear and highway is None) or (highway is not None and highway[0].shape != sizes):
            raise ModelFileError("its layers do not make its forecasts")
        head = quantile_head(model)
        if head is not None and (self.plan.strategy != "direct" or not has_quantiles(head, self.plan.intervals)):
            raise ModelFileError("its quantiles are not those of its intervals")
        if output.shape != (1, encoding.horizon, *(() if head is None else (len(head.quantiles),))):
            raise ModelFileError("its layers do not make its forecasts")

    def _zeros(self) -> Inputs:
        encoding = self.plan.encoding
        shapes = zip((encoding.steps, encoding.horizon), self.plan.columns.sizes(encoding), strict=True)
        columns = [np.zeros((1, steps, size), np.float32) for steps, size in shapes] if self.plan.columns.some else []
        return network_inputs(np.zeros((1, encoding.steps), np.float32), *columns)

    def forecast(self, histories: Sequence[History], cutoffs: Sequence[Sequence[int]]) -> list[Forecasts]:
        """For each history the forecasts from its cutoffs, the index of the last known step of each.

        Raises:
            DataError: the values are so far from those in training that the arithmetic overflows.
        """
        found: list[Forecasts] = []
        for some in _portions([len(own) * self.plan.memory for own in cutoffs]):
            found += self._together(histories[some], cutoffs[some])
        return found

    def _together(self, histories: Sequence[History], cutoffs: Sequence[Sequence[int]]) -> list[Forecasts]:
        plan, rows, known = self.plan, [], []
        for history, own in zip(histories, cutoffs, strict=True):
            rows.append(contexts(history.values, own, plan.memory))
            # what is said of the series is known where the first forecast is made
            known += [plan.known(history.until(own[0] + 1))] * len(own)
        columns = [self._around(history, own) for history, own in zip(histories, cutoffs, strict=True)]
        beside = together([one for one in columns if one is not None]) if plan.columns.some else None
        found, end = forecast(self.model, plan, np.concatenate(rows), known, beside), 0
        return [found.rows(end, end := end + len(own)) for own in cutoffs]

    def predict(self, data: SeriesSet) -> Columns:
        """The steps after the end of each series: ``unique_id``, ``ds``, ``step`` (from 1), ``forecast``, and the
        ends of the intervals, ``lo-80``, ``hi-80`` …

        Raises:
            DataError: values so far from those in training that the arithmetic overflows.
        """
        plan = self.plan
        plan.columns.check(data)
        check_ahead(plan.columns, data, plan.horizon)
        histories = [plan.history(series) for series in data]
        found = self.forecast(histories, [[len(history.values) - 1] for history in histories])
        steps = range(1, plan.horizon + 1)
        columns = [one.columns() for one in found]
        return {
            "unique_id": [series.id for series in data for _ in steps],
            "ds": [label for series in data for label in data.following(series, len(steps))],
            "step": [step for _ in data for step in steps],
            **{name: np.concatenate([own[name][0] for own in columns]).tolist() for name in columns[0]},
        }

    def _around(self, history: History, cutoffs: Sequence[int]) -> Around | None:
        if history.features is None:
            return None
        return around(history.features, cutoffs, self.plan.encoding.window, self.plan.horizon)

    def remarks(self, data: SeriesSet) -> list[str]:
        histories = [self.plan.history(series) for series in data]
        rescaled = [history.id for history in histories if self.plan.is_rescaled(history)]
        remarks = [*remarks_on(data), *logarithm_remarks(data, self.plan.encoding.transform)]
        remarks += column_remarks(self.plan.columns, data)
        return [*remarks, *scale_remarks(rescaled), *short_remarks(self.plan, data)]

    def evaluate(self, test: Span) -> Evaluation:
        """Rolling forecasts over the span, scored beside the baselines.

        Raises:
            DataError: values so far from those in training that the arithmetic overflows, or read without the columns.
        """
        self.plan.columns.check(test.data)
        found = self._scored(test, rollings := roll(test, self.plan, self.forecast))
        return found if test.windows is None else by_window(found, test, rollings)

    def _scored(self, test: Span, rollings: Sequence[Rolling]) -> Evaluation:
        plan, data = self.plan, test.data
        size = max(len(series) - start for series, start in zip(data, test.starts, strict=True))
        members, intervals = member_scores(rollings), interval_scores(rollings)
        facts = {
            "test_size": size,
            "windows": sum(len(rolling.cutoffs) for rolling in rollings),
            "season": plan.encoding.season,
            "seasons": list(plan.seasons),
            "horizon": plan.horizon,
            "window": plan.encoding.window,
            "level": plan.encoding.level,
            "transform": plan.encoding.transform,
            "scale": plan.encoding.scale,
            "series": len(data),
            "members": members,
            "intervals": intervals,
        }
        series = "1 series" if len(data) == 1 else f"{len(data)} series"
        season = f"season {plan.encoding.season}" if plan.encoding.season > 1 else "no season"
        title = (
            f"Test: the last {size} steps of {series}, {facts['windows']} forecasts of up to {plan.horizon} steps; "
            f"{season}, window {plan.encoding.window}, level {plan.encoding.level}"
        )
        notes = [*members_text(members), *intervals_text(intervals)]
        if plan.intervals and not is_calibrated(plan):
            notes.append("They are the network's own: no errors were held out to calibrate them by (`validation`).")
        if is_silent(self.model):
            notes.append(SILENT)
        return Evaluation(
            title=title,
            metrics=tuple(Metric(name) for name in metrics_of(rollings)),
            scores=score(rollings, "model"),
            baselines={name: score(rollings, name) for name in BASELINES},
            labels={**LABELS, **({"model": f"{self.model.cell()}, combined"} if len(members) > 1 else {})},
            facts=facts,
            verdict=verdict(rollings, BASELINES),
            rows=prediction_rows(data, rollings),
            figures=figures_of(data, test.starts, rollings),
            worst=worst_windows(data, rollings),
            notes=tuple(notes),
            tables={"scores.csv": scores_by_series(rollings)} if len(data) > 1 else {},
        )

    def has_seen(self, test: Span) -> bool:
        pairs = zip(test.data, test.starts, strict=True)
        return any(was_fitted_on(self.plan, series, start) for series, start in pairs)

    def stream(self, unique_id: str | None = None, *, intervals: bool = False, anomalies: bool = False) -> Stream:
        """One value in, the forecast of the next ``H`` steps out; see :mod:`elman.tasks.forecast.streaming`."""
        identity = model_digest(self.model)
        return stream_of(self.model, self.plan, unique_id, intervals=intervals, anomalies=anomalies, identity=identity)

    def example(self, data: SeriesSet, number: int) -> Example:
        return example_of(self.model, self.plan, data, number)

    def describe(self) -> list[str]:
        plan, encoding, names = self.plan, self.plan.encoding, list(self.plan.scalers)
        seasons = ", ".join(str(season) for season in plan.seasons)
        parts = sorted(plan.weights[ANY].items(), key=lambda item: -item[1])[:SHOWN_MEMBERS]
        beside = columns_text(plan.columns)
        return [
            f"horizon {plan.horizon} ({plan.strategy}), window {encoding.window}, season {seasons}",
            f"level {encoding.level}, scale {encoding.scale}, transform {encoding.transform}"
            + (f", {plan.frequency.name}" if plan.frequency else ""),
            "a forecast combines " + ", ".join(f"{label_of(name)} {weight:.0%}" for name, weight in parts),
            intervals_line(plan, quantile_head(self.model)),
            *([f"beside the values: {beside}"] if beside else []),
            f"series: {', '.join(names[:SHOWN_SERIES])}" + (" …" if len(names) > SHOWN_SERIES else ""),
        ]


def _portions(sizes: Sequence[int]) -> Iterator[slice]:
    """Neighbours that together are no larger than :data:`AT_ONCE`, or one that is.

    >>> list(_portions([3, AT_ONCE, 1, 2]))
    [slice(0, 1, None), slice(1, 2, None), slice(2, 4, None)]
    """
    start, together = 0, 0
    for number, size in enumerate(sizes):
        if number > start and together + size > AT_ONCE:
            yield slice(start, number)
            start, together = number, 0
        together += size
    if start < len(sizes):
        yield slice(start, len(sizes))


def evaluate_anew(test: Span, predictors: Sequence[ForecastPredictor]) -> Evaluation:
    """A backtest whose windows had a model each: those of ``predictors``, from the first window on."""
    first = predictors[0]
    rollings = roll_anew(test, [(one.plan, one.forecast) for one in predictors], first.plan.encoding.season)
    found = first._scored(test, rollings)
    notes = [note for note in found.notes if note != SILENT]
    if silent := sum(is_silent(one.model) for one in predictors):
        notes.append(f"In {silent} of {len(predictors)} windows no epoch improved on what the network began with.")
    labels = dict(found.labels)
    if any(len(weights) > 1 for one in predictors for weights in one.plan.weights.values()):
        labels["model"] = f"{first.model.cell()}, combined"
    facts = {name: value for name, value in found.facts.items() if name not in CHOSEN}  # in each window anew
    choices = {"cell": [one.model.cell() for one in predictors], **choices_of([one.plan for one in predictors])}
    found = replace(found, notes=tuple(notes), labels=labels, facts=facts)
    return by_window(found, test, rollings, choices=choices)
