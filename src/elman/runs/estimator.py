"""The forecaster, in scikit-learn's manners: ``fit``, ``predict``, ``evaluate``, ``save``; and ``stream``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from elman.data import SeriesSet, read_series
from elman.errors import DataError, ElmanError
from elman.jobs import runfolder
from elman.jobs.fitting import Outcome, train
from elman.model import Model
from elman.settings import from_record, signature_of, to_record
from elman.stream import Stream
from elman.tasks.base import Evaluation
from elman.tasks.forecast import ForecastSettings, task
from elman.tasks.forecast.plan import plan_from_record
from elman.tasks.forecast.problem import ForecastProblem
from elman.tasks.forecast.seen import was_seen

Columns = str | Sequence[str] | None


@dataclass(frozen=True)
class ColumnNames:
    """Which columns of a file or frame hold what."""

    target: tuple[str, ...] = ()
    time: str | None = None
    id: str | None = None

    def read(self, source: Any) -> SeriesSet:
        """The series of ``source``; a :class:`SeriesSet` is given back as it is."""
        if isinstance(source, SeriesSet):
            return source
        return read_series(source, target=self.target, time=self.time, id=self.id)

    def read_later(self, source: Any, earlier: SeriesSet) -> SeriesSet:
        """The series of ``source``, whose rows follow on those of ``earlier``; even one row will do."""
        if isinstance(source, SeriesSet):
            return source
        return read_series(
            source, target=self.target, time=self.time, id=self.id, frequency=earlier.frequency, at_least=1
        )

    def changed(self, target: Columns, time: str | None, id: str | None) -> ColumnNames:
        """These names, with those given now in their place."""
        return ColumnNames(
            self.target if target is None else (target,) if isinstance(target, str) else tuple(target),
            self.time if time is None else time,
            self.id if id is None else id,
        )


class Forecaster:
    """Forecasts one series or many with one recurrent network.

    Takes the settings of ``elman train forecast`` as keywords; :class:`elman.tasks.forecast.ForecastSettings` says
    what each means.

    Raises:
        SettingsError: an unknown setting, or a value out of range.

    >>> import numpy as np
    >>> wave = np.sin(np.arange(120) * 2 * np.pi / 12)
    >>> forecaster = Forecaster(horizon=3, hidden_size=8, epochs=2).fit(wave)
    >>> forecaster.predict()["step"]
    [1, 2, 3]
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = from_record(ForecastSettings, settings)
        self.columns = ColumnNames()
        self._outcome: Outcome | None = None
        self._data: SeriesSet | None = None

    __signature__ = signature_of(ForecastSettings)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings by name, as scikit-learn's tools ask for them."""
        return {name: getattr(self.settings, name) for name in to_record(self.settings)}

    def set_params(self, **settings: Any) -> Forecaster:
        """Change settings; the next ``fit`` uses them."""
        self.settings = from_record(ForecastSettings, {**self.get_params(), **settings})
        return self

    def fit(
        self,
        data: Any,
        *,
        target: Columns = None,
        time: str | None = None,
        id: str | None = None,
        test: Any = None,
        start_from: Forecaster | None = None,
        on_event: Callable[[Any], None] | None = None,
        checkpoint: Path | str | None = None,
    ) -> Forecaster:
        """Train: choose and fit on what precedes the test span, measure on the span, then fit again on everything.

        Args:
            data: a CSV or Parquet file's path, a pandas or polars frame, a dict of columns, or an array of values.
            target, time, id: the columns; :func:`elman.data.read_series` says what happens without them.
            test: data that follow on ``data``: the test span, instead of the end of ``data``.
            start_from: a trained forecaster to go on from: its final model, or where that has seen the test span, the
                one that was fitted before its own test.
            on_event: called with the events of :mod:`elman.training.events`.
            checkpoint: a file in which the state of training is kept, so that a killed run can go on.

        Raises:
            DataError: data that cannot be used, or whose test ``start_from`` has seen; the message says where and what
                to do.
        """
        self.columns = self.columns.changed(target, time, id)
        series = self.columns.read(data)
        starts = None
        if test is not None:
            lengths = [len(s) for s in series]
            series = series.extend(self.columns.read_later(test, series))
            starts = [
                length + int(np.argmax(~np.isnan(s.values[length:]))) for length, s in zip(lengths, series, strict=True)
            ]
        problem, old = self._problem(series, starts, start_from)
        self._outcome = train(
            problem,
            self.settings,
            arrays=None if old is None else old.arrays,
            on_event=on_event,
            checkpoint_path=None if checkpoint is None else Path(checkpoint),
        )
        self._data = series
        return self

    @property
    def outcome(self) -> Outcome:
        """What training left: models, evaluation, history.

        Raises:
            ElmanError: it was not trained.
        """
        if self._outcome is None:
            raise ElmanError("this forecaster is not trained yet: call fit first")
        return self._outcome

    @property
    def data(self) -> SeriesSet:
        """The series trained on.

        Raises:
            DataError: it was read from a folder, which holds no data.
        """
        if self._data is None:
            raise DataError("a forecaster read from a folder holds no data: give the history to go on from")
        return self._data

    @property
    def model(self) -> Model:
        """The model that makes the forecasts."""
        return self.outcome.final

    @property
    def metrics(self) -> dict[str, Any]:
        """What ``metrics.json`` holds: scores of the test beside the baselines', sizes, settings."""
        return runfolder.metrics_record(self.outcome, self.settings)

    def predict(
        self, data: Any = None, *, target: Columns = None, time: str | None = None, id: str | None = None
    ) -> dict[str, list[Any]]:
        """The steps after the end of ``data`` (without it, of the data trained on).

        Returns:
            columns by name: ``unique_id``, ``ds``, ``step`` (from 1), ``forecast``; a frame is made of them by
            ``pandas.DataFrame(...)`` or ``polars.DataFrame(...)``.

        Raises:
            DataError: a series is shorter than the model's window.
        """
        series = self._series(data, target, time, id)
        header, rows = task.forecast_rows(series, task.forecast_beyond(self.model, series))
        columns: dict[str, list[Any]] = {name: [row[k] for row in rows] for k, name in enumerate(header)}
        numbers: dict[str, list[Any]] = {"step": [int(step) for step in columns["step"]]}
        numbers["forecast"] = [float(value) for value in columns["forecast"]]
        return columns | numbers

    def evaluate(
        self, data: Any, *, target: Columns = None, time: str | None = None, id: str | None = None
    ) -> Evaluation:
        """Rolling forecasts over the end of ``data``, scored beside the baselines; nothing is fitted anew.

        Of the two models that training leaves, the one fitted on everything is measured where it has not seen the
        test span; else the one that was fitted before the test span of the training data.

        Raises:
            DataError: both models have seen steps of the span, or there are too few steps.
        """
        return self.choose_and_evaluate(self._series(data, target, time, id))[1]

    def choose_and_evaluate(self, series: SeriesSet) -> tuple[str, Evaluation]:
        """:meth:`evaluate`, and which model it was: ``"final"`` or ``"tested"``."""
        plan = plan_from_record(self.model.encoding)
        settings = self.settings if self.settings.test_size != 0 else replace(self.settings, test_size=None)
        starts = task.test_starts(series, settings, plan.horizon)
        for name, model in (("final", self.outcome.final), ("tested", self.outcome.tested)):
            if model is None:
                continue
            candidate = plan_from_record(model.encoding)
            if not any(was_seen(candidate, s, start) for s, start in zip(series, starts, strict=True)):
                return name, task.evaluate(model, series, starts, stride=settings.stride)
        raise DataError(
            f"{series.source}: its last {len(series.series[0]) - starts[0]} steps were seen in training, so a score on "
            "them would say nothing; evaluate on later data"
        )

    def stream(self, unique_id: str | None = None) -> Stream:
        """One value in, the forecast of the next steps out: ``stream.step(value)`` gives (H,) float64.

        The forecast is NaN until a window of values has been seen. ``unique_id`` names the series whose scale to use;
        it is not needed where there was one in training.
        """
        return task.stream_of(self.model, unique_id)

    def save(self, folder: Path | str) -> Path:
        """Write models, settings, metrics, history and forecasts to ``folder``; :func:`elman.load` reads it."""
        return runfolder.write(
            Path(folder),
            self.outcome,
            self.settings,
            columns={"target": list(self.columns.target), "time": self.columns.time, "id": self.columns.id},
            data=self._data,
        )

    @classmethod
    def load(cls, folder: Path | str) -> Forecaster:
        """A forecaster from a run folder; needs no torch.

        Raises:
            ModelFileError: no run, or a damaged one.
        """
        record = runfolder.read(Path(folder))
        forecaster = cls(**record.settings)
        columns = record.columns
        forecaster.columns = ColumnNames(tuple(columns.get("target") or ()), columns.get("time"), columns.get("id"))
        forecaster._outcome = record.outcome
        return forecaster

    def _problem(
        self, series: SeriesSet, starts: list[int] | None, start_from: Forecaster | None
    ) -> tuple[ForecastProblem, Model | None]:
        """The job, and the model to go on from, which must not have seen its test."""
        if start_from is None:
            return ForecastProblem(series, self.settings, test_starts=starts), None
        for model in (start_from.outcome.final, start_from.outcome.tested):
            if model is not None:
                problem = ForecastProblem(series, self.settings, start_from=model, test_starts=starts)
                if not problem.test_was_seen():
                    return problem, model
        raise DataError(
            f"{series.source}: the model to go on from was fitted on steps of the test, so a score on them would say "
            "nothing; give later data, a smaller --test-size, or --test-size 0 for no test"
        )

    def _series(self, data: Any, target: Columns, time: str | None, id: str | None) -> SeriesSet:
        return self.data if data is None else self.columns.changed(target, time, id).read(data)
