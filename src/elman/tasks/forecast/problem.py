"""A forecasting job: which steps are for fitting, which for the test, and the choices made on the former."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from elman.data import SeriesSet
from elman.errors import DataError, SettingsError
from elman.model import Model
from elman.settings import to_record
from elman.tasks.base import Array, Evaluation, Examples, Problem
from elman.tasks.forecast import task
from elman.tasks.forecast.plan import (
    History,
    Plan,
    choose_season,
    default_horizon,
    examples,
    history_of,
    make_plan,
    plan_from_record,
    split,
)
from elman.tasks.forecast.seen import was_seen, with_fitted
from elman.tasks.forecast.settings import ForecastSettings


class ForecastProblem(Problem):
    """Forecasting ``data`` as ``settings`` say.

    Args:
        start_from: a model whose layers, encoding and weights are gone on from.
        test_starts: first test step of each series, instead of what ``settings.test_size`` says.

    Raises:
        DataError: too little data; the message names the file and the remedy.
    """

    def __init__(
        self,
        data: SeriesSet,
        settings: ForecastSettings,
        *,
        start_from: Model | None = None,
        test_starts: Sequence[int] | None = None,
    ) -> None:
        self.data, self.settings = data, settings
        old = None if start_from is None else plan_from_record(start_from.encoding)
        known_season = settings.season if old is None else old.encoding.season
        season, self.ends = self._divide(known_season, None if test_starts is None else list(test_starts))
        self.known = self._histories(season, self.ends)
        try:
            self.plan = make_plan(self.known, season, settings) if old is None else self._continued(old)
            self.layers = task.layers_for(self.plan, settings) if start_from is None else start_from.layers
            found = split(self.plan, self.known, settings.validation)
        except DataError as error:
            raise DataError(f"{data.source}: {error}") from error
        for series in data:
            data.following(series, self.plan.horizon)  # past the calendar's end: an error now, not after training
        self.silent_head = self.plan.encoding.level != "none"
        if found[0] is None:
            raise DataError(f"{data.source}: there is no observed value to learn from; give more data")
        self._split = found[0], found[1]

    def test_was_seen(self) -> bool:
        """Whether the model to go on from was fitted on steps of the test: its scores would then say nothing."""
        pairs = zip(self.data, self.ends, strict=True)
        return any(end is not None and was_seen(self.plan, series, end) for series, end in pairs)

    def fingerprint(self) -> bytes:
        choices = [to_record(self.settings), self.plan.record(), self.ends]
        digest = hashlib.sha256(json.dumps(choices, sort_keys=True).encode())
        for series in self.data:
            digest.update(series.id.encode() + series.values.tobytes())
            digest.update(b"" if series.times is None else series.times.tobytes())
        return digest.digest()

    def split(self) -> tuple[Examples, Examples | None]:
        return self._split

    def tested(self, arrays: dict[str, Array]) -> Model:
        return task.model_for(with_fitted(self.plan, self.data, self.ends), self.layers, arrays)

    def evaluate(self, model: Model) -> Evaluation | None:
        starts = [end for end in self.ends if end is not None]
        if not starts:
            return None
        return task.evaluate(model, self.data, starts, stride=self.settings.stride)

    def everything(self) -> Examples:
        found = examples(self._whole()[1], self._whole()[0])
        assert found is not None, "the whole holds what its part held"
        return found

    def final(self, arrays: dict[str, Array]) -> Model:
        plan = with_fitted(self._whole()[1], self.data, [None] * len(self.data))
        return task.model_for(plan, self.layers, arrays)

    def _whole(self) -> tuple[list[History], Plan]:
        histories = self._histories(self.plan.encoding.season, [None] * len(self.data))
        return histories, self.plan.fit_scalers(histories)

    def _histories(self, season: int, ends: Sequence[int | None]) -> list[History]:
        return [history_of(series, season, end) for series, end in zip(self.data, ends, strict=True)]

    def _divide(self, season: int | None, starts: list[int] | None) -> tuple[int, list[int | None]]:
        """The season, found on what precedes the test only, and where each series' known part ends."""
        data, settings = self.data, self.settings
        if starts is not None:
            return season or choose_season(data, starts, data.frequency), [*starts]
        if settings.test_size == 0:
            whole = [len(series) for series in data]
            return season or choose_season(data, whole, data.frequency), [None] * len(data)
        season = season or task.season_before_test(data, settings)
        return season, [*task.test_starts(data, settings, settings.horizon or default_horizon(season))]

    def _continued(self, plan: Plan) -> Plan:
        if self.settings.horizon not in (None, plan.horizon):
            raise SettingsError(
                f"the model to go on from forecasts {plan.horizon} steps; --horizon is {self.settings.horizon}: "
                "leave it out, or train a new model"
            )
        return plan.fit_scalers(self.known)
