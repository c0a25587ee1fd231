"""The choices behind a forecaster, made on histories alone, without training anything large.

Each candidate (a window, a level, a transform, a scale) is judged by a ridge regression from what the network would
read to what it should put out, fitted on the earlier part of the training data and scored on the later one. The best
one's regression is also where the network begins.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from elman.data import Frequency, Series, fill
from elman.errors import DataError
from elman.tasks.forecast.covariates import NO_COLUMNS, Columns
from elman.tasks.forecast.effects import fit_effects
from elman.tasks.forecast.encoding import Encoding
from elman.tasks.forecast.examples import FEWEST_EXAMPLES, Pairs, split
from elman.tasks.forecast.plan import MOST_RECURSIVE_STEPS, STEPS_OF_A_CALL, History, Plan
from elman.tasks.forecast.season import further_season, shorter_season, strongest_season
from elman.tasks.forecast.settings import LEVELS, SCALES, TRANSFORMS, ForecastSettings

Array = np.ndarray
# of the ridge, as shares of the inputs' mean square; ∞: no regression
PENALTIES = (1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, np.inf)
CLEARLY = 0.98  # a later candidate replaces an earlier one if its error is below this share of the other's
LEAST_RANGE = 1.5  # a transform makes a difference only where the largest value is that many times the smallest
MOST_JUDGED = 10_000
LONGEST_HORIZON = 48  # where none is given
JUDGED = ((1.0, 0.8), (0.8, 0.6), (0.6, 0.4))  # shares of each history: to the first, forecast from the second on
MANY = 10  # series, from which on a window's own scale may be better than its series'
ENOUGH = 2000  # examples to fit, beyond which the last part alone is judged
CALENDAR_SEASONS = {24: 168, 48: 336, 96: 672}  # a day in hours, half hours, quarters of an hour → a week


class Choice(NamedTuple):
    """A plan, the penalty of its ridge regression, other encodings with theirs, the best first; and its error."""

    plan: Plan
    penalty: float
    others: tuple[tuple[Encoding, float], ...] = ()
    error: float = np.inf


def choose_seasons(series: Iterable[Series], ends: Sequence[int], frequency: Frequency | None) -> tuple[int, ...]:
    """Steps in each season: the calendar's, or else the strongest autocorrelation peak of the longest known part, and a
    multiple of it that is stronger still, or a part of it that is nearly as strong."""
    # of several as long the first by name: their order in the data says nothing
    longest, end = min(zip(series, ends, strict=True), key=lambda pair: (-pair[1], pair[0].id))
    values = fill(longest.values[:end], 1)
    season = strongest_season(values) if frequency is None else frequency.season
    if frequency is not None:
        other = CALENDAR_SEASONS.get(season)
    else:
        other = further_season(values, season) or shorter_season(values, season)
    return (season, other) if other and end >= 3 * other else (season,)


def default_horizon(season: int) -> int:
    """One season, at most 48 steps; 12 where there is no season.

    >>> default_horizon(12), default_horizon(336), default_horizon(1)
    (12, 48, 12)
    """
    return min(season, LONGEST_HORIZON) if season > 1 else 12


def default_window(season: int, output: int) -> int:
    """A season, and a stretch of changes over a season to read, shorter than the season where that is very long;
    without a season twice the output.

    >>> default_window(12, 12), default_window(336, 48), default_window(1, 10)
    (24, 384, 20)
    """
    return season + min(max(season, 12), 48) if season > 1 else min(max(2 * output, 12), 48)


def make_plan(
    histories: Sequence[History], seasons: Sequence[int], settings: ForecastSettings, columns: Columns = NO_COLUMNS
) -> Choice:
    """Decide horizon, window, level, transform and scale from ``histories`` alone, and fit the scalers.

    Raises:
        DataError: the histories are too short for one example.
    """
    season = seasons[0]
    horizon = settings.horizon or default_horizon(season)
    output = horizon if settings.strategy == "direct" else 1
    lengths = sorted(len(h.values) for h in histories)
    usual, longest = lengths[len(lengths) // 2], lengths[-1]
    sizes = [settings.window] if settings.window else _windows(seasons, output, longest, usual)
    if longest < sizes[0] + output:
        raise DataError(
            f"the longest series has {longest} steps to learn from, but a window of {sizes[0]} and a horizon of "
            f"{output} need {sizes[0] + output}; give more data, or a smaller `window`, `horizon` or `test_size`"
        )
    encoding = Encoding(sizes[0], output, season, "last", "series")
    plan = Plan(horizon, settings.strategy, encoding, tuple(seasons), columns=columns)
    if settings.level.startswith("seasonal") and sizes[0] <= season:
        needs = f"level {settings.level!r} needs a window longer than the season of {season}"
        raise DataError(f"{needs}; `window` is {sizes[0]}")
    if plan.recursive_steps > MOST_RECURSIVE_STEPS:
        most = MOST_RECURSIVE_STEPS // (sizes[0] + STEPS_OF_A_CALL)
        raise DataError(
            f"a horizon of {horizon} with a window of {sizes[0]} is too long for `strategy` recursive, which takes at "
            f"most {most}; give a smaller `horizon`, or `strategy` direct"
        )
    return _best(list(_scaled(plan, histories, _candidates(plan.encoding, histories, sizes, settings))), histories)


def _scaled(plan: Plan, histories: Sequence[History], encodings: Iterable[Encoding]) -> Iterator[Plan]:
    """``plan`` with each encoding and its scalers, which do not depend on its scale."""
    known: dict[Encoding, Plan] = {}
    for encoding in encodings:
        alike = dataclasses.replace(encoding, scale=SCALES[1])
        if alike not in known:
            known[alike] = dataclasses.replace(plan, encoding=alike).fit_scalers(histories)
        yield dataclasses.replace(known[alike], encoding=encoding)


def _windows(seasons: Sequence[int], output: int, longest: int, usual: int) -> list[int]:
    """Windows to choose among, the default first; then three short seasons, or one and two of a second season."""
    season = seasons[0]
    first = max(2, min(default_window(season, output), (longest - output) // 2, usual))
    more = [size for size in (max(seasons), 2 * max(seasons)) if len(seasons) > 1]
    more += [3 * season] if len(seasons) == 1 and 1 < season <= 24 else []
    return [first, *(size for size in more if first < size <= (usual - output) // 2)]


def _candidates(
    default: Encoding, histories: Sequence[History], sizes: Sequence[int], settings: ForecastSettings
) -> list[Encoding]:
    levels = LEVELS[1:] if settings.level == "auto" else (settings.level,)
    transforms = transforms_for(settings, histories)
    if settings.transform == "log" and any(h.values.min() <= 0 for h in histories):
        name = next(h.id for h in histories if h.values.min() <= 0)
        raise DataError(
            f"series {name!r} has values that are not positive, which have no logarithm; `transform` is log"
        )
    scales: Sequence[str] = (settings.scale,)
    if settings.scale == "auto":
        scales = SCALES[1:] if len(histories) >= MANY else ("series",)
    found = [
        dataclasses.replace(default, window=window, level=level, scale=scale, transform=transform)
        for window, transform, scale, level in product(sizes, transforms, scales, _first(levels, "last"))
    ]
    return [one for one in found if not one.seasonal or (one.season > 1 and one.window > one.season)] or found[:1]


def transforms_for(settings: ForecastSettings, histories: Sequence[History]) -> Sequence[str]:
    """Those to try: logarithms by themselves where they make a difference."""
    if settings.transform != "auto":
        return (settings.transform,)
    return TRANSFORMS[1:] if all(_spans(h.values) for h in histories) else ("none",)


def _first(names: Sequence[str], name: str) -> list[str]:
    return sorted(names, key=lambda other: other != name)


def _spans(values: Array) -> bool:
    return bool(values.min() > 0 and values.max() > LEAST_RANGE * values.min())


def _best(plans: Sequence[Plan], histories: Sequence[History]) -> Choice:
    """The plan whose regression has the least mean absolute error over the judged parts, the first of about equals."""
    found: list[tuple[float, Plan, float]] = []
    judged = _judged(max(plan.encoding.window for plan in plans) + plans[0].encoding.horizon, histories)
    for plan in plans:
        errors = _errors(plan, histories, judged)
        # of penalties that do about as well, the largest: the smallest ones fit what will not come again
        penalty = max(p for p in PENALTIES if errors[p] <= min(errors.values()) / CLEARLY)
        found.append((errors[penalty], plan, penalty))
    best = found[0]
    for candidate in found[1:]:
        if candidate[0] < CLEARLY * best[0]:
            best = candidate
    rest = sorted((one for one in found if one is not best and np.isfinite(one[0])), key=lambda one: one[0])
    others = tuple((plan.encoding, penalty) for _, plan, penalty in _distinct(rest, best[1]))
    return Choice(best[1], best[2], others, best[0])


def _distinct(found: Sequence[tuple[float, Plan, float]], best: Plan) -> list[tuple[float, Plan, float]]:
    """Of each level and transform the best, but for those of ``best``."""
    seen = {(best.encoding.level, best.encoding.transform)}
    kept = []
    for one in found:
        key = (one[1].encoding.level, one[1].encoding.transform)
        if key not in seen:
            seen.add(key)
            kept.append(one)
    return kept


def _judged(needed: int, histories: Sequence[History]) -> Sequence[tuple[float, float]]:
    """The parts to judge on: those that leave the longest window enough examples, so that all are judged on the
    same."""
    usual = float(np.median([len(h.values) for h in histories]))
    return [part for part in JUDGED[1:] if part[1] * usual >= needed + 2 * FEWEST_EXAMPLES]


def _errors(plan: Plan, histories: Sequence[History], judged: Sequence[tuple[float, float]]) -> dict[float, float]:
    """Penalty → mean absolute error over the judged parts, each forecast by a regression on what precedes it; ∞ where
    there is too little data."""
    folds: list[dict[float, float]] = []
    sizes: list[int] = []
    for end, begin in (JUDGED[0], *judged):
        known = [h.until(round(end * len(h.values))) for h in histories]
        fit_part, held_out, _ = split(plan, known, 1 - begin / end, MOST_JUDGED)
        if fit_part is None or held_out is None:
            continue
        effects = fit_effects(fit_part)
        fit_part, held_out = effects.removed(fit_part), effects.removed(held_out)
        ridge = Ridge(fit_part)
        folds.append(_held_out_errors(plan, held_out, ridge))
        sizes.append(len(fit_part) ** 2)  # a regression on a handful of examples says little of one on many
        if len(fit_part) >= ENOUGH:
            break
    if not folds:
        return dict.fromkeys(PENALTIES, np.inf)
    return {p: float(np.average([fold[p] for fold in folds], weights=sizes)) for p in PENALTIES}


def _held_out_errors(plan: Plan, held_out: Pairs, ridge: Ridge) -> dict[float, float]:
    """Penalty → mean absolute error of forecasts in units of each series' standard deviation, the transform undone."""
    encoding, inputs = plan.encoding, _with_constant(held_out.inputs)
    target = encoding.back(held_out.reference + held_out.spread * held_out.targets)
    total, found = max(held_out.weights.sum(), 1), {}
    for penalty in PENALTIES:
        output = inputs @ ridge.coefficients(penalty)
        with np.errstate(over="ignore"):
            errors = np.abs(encoding.back(held_out.reference + held_out.spread * output) - target)
            weighted = np.minimum(errors / held_out.scale, 1e6) * held_out.weights
        found[penalty] = float(weighted.sum() / total)
    return found


class Ridge:
    """Least squares from a window, and a constant, to what follows, with a penalty on the squares of the
    coefficients."""

    def __init__(self, found: Pairs) -> None:
        x = _with_constant(found.inputs)
        self._values, self._vectors = np.linalg.eigh(x.T @ x / len(x))
        self._products = self._vectors.T @ (x.T @ (found.targets.astype(float) * found.weights) / len(x))
        self._unit = float(np.mean(np.square(x[:, :-1])))

    def coefficients(self, penalty: float) -> Array:
        """(T + 1, H), the constant's last; zeros for a penalty of ∞."""
        if not np.isfinite(penalty):
            return np.zeros_like(self._products)
        shrunk = np.maximum(self._values, 0)[:, None] + max(penalty * self._unit, 1e-12)
        coefficients: Array = self._vectors @ (self._products / shrunk)
        return coefficients


def _with_constant(inputs: Array) -> Array:
    return np.column_stack([inputs.astype(float), np.ones(len(inputs))])
