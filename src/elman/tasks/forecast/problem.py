"""A forecasting job: which steps are for fitting, which for the test, and the choices made on the former."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

from elman import jsontext
from elman.data import SeriesSet
from elman.errors import DataError, SettingsError
from elman.learning import Evaluation, Examples, Predictor, Problem
from elman.learning.problem import FittedOn
from elman.model import Array, Model, QuantileHead
from elman.settings import to_record
from elman.tasks.forecast.choosing import choose, named_columns
from elman.tasks.forecast.combination import fit_weights, outside
from elman.tasks.forecast.covariates import Columns
from elman.tasks.forecast.effects import fit_effects
from elman.tasks.forecast.encoding import Encoding
from elman.tasks.forecast.examples import Pairs, pairs, split
from elman.tasks.forecast.fitted_until import with_marks
from elman.tasks.forecast.intervals import Intervals, fit_intervals, level_name
from elman.tasks.forecast.members import pretrained_for, votes, with_members
from elman.tasks.forecast.network import HIGHWAY, begun, layers_for
from elman.tasks.forecast.plan import ANY, LINEAR, NETWORK, History, Plan
from elman.tasks.forecast.predictor import ForecastPredictor, evaluate_anew
from elman.tasks.forecast.quantiles import first_gaps, has_quantiles, uncalibrated
from elman.tasks.forecast.record import record_of
from elman.tasks.forecast.references import reference_names
from elman.tasks.forecast.rolling import backtest
from elman.tasks.forecast.selection import Ridge, choose_seasons, default_horizon
from elman.tasks.forecast.settings import ForecastSettings
from elman.tasks.forecast.span import Span, longest_horizon, seasons_before, span_of


class ForecastProblem(Problem):
    """Forecasting ``data`` as ``settings`` say.

    Args:
        start_from: the predictor whose layers, encoding and weights training continues from.
        test: the span to evaluate on, instead of that of ``settings.test_size``.

    Raises:
        DataError: too little data; the message names the file and the remedy.
    """

    keep_initial = True

    def __init__(
        self,
        data: SeriesSet,
        settings: ForecastSettings,
        *,
        start_from: ForecastPredictor | None = None,
        test: Span | None = None,
    ) -> None:
        old = None if start_from is None else start_from.plan
        if old is not None and settings.horizon is None:
            settings = dataclasses.replace(settings, horizon=old.horizon)
        self.data, self.settings, self._start_from = data, settings, start_from
        columns = self._columns(old)
        seasons, self.test = self._divide(settings.season if old is None else old.seasons, test)
        settings = self.settings
        self.rounds = (settings.windows or 0) if settings.refit else 0
        self.ends: list[int | None] = [None] * len(data) if self.test is None else [*self.test.starts]
        self._penalty: float | None = None
        self._others: tuple[tuple[Encoding, float], ...] = ()
        try:
            if old is None:
                choice = choose(data, self.ends, seasons, settings, columns)
                plan, self._penalty, self._others = choice.plan, choice.penalty, choice.others
            else:
                plan = self._continued(old)
            self.known, plan = self._known(
                dataclasses.replace(plan, frequency=data.frequency, outside=outside(settings.loss)), self.ends
            )
            self.layers = layers_for(plan, settings) if start_from is None else start_from.model.layers
            self._check_quantiles()
            self._train, self._validation, self._borders = split(plan, self.known, settings.validation)
            self.plan = self._with_members(plan, self.known)
        except DataError as error:
            raise DataError(f"{data.source}: {error}") from error
        self.candidates = () if start_from is not None else tuple(self._candidates())
        for series in data:
            data.following(series, self.plan.horizon)  # past the calendar's end: an error now, not after training
        if self._train is None:
            raise DataError(f"{data.source}: there is no observed value to learn from; give more data")
        self._fitted_to: Pairs = self._train

    def _columns(self, old: Plan | None) -> Columns:
        """What is read beside the values, checked to be in the data."""
        if old is None:
            return named_columns(self.data, self.settings)
        old.columns.check(self.data)
        return old.columns

    @property
    def _has_highway(self) -> bool:
        return any(layer.name == HIGHWAY for layer in self.layers)

    def _check_quantiles(self) -> None:
        head, levels = self.layers[-1], [level_name(level) for level in self.settings.levels]
        if isinstance(head, QuantileHead) and not has_quantiles(head, levels):
            raise SettingsError(
                f"the model to go on from has no quantiles for `levels` {', '.join(levels)}: leave `levels` out, or "
                "train a new model"
            )

    def fingerprint(self) -> bytes:
        choices = [to_record(self.settings), record_of(self.plan), self.ends]
        digest = hashlib.sha256(jsontext.dumps(choices, sort_keys=True).encode())
        for series in self.data:
            digest.update(series.id.encode() + series.values.tobytes())
            digest.update(b"" if series.times is None else series.times.tobytes())
            if (own := series.covariates) is not None:
                digest.update(own.past.tobytes() + own.future[: len(series)].tobytes() + repr(own.static).encode())
        return digest.digest()

    def train(self) -> Examples:
        assert self._train is not None
        self._fitted_to = self._train
        return self._train.examples()

    def validation(self) -> Examples | None:
        return None if self._validation is None else self._validation.examples()

    def all(self) -> Examples:
        histories, plan = self._whole
        found = pairs(plan, histories)
        assert found is not None, "the whole holds what its part held"
        self._fitted_to = found
        return found.examples()

    def initial(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """The highway begins as the ridge regression on the examples that are fitted, the rest as nothing beside it."""
        coefficients, rest, own = None, self._fitted_to, None
        if self._penalty is not None and self._has_highway:
            effects = fit_effects(self._fitted_to)
            rest = effects.removed(self._fitted_to)
            own = Ridge(rest).coefficients(self._penalty)
            coefficients = effects.whole(own, self._fitted_to)
        zero = coefficients is not None or self.plan.encoding.level != "none"
        head, gaps = self.layers[-1], None
        if isinstance(head, QuantileHead):
            left = rest.targets if own is None else rest.targets - rest.regressed(own)
            gaps = first_gaps(left, rest.weights, head.quantiles)
        return begun(self.layers, arrays, coefficients, zero, gaps)

    def predictor(self, arrays: dict[str, Array], fitted_on: FittedOn) -> ForecastPredictor:
        if fitted_on == "all":
            plan = with_marks(self._whole[1], self.data, [None] * len(self.data))
        else:
            plan = with_marks(self._tested, self.data, self.ends)
            self._measure(arrays)
        return self._with(arrays, plan, self._weights, self._units, self._intervals)

    def _candidates(self) -> Iterator[tuple[dict[str, Any], ForecastProblem]]:
        """This job with each of the cells and sizes to choose among, on the same examples."""
        settings, chosen = self.settings, {"cell": self.settings.cells, "hidden_size": self.settings.hidden_sizes}
        named = {name: values for name, values in chosen.items() if values is not None}
        for values in product(*named.values()) if named else ():
            given: dict[str, Any] = dict(zip(named, values, strict=True))
            own = copy.copy(self)
            own.settings = dataclasses.replace(settings, cells=None, hidden_sizes=None, **given)
            own.layers = layers_for(self.plan, own.settings)
            own.candidates = ()
            yield given, own

    def round(self, number: int) -> ForecastProblem:
        settings, data = dataclasses.replace(self.settings, windows=None, refit=False, test_size=0), self.data
        if number < self.rounds and self.test is not None:
            data = data.until(self.test.window(number, self.plan.horizon).starts)
        return ForecastProblem(data, settings, start_from=self._start_from)

    def measured(self, predictors: Sequence[Predictor]) -> Evaluation:
        assert self.test is not None
        return evaluate_anew(self.test, [one for one in predictors if isinstance(one, ForecastPredictor)])

    def _with(
        self,
        arrays: dict[str, Array],
        plan: Plan,
        weights: Mapping[str, Mapping[str, float]],
        units: Mapping[str, Mapping[str, float]],
        intervals: Intervals,
    ) -> ForecastPredictor:
        weights = {name: _of_members(own, plan) for name, own in weights.items()}
        used = {name for own in weights.values() for name in own}
        plan = dataclasses.replace(plan.keeping(used), weights=weights, units=units, intervals=intervals)
        return ForecastPredictor(Model(self.layers, arrays, "forecast", record_of(plan)))

    def _measure(self, arrays: dict[str, Array]) -> None:
        """Weights of the members and widths of the intervals, from the validation part, on which ``arrays`` were not
        fitted; the model fitted on everything has them too."""
        self._weights: dict[str, dict[str, float]] = {ANY: {NETWORK: 1.0}}
        self._units: dict[str, dict[str, float]] = {}
        self._intervals: Intervals = {}
        if self.settings.intervals == "quantile":
            self._units, self._intervals = uncalibrated(self.settings.levels, self.plan.horizon)
        together = self.settings.combine == "validation"
        if together and self.settings.validation > 0:  # none of them is known to be better
            self._weights = self._equal(self._reading_a_season())
        if self._borders is None:
            return
        plan = with_marks(self.plan, self.data, self.ends).keeping()
        plan = self._with_members(plan, self.known, self._borders)  # fitted before the part
        plan = dataclasses.replace(plan, pretrained=self._tested.pretrained)
        everyone = self._equal(self._trained(plan)) if together else self._weights
        members = self._with(arrays, plan, everyone, self._units, self._intervals)
        found = backtest(self.data, self.ends, self._borders, members.plan, members.forecast)
        found = {name: own for name, own in found.items() if own.windows >= 1}
        if together and found:
            self._weights = fit_weights(found, votes(plan, self.known))
        if self.settings.intervals != "none":
            units, intervals = fit_intervals(found, self.settings.levels, self.plan.outside)
            self._units, self._intervals = units or self._units, intervals or self._intervals

    def _trained(self, plan: Plan) -> dict[str, int]:
        """The steps that each member of ``plan`` reads, but for the simple ones."""
        window = plan.encoding.window
        found = {NETWORK: window} | ({LINEAR: window} if self._has_highway else {})
        return found | plan.further

    def _reading_a_season(self) -> list[str]:
        """The fitted members that read a whole season; the others know nothing of it."""
        season = self.plan.seasons[0]
        return [name for name, window in self._trained(self._tested).items() if window >= season]

    def _equal(self, trained: Iterable[str]) -> dict[str, dict[str, float]]:
        """One vote for every simple forecast and the fitted ones that are named."""
        own = dict.fromkeys([*trained, *reference_names(self.plan.seasons)], 1.0)
        own |= {name: count for name, count in votes(self._tested, self.known).items() if name in own}
        return {ANY: {name: count / sum(own.values()) for name, count in own.items()}}

    @cached_property
    def _tested(self) -> Plan:
        """The plan with the pre-trained network, fine-tuned as the network is trained: before the validation part."""
        found = pretrained_for(self.plan, self.settings, self.known, self._borders, tune=True)
        return dataclasses.replace(self.plan, pretrained=tuple(found))

    @cached_property
    def _whole(self) -> tuple[list[History], Plan]:
        histories, plan = self.known, self.plan
        if self.test is not None:
            ends = [None] * len(self.data)
            plan = self.plan if self._start_from is not None else self.plan.fit_columns(self.data, ends)
            histories, plan = self._known(plan, ends)
            plan = self._with_members(plan, histories)
        tune = any(one.tuned is not None for one in self._tested.pretrained)  # the same members as tested
        found = pretrained_for(plan, self.settings, histories, None, tune=tune)
        return histories, dataclasses.replace(plan, pretrained=tuple(found))

    def _known(self, plan: Plan, ends: Sequence[int | None]) -> tuple[list[History], Plan]:
        """The series up to their ends, and the plan with limits and scalers fitted to them."""
        plan = plan.fit_limits(self.data, ends)
        histories = [plan.history(series, end) for series, end in zip(self.data, ends, strict=True)]
        return histories, plan.fit_scalers(histories)

    def _with_members(self, plan: Plan, histories: Sequence[History], last: Sequence[int] | None = None) -> Plan:
        # bounds count the test too, so that the tested model has the members of the final one
        steps = max(len(series) for series in self.data)
        return with_members(plan, self.settings, self._others, histories, last, steps=steps)

    def _divide(self, seasons: Sequence[int] | None, test: Span | None) -> tuple[tuple[int, ...], Span | None]:
        """The seasons, found on what precedes the test only, and the test."""
        data, settings = self.data, self.settings
        if test is not None:
            return tuple(seasons or choose_seasons(data, test.starts, data.frequency)), test
        if settings.test_size == 0:
            whole = [len(series) for series in data]
            return tuple(seasons or choose_seasons(data, whole, data.frequency)), None
        found = tuple(seasons or seasons_before(data, settings))
        horizon = settings.horizon or default_horizon(found[0])
        if settings.windows is not None and settings.horizon is None:
            horizon = horizon if seasons else min(horizon, longest_horizon(data, settings))
            self.settings = dataclasses.replace(settings, horizon=horizon)  # the same in all windows
        return found, span_of(data, settings, horizon)

    def _continued(self, plan: Plan) -> Plan:
        if self.settings.horizon not in (None, plan.horizon):
            raise SettingsError(
                f"the model to go on from forecasts {plan.horizon} steps; `horizon` is {self.settings.horizon}: "
                "leave it out, or train a new model"
            )
        alone: dict[str, dict[str, float]] = {ANY: {NETWORK: 1.0}}  # until it is measured on the new data
        return dataclasses.replace(plan.keeping(), weights=alone, units={}, intervals={})


def _of_members(weights: Mapping[str, float], plan: Plan) -> Mapping[str, float]:
    """The weights without those of members that could be fitted to the part before the validation, but not to all."""
    there = {NETWORK, LINEAR, *plan.further, *reference_names(plan.seasons)}
    if weights.keys() <= there:
        return weights
    total = sum(weight for name, weight in weights.items() if name in there)
    return {name: weight / total for name, weight in weights.items() if name in there} if total else {NETWORK: 1.0}
