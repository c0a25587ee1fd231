"""A forecasting job: which steps are for fitting, which for the test, and the choices made on the former."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from elman import jsontext
from elman.data import SeriesSet
from elman.errors import DataError, SettingsError
from elman.learning import Examples, Problem
from elman.learning.problem import FittedOn
from elman.model import Array, Model
from elman.settings import to_record
from elman.tasks.forecast.fitted_until import with_marks
from elman.tasks.forecast.plan import (
    History,
    Plan,
    choose_season,
    default_horizon,
    examples,
    history_of,
    make_plan,
    split,
)
from elman.tasks.forecast.predictor import ForecastPredictor, layers_for
from elman.tasks.forecast.settings import ForecastSettings
from elman.tasks.forecast.span import Span, season_before, span_of


class ForecastProblem(Problem):
    """Forecasting ``data`` as ``settings`` say.

    Args:
        start_from: the predictor whose layers, encoding and weights training continues from.
        test: the span to evaluate on, instead of that of ``settings.test_size``.

    Raises:
        DataError: too little data; the message names the file and the remedy.
    """

    def __init__(
        self,
        data: SeriesSet,
        settings: ForecastSettings,
        *,
        start_from: ForecastPredictor | None = None,
        test: Span | None = None,
    ) -> None:
        self.data, self.settings = data, settings
        old = None if start_from is None else start_from.plan
        season, self.test = self._divide(settings.season if old is None else old.encoding.season, test)
        self.ends: list[int | None] = [None] * len(data) if self.test is None else [*self.test.starts]
        self.known = self._histories(season, self.ends)
        try:
            plan = make_plan(self.known, season, settings) if old is None else self._continued(old)
            self.plan = replace(plan, frequency=data.frequency)
            self.layers = layers_for(self.plan, settings) if start_from is None else start_from.model.layers
            fit_part, held_out = split(self.plan, self.known, settings.validation)
        except DataError as error:
            raise DataError(f"{data.source}: {error}") from error
        for series in data:
            data.following(series, self.plan.horizon)  # past the calendar's end: an error now, not after training
        self.zero_output = self.plan.encoding.level != "none"
        if fit_part is None:
            raise DataError(f"{data.source}: there is no observed value to learn from; give more data")
        self._train, self._validation = fit_part, held_out

    def fingerprint(self) -> bytes:
        choices = [to_record(self.settings), self.plan.record(), self.ends]
        digest = hashlib.sha256(jsontext.dumps(choices, sort_keys=True).encode())
        for series in self.data:
            digest.update(series.id.encode() + series.values.tobytes())
            digest.update(b"" if series.times is None else series.times.tobytes())
        return digest.digest()

    def train(self) -> Examples:
        return self._train

    def validation(self) -> Examples | None:
        return self._validation

    def all(self) -> Examples:
        histories, plan = self._whole
        found = examples(plan, histories)
        assert found is not None, "the whole holds what its part held"
        return found

    def predictor(self, arrays: dict[str, Array], fitted_on: FittedOn) -> ForecastPredictor:
        if fitted_on == "train":
            plan = with_marks(self.plan, self.data, self.ends)
        else:
            plan = with_marks(self._whole[1], self.data, [None] * len(self.data))
        return ForecastPredictor(Model(self.layers, arrays, "forecast", plan.record()))

    @cached_property
    def _whole(self) -> tuple[list[History], Plan]:
        histories = self._histories(self.plan.encoding.season, [None] * len(self.data))
        return histories, self.plan.fit_scalers(histories)

    def _histories(self, season: int, ends: Sequence[int | None]) -> list[History]:
        return [history_of(series, season, end) for series, end in zip(self.data, ends, strict=True)]

    def _divide(self, season: int | None, test: Span | None) -> tuple[int, Span | None]:
        """The season, found on what precedes the test only, and the test."""
        data, settings = self.data, self.settings
        if test is not None:
            return season or choose_season(data, test.starts, data.frequency), test
        if settings.test_size == 0:
            whole = [len(series) for series in data]
            return season or choose_season(data, whole, data.frequency), None
        season = season or season_before(data, settings)
        return season, span_of(data, settings, settings.horizon or default_horizon(season))

    def _continued(self, plan: Plan) -> Plan:
        if self.settings.horizon not in (None, plan.horizon):
            raise SettingsError(
                f"the model to go on from forecasts {plan.horizon} steps; `horizon` is {self.settings.horizon}: "
                "leave it out, or train a new model"
            )
        return plan.fit_scalers(self.known)
