"""The forms of exponential smoothing, and the airline model, as recursions over many histories at once.

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

``double`` has no slope, but a shorter season ``r`` besides, with ``d`` for its places, and an error ``z`` of which a
share stays (Taylor 2003, "Short-term electricity demand forecasting using double seasonal exponential smoothing"):

    z_t = y_t - (l_{t-1} + c_{t-s} + d_{t-r})
    e_t = z_t - ρ z_{t-1}
    l_t = l_{t-1} + α e_t
    c_t = c_{t-s} + γ e_t
    d_t = d_{t-r} + δ e_t
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

import numpy as np

Array = np.ndarray
Parameters = tuple[float, ...]
_ALPHAS, _GAMMAS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.95), (0.0, 0.05, 0.1, 0.2, 0.35, 0.5)
GRIDS: Mapping[str, Sequence[Parameters]] = {  # α, β, γ and φ; θ and Θ of the airline model; α, γ, δ and ρ of the last
    "level": tuple((a, 0.0, g, 1.0) for a, g in product(_ALPHAS, _GAMMAS)),
    "trend": tuple((a, b, g, 1.0) for a, b, g in product(_ALPHAS, (0.01, 0.03, 0.1, 0.2, 0.4), _GAMMAS)),
    "damped": tuple(
        (a, b, g, p) for a, b, g, p in product(_ALPHAS[1:], (0.03, 0.1, 0.3), _GAMMAS, (0.8, 0.9, 0.95, 0.98))
    ),
    "airline": tuple(
        product((0.4, 0.2, 0.0, -0.2, -0.35, -0.5, -0.65, -0.8, -0.95), (0.0, -0.2, -0.35, -0.5, -0.65, -0.8, -0.95))
    ),
    "double": tuple(
        product((0.0, 0.005, 0.03, 0.1, 0.3, 0.6), (0.0, 0.1, 0.2, 0.4), (0.0, 0.05, 0.15, 0.35), (0.0, 0.5, 0.9))
    ),
}
FORMS = tuple(GRIDS)
AIRLINE, DOUBLE = FORMS[-2:]
LONGEST_SEASON, LONGEST_OF_TWO = 400, 700
FIRST_SEASONS = 3  # that a level, a slope and a season begin from, where there are as many; two at least


def seasons_of(form: str, seasons: Sequence[int]) -> tuple[int, ...] | None:
    """Those of a plan's seasons that a form has, the longer one first; None if it cannot have them.

    >>> seasons_of("level", (24, 168)), seasons_of("double", (24, 168)), seasons_of("double", (24,))
    ((24,), (168, 24), None)
    """
    first = tuple(sorted(seasons[: 2 if form == DOUBLE else 1], reverse=True))
    longest = LONGEST_OF_TWO if form == DOUBLE else LONGEST_SEASON
    possible = len(first) == (2 if form == DOUBLE else 1) and len({*first}) == len(first)
    return first if possible and first[-1] >= 2 and first[0] <= longest else None


def fewest(season: int) -> int:
    """Steps that a forecast needs: what the level, the slope and the season begin from.

    >>> fewest(12)
    25
    """
    return 2 * season + 1


def forecasts(
    form: str,
    values: Array,
    seasons: Sequence[int],
    parameters: Array,
    horizon: int,
    cutoffs: Sequence[int],
    begin: Array | int = FIRST_SEASONS,
) -> Iterator[Array]:
    """The forecasts from each cutoff, (G, N, H), of one run over ``values``.

    Args:
        values: (N, M), NaN before a history begins.
        seasons: as :func:`seasons_of` has them.
        parameters: (G, N, ·), or (G, 1, ·) for all histories.
        cutoffs: columns of ``values``, each the last known step, in order.
        begin: at most as many seasons, for all histories or (N,), tell how a history begins. They must precede the
            first of its cutoffs that counts.
    """
    level = values[:, -1:]  # taken out: the forms commute with it, and a large one would cost digits
    smoothed = RECURSIONS[form](values - level, seasons, np.moveaxis(parameters, 2, 0), begin)
    for cutoff in cutoffs:
        smoothed.read(cutoff + 1)
        yield np.stack(list(islice(smoothed.ahead(), horizon)), axis=2) + level


class _Recursion(ABC):
    """The state of (G, N) recursions: G points of a grid, or one, on each of N histories."""

    def __init__(self, values: Array, seasons: Sequence[int], parameters: Array) -> None:
        self.values, self.seasons, self.parameters = values, seasons, parameters
        self.first = np.argmax(~np.isnan(values), axis=1)
        self.shape = (parameters.shape[1], len(values))
        self.step = 0

    def read(self, end: int) -> None:
        """Up to column ``end``, which is not in it."""
        begins, all_begun = int(self.first.min()), int(self.first.max())
        for step in range(max(self.step, begins), end):
            self.correct(step, step >= self.first if step < all_begun else None)
        self.step = end

    @abstractmethod
    def correct(self, step: int, begun: Array | None) -> None:
        """The step of ``values`` at column ``step``, of the histories that have ``begun``, (N,), or of all."""

    @abstractmethod
    def ahead(self) -> Iterator[Array]:
        """The forecasts of the next step, the one after it, …, each (G, N), from what was read."""


class _Smoothed(_Recursion):
    def __init__(self, values: Array, seasons: Sequence[int], parameters: Array, begin: Array | int) -> None:
        super().__init__(values, seasons, parameters)
        self.alpha, beta, gamma, self.damping = parameters
        self.rate, self.turn = self.alpha * beta, gamma * (1 - self.alpha)
        level, slope, places = _beginning(values, seasons[0], self.first, begin)
        self.level = np.broadcast_to(level, self.shape)
        self.slope = np.broadcast_to(slope * (beta > 0), self.shape)
        self.places = np.repeat(places[:, None], self.shape[0], axis=1)

    def correct(self, step: int, begun: Array | None) -> None:
        place = self.places[step % self.seasons[0]]
        slope = self.damping * self.slope
        level = self.level + slope
        error = self.values[:, step] - level - place
        if begun is not None:
            error = np.where(begun, error, 0)
            level, slope = np.where(begun, level, self.level), np.where(begun, slope, self.slope)
        self.level, self.slope = level + self.alpha * error, slope + self.rate * error
        place += self.turn * error

    def ahead(self) -> Iterator[Array]:
        step, level, slope = self.step, self.level, self.slope
        while True:
            slope = self.damping * slope
            level = level + slope
            yield level + self.places[step % self.seasons[0]]
            step += 1


class _Double(_Recursion):
    def __init__(self, values: Array, seasons: Sequence[int], parameters: Array, begin: Array | int) -> None:
        super().__init__(values, seasons, parameters)
        self.alpha, self.gamma, self.delta, self.stays = parameters
        level, _, places = _beginning(values, seasons[0], self.first, begin)
        self.level = np.repeat(level[None], self.shape[0], axis=0)
        self.places = np.repeat(places[:, None], self.shape[0], axis=1)
        self.shorter = np.zeros((seasons[1], *self.shape))  # what they begin with is in the longer season's
        self.missed = np.zeros(self.shape)

    def correct(self, step: int, begun: Array | None) -> None:
        place, shorter = self.places[step % self.seasons[0]], self.shorter[step % self.seasons[1]]
        missed = self.values[:, step] - self.level
        missed -= place
        missed -= shorter
        error = missed - self.stays * self.missed
        if begun is not None:
            missed, error = np.where(begun, missed, 0), np.where(begun, error, 0)
        self.missed = missed
        self.level += self.alpha * error
        place += self.gamma * error
        shorter += self.delta * error

    def ahead(self) -> Iterator[Array]:
        step, missed = self.step, self.missed
        while True:
            missed = self.stays * missed
            yield self.level + self.places[step % self.seasons[0]] + self.shorter[step % self.seasons[1]] + missed
            step += 1


class _Airline(_Recursion):
    """What precedes a history has no error."""

    def __init__(self, values: Array, seasons: Sequence[int], parameters: Array, begin: Array | int) -> None:
        super().__init__(values, seasons, parameters)
        changes, (season,) = np.diff(values, axis=1), seasons
        self.theta, self.seasonal = parameters
        self.changes = np.nan_to_num(changes[:, season:] - changes[:, :-season])
        self.errors = [np.zeros(self.shape)] * (season + 1)  # the latest last

    def correct(self, step: int, begun: Array | None) -> None:
        change = step - self.seasons[0] - 1
        if change >= 0:
            self.errors = [*self.errors[1:], self.changes[:, change] - self._carried(self.errors)]

    def _carried(self, errors: Sequence[Array]) -> Array:
        season = self.seasons[0]
        found: Array = self.theta * errors[-1] + self.seasonal * (errors[-season] + self.theta * errors[-season - 1])
        return found

    def ahead(self) -> Iterator[Array]:
        season, errors = self.seasons[0], self.errors
        read = self.values[:, self.step - season - 1 : self.step].T
        recent: list[Array] = [np.broadcast_to(column, self.shape) for column in read]
        while True:
            step = recent[-1] + recent[-season] - recent[-season - 1] + self._carried(errors)
            errors = [*errors[1:], np.zeros(self.shape)]
            recent = [*recent[1:], step]
            yield step


RECURSIONS: Mapping[str, type[_Smoothed] | type[_Double] | type[_Airline]] = {
    **dict.fromkeys(FORMS, _Smoothed),
    AIRLINE: _Airline,
    DOUBLE: _Double,
}


def _beginning(values: Array, season: int, first: Array, most: Array | int) -> tuple[Array, Array, Array]:
    """Of each row the level (N,) before its first step, its slope (N,), and what each place in the season adds, (s, N),
    by the number of a column; from ``most`` whole seasons, or as many as there are."""
    count = len(values)
    level, slope, places = np.zeros(count), np.zeros(count), np.zeros((season, count))
    whole = np.minimum(most, (values.shape[1] - first) // season)
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
