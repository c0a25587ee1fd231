"""The members of a combination that are fitted to the series, besides the network: for few series, where it costs
little and one model of all has little to learn from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from elman.tasks.forecast.covariates import NO_COLUMNS
from elman.tasks.forecast.encoding import Encoding
from elman.tasks.forecast.examples import pairs
from elman.tasks.forecast.fine_tuning import fine_tuned
from elman.tasks.forecast.linears import MOST_MEMBERS, MOST_NUMBERS, LinearMember
from elman.tasks.forecast.plan import History, Plan
from elman.tasks.forecast.pretrained import PretrainedMember, can_forecast, pretrained_members, tuned_steps
from elman.tasks.forecast.selection import Ridge, transforms_for
from elman.tasks.forecast.settings import ForecastSettings
from elman.tasks.forecast.smoothing import SmoothingMember, default_window
from elman.tasks.forecast.smoothing_forms import DOUBLE, FORMS, fewest, seasons_of

MOST_SERIES, MOST_OF_TWO = 10, 500  # for members of all kinds, and for smoothing with two seasons alone
MOST_SEASONS, MOST_LONG_SEASONS = 100, 32
"""Of a longer history the network and the regressions learn what smoothing assumes."""
MOST_VOTES, VOTES_TIMES_STEPS, VOTES_OF_TUNED = 8.0, 1200, 3.0


def with_members(
    plan: Plan,
    settings: ForecastSettings,
    others: Sequence[tuple[Encoding, float]],
    histories: Sequence[History],
    last: Sequence[int] | None = None,
    *,
    steps: int,
) -> Plan:
    """``plan`` with the linear members and those by smoothing fitted to ``histories``; one that cannot be stays as it
    was. There are none without a combination, or a validation part that tells their weights.

    Args:
        others: the encodings of the regressions, with their penalties.
        last: the step of each history that ends what may be known; without it, all of it is.
        steps: of the longest series, with its test.
    """
    if not _has_members(settings, histories, MOST_OF_TWO):
        return plan
    few = len(histories) <= MOST_SERIES
    linears = {one.name: one for one in (*plan.linears, *(_linears(plan, others, histories, last) if few else ()))}
    smoothings = {one.name: one for one in (*plan.smoothings, *_smoothings(plan, settings, histories, last, steps))}
    return dataclasses.replace(plan, linears=tuple(linears.values()), smoothings=tuple(smoothings.values()))


def _has_members(settings: ForecastSettings, histories: Sequence[History], most: int) -> bool:
    return len(histories) <= most and settings.combine != "none" and settings.validation > 0


def _linears(
    plan: Plan, others: Sequence[tuple[Encoding, float]], histories: Sequence[History], last: Sequence[int] | None
) -> Iterator[LinearMember]:
    if plan.strategy != "direct":
        return
    for encoding, penalty in others[:MOST_MEMBERS]:
        if encoding.transform == "log" and any(h.values.min() <= 0 for h in histories):
            continue
        if (encoding.steps + 1) * encoding.horizon > MOST_NUMBERS:
            continue
        other = dataclasses.replace(plan, encoding=encoding, columns=NO_COLUMNS).keeping()
        other = other.fit_scalers(histories)
        found = pairs(other, histories, last=last)
        if found is not None:
            yield LinearMember(encoding, Ridge(found).coefficients(penalty), other.scalers)


def _known(histories: Sequence[History], last: Sequence[int] | None) -> list[History]:
    ends = last or [len(history.values) for history in histories]
    return [history.until(end) for history, end in zip(histories, ends, strict=True)]


def _smoothings(
    plan: Plan, settings: ForecastSettings, histories: Sequence[History], last: Sequence[int] | None, steps: int
) -> Iterator[SmoothingMember]:
    series = {history.id: (history.values, history.observed) for history in _known(histories, last)}
    for form in FORMS if len(histories) <= MOST_SERIES else [DOUBLE]:
        seasons = seasons_of(form, plan.seasons)
        if seasons is None or steps > (MOST_LONG_SEASONS if form == DOUBLE else MOST_SEASONS) * seasons[0]:
            continue
        window = min(default_window(*seasons), settings.window or default_window(*seasons))
        if window < fewest(seasons[0]):
            continue
        for transform in transforms_for(settings, histories):
            yield from SmoothingMember(form, transform, seasons, window).fitted(plan.horizon, series)


def pretrained_for(
    plan: Plan, settings: ForecastSettings, histories: Sequence[History], last: Sequence[int] | None, *, tune: bool
) -> list[PretrainedMember]:
    """The members by the pre-trained network; with ``tune`` fine-tuned to ``histories``, if they are long enough.

    Args:
        last: as :func:`with_members` has it.

    Raises:
        MissingDependencyError: torch, by which it is fine-tuned, is not installed.
    """
    if not _has_members(settings, histories, MOST_SERIES):
        return []
    transforms, season, horizon = transforms_for(settings, histories), min(plan.seasons), plan.horizon
    window = tuned_steps(plan.seasons, settings.window)
    if tune and window and can_forecast(season, horizon, tuned=True):
        series = [(history.values, history.observed) for history in _known(histories, last)]
        members = [PretrainedMember(transform, season, window) for transform in transforms]
        found = [fine_tuned(member, horizon, series, settings.seed) for member in members]
        if tuned := [member for member in found if member is not None]:
            return tuned
    return pretrained_members(season, horizon, settings.window, transforms)


def votes(plan: Plan, histories: Sequence[History]) -> dict[str, float]:
    """As how many members the forecasts of the pre-trained network count: the others are many of a kind, but the longer
    a history, the more they have learned of it; the fine-tuned one has as well."""
    longest = max(len(history.values) for history in histories)
    least = min(MOST_VOTES, VOTES_TIMES_STEPS / longest)
    return {one.name: least if one.tuned is None else VOTES_OF_TUNED for one in plan.pretrained}
