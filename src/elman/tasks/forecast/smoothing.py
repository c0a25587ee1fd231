"""Forecasts by exponential smoothing, and by the airline model, for few series: members beside the network.

With ``y`` the history, ``s`` the season, ``l`` its level, ``b`` its slope and ``c`` what the place in the season adds,
each step ``t`` corrects them by the error ``e`` of the forecast from the step before:

    e_t = y_t - (l_{t-1} + φ b_{t-1} + c_{t-s})
    l_t = l_{t-1} + φ b_{t-1} + α e_t
    b_t = φ b_{t-1} + α β e_t
    c_t = c_{t-s} + γ (1 - α) e_t

The forms are ``level`` (no slope), ``trend`` (φ = 1) and ``damped`` (φ < 1; Gardner and McKenzie 1985): the additive
models of Hyndman, Koehler, Ord and Snyder 2008, "Forecasting with Exponential Smoothing". ``airline`` is the seasonal
ARIMA (0,1,1)(0,1,1) of Box and Jenkins 1970, of the changes ``w_t`` of the change over a season:

    w_t = e_t + θ e_{t-1} + Θ e_{t-s} + θ Θ e_{t-s-1}

All of it is done to the values or to their logarithms. A forecast depends on the steps of a window alone, so that a
stream need not keep more. The parameters are those of a grid that would have forecast best, at all lead times
or at the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Any

import numpy as np

from elman.data.windows import contexts

Array = np.ndarray
Parameters = tuple[float, ...]
PREFIX = "smoothing: "
_ALPHAS, _GAMMAS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.95), (0.0, 0.05, 0.1, 0.2, 0.35, 0.5)
GRIDS: Mapping[str, Sequence[Parameters]] = {  # α, β, γ and φ; θ and Θ of the airline model
    "level": tuple((a, 0.0, g, 1.0) for a, g in product(_ALPHAS, _GAMMAS)),
    "trend": tuple((a, b, g, 1.0) for a, b, g in product(_ALPHAS, (0.01, 0.03, 0.1, 0.2, 0.4), _GAMMAS)),
    "damped": tuple(
        (a, b, g, p) for a, b, g, p in product(_ALPHAS[1:], (0.03, 0.1, 0.3), _GAMMAS, (0.8, 0.9, 0.95, 0.98))
    ),
    "airline": tuple(
        product((0.4, 0.2, 0.0, -0.2, -0.35, -0.5, -0.65, -0.8, -0.95), (0.0, -0.2, -0.35, -0.5, -0.65, -0.8, -0.95))
    ),
}
FORMS = tuple(GRIDS)
AIRLINE = FORMS[-1]
LEADS = ("all", "first")
_FIXED = ("form", "transform", "window", "leads")
LEAST_ERROR = 1e-9  # times the largest finite one: a perfect forecast of one series does not decide for all
SEASONS_READ, LEAST_READ, MOST_READ = 10, 50, 1000
LONGEST_SEASON = 400
FIRST_SEASONS = 3  # that a level, a slope and a season begin from
MOST_CUTOFFS, FEWEST_CUTOFFS = 60, 3  # of each series, to choose parameters by
MOST_NUMBERS = 4_000_000  # of forecasts from them, for all points of a grid


def default_window(season: int) -> int:
    """Steps that a forecast depends on, if none are named: ten seasons, of short ones more, of long ones fewer.

    >>> default_window(4), default_window(12), default_window(168), default_window(365)
    (50, 120, 1000, 1095)
    """
    return max(LEAST_READ, FIRST_SEASONS * season, min(SEASONS_READ * season, MOST_READ))


def fewest(season: int) -> int:
    """Steps that a forecast needs: what the level, the slope and the season begin from.

    >>> fewest(12)
    25
    """
    return 2 * season + 1


@dataclass(frozen=True)
class SmoothingMember:
    """A form of smoothing and its parameters.

    Args:
        form: one of :data:`FORMS`.
        transform: ``none``, or ``log``.
        season: at least 2.
        window: steps before each cutoff that a forecast depends on.
        leads: the lead times whose errors chose the parameters, one of :data:`LEADS`: ``all``, or the ``first``.
        parameters: of each series that was fitted; ``""`` for any other.
    """

    form: str
    transform: str
    season: int
    window: int
    leads: str = LEADS[0]
    parameters: Mapping[str, Parameters] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """What it is called among the members.

        >>> SmoothingMember("damped", "log", 12, 120).name
        'smoothing: damped log all'
        """
        return f"{PREFIX}{self.form} {self.transform} {self.leads}"

    def fitted(self, horizon: int, series: Mapping[str, tuple[Array, Array]]) -> list[SmoothingMember]:
        """The same with the parameters of least mean absolute error on ``series``, over all lead times and over the
        first, which err differently; none if all are too short.

        Args:
            series: by name, values (T,) and which of them were observed; all that may be known.
        """
        grid = GRIDS[self.form]
        errors = {name: self._errors(grid, horizon, *known) for name, known in series.items()}
        members = []
        for leads in LEADS if horizon > 1 else LEADS[:1]:
            means = {name: found for name, own in errors.items() if (found := _means(own, leads)) is not None}
            if means:
                chosen = {name: grid[int(np.argmin(found))] for name, found in means.items()}
                relative = sum(found / _unit(found) for found in means.values())
                parameters = {"": grid[int(np.argmin(relative))], **chosen}
                members.append(replace(self, leads=leads, parameters=parameters))
        return members

    def _errors(self, grid: Sequence[Parameters], horizon: int, values: Array, observed: Array) -> Array | None:
        """(G, N, H) of each point of the grid, from cutoffs inside ``values``, NaN where nothing was observed; None if
        there are too few of them."""
        cutoffs = np.arange(fewest(self.season), len(values) - horizon)
        most = min(MOST_CUTOFFS, MOST_NUMBERS // (len(grid) * horizon))
        if min(len(cutoffs), most) < FEWEST_CUTOFFS:
            return None
        cutoffs = cutoffs[:: -max(1, -(-len(cutoffs) // most))]  # the latest, and evenly spaced before it
        ahead = cutoffs[:, None] + 1 + np.arange(horizon)
        with np.errstate(over="ignore", invalid="ignore"):
            read = self._forward(contexts(values, cutoffs, self.window))
            found = self._back(_forecasts(self.form, read, self.season, np.array(grid)[:, None], horizon))
            errors: Array = np.abs(found - np.where(observed[ahead], values[ahead], np.nan))
            return errors

    def _forward(self, values: Array) -> Array:
        return np.log(values) if self.transform == "log" else values

    def _back(self, values: Array) -> Array:
        return np.exp(values) if self.transform == "log" else values

    def record(self) -> dict[str, Any]:
        """JSON values."""
        parameters = {name: list(values) for name, values in self.parameters.items()}
        fixed = {name: getattr(self, name) for name in _FIXED}
        return {**fixed, "parameters": parameters}


def _means(errors: Array | None, leads: str) -> Array | None:
    """(G,) over what was observed, ∞ where a forecast was not finite; None without any that was."""
    if errors is None:
        return None
    errors = errors[:, :, :1] if leads == LEADS[1] else errors
    known = ~np.isnan(errors).all(axis=0)
    if not known.any():
        return None
    means: Array = errors[:, known].mean(axis=1)
    means = np.where(np.isfinite(means), means, np.inf)
    return means if np.isfinite(means).any() else None


def _unit(means: Array) -> float:
    return max(float(means.min()), LEAST_ERROR * float(means[np.isfinite(means)].max())) or 1.0


def smoothing_from_record(record: Any, season: int) -> SmoothingMember:
    """What :meth:`SmoothingMember.record` wrote.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not that.
    """
    form, transform, window, leads = (record[name] for name in _FIXED)
    known, parameters = form in FORMS and transform in ("none", "log") and leads in LEADS, record["parameters"]
    if not known or len(record) > len(_FIXED) + 1 or "" not in parameters:
        raise ValueError("an unknown form of smoothing")
    if type(season) is not int or not 2 <= season <= LONGEST_SEASON:
        raise ValueError("smoothing of an impossible season")
    if type(window) is not int or not fewest(season) <= window <= default_window(season):
        raise ValueError("smoothing of an impossible window")
    count, least = len(GRIDS[form][0]), -1 if form == AIRLINE else 0
    for values in parameters.values():
        numbers = isinstance(values, list) and all(type(value) in (int, float) for value in values)
        if not numbers or len(values) != count or not all(least <= value <= 1 for value in values):
            raise ValueError("parameters of smoothing out of range")
    found = {name: tuple(map(float, values)) for name, values in parameters.items()}
    return SmoothingMember(form, transform, season, window, leads, found)


def smoothing_forecasts(
    members: Sequence[SmoothingMember], histories: Array, ids: Sequence[str], horizon: int
) -> dict[str, Array]:
    """By member, (N, H) from the steps up to each cutoff, (N, at least its ``window``); NaN where there are too few.

    Args:
        members: of one season and window: all run at once.
        ids: whose each history is.
    """
    found = {one.name: np.full((len(histories), horizon), np.nan) for one in members}
    for alike in ([one for one in members if (one.form == AIRLINE) is airline] for airline in (False, True)):
        parts = [_readable(one, histories) for one in alike]
        if not any(len(rows) for rows, _ in parts):
            continue
        parameters = [
            one.parameters.get(ids[row], one.parameters[""])
            for one, (rows, _) in zip(alike, parts, strict=True)
            for row in rows.tolist()
        ]
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.concatenate([values for _, values in parts])
            made = _forecasts(alike[0].form, values, alike[0].season, np.array(parameters)[None], horizon)[0]
            for one, (rows, _) in zip(alike, parts, strict=True):
                found[one.name][rows], made = one._back(made[: len(rows)]), made[len(rows) :]
    return found


def _readable(member: SmoothingMember, histories: Array) -> tuple[Array, Array]:
    """The rows that ``member`` has a forecast for, and what it reads of them."""
    read = histories[:, -member.window :]
    usable = (~np.isnan(read)).sum(axis=1) >= fewest(member.season)
    if member.transform == "log":
        usable &= np.where(np.isnan(read), np.inf, read).min(axis=1) > 0
    rows = np.flatnonzero(usable)
    return rows, member._forward(read[rows])


def _forecasts(form: str, values: Array, season: int, parameters: Array, horizon: int) -> Array:
    """(G, N, H) from (N, M) steps, NaN before a history begins, by parameters (G, N, ·) or (G, 1, ·)."""
    level = values[:, -1:]  # taken out: the forms commute with it, and a large one would cost digits
    steps = (_airline if form == AIRLINE else _smoothed)(values - level, season, np.moveaxis(parameters, 2, 0))
    found: Array = np.stack(list(islice(steps, horizon)), axis=2) + level
    return found


def _smoothed(values: Array, season: int, parameters: Array) -> Iterator[Array]:
    """The forecasts of the next step, the one after it, …, each (G, N)."""
    alpha, beta, gamma, damping = parameters
    first = np.argmax(~np.isnan(values), axis=1)
    level, slope, places = _beginning(values, season, first)
    level = np.repeat(level[None], len(alpha), axis=0)
    slope = slope * (beta > 0)
    places = np.repeat(places[:, None], len(alpha), axis=1)
    rate, turn = alpha * beta, gamma * (1 - alpha)
    all_begun = int(first.max())
    for step in range(int(first.min()), values.shape[1]):
        place = step % season
        slower = damping * slope
        expected = level + slower
        error = values[:, step] - expected - places[place]
        if step < all_begun:
            begun = step >= first
            error = np.where(begun, error, 0)
            expected, slower = np.where(begun, expected, level), np.where(begun, slower, slope)
        level, slope = expected + alpha * error, slower + rate * error
        places[place] += turn * error
    step = values.shape[1]
    while True:
        slope = damping * slope
        level = level + slope
        yield level + places[step % season]
        step += 1


def _beginning(values: Array, season: int, first: Array) -> tuple[Array, Array, Array]:
    """Of each row the level (N,) before its first step, its slope (N,), and what each place in the season adds, (s, N),
    by the number of a column; from up to three whole seasons."""
    count = len(values)
    level, slope, places = np.zeros(count), np.zeros(count), np.zeros((season, count))
    whole = np.minimum(FIRST_SEASONS, (values.shape[1] - first) // season)
    for seasons in np.unique(whole).tolist():
        rows = np.flatnonzero(whole == seasons)
        steps = np.arange(seasons * season)
        cycles = values[rows[:, None], first[rows][:, None] + steps].reshape(len(rows), seasons, season)
        means = cycles.mean(axis=2)
        slope[rows] = (means[:, -1] - means[:, 0]) / ((seasons - 1) * season)
        begin = means[:, 0] - slope[rows] * (season - 1) / 2
        level[rows] = begin - slope[rows]
        line = begin[:, None] + slope[rows][:, None] * steps
        around = (cycles - line.reshape(cycles.shape)).mean(axis=1)
        around -= around.mean(axis=1, keepdims=True)
        columns = (first[rows][:, None] + np.arange(season)) % season
        places[columns.T, rows] = around.T
    return level, slope, places


def _airline(values: Array, season: int, parameters: Array) -> Iterator[Array]:
    """As :func:`_smoothed`. What precedes a history has no error."""
    theta, seasonal = parameters
    changes = np.diff(values, axis=1)
    changes = np.nan_to_num(changes[:, season:] - changes[:, :-season])
    none = np.zeros((len(theta), len(values)))
    errors = [none] * (season + 1)  # the latest last

    def carried() -> Array:
        found: Array = theta * errors[-1] + seasonal * (errors[-season] + theta * errors[-season - 1])
        return found

    for change in changes.T:
        errors.append(change - carried())
        del errors[0]
    recent = [np.broadcast_to(column, none.shape) for column in values.T[-season - 1 :]]
    while True:
        step = recent[-1] + recent[-season] - recent[-season - 1] + carried()
        errors = [*errors[1:], none]
        recent = [*recent[1:], step]
        yield step
