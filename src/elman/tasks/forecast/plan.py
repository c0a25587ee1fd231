"""The choices behind a forecaster, made on what may be known, and the examples it learns from.

Everything here takes :class:`History` objects, series cut off where knowledge ends: nothing later can leak.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from elman.data import Frequency, Series, fill, windows
from elman.errors import DataError, ModelFileError
from elman.learning import Examples
from elman.model import INPUT
from elman.tasks.forecast.encoding import Encoding, Scaler
from elman.tasks.forecast.same_kind import frequency_from_record, same_scale
from elman.tasks.forecast.season import strongest_season
from elman.tasks.forecast.settings import LEVELS, MOST_STEPS, STRATEGIES, ForecastSettings

Array = np.ndarray
RIDGE = 0.01
CLEARLY = 0.95  # the raw series is read only if that lowers the validation error at least to this share
FEWEST_EXAMPLES = 8
# The recursive strategy runs the network once a step on a whole window; a call costs as much as some more steps.
STEPS_OF_A_CALL, MOST_RECURSIVE_STEPS = 1000, 20_000_000


class History(NamedTuple):
    """A series as far as it may be known: values with gaps filled in from before, and which were observed."""

    id: str
    values: Array
    observed: Array


@dataclass(frozen=True)
class Plan:
    """All that turns histories into forecasts, besides the weights.

    ``fitted`` records how far each series was known when the weights were fitted, by a mark of its last step;
    ``frequency`` what their steps were, None without times.
    """

    horizon: int
    strategy: str
    encoding: Encoding
    scalers: dict[str, Scaler]
    fitted: dict[str, str] = dataclasses.field(default_factory=dict)
    frequency: Frequency | None = None

    @property
    def recursive_steps(self) -> int:
        """Work of a forecast with the recursive strategy, in steps of the network; 0 with the direct one."""
        return 0 if self.strategy == "direct" else self.horizon * (self.encoding.window + STEPS_OF_A_CALL)

    def scaler(self, history: History) -> Scaler:
        """The series' own scaler; for an unknown series, or one on another scale by now, one fitted on its history."""
        known = self.scalers.get(history.id)
        if known is not None and (len(history.values) < self.encoding.window or not self.is_rescaled(history)):
            return known
        return self.encoding.fit_scaler(history.values)

    def is_rescaled(self, history: History) -> bool:
        """Whether a known series is on another scale than when the model was fitted."""
        known = self.scalers.get(history.id)
        return known is not None and not same_scale(known, self.encoding.fit_scaler(history.values))

    def fit_scalers(self, histories: Sequence[History]) -> Plan:
        """The same plan with scalers for ``histories``; other series' scalers stay."""
        fitted = {h.id: self.encoding.fit_scaler(h.values) for h in histories}
        return dataclasses.replace(self, scalers={**self.scalers, **fitted})

    def record(self) -> dict[str, Any]:
        """JSON values, for the model file."""
        return {
            "horizon": self.horizon,
            "strategy": self.strategy,
            "encoding": dataclasses.asdict(self.encoding),
            "scalers": {name: list(scaler) for name, scaler in self.scalers.items()},
            "fitted": self.fitted,
            "frequency": None if self.frequency is None else dataclasses.asdict(self.frequency),
        }


def plan_from_record(record: Any) -> Plan:
    """The plan that :meth:`Plan.record` wrote.

    Raises:
        ModelFileError: it is not one.
    """
    try:
        encoding = Encoding(**record["encoding"])
        scalers = {name: Scaler(float(c), float(s)) for name, (c, s) in record["scalers"].items()}
        if any(type(number) not in (int, float) for pair in record["scalers"].values() for number in pair):
            raise TypeError("scalers are pairs of numbers")
        frequency = frequency_from_record(record.get("frequency"))
        plan = Plan(**{**record, "encoding": encoding, "scalers": scalers, "frequency": frequency})
        if record.keys() | {"frequency"} != {field.name for field in dataclasses.fields(Plan)}:
            raise KeyError("fitted")  # it has a default, but without marks steps that were seen would be scored
        if not plan.fitted.keys() >= scalers.keys():
            raise ValueError("a series without a mark of what was seen")
        check_marks(plan.fitted)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFileError(f"its forecasting record is malformed ({str(error)!a:.100})") from error
    sizes = (plan.horizon, encoding.window, encoding.horizon, encoding.season)
    good = (
        all(type(size) is int and 1 <= size <= MOST_STEPS for size in sizes)
        and encoding.level in LEVELS[1:]
        and encoding.scale in ("series", "window")
        and plan.strategy in STRATEGIES
        and encoding.horizon == (plan.horizon if plan.strategy == "direct" else 1)
        and plan.recursive_steps <= MOST_RECURSIVE_STEPS
        and (not encoding.seasonal or encoding.window > encoding.season)
        and all(np.isfinite(s.center) and s.spread > 0 and np.isfinite(s.spread) for s in scalers.values())
    )
    if not good:
        raise ModelFileError("its forecasting record has impossible values")
    return plan


def check_marks(fitted: Mapping[str, str]) -> None:
    """Check marks of what was known (:mod:`elman.tasks.forecast.fitted_until`).

    Raises:
        ValueError: one of them cannot be read.
    """
    for mark in fitted.values():
        if re.fullmatch(r"time:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", mark):
            np.datetime64(mark.removeprefix("time:"), "s")
        elif not re.fullmatch(r"rows:[1-9][0-9]{0,17}:[0-9a-f]{16}", mark):
            raise ValueError(f"{mark!r:.60} marks no step")


def history_of(series: Series, season: int, end: int | None = None) -> History:
    """``series`` up to (not including) step ``end``, its gaps filled in with what was known before them."""
    values = series.values[:end]
    return History(series.id, fill(values, season), ~np.isnan(values))


def choose_season(series: Iterable[Series], ends: Sequence[int], frequency: Frequency | None) -> int:
    """Steps in a season: the calendar's, or else the strongest autocorrelation peak of the longest known part."""
    if frequency is not None:
        return frequency.season
    longest, end = max(zip(series, ends, strict=True), key=lambda pair: pair[1])
    return strongest_season(fill(longest.values[:end], 1))


def make_plan(histories: Sequence[History], season: int, settings: ForecastSettings) -> Plan:
    """Decide horizon, window and level from ``histories`` alone, and fit the scalers.

    Raises:
        DataError: the histories are too short for one example.
    """
    horizon = settings.horizon or default_horizon(season)
    output = horizon if settings.strategy == "direct" else 1
    longest, shortest = (f(len(h.values) for h in histories) for f in (max, min))
    window = settings.window or _default_window(season, output, longest, shortest)
    if longest < window + output:
        raise DataError(
            f"the longest series has {longest} steps to learn from, but a window of {window} and a horizon of {output} "
            f"need {window + output}; give more data, or a smaller `window`, `horizon` or `test_size`"
        )
    encoding = Encoding(window, output, season, settings.level, settings.scale)
    if encoding.seasonal and window <= season:
        needs = f"level {settings.level!r} needs a window longer than the season of {season}"
        raise DataError(f"{needs}; `window` is {window}")
    if settings.level == "auto":
        encoding = dataclasses.replace(encoding, level=_choose_level(histories, encoding, settings.validation))
    plan = Plan(horizon, settings.strategy, encoding, {})
    if plan.recursive_steps > MOST_RECURSIVE_STEPS:
        most = MOST_RECURSIVE_STEPS // (window + STEPS_OF_A_CALL)
        raise DataError(
            f"a horizon of {horizon} with a window of {window} is too long for `strategy` recursive, which takes at "
            f"most {most}; give a smaller `horizon`, or `strategy` direct"
        )
    return plan.fit_scalers(histories)


def default_horizon(season: int) -> int:
    """One season, at most 48 steps; 12 where there is no season.

    >>> default_horizon(12), default_horizon(336), default_horizon(1)
    (12, 48, 12)
    """
    return min(season, 48) if season > 1 else 12


def _default_window(season: int, output: int, longest: int, shortest: int) -> int:
    # A season, and a stretch of changes over a season to read: shorter than the season where that is very long.
    wanted = season + min(max(season, 12), 48) if season > 1 else min(max(2 * output, 12), 48)
    return max(2, min(wanted, (longest - output) // 2, shortest))


def _choose_level(histories: Sequence[History], encoding: Encoding, validation: float) -> str:
    """The level for series like these, decided on the end of the training part without training anything large.

    Of the last value, the same step a season ago, and that plus the last change over a season, the best forecast is
    taken. Where that is the last value, the raw series is read if a ridge regression on it forecasts clearly better
    than one on the changes.
    """
    errors = {}
    seasonal = ["seasonal", "seasonal-last"] if encoding.season > 1 and encoding.window > encoding.season else []
    parts = {}
    for level in ("last", "none", *seasonal):
        candidate = dataclasses.replace(encoding, level=level)
        plan = Plan(encoding.horizon, "direct", candidate, {}).fit_scalers(histories)
        parts[level] = (fit_part, held_out) = split(plan, histories, validation or 0.2, by_series_scale=True)
        if fit_part is None or held_out is None:
            return "last"
        errors[level] = _weighted_mean(np.abs(held_out.targets), held_out)
    best = min(("last", *seasonal), key=errors.__getitem__)
    if best != "last":
        return best
    for level in ("last", "none"):
        fit_part, held_out = parts[level]
        assert fit_part is not None and held_out is not None
        x = _inputs(fit_part)
        gram = x.T @ x + RIDGE * len(x) * np.eye(x.shape[1])
        coefficients = np.linalg.solve(gram, x.T @ (fit_part.targets * _weights(fit_part)))
        errors[level] = _weighted_mean(np.abs(_inputs(held_out) @ coefficients - held_out.targets), held_out)
    return "none" if errors["none"] < CLEARLY * errors["last"] else "last"


def _weighted_mean(errors: Array, examples: Examples) -> float:
    weights = _weights(examples)
    return float((errors * weights).sum() / max(weights.sum(), 1))


def _inputs(examples: Examples) -> Array:
    values: Array = examples.named_inputs()[INPUT][:, :, 0]
    return values


def _weights(examples: Examples) -> Array:
    assert examples.sample_weight is not None, "examples() gives weights"
    return examples.sample_weight


def split(
    plan: Plan, histories: Sequence[History], validation: float, *, by_series_scale: bool = False
) -> tuple[Examples | None, Examples | None]:
    """Examples to fit, and later ones to validate on: no target of the first lies in the span of the second.

    Args:
        validation: share of each history, at its end, that the validation targets lie in; at least one horizon.
        by_series_scale: targets in units of the series' variation instead of the plan's spread, comparable
            between levels.

    Returns:
        (fit, validation); (all, None) where there is too little to divide, (None, None) where there is nothing.
    """
    output = plan.encoding.horizon
    for steps in ([round(validation * len(h.values)) for h in histories], [output] * len(histories)):
        if validation == 0:
            break
        borders = [len(h.values) - max(output, n) for h, n in zip(histories, steps, strict=True)]
        fit_part = examples(plan, histories, last=borders, by_series_scale=by_series_scale)
        held_out = examples(plan, histories, first=borders, by_series_scale=by_series_scale)
        if fit_part is not None and held_out is not None and len(fit_part) >= FEWEST_EXAMPLES:
            return fit_part, held_out
    return examples(plan, histories, by_series_scale=by_series_scale), None


def examples(
    plan: Plan,
    histories: Sequence[History],
    *,
    first: Sequence[int] | None = None,
    last: Sequence[int] | None = None,
    by_series_scale: bool = False,
) -> Examples | None:
    """All examples whose targets lie in steps ``first`` ≤ t < ``last`` of each history; None if there are none.

    Targets are the network's desired output: (value - reference) / spread. Filled-in targets have weight 0.
    """
    encoding = plan.encoding
    inputs, targets, weights = [], [], []
    for k, history in enumerate(histories):
        begin = max((first[k] if first is not None else 0) - encoding.window, 0)
        end = last[k] if last is not None else len(history.values)
        found = windows(
            history.values[begin:end], encoding.window, encoding.horizon, observed=history.observed[begin:end]
        )
        useful = found.observed.any(axis=1)
        if not useful.any():
            continue
        encoded = encoding.encode(found.inputs[useful], plan.scaler(history))
        spread = max(float(history.values.std()), 1e-12) if by_series_scale else encoded.spread
        inputs.append(encoded.inputs.astype(np.float32))
        targets.append(((found.targets[useful] - encoded.reference) / spread).astype(np.float32))
        weights.append(found.observed[useful].astype(np.float32))
    if not inputs:
        return None
    return Examples(np.concatenate(inputs)[:, :, None], np.concatenate(targets), sample_weight=np.concatenate(weights))
