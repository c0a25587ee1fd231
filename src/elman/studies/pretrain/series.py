"""Generated series that the pre-trained network learns from: a level, a season and noise, of many kinds and strengths.

Each part is there in some of the series only, and how strong it is, is drawn on a logarithmic scale. They are added,
and of half of the series the exponential is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any
LARGEST_LOGARITHM = 6.0
DAILY = 24  # a season from which a day may be meant, and days of the week may differ
BURN_IN = 60


@dataclass(frozen=True)
class Draw:
    """Random numbers for ``count`` series of ``steps``, of a season each.

    >>> Draw(np.random.default_rng(0), 4, 36, 12).series().shape
    (4, 36)
    """

    random: np.random.Generator
    count: int
    steps: int
    season: int

    def series(self) -> Array:
        """(N, T)"""
        season = self._season()
        y = self._level() + season * self._growth() * self._strength(-1.3, 0.8, 0.82)
        if self.season >= DAILY:
            y += self._weekdays(season)
        y += self._noise(y)
        y /= y.std(axis=1, keepdims=True) + 1e-9
        return self._transformed(y - y.mean(axis=1, keepdims=True))

    def _normal(self, *shape: int) -> Array:
        return self.random.standard_normal(shape or (self.count, self.steps))

    def _uniform(self, low: float = 0.0, high: float = 1.0) -> Array:
        return self.random.uniform(low, high, (self.count, 1))

    def _some(self, share: float) -> Array:
        """1 in a share of the series, else 0, (N, 1)."""
        return (self._uniform() < share).astype(float)

    def _strength(self, low: float, high: float, share: float = 1.0) -> Array:
        """10 to a power between the two, in a share of the series, (N, 1)."""
        return 10 ** self._uniform(low, high) * self._some(share)

    def _sign(self) -> Array:
        return np.sign(self._normal(self.count, 1))

    @property
    def _time(self) -> Array:
        return np.arange(self.steps)[None] / self.season

    def _level(self) -> Array:
        """A random walk, a line, a slope that wanders, jumps and bends, a saturation, cycles that are no season."""
        time, last = self._time, self.steps / self.season
        y = self._normal().cumsum(axis=1) * self._strength(-2.5, -0.3, 0.8)
        y += time * self._sign() * self._strength(-2, 0.3, 0.6)
        damping = np.where(self._some(0.5) > 0, 1.0, self._uniform(0.8, 1))
        slope = self._normal() * self._strength(-3, -1, 0.4) / np.sqrt(self.season)
        y += _autoregressive(slope, damping).cumsum(axis=1)
        rare = self.random.random((self.count, self.steps)) < 1.5 / self.steps
        y += (rare * self._normal()).cumsum(axis=1) * self._strength(-0.5, 0.5, 0.15)
        rare = self.random.random((self.count, self.steps)) < 1.5 / self.steps
        y += (rare * self._normal()).cumsum(axis=1).cumsum(axis=1) * self._strength(-1.5, 0.3, 0.2) / self.season
        middle, width = last * self._uniform(-0.2, 1.2), last * self._uniform(0.05, 0.4)
        y += self._sign() * self._strength(-0.5, 1, 0.15) / (1 + np.exp(-(time - middle) / width))
        y += np.sin(2 * np.pi * (time / self._strength(0.2, 1.3) + self._uniform())) * self._strength(-1, 0.5, 0.25)
        return y + self._cycle() * self._strength(-0.7, 0.7, 0.22)

    def _cycle(self) -> Array:
        """A second-order autoregression of a length that is no season, of standard deviation 1."""
        period, decay = self._strength(0.6, 2.2), self._uniform(0.8, 0.995)
        noise = self._normal(self.count, BURN_IN + self.steps)
        found = _autoregressive(noise, 2 * decay * np.cos(2 * np.pi / period), -(decay**2))[:, BURN_IN:]
        return found / (found.std(axis=1, keepdims=True) + 1e-9)

    def _season(self) -> Array:
        """A pattern, smooth, rough, or of some places that stand out, that changes from season to season in some."""
        season, count = self.season, self.count
        harmonics = np.arange(1, season // 2 + 1)
        sizes = self._normal(count, len(harmonics)) * harmonics ** -self._uniform(0.2, 2)
        phases = harmonics[:, None] * np.arange(season) / season
        shifted = phases + self.random.random((count, len(harmonics), 1))
        smooth = (sizes[:, :, None] * np.cos(2 * np.pi * shifted)).sum(axis=1)
        few = self.random.random((count, season)) < max(0.12, 1.01 / season)
        standing_out = 3 * few * self._normal(count, season) + 0.1 * self._normal(count, season)
        kind = self._uniform()
        pattern = np.where(kind < 0.6, smooth, np.where(kind < 0.85, self._normal(count, season), standing_out))
        pattern -= pattern.mean(axis=1, keepdims=True)
        pattern /= pattern.std(axis=1, keepdims=True) + 1e-6
        seasons = -(-self.steps // season)
        changes = (self._normal(count, seasons, season) * self._strength(-2, -0.2, 0.6)[:, :, None]).cumsum(axis=1)
        alike = (changes + np.roll(changes, 1, axis=2) + np.roll(changes, -1, axis=2)) / np.sqrt(3)
        found = pattern[:, None] + np.where(self._some(0.5)[:, :, None] > 0, alike, changes)
        found -= found.mean(axis=2, keepdims=True)
        return found.reshape(count, -1)[:, : self.steps]

    def _growth(self) -> Array:
        """What a season's size is multiplied by: it wanders or grows in some."""
        wandering = 0.5 * self._normal().cumsum(axis=1) / np.sqrt(self.steps) * self._some(0.3)
        line = np.linspace(-0.5, 0.5, self.steps)[None]
        return np.exp(wandering + 0.7 * line * self._normal(self.count, 1) * self._some(0.3))

    def _weekdays(self, season: Array) -> Array:
        """Days of the week lie higher or lower, and their seasons are larger or smaller, in some."""
        week = 0.3 * self._normal(self.count, 7)
        week[:, 5:] -= np.abs(self._normal(self.count, 1))
        day = (np.arange(self.steps)[None] // self.season + self.random.integers(7, size=(self.count, 1))) % 7
        found = np.take_along_axis(week, day, axis=1)
        found -= found.mean(axis=1, keepdims=True)
        return found * self._strength(-1.5, 0.3, 0.35) + season * found * self._strength(-1.5, -0.2, 0.3)

    def _noise(self, y: Array) -> Array:
        """White or autoregressive, of a constant size or not; in some with outliers, or with a restless stretch."""
        heavy = self.random.standard_t(3, (self.count, self.steps)) / 1.7
        noise = np.where(self._some(0.3) > 0, heavy, self._normal())
        kept = np.where(self._some(0.5) > 0, 0.0, self._uniform(-0.4, 0.95))
        noise = _autoregressive(noise * np.sqrt(1 - kept**2), kept)
        noise *= np.exp(self._some(0.2) * self._normal().cumsum(axis=1) / np.sqrt(self.steps))
        height = y - y.min(axis=1, keepdims=True)
        height = height / (height.mean(axis=1, keepdims=True) + 1e-9) + self._strength(-1.5, 0)
        noise = np.where(self._some(0.25) > 0, noise * height, noise)
        begin, length = self._uniform() * self.steps, self.steps * self._uniform(0.02, 0.3)
        within = (np.arange(self.steps) > begin) & (np.arange(self.steps) < begin + length)
        noise *= 1 + within * self._strength(0, 1.3, 0.12)
        outliers = (self.random.random((self.count, self.steps)) < 0.01) * self._normal() * 6
        return (noise + outliers * self._some(0.1)) * self._strength(-2.2, -0.1)

    def _transformed(self, y: Array) -> Array:
        """As they are, or the exponential, or 0 below some height; rounded in some."""
        kind, power = self._uniform(), self._strength(-1.3, 0.1)
        positive = np.exp(np.clip(power * y, -LARGEST_LOGARITHM, LARGEST_LOGARITHM))
        y = np.where(kind < 0.45, y, np.where(kind < 0.93, positive, np.maximum(y + self._uniform(0, 2), 0)))
        step = self._strength(-1.5, -0.3) * (y.std(axis=1, keepdims=True) + 1e-9)
        return np.where((self._some(0.08) > 0) & (kind >= 0.45), np.round(y / step) * step, y)


def _autoregressive(noise: Array, first: Array, second: Array | float = 0.0) -> Array:
    """``x_t = first x_{t-1} + second x_{t-2} + noise_t``, with coefficients (N, 1)."""
    found = np.zeros((noise.shape[1] + 2, len(noise)))
    first, second = np.broadcast_to(first, (len(noise), 1))[:, 0], np.broadcast_to(second, (len(noise), 1))[:, 0]
    for step, own in enumerate(noise.T):
        found[step + 2] = first * found[step + 1] + second * found[step] + own
    return found[2:].T
