"""Forecasts by exponential smoothing, and by the airline model: members beside the network.

A forecast depends on the steps of a window alone, so that a stream need not keep more. The parameters are those of a
grid that would have forecast best, at all lead times or at the first. All of it is done to the values or to their
logarithms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from elman.data.windows import contexts
from elman.tasks.forecast.smoothing_forms import (
    AIRLINE,
    FIRST_SEASONS,
    FORMS,
    GRIDS,
    RECURSIONS,
    Parameters,
    fewest,
    forecasts,
    seasons_of,
)

Array = np.ndarray
Observed = tuple[Array, Array]
"""The values of a series, (T,), and which of them were observed."""
PREFIX = "smoothing: "
LEADS = ("all", "first")
_FIXED = ("form", "transform", "window", "leads")
LEAST_ERROR = 1e-9  # times the largest finite one: a perfect forecast of one series does not decide for all
SEASONS_READ, LEAST_READ, MOST_READ = 10, 50, 1000
LONG_SEASONS = 6  # that are read where there is a shorter one
MOST_CUTOFFS, FEWEST_CUTOFFS = 60, 3  # of each series, to choose parameters by
FEWEST_LATER = 10  # steps that must be left to begin them after a third season
LONG_SEASONS_JUDGED = 4  # that these lie in where there is a shorter one
MOST_NUMBERS = 4_000_000  # of forecasts from them, for all points of a grid
MOST_IN_MAPS = 10_000_000  # numbers
AT_ONCE = 8192  # recursions, whose state stays in the cache


def default_window(season: int, shorter: int | None = None) -> int:
    """Steps that a forecast depends on, if none are named: ten seasons, of short ones more, of long ones fewer; with a
    shorter one beside it six.

    >>> default_window(4), default_window(12), default_window(168), default_window(365), default_window(168, 24)
    (50, 120, 1000, 1095, 1008)
    """
    if shorter is not None:
        return LONG_SEASONS * season
    return max(LEAST_READ, FIRST_SEASONS * season, min(SEASONS_READ * season, MOST_READ))


@dataclass(frozen=True)
class SmoothingMember:
    """A form of smoothing and its parameters.

    Args:
        form: one of :data:`FORMS`.
        transform: ``none``, or ``log``.
        seasons: one of at least 2 steps; of the form ``double`` a longer and a shorter one.
        window: steps before each cutoff that a forecast depends on.
        leads: the lead times whose errors chose the parameters, one of :data:`LEADS`: ``all``, or the ``first``.
        parameters: of each series that was fitted; ``""`` for any other.
    """

    form: str
    transform: str
    seasons: tuple[int, ...]
    window: int
    leads: str = LEADS[0]
    parameters: Mapping[str, Parameters] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """What it is called among the members.

        >>> SmoothingMember("damped", "log", (12,), 120).name
        'smoothing: damped log all'
        """
        return f"{PREFIX}{self.form} {self.transform} {self.leads}"

    def fitted(self, horizon: int, series: Mapping[str, Observed]) -> list[SmoothingMember]:
        """The same with the parameters of least mean absolute error on ``series``, over all lead times and over the
        first, which err differently; none if all are too short.

        Args:
            series: by name, all that may be known of it.
        """
        grid, errors = GRIDS[self.form], dict(self._errors(horizon, series))
        members = []
        for number, leads in enumerate(LEADS if horizon > 1 else LEADS[:1]):
            means = {name: own[number] for name in series if (own := errors.get(name)) is not None}
            means = {name: own for name, own in means.items() if np.isfinite(own).any()}
            if means:
                chosen = {name: grid[int(np.argmin(own))] for name, own in means.items()}
                relative = sum(own / _unit(own) for own in means.values())
                parameters = {"": grid[int(np.argmin(relative))], **chosen}
                members.append(replace(self, leads=leads, parameters=parameters))
        return members

    def _errors(self, horizon: int, series: Mapping[str, Observed]) -> Iterator[tuple[str, Array]]:
        """Of each series that is long enough, (2, G), the mean absolute error of each point of the grid over all lead
        times and over the first; ∞ where nothing was observed, or a forecast was not finite."""
        size = len(GRIDS[self.form])
        most = min(MOST_CUTOFFS, MOST_NUMBERS // (size * horizon))
        alike: dict[int, list[str]] = {}  # by the steps from one cutoff to the next
        for name, (values, _) in series.items():
            count = len(values) - horizon - self._earliest(len(values), horizon)
            if min(count, most) >= FEWEST_CUTOFFS:
                judged = count if len(self.seasons) == 1 else LONG_SEASONS_JUDGED * self.seasons[0]
                alike.setdefault(-(-judged // most), []).append(name)
        together = max(1, min(AT_ONCE, MOST_NUMBERS // horizon) // size)
        for apart, names in alike.items():
            names.sort(key=lambda name: len(series[name][0]))
            for start in range(0, len(names), together):
                some = names[start : start + together]
                yield from zip(
                    some, self._errors_of([series[name] for name in some], horizon, apart, most), strict=True
                )

    def _earliest(self, steps: int, horizon: int) -> int:
        """The first cutoff in a series of ``steps``: after three seasons, which it begins from, or where that leaves
        few after two."""
        season = self.seasons[0]
        least = fewest(season)
        return least + season if steps - horizon - least > season + FEWEST_LATER else least

    def _errors_of(self, series: Sequence[Observed], horizon: int, apart: int, most: int) -> Array:
        """(N, 2, G), from cutoffs ``apart`` of each other, the latest where the last targets end."""
        grid, longest = np.array(GRIDS[self.form])[:, None], max(len(values) for values, _ in series)
        values = np.concatenate([contexts(own, [len(own) - 1], longest) for own, _ in series])
        actual = np.concatenate([contexts(np.where(o, v, np.nan), [len(v) - 1], longest) for v, o in series])
        earliest = np.array([self._earliest(len(own), horizon) for own, _ in series])
        columns = earliest + longest - np.array([len(own) for own, _ in series])  # of the first cutoffs
        begin = np.minimum((earliest + 1) // self.seasons[0], FIRST_SEASONS)
        last = longest - 1 - horizon
        cutoffs = range(last, max(int(columns.min()) - 1, last - apart * most), -apart)[::-1]
        total, count = np.zeros((2, len(grid), len(series))), np.zeros((2, len(series)))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            run = forecasts(self.form, self._forward(values), self.seasons, grid, horizon, cutoffs, begin)
            for cutoff, found in zip(cutoffs, run, strict=True):
                ahead = actual[:, cutoff + 1 : cutoff + 1 + horizon]
                known = ~np.isnan(ahead) & (cutoff >= columns)[:, None]
                error = np.where(known, np.abs(self._back(found) - ahead), 0)
                total += error.sum(axis=2), error[:, :, 0]
                count += known.sum(axis=1), known[:, 0]
            means: Array = np.nan_to_num(total / count[:, None], nan=np.inf, posinf=np.inf)
            return np.moveaxis(means, 2, 0)

    def _forward(self, values: Array) -> Array:
        return np.log(values) if self.transform == "log" else values

    def _back(self, values: Array) -> Array:
        return np.exp(values) if self.transform == "log" else values

    def record(self) -> dict[str, Any]:
        """JSON values."""
        parameters = {name: list(values) for name, values in self.parameters.items()}
        fixed = {name: getattr(self, name) for name in _FIXED}
        return {**fixed, "parameters": parameters}


def _unit(means: Array) -> float:
    return max(float(means.min()), LEAST_ERROR * float(means[np.isfinite(means)].max())) or 1.0


def smoothing_from_record(record: Any, seasons: Sequence[int]) -> SmoothingMember:
    """What :meth:`SmoothingMember.record` wrote.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not that.
    """
    form, transform, window, leads = (record[name] for name in _FIXED)
    known, parameters = form in FORMS and transform in ("none", "log") and leads in LEADS, record["parameters"]
    if not known or len(record) > len(_FIXED) + 1 or "" not in parameters:
        raise ValueError("an unknown form of smoothing")
    own = seasons_of(form, seasons)
    if own is None:
        raise ValueError("smoothing of an impossible season")
    if type(window) is not int or not fewest(own[0]) <= window <= default_window(*own):
        raise ValueError("smoothing of an impossible window")
    count, least = len(GRIDS[form][0]), -1 if form == AIRLINE else 0
    for values in parameters.values():
        numbers = isinstance(values, list) and all(type(value) in (int, float) for value in values)
        if not numbers or len(values) != count or not all(least <= value <= 1 for value in values):
            raise ValueError("parameters of smoothing out of range")
    found = {name: tuple(map(float, values)) for name, values in parameters.items()}
    return SmoothingMember(form, transform, own, window, leads, found)


def smoothing_maps(members: Sequence[SmoothingMember], id: str, horizon: int) -> dict[str, Array]:
    """By member, (window, H): what a window without gaps of series ``id`` is multiplied by, for its forecast is linear
    in it (its logarithms). It takes as long as some forecasts step by step. None where they would need much memory."""
    if sum(one.window for one in members) * horizon > MOST_IN_MAPS:
        return {}
    found = {}
    for one in members:
        points, last = np.array([[one.parameters.get(id, one.parameters[""])]]), one.window - 1
        with np.errstate(over="ignore", invalid="ignore"):
            found[one.name] = next(forecasts(one.form, np.eye(one.window), one.seasons, points, horizon, [last]))[0]
    return found


def smoothing_forecasts(
    members: Sequence[SmoothingMember],
    histories: Array,
    ids: Sequence[str],
    horizon: int,
    maps: Mapping[str, Array] = MappingProxyType({}),
) -> dict[str, Array]:
    """By member, (N, H) from the steps up to each cutoff, (N, at least its ``window``); NaN where there are too few.

    Args:
        members: those of one kind of recursion and one window run at once.
        ids: whose each history is.
        maps: those of :func:`smoothing_maps`, where all are of its series.
    """
    found = {one.name: np.full((len(histories), horizon), np.nan) for one in members}
    alike: dict[Any, list[SmoothingMember]] = {}
    for one in members:
        rows, values = _readable(one, histories)
        if one.name in maps and not np.isnan(values).any():
            level = values[:, -1:]  # which the map leaves as it is
            with np.errstate(over="ignore", invalid="ignore"):
                found[one.name][rows] = one._back((values - level) @ maps[one.name] + level)
            continue
        alike.setdefault((RECURSIONS[one.form], one.seasons, one.window), []).append(one)
    for together in alike.values():
        parts = [_readable(one, histories) for one in together]
        if not any(len(rows) for rows, _ in parts):
            continue
        parameters = [
            one.parameters.get(ids[row], one.parameters[""])
            for one, (rows, _) in zip(together, parts, strict=True)
            for row in rows.tolist()
        ]
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.concatenate([values for _, values in parts])
            form, seasons, points = together[0].form, together[0].seasons, np.array(parameters)[None]
            made = next(forecasts(form, values, seasons, points, horizon, [values.shape[1] - 1]))[0]
            for one, (rows, _) in zip(together, parts, strict=True):
                found[one.name][rows], made = one._back(made[: len(rows)]), made[len(rows) :]
    return found


def _readable(member: SmoothingMember, histories: Array) -> tuple[Array, Array]:
    """The rows that ``member`` has a forecast for, and what it reads of them."""
    read = histories[:, -member.window :]
    usable = (~np.isnan(read)).sum(axis=1) >= fewest(member.seasons[0])
    if member.transform == "log":
        usable &= np.where(np.isnan(read), np.inf, read).min(axis=1) > 0
    rows = np.flatnonzero(usable)
    return rows, member._forward(read[rows])
