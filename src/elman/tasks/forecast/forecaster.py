"""The forecaster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from elman.data import CovariateNames, SeriesSet, read_series, with_future
from elman.data.notes import counted
from elman.data.series_report import described
from elman.errors import DataError, SettingsError
from elman.learning import Columns, Evaluation, Predictor
from elman.model import Model, Stream
from elman.runs.estimator import Estimator, Extras
from elman.tasks.forecast.ahead import column_lines, covers
from elman.tasks.forecast.backtest import BacktestResult
from elman.tasks.forecast.calendar import AUTO
from elman.tasks.forecast.figures import beyond_figure
from elman.tasks.forecast.predictor import ForecastPredictor
from elman.tasks.forecast.problem import ForecastProblem
from elman.tasks.forecast.same_kind import like
from elman.tasks.forecast.settings import ForecastColumns, ForecastSettings
from elman.tasks.forecast.span import Span, joined, span_of
from elman.tasks.forecast.usable import outlier_lines, usable, with_short


def _covariates(columns: ForecastColumns) -> CovariateNames:
    return CovariateNames(columns.past, columns.future, columns.static)


class Forecaster(Estimator):
    """Forecasts one series or many with one recurrent network.

    Takes the settings of ``elman train forecast`` as keywords; :class:`elman.tasks.forecast.ForecastSettings` describes
    them. Data are a CSV or Parquet file's path, a pandas or polars frame, a dict of columns, or an array of
    values; the columns are ``target``, ``time`` and ``id``, found by :func:`elman.data.read_series` if not named.
    Columns that are read beside the values are named as ``past``, ``future`` or ``static``; ``predict(history,
    future_data=...)`` takes what the ``future`` ones hold after the end.

    Raises:
        SettingsError: an unknown setting, or a value out of range.

    >>> import numpy as np
    >>> wave = np.sin(np.arange(120) * 2 * np.pi / 12)
    >>> forecaster = Forecaster(horizon=3, hidden_size=8, epochs=2).fit(wave)
    >>> forecaster.predict()["step"]
    [1, 2, 3]
    """

    _short: SeriesSet | None = None  # too short to learn from, at the last fit

    task_name = "forecast"
    settings_class = ForecastSettings
    columns_class = ForecastColumns

    def stream(self, unique_id: str | None = None, *, intervals: bool = False, anomalies: bool = False) -> Stream:
        """One value in, the forecast of the next steps out: ``stream.step(value)`` gives (H,) float64.

        The forecast is NaN until a whole window has come in. ``unique_id`` names the series whose scale to use;
        it is not needed where there was one in training. With ``intervals`` a step gives (H, 1 + 2 L): the forecast,
        and the lower and upper end of each of the L intervals. With ``anomalies`` it gives one number: by how many
        standard deviations the value missed what was forecast for it one step before.
        """
        predictor = self.outcome.final
        assert isinstance(predictor, ForecastPredictor)
        return predictor.stream(unique_id, intervals=intervals, anomalies=anomalies)

    def read(self, source: Any, *, future_data: Any = None, **columns: Any) -> SeriesSet:
        """``source`` as series; series that were read already are returned unchanged.

        Args:
            future_data: what ``future`` columns hold after the series' end, in the same forms as ``source``; for this
                reading alone.

        Raises:
            DataError: data that cannot be used.
        """
        chosen = self._changed(columns)
        data = self._read(source, chosen)
        if future_data is None:
            return data
        return with_future(data, future_data, time=chosen.time, id=chosen.id, options=chosen)

    def predict(self, data: Any = None, **columns: Any) -> Columns:
        final = self._final()
        if data is None:
            dataset = self.read(self.data, **columns)
        else:
            dataset = like(self.read(data, **columns), final.plan.frequency)
        return with_short(final, final.plan, dataset, self._short if data is None else None)

    def backtest(
        self,
        data: Any,
        windows: int,
        *,
        stride: int | None = None,
        refit: bool = False,
        on_event: Callable[[Any], None] | None = None,
        checkpoint: Path | str | None = None,
        **columns: Any,
    ) -> BacktestResult:
        """Forecasts from ``windows`` cutoffs at the end of the data, each made with nothing from after it, and scored.

        The forecaster itself is not changed: its settings are used, but for those given here.

        Args:
            data: what ``fit`` takes.
            stride: steps between the cutoffs; without it one horizon. The last window reaches to the end.
            refit: train a model for each window, with all its choices, on everything up to its cutoff; otherwise one
                is fitted before the first cutoff and forecasts from each.
            on_event: called with the events of :mod:`elman.training.events`.
            checkpoint: a file for the state of training, so that the same call goes on where it was killed.
            columns: the names of the data's columns, by the task's names for them.

        Raises:
            DataError: too few steps for so many windows; the message says how many there may be.
            SettingsError: a setting out of range.

        >>> import numpy as np
        >>> wave = np.sin(np.arange(120) * 2 * np.pi / 12)
        >>> found = Forecaster(horizon=3, hidden_size=8, epochs=2).backtest(wave, windows=4)
        >>> found.windows["cutoff"], sorted(found.mean)
        (['107', '110', '113', '116'], ['linear', 'model', 'naive', 'seasonal_naive'])
        """
        own = {"windows": windows, "stride": stride, "refit": refit, "test_size": None}
        tested = type(self)(**{**self.get_params(), **own})
        tested.columns = self.columns
        tested.fit(data, on_event=on_event, checkpoint=checkpoint, refit=False, **columns)
        if tested.outcome.interrupted or tested.outcome.evaluation is None:
            raise KeyboardInterrupt
        return BacktestResult(tested.outcome.evaluation)

    def evaluate(self, data: Any, *, adapt: bool = False, **columns: Any) -> Evaluation:
        if columns.get("future_data") is not None:
            raise SettingsError("`future_data` lie after the data's end, where there is nothing to score; leave it out")
        final, dataset = self._final(), self.read(data, **columns)
        found = super().evaluate(dataset, adapt=adapt)
        left_out = usable(dataset, replace(self.settings, horizon=final.plan.horizon), final.plan)
        return replace(found, notes=(*found.notes, *final.remarks(left_out)))

    def _final(self) -> ForecastPredictor:
        predictor = self.outcome.final
        assert isinstance(predictor, ForecastPredictor)
        return predictor

    def _read(self, source: Any, columns: ForecastColumns) -> SeriesSet:
        if isinstance(source, SeriesSet):
            return source
        return read_series(
            source,
            target=columns.target,
            time=columns.time,
            id=columns.id,
            covariates=_covariates(columns),
            options=columns,
        )

    def _changed(self, given: Mapping[str, Any]) -> ForecastColumns:
        changed: ForecastColumns = super()._changed({k: value for k, value in given.items() if k != "future_data"})
        return changed

    def _divided(
        self, data: Any, test: Any, validation: Any, columns: Mapping[str, Any], start_from: Estimator | None = None
    ) -> tuple[SeriesSet, Any | None]:
        return super()._divided(self.read(data, **columns), test, validation, columns, start_from)

    def _settled(self, columns: ForecastColumns, data: SeriesSet) -> ForecastColumns:
        """With the order of day and month, which a later file may be too short to settle."""
        return columns if data.read_as.day_first is None else replace(columns, day_first=data.read_as.day_first)

    def _usable(self, data: SeriesSet, start_from: Estimator | None) -> SeriesSet:
        plan = start_from._final().plan if isinstance(start_from, Forecaster) else None
        if plan is not None:
            data = like(data, plan.frequency)
        kept = usable(data, self.settings, plan)
        self._short = data.only({series.id for series in data} - {series.id for series in kept})
        return kept

    def _read_test(self, source: Any, data: SeriesSet) -> SeriesSet:
        if isinstance(source, SeriesSet):
            return source
        names = self.columns
        test = read_series(
            source,
            target=names.target,
            time=names.time,
            id=names.id,
            covariates=_covariates(names),
            frequency=data.frequency,
            at_least=1,
            options=names,
        )
        return test.only(set(test.ids) - {one.id for one in data.left_out})

    def _join(self, data: SeriesSet, test: SeriesSet) -> tuple[SeriesSet, Span]:
        if self.settings.windows is not None:
            raise SettingsError("`windows` are the end of the data; leave them out, or `test`, and join the two")
        span = joined(data, test, self.settings.stride)
        return span.data, span

    def _held_out(self, data: SeriesSet, predictor: Predictor) -> Span | None:
        return None if self.settings.test_size == 0 else self._to_score(data, predictor)

    def _to_score(self, data: SeriesSet, predictor: Predictor) -> Span:
        assert isinstance(predictor, ForecastPredictor)
        settings = self.settings if self.settings.test_size != 0 else replace(self.settings, test_size=None)
        data = like(data, predictor.plan.frequency)
        data = usable(data, replace(settings, horizon=predictor.plan.horizon), predictor.plan)
        span, window = span_of(data, settings, predictor.plan.horizon), predictor.plan.encoding.window
        for series, start in zip(data, span.starts, strict=True):
            if start < window:
                raise DataError(
                    f"{data.source}: series {series.id!r} has {counted(start, 'step')} before the test, which do not "
                    f"fill the window of {window}; give more of its history, or a model with a smaller `test_size`"
                )
        return span

    def _named(self, test: Span) -> str:
        return f"{test.data.source}: its last {len(test.data.series[0]) - test.starts[0]} steps"

    def _problem(self, data: SeriesSet, held_out: Span | None, start_from: Predictor | None) -> ForecastProblem:
        assert start_from is None or isinstance(start_from, ForecastPredictor)
        return ForecastProblem(data, self.settings, start_from=start_from, test=held_out)

    @staticmethod
    def _predictor(model: Model) -> ForecastPredictor:
        return ForecastPredictor(model)

    def _describe(self, data: SeriesSet) -> list[str]:
        plan = self._final().plan
        lines = column_lines(plan.columns, data, plan.horizon)
        if AUTO in self.settings.calendar and not plan.columns.calendar:
            tried = data.series[0].times is not None
            why = "no feature of it does clearly better in the training part" if tried else "the rows have no times"
            lines.append(f"calendar: {why}, so none is read")
        return [*described(data), *lines, *outlier_lines(plan, data)]

    def _make_extras(self, predictor: Predictor, data: SeriesSet) -> Extras:
        """``forecast.csv`` and its picture: the steps beyond the data's end."""
        assert isinstance(predictor, ForecastPredictor)
        if not covers(predictor.plan.columns, data, predictor.plan.horizon):
            return Extras()
        forecast = with_short(predictor, predictor.plan, data, self._short)
        return Extras({"forecast.csv": forecast}, (beyond_figure(data, forecast),))
