"""A trained forecaster: its plan parsed once, its forecasts beyond the data, over a test span, and as a stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.data import SeriesSet
from elman.data.series_report import remarks_on
from elman.errors import DataError, ModelFileError
from elman.learning import Columns, Evaluation, Metric, Predictor
from elman.model import LastStep, Layer, Linear, Model, PointHead, RecurrentLayers, Stream, recurrent_layers
from elman.model.file import model_digest
from elman.tasks.forecast.baselines import BASELINES, LABELS
from elman.tasks.forecast.encoding import Scaler, check_known
from elman.tasks.forecast.figures import figures_of
from elman.tasks.forecast.fitted_until import was_fitted_on
from elman.tasks.forecast.plan import Plan, history_of, plan_from_record
from elman.tasks.forecast.rolling import prediction_rows, roll, worst_windows
from elman.tasks.forecast.same_kind import scale_remarks
from elman.tasks.forecast.scores import METRICS, score, verdict
from elman.tasks.forecast.settings import ForecastSettings
from elman.tasks.forecast.span import Span
from elman.tasks.forecast.streaming import stream_of
from elman.tasks.forecast.usable import short_remarks

Array = np.ndarray
SHOWN_SERIES = 10


def layers_for(plan: Plan, settings: ForecastSettings) -> tuple[Layer, ...]:
    """The network: recurrent layers, their last state, and from it all the steps that it puts out."""
    steps = plan.encoding.horizon
    recurrent = recurrent_layers(settings, 1)
    return (recurrent, LastStep(), Linear(settings.hidden_size, steps), PointHead(settings.loss, steps))


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
        match model.layers:
            case (RecurrentLayers(layout=layout), LastStep(), Linear(), PointHead(size=steps)):
                good = layout.input_size == 1 and steps == self.plan.encoding.horizon
            case _:
                good = False
        if not good:
            raise ModelFileError("its layers do not make its forecasts")

    def forecast_windows(self, x: Array, scalers: Sequence[Scaler] | Scaler, horizon: int | None = None) -> Array:
        """Forecasts (N, H) from windows ``x`` (N, W), each ending at its cutoff.

        The recursive strategy appends each forecast to its window and repeats: no true value after a cutoff is used.

        Args:
            horizon: steps to forecast, with the recursive strategy; by default the plan's.

        Raises:
            DataError: the values are so far from those in training that the arithmetic overflows.
        """
        plan, encoding = self.plan, self.plan.encoding
        x = np.array(x, float)
        steps = []
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(1 if plan.strategy == "direct" else horizon or plan.horizon):
                encoded = encoding.encode(x, scalers)
                output = self.model.predict(encoded.inputs[:, :, None]).astype(float)
                steps.append(encoded.reference + encoded.spread * output)
                x = np.concatenate([x[:, steps[-1].shape[1] :], steps[-1]], axis=1)[:, -encoding.window :]
        forecasts = np.concatenate(steps, axis=1)
        if not np.isfinite(forecasts).all():
            raise DataError(
                "a forecast is not a finite number: values too far from those in training; check their units"
            )
        return forecasts

    def predict(self, data: SeriesSet) -> Columns:
        """The steps after the end of each series: ``unique_id``, ``ds``, ``step`` (from 1), ``forecast``.

        Raises:
            DataError: a series is shorter than the model's window.
        """
        plan = self.plan
        histories = [history_of(series, plan.encoding.season) for series in data]
        for history in histories:
            check_known(history.values, plan.encoding.window, f"{data.source}: series {history.id!r}")
        x = np.stack([h.values[-plan.encoding.window :] for h in histories])
        forecasts = self.forecast_windows(x, [plan.scaler(h) for h in histories])
        steps = range(1, forecasts.shape[1] + 1)
        return {
            "unique_id": [series.id for series in data for _ in steps],
            "ds": [label for series in data for label in data.following(series, len(steps))],
            "step": [step for _ in data for step in steps],
            "forecast": forecasts.ravel().tolist(),
        }

    def evaluate(self, test: Span) -> Evaluation:
        """Rolling forecasts over the span, scored beside the baselines.

        Raises:
            DataError: there is less than a window before a span.
        """
        plan, data = self.plan, test.data
        rollings = roll(test, plan, self.forecast_windows)
        size = max(len(series) - start for series, start in zip(data, test.starts, strict=True))
        facts = {
            "test_size": size,
            "windows": sum(len(rolling.cutoffs) for rolling in rollings),
            "season": plan.encoding.season,
            "horizon": plan.horizon,
            "window": plan.encoding.window,
            "level": plan.encoding.level,
            "series": len(data),
        }
        series = "1 series" if len(data) == 1 else f"{len(data)} series"
        season = f"season {plan.encoding.season}" if plan.encoding.season > 1 else "no season"
        title = (
            f"Test: the last {size} steps of {series}, {facts['windows']} forecasts of up to {plan.horizon} steps; "
            f"{season}, window {plan.encoding.window}, level {plan.encoding.level}"
        )
        return Evaluation(
            title=title,
            metrics=tuple(Metric(name) for name in METRICS),
            scores=score(rollings, "model"),
            baselines={name: score(rollings, name) for name in BASELINES},
            labels=LABELS,
            facts=facts,
            verdict=verdict(rollings, BASELINES),
            rows=prediction_rows(data, rollings),
            figures=figures_of(data, test.starts, rollings),
            worst=worst_windows(data, rollings),
        )

    def has_seen(self, test: Span) -> bool:
        pairs = zip(test.data, test.starts, strict=True)
        return any(was_fitted_on(self.plan, series, start) for series, start in pairs)

    def stream(self, unique_id: str | None = None) -> Stream:
        """One value in, the forecast of the next ``H`` steps out; see :mod:`elman.tasks.forecast.streaming`."""
        return stream_of(self.plan, self.forecast_windows, unique_id, identity=model_digest(self.model))

    def remarks(self, data: SeriesSet) -> list[str]:
        histories = [history_of(s, self.plan.encoding.season) for s in data if len(s) >= self.plan.encoding.window]
        rescaled = [history.id for history in histories if self.plan.is_rescaled(history)]
        return [*remarks_on(data), *scale_remarks(rescaled), *short_remarks(self.plan, data)]

    def describe(self) -> list[str]:
        plan, encoding, names = self.plan, self.plan.encoding, list(self.plan.scalers)
        return [
            f"horizon {plan.horizon} ({plan.strategy}), window {encoding.window}, season {encoding.season}",
            f"level {encoding.level}, scale {encoding.scale}" + (f", {plan.frequency.name}" if plan.frequency else ""),
            f"series: {', '.join(names[:SHOWN_SERIES])}" + (" …" if len(names) > SHOWN_SERIES else ""),
        ]
